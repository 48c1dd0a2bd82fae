"""Softmax."""

from __future__ import annotations

import numpy as np

from minidl.modules import Layer, cached
from minidl.typing import Array, Shape

__all__ = ["Softmax"]


class Softmax(Layer):
    """``yᵢ = e^xᵢ / Σⱼ e^xⱼ`` over the last axis: k scores become k probabilities.

    Shapes    x and y (n, …, k)
    Backward  dxᵢ = yᵢ (gᵢ − Σⱼ gⱼ yⱼ)     with g = dL/dy

    To train a classifier, end the model without a Softmax and use `CrossEntropyLoss`, which takes the scores.

    >>> Softmax()(np.array([[0.0, 0.0], [0.0, 1000.0]]))
    array([[0.5, 0.5],
           [0. , 1. ]])
    """

    takes_leading_axes = True
    gives_probabilities = True
    y: Array = cached()

    def output_shape(self, shape: Shape | None) -> Shape | None:
        return shape

    def forward(self, x: Array) -> Array:
        e = np.exp(x - x.max(axis=-1, keepdims=True))
        y: Array = e / e.sum(axis=-1, keepdims=True)
        self.y = y
        return y

    def backward(self, grad: Array) -> Array:
        y = self.y
        grad_x: Array = y * (grad - (grad * y).sum(axis=-1, keepdims=True))
        return grad_x
