"""Dropout."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.arguments import generator, number
from minidl.modules import Layer, cached
from minidl.typing import Array, Seed, Shape

__all__ = ["Dropout", "dropout_factor"]


class Dropout(Layer):
    """``y = x m / (1 − p)`` in training, where m is 0 with probability p, otherwise 1. ``y = x`` in evaluation.

    Shapes    x and y of any equal shape
    Backward  dx = g m / (1 − p)     with g = dL/dy

    Dividing by 1 − p ("inverted" dropout) preserves the mean, so evaluation needs no correction (Srivastava et al.
    2014).

    Args:
        p: the probability that a number is dropped, at least 0 and below 1.
        rng: seed or generator of the masks.

    Raises:
        HyperparameterError: p outside [0, 1).

    >>> layer = Dropout(0.5, rng=0)
    >>> layer(np.ones((1, 6)))
    array([[2., 2., 2., 0., 0., 0.]])
    >>> layer.predict(np.ones((1, 6)))
    array([[1., 1., 1., 1., 1., 1.]])
    """

    takes_leading_axes = True
    gives_probabilities = None
    factor: Array | float = cached()

    def __init__(self, p: float = 0.5, *, rng: Seed = None) -> None:
        self.p = number("Dropout: p", p, at_least=0, below=1)
        self.rng = generator(rng)

    def output_shape(self, shape: Shape | None) -> Shape | None:
        return shape

    def forward(self, x: Array) -> Array:
        if not self.training:
            self.factor = 1.0
            return x
        self.factor = factor = dropout_factor(self.rng, self.p, x.shape, x.dtype)
        return x * factor

    def backward(self, grad: Array) -> Array:
        return grad * self.factor


def dropout_factor(rng: np.random.Generator, p: float, shape: Shape, dtype: np.dtype[Any]) -> Array:
    """Return an array that is 0 with probability p, otherwise 1 / (1 − p)."""
    # Random numbers in float32 take less time. They are multiples of 6e-8, too coarse for p near 0 and 1.
    precise = np.float32 if 0.01 <= p <= 0.99 else np.float64
    factor: Array = (rng.random(shape, dtype=precise) >= p) * dtype.type(1.0 / (1.0 - p))
    return factor
