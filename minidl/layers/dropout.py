"""Dropout."""

from __future__ import annotations

import numpy as np

from minidl.errors import HyperparameterError
from minidl.layers.activations import Activation
from minidl.modules import cached
from minidl.typing import Array, Seed

__all__ = ["Dropout"]


class Dropout(Activation):
    """``y = x m / (1 − p)`` in training, with m drawn as 0 with probability p and else 1; ``y = x`` in evaluation.

    Shapes    x and y of any equal shape
    Backward  dx = g m / (1 − p)     with g = dL/dy

    Dividing by 1 − p ("inverted" dropout, as everywhere today) keeps the mean, so that evaluation has nothing to
    correct (Srivastava et al. 2014).

    Args:
        p: probability of a number to be dropped, from 0 to below 1.
        rng: seed or generator of the masks, kept by the layer.

    Raises:
        HyperparameterError: p outside [0, 1).

    >>> layer = Dropout(0.5, rng=0)
    >>> layer(np.ones((1, 6)))
    array([[2., 2., 2., 0., 0., 0.]])
    >>> layer.predict(np.ones((1, 6)))
    array([[1., 1., 1., 1., 1., 1.]])
    """

    factor: Array | float = cached()

    def __init__(self, p: float = 0.5, *, rng: Seed = None) -> None:
        if not 0.0 <= p < 1.0:
            raise HyperparameterError(f"Dropout: p must be at least 0 and below 1, got {p}")
        self.p = float(p)
        self.rng = np.random.default_rng(rng)

    def forward(self, x: Array) -> Array:
        if not self.training:
            self.factor = 1.0
            return x
        # float32 random numbers take less time, and decide as well.
        kept = self.rng.random(x.shape, dtype=np.float32) >= self.p
        self.factor = kept * x.dtype.type(1.0 / (1.0 - self.p))
        return x * self.factor

    def backward(self, grad: Array) -> Array:
        return grad * self.factor
