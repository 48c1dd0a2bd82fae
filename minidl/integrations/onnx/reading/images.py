"""Operators as layers: convolution, pooling, and what changes the shape of samples."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from minidl.errors import CheckpointError
from minidl.integrations.onnx.reading.chain import Chain, LayoutError, channels_last
from minidl.integrations.onnx.reading.features import constant, filled, optional
from minidl.integrations.onnx.reading.source import Node
from minidl.layers.convolution import Conv1D, Conv2D, ConvTranspose2D, DepthwiseConv2D
from minidl.layers.flatten import Flatten, Reshape
from minidl.layers.pooling import AveragePool2D, GlobalAveragePool1D, GlobalAveragePool2D, MaxPool2D
from minidl.layers.windows import Axis
from minidl.modules import Layer
from minidl.typing import Shape

__all__ = [
    "average_pool",
    "conv",
    "conv_transpose",
    "global_average_pool",
    "global_max_pool",
    "max_pool",
    "reduce_max",
    "reduce_mean",
    "reshape",
    "transpose",
]


def conv(chain: Chain, node: Node) -> None:
    """W is (filters, channels, k, k) in the file. For a group per channel, it is (channels · m, 1, k, k)."""
    weight, bias = constant(node, 1), optional(node, 2)
    filters, channels, *sizes = weight.shape
    group, axes = node.attributes.get("group", 1), len(sizes)
    chain.need_channels_last(node, axes)
    settings = {**_windows(chain, node, sizes), "use_bias": bias is not None}
    layer: Layer
    if group == 1 and axes in (1, 2):
        kind = Conv1D if axes == 1 else Conv2D
        layer = kind(channels, filters, **settings)
        weight = np.moveaxis(weight, (0, 1), (-1, -2))
    elif channels == 1 and group == chain.features(node) and axes == 2:
        layer = DepthwiseConv2D(group, multiplier=filters // group, **settings)
        weight = np.moveaxis(weight.reshape(group, -1, *sizes), (0, 1), (-2, -1))
    else:
        raise CheckpointError(
            f"has {node} of {axes} axes in {group} groups; minidl has convolutions of 1 or 2 axes in one group, and "
            "of 2 axes with a group per channel"
        )
    _add(chain, node, filled(layer, weight, bias))


def conv_transpose(chain: Chain, node: Node) -> None:
    """W is (channels, filters, k, k) in the file."""
    weight, bias = constant(node, 1), optional(node, 2)
    channels, filters, *sizes = weight.shape
    chain.need_channels_last(node, len(sizes))
    if len(sizes) != 2 or node.attributes.get("group", 1) != 1 or "output_shape" in node.attributes:
        raise CheckpointError(f"has {node}; minidl reads those of 2 axes in one group, without an output_shape")
    extra = _plain(tuple(node.attributes.get("output_padding", (0, 0))))
    settings = _windows(chain, node, sizes)
    layer = ConvTranspose2D(channels, filters, **settings, output_padding=extra, use_bias=bias is not None)
    _add(chain, node, filled(layer, np.moveaxis(weight, (0, 1), (-2, -1)), bias))


def max_pool(chain: Chain, node: Node) -> None:
    """Windows that would reach beyond the padding are refused."""
    _pool(chain, node, partial(_side_by_side, MaxPool2D))


def average_pool(chain: Chain, node: Node) -> None:
    """In the file, the zeros around an image may count."""

    def make(settings: dict[str, Any]) -> Layer:
        if not node.attributes.get("count_include_pad", 0) or not np.any(settings["padding"]):
            return _side_by_side(AveragePool2D, settings)
        # The zeros around the image count: a convolution with equal weights, which training leaves alone.
        size = settings.pop("pool_size")
        chain.sizes(node, (*node.attributes["kernel_shape"], chain.features(node)))
        layer = DepthwiseConv2D(chain.features(node), size, **settings, use_bias=False)
        layer.weight.value = np.full(layer.weight.shape, layer.channels / layer.weight.size)
        layer.trainable = False
        return layer

    _pool(chain, node, make)


def _side_by_side(kind: Any, settings: dict[str, Any]) -> Layer:
    """A pooling layer, without a stride if that is the size of its windows, as by default."""
    stride = settings["stride"]
    layer: Layer = kind(**{**settings, "stride": None if stride == settings["pool_size"] else stride})
    return layer


def _pool(chain: Chain, node: Node, make: Any) -> None:
    sizes = list(node.attributes["kernel_shape"])
    chain.need_channels_last(node, len(sizes))
    settings = _windows(chain, node, sizes)
    settings["pool_size"] = settings.pop("kernel_size")
    if settings.pop("dilation") != 1:
        raise CheckpointError(f"has {node} with dilations, which pooling in minidl lacks")
    if len(sizes) == 2:
        return _add(chain, node, make(settings))
    if len(sizes) != 1 or settings["padding"] == "same":
        raise CheckpointError(f"has {node} of {len(sizes)} axes; minidl pools along 1 or 2")
    # Of a sequence, an image of one column.
    time, channels = chain.sizes(node, chain.own_shape)
    layer = make({name: (value, 0 if name == "padding" else 1) for name, value in settings.items()})
    return _add(chain, node, Reshape(time, 1, channels), layer, Reshape(-1, channels))


def _windows(chain: Chain, node: Node, sizes: list[int]) -> dict[str, Any]:
    """The arguments of a layer that moves windows over an image.

    Raises:
        CheckpointError: windows that minidl lacks.
    """
    axes, attributes = len(sizes), node.attributes
    strides, dilations = (tuple(attributes.get(name, [1] * axes)) for name in ("strides", "dilations"))
    settings = {"kernel_size": _plain(tuple(sizes)), "stride": _plain(strides), "dilation": _plain(dilations)}
    automatic = attributes.get("auto_pad", b"NOTSET").decode()
    if automatic == "SAME_UPPER" and node.operator != "ConvTranspose":
        return {**settings, "padding": "same"}
    pads = attributes.get("pads", [0] * 2 * axes)
    before, after = tuple(pads[:axes]), tuple(pads[axes:])
    if before == after and automatic in ("NOTSET", "VALID"):
        return {**settings, "padding": _plain(before)}
    same = [Axis(*each, "same") for each in zip(sizes, strides, dilations, strict=True)]
    shape = chain.sizes(node, chain.own_shape[:axes])
    margins = [axis.margins(size) for axis, size in zip(same, shape, strict=True)]
    if automatic != "NOTSET" or node.operator == "ConvTranspose" or margins != list(zip(before, after, strict=True)):
        raise CheckpointError(
            f"has {node} with the padding {automatic if automatic != 'NOTSET' else (before, after)}; minidl pads alike "
            'on both sides, or as "same"'
        )
    return {**settings, "padding": "same"}


def _plain(sizes: tuple[int, ...]) -> Any:
    """One number for sizes that are all equal."""
    return sizes[0] if len(set(sizes)) == 1 else sizes


def _add(chain: Chain, node: Node, *layers: Layer) -> None:
    """Add layers of images or sequences, and check that their output is of the shape in the file."""
    shape: Shape | None = chain.sizes(node, chain.own_shape)
    for layer in layers:
        shape = layer.output_shape(shape)
    assert shape is not None
    found = (shape[-1], *shape[:-1])
    if found != (expected := chain.sizes(node, node.shape)):
        raise CheckpointError(
            f"has {node}, which returns samples of shape {expected}, but in minidl they would be {found}; if it has "
            "ceil_mode=True, export it without: minidl leaves out windows that do not fit"
        )
    chain.layers += layers
    chain.shape = found


def global_average_pool(chain: Chain, node: Node) -> None:
    """The mean of each channel over all places."""
    chain.need_channels_last(node, len(chain.shape) - 1)
    _average(chain, node)


def _average(chain: Chain, node: Node) -> None:
    """Add the mean over all axes but the last. The file may keep them, with length 1."""
    axes = len(chain.shape) - 1
    if axes not in (1, 2):
        raise CheckpointError(f"has {node} over {axes} axes; minidl averages over 1 or 2")
    features, kept = chain.features(node), chain.sizes(node, node.shape)
    chain.layers.append(GlobalAveragePool1D() if axes == 1 else GlobalAveragePool2D())
    chain.shape = kept
    if len(kept) == 1:
        chain.axes = (0,)
    else:
        chain.layers.append(Reshape(*[1] * axes, features))


def reduce_mean(chain: Chain, node: Node) -> None:
    """The mean over all axes but that of the features."""
    _check_reduced(chain, node)
    _average(chain, node)


def _check_reduced(chain: Chain, node: Node) -> None:
    axes = node.attributes.get("axes") if len(node.inputs) < 2 else constant(node, 1).tolist()
    every = range(1, len(chain.shape) + 1)
    if sorted(chain.own_axis(node, axis) for axis in axes or every) != [*every][:-1]:
        raise LayoutError(f"has {node} over the axes {axes}; minidl reduces all axes but that of the features")


def global_max_pool(chain: Chain, node: Node) -> None:
    """One window over the whole image."""
    chain.need_channels_last(node, 2)
    kept = chain.sizes(node, node.shape)
    chain.layers.append(MaxPool2D(chain.sizes(node, chain.own_shape[:2])))
    chain.shape = kept
    if len(kept) == 1:
        chain.layers.append(Flatten())
        chain.axes = (0,)


def reduce_max(chain: Chain, node: Node) -> None:
    """The maximum over all axes but that of the features."""
    _check_reduced(chain, node)
    global_max_pool(chain, node)


def transpose(chain: Chain, node: Node) -> None:
    """Another order of the axes in the file. Here, they stay where they are."""
    first, *order = node.attributes.get("perm", range(len(chain.shape), -1, -1))
    if first != 0:
        raise CheckpointError(f"has {node}, which moves the batch axis; minidl has it first")
    chain.shape = tuple(chain.shape[axis - 1] for axis in order)
    chain.axes = tuple(order.index(axis + 1) for axis in chain.axes)


def reshape(chain: Chain, node: Node) -> None:
    """Flatten, Reshape, Squeeze and Unsqueeze."""
    before, shape = chain.sizes(node, chain.shape), chain.sizes(node, node.shape)
    identity = tuple(range(len(before)))
    if chain.groups is not None and shape != before:
        raise CheckpointError(f"has {node} after a Reshape of channels into groups, and no norm in between")
    if shape == before:
        chain.groups = None
    elif len(shape) == 1:
        _flatten(chain, node)
    elif len(before) == 1:
        chain.unflattened(node, shape)
        _reshaped(chain)
    elif chain.axes == identity:
        chain.shape, chain.axes = shape, tuple(range(len(shape)))
        _reshaped(chain)
    elif [size for size in shape if size != 1] == [size for size in before if size != 1]:
        _with_other_units(chain, shape)
    elif len(shape) == 2 and chain.axes == channels_last(len(before)) and before[0] % shape[0] == 0:
        chain.groups = shape[0]  # what follows must be a norm, and the way back
    else:
        raise LayoutError(f"has {node} of samples whose channels come first into {shape}; minidl has them last")


def _with_other_units(chain: Chain, shape: Shape) -> None:
    """Add or remove axes of length 1. Those come first here, and the others keep their order."""
    old = [axis for axis, size in enumerate(chain.shape) if size != 1]
    new = [axis for axis, size in enumerate(shape) if size != 1]
    units = [axis for axis, size in enumerate(shape) if size == 1]
    chain.axes = (*units, *(new[old.index(axis)] for axis in chain.axes if axis in old))
    chain.shape = shape
    _reshaped(chain)


def _reshaped(chain: Chain) -> None:
    """Add a Reshape to the current shape, in place of one before it."""
    if chain.layers and isinstance(chain.layers[-1], Reshape):
        chain.layers.pop()
    chain.layers.append(Reshape(*chain.own_shape))


def _flatten(chain: Chain, node: Node) -> None:
    if chain.layers and isinstance(chain.layers[-1], Reshape):
        chain.layers.pop()
    if not chain.layers or not isinstance(chain.layers[-1], GlobalAveragePool1D | GlobalAveragePool2D):  # rows already
        chain.layers.append(Flatten())
    chain.flattened(node)
