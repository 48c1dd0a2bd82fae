"""Convolution and pooling as operators. ONNX has the channels in front, so each stands between two Transposes."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.integrations.onnx.writing.graph import Graph
from minidl.layers.convolution import Conv2D, ConvTranspose2D, DepthwiseConv2D
from minidl.layers.pooling import AveragePool2D, GlobalAveragePool2D, MaxPool2D
from minidl.layers.windows import Axis, axes_of
from minidl.typing import Array, Shape

__all__ = ["average_pool", "conv", "conv_transpose", "depthwise_conv", "global_average_pool", "max_pool"]


def conv(graph: Graph, layer: Conv2D, x: str) -> Any:
    """Convolutions of one axis or two. W (k, k, channels, filters) becomes (filters, channels, k, k)."""
    return _convolved(graph, layer, x, np.moveaxis(layer.weight.value, (-1, -2), (0, 1)), 1)


def depthwise_conv(graph: Graph, layer: DepthwiseConv2D, x: str) -> Any:
    """W (k, k, channels, m) becomes (channels · m, 1, k, k): each channel is a group of its own."""
    weight = np.moveaxis(layer.weight.value, (-2, -1), (0, 1))
    return _convolved(graph, layer, x, weight.reshape(-1, 1, *weight.shape[2:]), layer.channels)


def _convolved(graph: Graph, layer: Conv2D | DepthwiseConv2D, x: str, weight: Array, group: int) -> Any:
    bias = (layer.bias,) if layer.use_bias else ()
    axes = axes_of(layer.axes, layer.kernel_size, layer.stride, layer.dilation, layer.padding)
    settings = _windows(axes, layer.x.shape, dilations=[axis.dilation for axis in axes], group=group)
    return _channels_first(graph, "Conv", x, np.ascontiguousarray(weight), *bias, **settings)


def conv_transpose(graph: Graph, layer: ConvTranspose2D, x: str) -> Any:
    """W (k, k, channels, filters) becomes (channels, filters, k, k)."""
    axes = axes_of(layer.axes, layer.kernel_size, layer.stride, layer.dilation, layer.padding)
    extra = np.broadcast_to(layer.output_padding, layer.axes).tolist()
    pads: list[tuple[int, int]] = []
    for index, axis in enumerate(axes):
        # With "same", y has s numbers for each one of x: windows that reach further are cut off, shorter ones padded.
        pads.append(axis.margins(axis.stride))
        if axis.padding == "same":
            extra[index] = max(axis.stride - axis.reach, 0)
    weight = np.ascontiguousarray(np.moveaxis(layer.weight.value, (-2, -1), (0, 1)))
    return _channels_first(
        graph,
        "ConvTranspose",
        x,
        weight,
        *((layer.bias,) if layer.use_bias else ()),
        kernel_shape=[axis.size for axis in axes],
        strides=[axis.stride for axis in axes],
        dilations=[axis.dilation for axis in axes],
        pads=[before for before, _ in pads] + [after for _, after in pads],
        output_padding=extra,
    )


def max_pool(graph: Graph, layer: MaxPool2D, x: str) -> Any:
    """The padding is −∞ in both."""
    return _channels_first(graph, "MaxPool", x, **_windows(_pool_axes(layer), layer.shape))


def average_pool(graph: Graph, layer: AveragePool2D, x: str) -> Any:
    """The padding does not count."""
    return _channels_first(graph, "AveragePool", x, **_windows(_pool_axes(layer), layer.shape, count_include_pad=0))


def global_average_pool(graph: Graph, _: GlobalAveragePool2D, x: str) -> Any:
    """The mean over height and width."""
    return graph.add("ReduceMean", x, [1, 2], keepdims=0)


def _pool_axes(layer: MaxPool2D | AveragePool2D) -> tuple[Axis, ...]:
    return axes_of(2, layer.pool_size, layer.stride or layer.pool_size, 1, layer.padding)


def _windows(axes: tuple[Axis, ...], shape: Shape, **others: Any) -> dict[str, Any]:
    """The attributes of an operator that moves windows over an image.

    Args:
        axes: the windows along each axis.
        shape: that of the last batch that the layer was given, when `save_onnx` tried the model. Padding that is "same"
            depends on it. ONNX has such padding, too, but not all runtimes do, as with dilation.
        others: further attributes.
    """
    margins = [axis.margins(size) for axis, size in zip(axes, shape[1:-1], strict=True)]
    return {
        "kernel_shape": [axis.size for axis in axes],
        "strides": [axis.stride for axis in axes],
        "pads": [before for before, _ in margins] + [after for _, after in margins],
        **others,
    }


def _channels_first(graph: Graph, operator: str, x: str, *constants: Any, **attributes: Any) -> Any:
    axes = range(1, 1 + len(attributes["kernel_shape"]))
    last = len(axes) + 1
    images = graph.add("Transpose", x, perm=[0, last, *axes])
    y = graph.add(operator, images, *constants, **attributes)
    return graph.add("Transpose", y, perm=[0, *(axis + 1 for axis in axes), 1])
