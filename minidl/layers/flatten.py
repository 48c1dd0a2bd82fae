"""Flatten."""

from __future__ import annotations

from math import prod

from minidl.modules import Layer, cached
from minidl.typing import Array, Shape

__all__ = ["Flatten"]


class Flatten(Layer):
    """``y = x``, with each sample reshaped to one row.

    Shapes    x (n, …)   y (n, d)     d the product of the other axes
    Backward  dx = g in the shape of x     with g = dL/dy

    >>> import numpy as np
    >>> Flatten()(np.zeros((5, 2, 3))).shape
    (5, 6)
    """

    gives_probabilities = None
    shape: Shape = cached()

    def output_shape(self, shape: Shape | None) -> Shape | None:
        return None if shape is None else (prod(shape),)

    def forward(self, x: Array) -> Array:
        self.shape = x.shape
        return x.reshape(len(x), -1)

    def backward(self, grad: Array) -> Array:
        return grad.reshape(self.shape)
