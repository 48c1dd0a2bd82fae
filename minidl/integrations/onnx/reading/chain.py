"""Layers that are made from an ONNX graph one after the other, and how their values lie in memory.

PyTorch has the channels of an image first, minidl has them last. Values are never transposed for it: `Chain` knows
which axis of a sample is which, and the weights of the layers are laid out accordingly.
"""

from __future__ import annotations

from math import prod

import numpy as np

from minidl.errors import CheckpointError
from minidl.integrations.onnx.reading.source import Node
from minidl.layers.activations import Activation, Identity
from minidl.layers.dense import Dense
from minidl.layers.dropout import Dropout
from minidl.layers.sequential import Sequential
from minidl.modules import Layer
from minidl.typing import Array, Shape

__all__ = ["Chain", "LayoutError", "channels_last"]


MOST = 2**26
"""How many numbers a sample may have. A small file may claim any shape, and the memory must suffice for it."""


class LayoutError(CheckpointError):
    """A layer that minidl has, but not for values that lie in memory as these do."""


def channels_last(axes: int) -> tuple[int, ...]:
    """The order of `axes` axes of a sample that puts the first one last.

    >>> channels_last(3)
    (1, 2, 0)
    """
    return (*range(1, axes), 0)


class Chain:
    """Layers one after the other, and what the last one returns.

    Args:
        shape: the shape of a sample of the input in the file, with None for sizes that are not known.
        turned: for samples of how many axes the channels come first in the file: 3 for images, 2 for sequences.

    Attributes:
        layers: the layers so far.
        shape: the shape of a sample of the last layer's output in the file.
        axes: which axis of the file each axis of it is here.
        order: for a flattened sample, which number of the file each number is here. None if they are the same.
        groups: the number of groups while the file has split the channels into groups, to normalise them.
    """

    def __init__(self, shape: Shape, turned: tuple[int, ...]) -> None:
        self.layers: list[Layer] = []
        self.shape, self.turned = shape, turned
        self.axes = self._axes(len(shape))
        self.order: Array | None = None
        self.groups: int | None = None

    def branch(self) -> Chain:
        """A chain without layers that begins where this one ends."""
        chain = Chain(self.shape, self.turned)
        chain.axes, chain.order = self.axes, self.order
        return chain

    def _axes(self, axes: int) -> tuple[int, ...]:
        """The order of the axes of samples with `axes` axes that come from the input or from rows."""
        return channels_last(axes) if axes in self.turned else tuple(range(axes))

    def as_layer(self) -> Layer:
        """The layers as one."""
        return self.layers[0] if len(self.layers) == 1 else Sequential(*self.layers) if self.layers else Identity()

    @property
    def own_shape(self) -> Shape:
        """The shape of a sample as it is here."""
        return tuple(self.shape[axis] for axis in self.axes)

    def features(self, node: Node) -> int:
        """The size of the last axis.

        Raises:
            CheckpointError: it is unknown.
        """
        return self.sizes(node, self.own_shape[-1:])[0]

    def sizes(self, node: Node, shape: Shape | None) -> tuple[int, ...]:
        """Return a shape that must be known.

        Raises:
            CheckpointError: it is not, or it is that of more numbers than a sample may have.
        """
        if shape is None:
            raise CheckpointError(f"has {node}, which mixes samples, or whose output has no known shape")
        if None in shape:
            raise CheckpointError(
                f"has samples of shape {shape} at {node}, where None is not known; export the model with only the "
                "batch axis dynamic"
            )
        if prod(shape) > MOST:
            raise CheckpointError(
                f"has arrays of shape {shape} at {node}; minidl reads up to {MOST} numbers per sample"
            )
        return shape

    def need_channels_last(self, node: Node, spatial: int) -> None:
        """Raise `LayoutError` unless a sample is an image, or a sequence, with its channels first in the file."""
        if self.axes != channels_last(spatial + 1):
            raise LayoutError(
                f"has {node}, which takes samples of {spatial + 1} axes with the channels first; no order of the axes "
                f"of the input fits all operators, and here samples have the shape {self.shape}"
            )

    def need_features_last(self, node: Node) -> None:
        """Raise `LayoutError` unless the last axis of a sample is the last one in the file, too."""
        if not self.axes or self.axes[-1] != len(self.shape) - 1:
            raise LayoutError(
                f"has {node}, which acts on the last axis of samples of shape {self.shape}, although their channels "
                "come first for other operators; export the model in parts"
            )

    def own_axis(self, node: Node, axis: int) -> int:
        """Which axis of a batch is the one with this number in the file.

        Raises:
            CheckpointError: it is that of the batch.
        """
        place = axis - 1 if axis >= 0 else axis + len(self.shape)
        if place < 0:
            raise CheckpointError(f"has {node} along the batch axis, which no layer of minidl changes")
        return self.axes.index(place) + 1

    def vector(self, node: Node, constant: Array) -> Array:
        """A constant, as one number for each feature.

        Raises:
            CheckpointError: it has other numbers for other samples.
            LayoutError: it has other numbers at other places of a sample.
        """
        rank = len(self.shape)
        axes = constant.reshape((1,) * (rank + 1 - constant.ndim) + constant.shape)
        if axes.ndim > rank + 1 or axes.shape[0] != 1:
            raise CheckpointError(f"has {node} with a constant of shape {constant.shape} that differs between samples")
        values = axes[0].transpose(self.axes)
        if values.size != values.shape[-1]:
            raise LayoutError(
                f"has {node} with a constant of shape {constant.shape}; minidl has layers for one number per feature"
            )
        values = np.asarray(values.reshape(-1), np.float64)
        return values if self.order is None or values.size == 1 else values[self.order]

    def flattened(self, node: Node) -> None:
        """Turn samples into rows. Their numbers are in the order that they have here."""
        shape = self.sizes(node, self.shape)
        order = np.arange(prod(shape)).reshape(shape).transpose(self.axes).ravel()
        self.shape, self.axes = (prod(shape),), (0,)
        self.order = None if (order == np.arange(order.size)).all() else order

    def unflattened(self, node: Node, shape: Shape) -> None:
        """Turn rows into samples of a shape of the file. A `Dense` layer in front returns its numbers in the new order.

        Raises:
            LayoutError: there is none.
        """
        axes = self._axes(len(shape))
        wanted = np.arange(prod(shape)).reshape(shape).transpose(axes).ravel()
        held = np.arange(wanted.size) if self.order is None else self.order
        if (wanted != held).any():
            self._reorder(node, wanted)
        self.shape, self.axes, self.order = shape, axes, None

    def _reorder(self, node: Node, order: Array) -> None:
        """Have the last `Dense` layer return its numbers in another order. So far, they are in that of the file."""
        for layer in reversed(self.layers):
            if isinstance(layer, Dense):
                layer.weight.value = layer.weight.value[:, order]
                if layer.use_bias:
                    layer.bias.value = layer.bias.value[order]
                return
            if not isinstance(layer, Activation | Dropout):
                break
        raise LayoutError(f"has {node}, which needs the numbers of a sample in another order")

    def finished(self, name: str) -> None:
        """Check the output.

        Raises:
            CheckpointError: it is not what the file returns.
        """
        if self.axes not in (tuple(range(len(self.axes))), channels_last(len(self.axes))):
            raise LayoutError(
                f"returns {name!r} with its axes in the order {self.axes}; export the model without its last Transpose"
            )
        if self.order is not None or self.groups is not None:
            raise LayoutError(
                f"returns {name!r}, the flattened numbers of an image with the channels first; minidl has them last, "
                "so export the model without its last Flatten"
            )
