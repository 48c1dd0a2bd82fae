"""Layers that say where in a sequence each vector is."""

from __future__ import annotations

import numpy as np

from minidl.arguments import function, generator, whole_number
from minidl.errors import ShapeError
from minidl.initializers import Initializer, lecun_normal
from minidl.layers.sequences import check_sequence, check_time_step
from minidl.modules import Layer, check_step
from minidl.parameters import Parameter
from minidl.typing import Array, Seed, Shape

__all__ = ["PositionEmbedding", "SinusoidalPositions"]


class PositionEmbedding(Layer):
    """``y[t] = x[t] + W[t]``: each position has a learned vector of its own, a row of W (Gehring et al. 2017).

    Attention alone cannot tell the order of a sequence, so a model adds positions, behind its `Embedding`.

    Shapes    x and y (n, t, features) with t ≤ length   W = weight (length, features)
    Backward  dW[t] = Σ g[t] over the batch, and 0 beyond the end of x   dx = g     with g = dL/dy

    Args:
        length: the number of positions, which is the length of the longest sequence.
        features: the size of the last axis.
        initializer: draws Wᵀ, as that of `Embedding` does.
        rng: seed or generator of the initial values.

    Raises:
        HyperparameterError: a size that is not a positive integer; an initializer that is not a function.
        ShapeError: a batch that is not (n, t, features), or longer sequences, in `step`, too.

    >>> layer = PositionEmbedding(3, 2)
    >>> layer.weight.value = [[0.0, 0.1], [1.0, 1.1], [2.0, 2.1]]
    >>> layer(np.zeros((1, 2, 2)))
    array([[[0. , 0.1],
            [1. , 1.1]]])
    """

    mixes_steps = True

    def __init__(
        self, length: int, features: int, *, initializer: Initializer = lecun_normal, rng: Seed = None
    ) -> None:
        self.length = whole_number("PositionEmbedding: length", length, 1)
        self.features = whole_number("PositionEmbedding: features", features, 1)
        self.initializer = function("PositionEmbedding: initializer", initializer, "minidl.initializers.he_normal")
        self.weight = Parameter(np.zeros((self.length, self.features)))
        self.initialize(rng)

    def initialize(self, rng: Seed) -> None:
        self.weight.value = self.initializer(generator(rng), (self.features, self.length)).T

    def forward(self, x: Array) -> Array:
        self._check_length(x.shape[1])
        y: Array = x + self.weight.value[: x.shape[1]]
        return y

    def backward(self, grad: Array) -> Array:
        self.weight.grad[: grad.shape[1]] = grad.sum(axis=0)
        self.weight.grad[grad.shape[1] :] = 0
        return grad

    def step(self, x: Array, state: int | None = None) -> tuple[Array, int]:
        """Return y for the next time step x (n, features), and the next state: the position after it."""
        check_step(type(self))
        check_time_step(self, x)
        position = state or 0
        self._check_length(position + 1)
        return x + self.weight.value[position], position + 1

    def output_shape(self, shape: Shape | None) -> Shape | None:
        if shape is not None:
            check_sequence(self, shape, self.features)
            self._check_length(shape[0])
        return shape

    def _check_length(self, t: int) -> None:
        if t > self.length:
            raise ShapeError(f"{self!r} has {self.length} positions, got a sequence of {t}; shorten it")


class SinusoidalPositions(Layer):
    """``y[t] = x[t] + p[t]``: each position has a fixed vector of waves of many lengths (Vaswani et al. 2017).

    ``p[t, 2i] = sin(t / 10000^(2i/features))``, and ``p[t, 2i + 1]`` is the cosine of the same angle. If the number of
    features is odd, the last sine has no cosine. Sequences may have any length.

    Shapes    x and y (n, t, features)
    Backward  dx = g     with g = dL/dy

    Args:
        features: the size of the last axis.

    Raises:
        HyperparameterError: features that are not a positive integer.
        ShapeError: a batch that is not (n, t, features).

    >>> SinusoidalPositions(3)(np.zeros((1, 2, 3))).round(4)
    array([[[0.    , 1.    , 0.    ],
            [0.8415, 0.5403, 0.0022]]])
    """

    mixes_steps = True

    def __init__(self, features: int) -> None:
        self.features = whole_number("SinusoidalPositions: features", features, 1)

    def forward(self, x: Array) -> Array:
        y: Array = x + self._waves(np.arange(x.shape[1])).astype(x.dtype)
        return y

    def backward(self, grad: Array) -> Array:
        return grad

    def step(self, x: Array, state: int | None = None) -> tuple[Array, int]:
        """Return y for the next time step x (n, features), and the next state: the position after it."""
        check_step(type(self))
        check_time_step(self, x)
        position = state or 0
        return x + self._waves(np.array([position])).astype(x.dtype), position + 1

    def output_shape(self, shape: Shape | None) -> Shape | None:
        if shape is not None:
            check_sequence(self, shape, self.features)
        return shape

    def _waves(self, positions: Array) -> Array:
        """The vectors (t, features) of positions (t,), in float64: float32 has few digits for angles of large ones."""
        even = np.arange(0, self.features, 2)
        angles = positions[:, None] / 10000.0 ** (even / self.features)
        waves = np.empty((len(positions), self.features))
        waves[:, ::2], waves[:, 1::2] = np.sin(angles), np.cos(angles[:, : self.features // 2])
        return waves
