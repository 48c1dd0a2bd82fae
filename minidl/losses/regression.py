"""Losses for regression."""

from __future__ import annotations

import numpy as np

from minidl.arguments import number
from minidl.losses.samples import by_sample
from minidl.modules import Loss, cached, same_shape
from minidl.sums import mean, mean_square
from minidl.typing import Array

__all__ = ["HuberLoss", "MAELoss", "MSELoss"]


class MSELoss(Loss):
    """``L = mean (ŷ − y)²``, the mean squared error over all numbers of the batch.

    Shapes    prediction ŷ and target y of any equal shape
    Backward  dL/dŷ = 2 (ŷ − y) / N     N numbers in all

    Raises:
        ShapeError: shapes that differ.

    >>> MSELoss()([[1.0], [3.0]], [[0.0], [1.0]])
    2.5
    """

    difference: Array = cached()

    def forward(self, prediction: Array, target: Array) -> float:
        same_shape(prediction.shape, target.shape)
        self.difference = prediction - target
        return mean_square(self.difference)

    def each(self, prediction: Array, target: Array) -> tuple[Array, Array]:
        same_shape(prediction.shape, target.shape)
        return by_sample((prediction - target).astype(np.float64, copy=False) ** 2)

    def backward(self) -> Array:
        return self.difference * (2.0 / self.difference.size)


class MAELoss(Loss):
    """``L = mean |ŷ − y|``, the mean absolute error over all numbers of the batch.

    Shapes    prediction ŷ and target y of any equal shape
    Backward  dL/dŷ = sign(ŷ − y) / N     N numbers in all. At the kink ŷ = y the derivative is taken as 0

    Raises:
        ShapeError: shapes that differ.

    >>> MAELoss()([[1.0], [3.0]], [[0.0], [1.0]])
    1.5
    """

    difference: Array = cached()

    def forward(self, prediction: Array, target: Array) -> float:
        same_shape(prediction.shape, target.shape)
        self.difference = prediction - target
        return mean(np.abs(self.difference))

    def each(self, prediction: Array, target: Array) -> tuple[Array, Array]:
        same_shape(prediction.shape, target.shape)
        return by_sample(np.abs(prediction - target))

    def backward(self) -> Array:
        return np.sign(self.difference) / self.difference.size


class HuberLoss(Loss):
    """``L = mean h(ŷ − y)`` with h(d) = ½ d² for |d| ≤ δ, otherwise δ (|d| − ½ δ) (Huber 1964).

    Shapes    prediction ŷ and target y of any equal shape
    Backward  dL/dŷ = clip(ŷ − y, −δ, δ) / N     N numbers in all

    Args:
        delta: δ, above 0.

    Raises:
        HyperparameterError: a δ that is not above 0.
        ShapeError: shapes that differ.

    >>> HuberLoss()([[0.5], [3.0]], [[0.0], [0.0]])
    1.3125
    """

    clipped: Array = cached()

    def __init__(self, delta: float = 1.0) -> None:
        self.delta = number("HuberLoss: delta", delta, above=0)

    def forward(self, prediction: Array, target: Array) -> float:
        same_shape(prediction.shape, target.shape)
        difference = prediction - target
        self.clipped = np.clip(difference, -self.delta, self.delta)
        return mean(_huber(difference, self.clipped))

    def each(self, prediction: Array, target: Array) -> tuple[Array, Array]:
        same_shape(prediction.shape, target.shape)
        difference = prediction - target
        return by_sample(_huber(difference, np.clip(difference, -self.delta, self.delta)))

    def backward(self) -> Array:
        return self.clipped / self.clipped.size


def _huber(difference: Array, clipped: Array) -> Array:
    # h(d) = c (d − ½ c) in both cases, with c the clipped d
    return clipped * (difference - 0.5 * clipped)
