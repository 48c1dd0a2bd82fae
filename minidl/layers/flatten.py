"""Layers that only change the shape of samples."""

from __future__ import annotations

from math import prod
from typing import Any

from minidl.arguments import whole_number
from minidl.errors import HyperparameterError, ShapeError
from minidl.modules import Layer, cached
from minidl.typing import Array, Shape

__all__ = ["Flatten", "Reshape"]


class Flatten(Layer):
    """``y = x``, with each sample reshaped to one row.

    Shapes    x (n, …)   y (n, d)     d the product of the other axes
    Backward  dx = g in the shape of x     with g = dL/dy

    >>> import numpy as np
    >>> Flatten()(np.zeros((5, 2, 3))).shape
    (5, 6)
    """

    mixes_steps = True
    gives_probabilities = None
    shape: Shape = cached()

    def output_shape(self, shape: Shape | None) -> Shape | None:
        return None if shape is None else (prod(shape),)

    def forward(self, x: Array) -> Array:
        self.shape = x.shape
        return x.reshape(len(x), -1)

    def backward(self, grad: Array) -> Array:
        return grad.reshape(self.shape)


class Reshape(Layer):
    """``y = x``, with each sample reshaped. The numbers keep their order, the last axis changing fastest.

    Shapes    x (n, …)   y (n, *shape)
    Backward  dx = g in the shape of x     with g = dL/dy

    Args:
        shape: the sizes of a sample's axes, without the batch. One may be −1: it takes what the others leave.

    Raises:
        HyperparameterError: sizes that are not positive integers, except for one −1.
        ShapeError: samples with another number of elements.

    >>> import numpy as np
    >>> Reshape(8, 8, 1)(np.zeros((5, 64))).shape
    (5, 8, 8, 1)
    >>> Reshape(-1, 2).output_shape((3, 4))
    (6, 2)
    """

    mixes_steps = True
    input_shape: Shape = cached()

    def __init__(self, *shape: int) -> None:
        sizes: tuple[Any, ...] = shape
        if len(sizes) == 1 and isinstance(sizes[0], tuple | list):
            each = ", ".join(map(repr, sizes[0]))
            raise HyperparameterError(f"Reshape: sizes are passed one by one, as in Reshape({each}), got {sizes[0]}")
        self.shape = tuple(size if size == -1 else whole_number("Reshape: each size", size, 1) for size in shape)
        if self.shape.count(-1) > 1:
            raise HyperparameterError(f"Reshape: only one size may be -1, got {shape}")

    def output_shape(self, shape: Shape | None) -> Shape | None:
        if shape is None:
            return None if -1 in self.shape else self.shape
        known = prod(size for size in self.shape if size != -1)
        rest, left = divmod(prod(shape), known)
        if left or (rest != 1 and -1 not in self.shape):
            multiple = "a multiple of " if -1 in self.shape else ""
            raise ShapeError(
                f"{self!r} takes samples of {multiple}{known} elements, got shape {shape} of {prod(shape)}"
            )
        return tuple(rest if size == -1 else size for size in self.shape)

    def forward(self, x: Array) -> Array:
        self.input_shape = x.shape
        return x.reshape(len(x), *self.shape)

    def backward(self, grad: Array) -> Array:
        return grad.reshape(self.input_shape)
