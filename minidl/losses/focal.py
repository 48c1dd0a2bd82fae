"""The focal loss."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.arguments import number
from minidl.losses.samples import by_sample
from minidl.losses.targets import check_probabilities, two_classes
from minidl.modules import Loss, cached, same_shape
from minidl.sums import mean
from minidl.typing import Array, ArrayLike, Batch, Shape

__all__ = ["FocalLoss"]


class FocalLoss(Loss):
    """``L = −mean [α y (1 − p)^γ ln p + (1 − α) (1 − y) p^γ ln(1 − p)]`` with p = σ(z) (Lin et al. 2017).

    Examples that are classified well count little, so that a few hard ones are not outvoted by many easy ones. Without
    α, both factors are 1. With γ = 0 as well, it is `BCEWithLogitsLoss`.

    Shapes    prediction z (logits) and target y of any equal shape, y from 0 to 1
    Backward  dL/dz = [β (1 − y) f(z) − α y f(−z)] / N     f(z) = p^γ [p − γ (1 − p) ln(1 − p)]   N numbers in all,
              β = 1 − α, or α = β = 1

    Args:
        gamma: γ, at least 0.
        alpha: α, the weight of the positive class, above 0 and below 1. None: both classes weigh 1.

    Raises:
        HyperparameterError: γ or α out of range.
        ShapeError: shapes that differ.
        DataError: in a call or in training, targets outside [0, 1].

    >>> round(FocalLoss()([[0.0]], [[1.0]]), 6)
    0.173287
    """

    takes_logits = True
    log_p: Array = cached()
    log_q: Array = cached()
    y: Array = cached()

    def __init__(self, gamma: float = 2.0, alpha: float | None = None) -> None:
        self.gamma = number("FocalLoss: gamma", gamma, at_least=0)
        self.alpha = None if alpha is None else number("FocalLoss: alpha", alpha, above=0, below=1)

    def forward(self, prediction: Array, target: Array) -> float:
        self.log_p, self.log_q = logs = _logarithms(prediction, target)
        self.y = target
        return mean(self._losses(*logs, target))

    def each(self, prediction: Array, target: Array) -> tuple[Array, Array]:
        return by_sample(self._losses(*_logarithms(prediction, target), target))

    def _losses(self, log_p: Array, log_q: Array, y: Array) -> Array:
        positive, negative = self._factors(y)
        loss: Array = positive * np.exp(self.gamma * log_q) * log_p + negative * np.exp(self.gamma * log_p) * log_q
        return -loss

    def _factors(self, y: Array) -> tuple[Array, Array]:
        return (y, 1 - y) if self.alpha is None else (self.alpha * y, (1 - self.alpha) * (1 - y))

    def backward(self) -> Array:
        positive, negative = self._factors(self.y)
        grad: Array = negative * self._slope(self.log_p, self.log_q) - positive * self._slope(self.log_q, self.log_p)
        return grad / grad.size

    def _slope(self, log_p: Array, log_q: Array) -> Array:
        """f, the derivative of −p^γ ln q. For −z, p and q change places."""
        slope: Array = np.exp(self.gamma * log_p) * (np.exp(log_p) - self.gamma * np.exp(log_q) * log_q)
        return slope

    def check_target(self, target: ArrayLike, prediction: Shape | None = None, dtype: Any = None) -> Array:
        array = super().check_target(target, prediction, dtype)
        check_probabilities(array, "targets", "encode the two classes as 0 and 1")
        return array

    def classes(self, target: Batch) -> Array | None:
        return two_classes(target)


def _logarithms(z: Array, y: Array) -> tuple[Array, Array]:
    """``ln σ(z)`` and ``ln σ(−z)``."""
    same_shape(z.shape, y.shape)
    rest = np.log1p(np.exp(-np.abs(z)))
    return np.minimum(z, 0) - rest, -np.maximum(z, 0) - rest
