"""Losses for two classes."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from math import isnan
from typing import Any

import numpy as np

from minidl.arguments import number
from minidl.constants import scalar
from minidl.data import as_data
from minidl.errors import ShapeError
from minidl.losses.samples import by_sample
from minidl.losses.targets import check, check_probabilities, two_classes
from minidl.modules import Loss, cached, same_shape
from minidl.sums import mean
from minidl.typing import Array, ArrayLike, Batch, Shape

__all__ = ["BCELoss", "BCEWithLogitsLoss", "HingeLoss"]


class BCELoss(Loss):
    """``L = −mean [y ln p + (1 − y) ln(1 − p)]``, the binary cross-entropy of probabilities.

    With label smoothing s, y is ``(1 − s) y + s/2``.

    Shapes    prediction p and target y of any equal shape, numbers from 0 to 1
    Backward  dL/dp = [(1 − y) / (1 − p) − y / p] / N     N numbers in all

    Both stay finite at p = 0 and p = 1, because the smallest normal number of the type is added to p and to 1 − p. The
    signal still vanishes after a saturated Sigmoid (x > 37 in float64, x > 17 in float32), whose derivative is 0. For
    training, prefer `BCEWithLogitsLoss` on a model without the Sigmoid.

    Args:
        label_smoothing: s, at least 0 and below 1.

    Raises:
        HyperparameterError: s outside [0, 1).
        ShapeError: shapes that differ.
        DataError: predictions that are not probabilities. In a call or in training, targets that are not.

    >>> round(BCELoss()([[0.5], [0.5]], [[0.0], [1.0]]), 6)
    0.693147
    """

    p: Array = cached()
    q: Array = cached()
    y: Array = cached()

    def __init__(self, label_smoothing: float = 0.0) -> None:
        self.label_smoothing = number("BCELoss: label_smoothing", label_smoothing, at_least=0, below=1)

    def forward(self, prediction: Array, target: Array) -> float:
        self.p, self.q, self.y = p, q, y = self._smoothed(prediction, target)
        loss = 0.0 - mean(y * np.log(p) + (1 - y) * np.log(q))  # not −0.0
        if isnan(loss):
            check_probabilities(prediction, "predictions", "end the model with a Sigmoid, or use BCEWithLogitsLoss")
        return loss

    def _smoothed(self, prediction: Array, target: Array) -> tuple[Array, Array, Array]:
        same_shape(prediction.shape, target.shape)
        smallest = np.finfo(prediction.dtype).tiny
        return prediction + smallest, (1 - prediction) + smallest, smoothed(target, self.label_smoothing)

    def each(self, prediction: Array, target: Array) -> tuple[Array, Array]:
        p, q, y = self._smoothed(prediction, target)
        return by_sample(-(y * np.log(p) + (1 - y) * np.log(q)))

    def backward(self) -> Array:
        return ((1 - self.y) / self.q - self.y / self.p) / self.y.size

    def check_target(self, target: ArrayLike, prediction: Shape | None = None, dtype: Any = None) -> Array:
        array = super().check_target(target, prediction, dtype)
        check_probabilities(array, "targets", "encode the two classes as 0 and 1")
        return array

    def classes(self, target: Batch) -> Array | None:
        return two_classes(target)

    def __call__(self, prediction: ArrayLike, target: ArrayLike) -> float:
        check_probabilities(as_data(prediction, "predictions"), "predictions", "or use BCEWithLogitsLoss")
        return super().__call__(prediction, target)


class BCEWithLogitsLoss(Loss):
    """``L = mean [ln(1 + eᶻ) − y z]``, the binary cross-entropy of p = σ(z), exact for logits z of any size.

    With label smoothing s, y is ``(1 − s) y + s/2``. With a weight w of the positive class,
    ``L = −mean [w y ln p + (1 − y) ln(1 − p)]``, as in PyTorch: w is not part of what the mean divides by.

    Shapes    prediction z of any shape, target y of the same shape, numbers from 0 to 1
    Backward  dL/dz = (σ(z) − y) / N     N numbers in all. With w: [σ(z) (1 − y + w y) − w y] / N

    By the chain rule dL/dz = dL/dp · σ′. For one number, dL/dp = (p − y) / (p (1 − p)) and σ′ = p (1 − p), so p − y
    is left: σ′ is not missing, it cancels. `BCELoss` leaves σ′ to the `Sigmoid` layer.

    Args:
        label_smoothing: s, at least 0 and below 1.
        pos_weight: w, above 0, one number or one for each output. None means 1. The number of negative targets divided
            by that of positive ones balances them.

    Raises:
        HyperparameterError: s outside [0, 1), a w that is not above 0.
        ShapeError: shapes that differ. A w for another number of outputs.
        DataError: in a call or in training, targets outside [0, 1].

    >>> BCEWithLogitsLoss()([[-1000.0], [1000.0]], [[1.0], [1.0]])
    500.0
    >>> BCEWithLogitsLoss(pos_weight=3)([[-1000.0], [1000.0]], [[1.0], [1.0]])
    1500.0
    """

    takes_logits = True
    log_p: Array = cached()
    y: Array = cached()

    def __init__(self, label_smoothing: float = 0.0, *, pos_weight: float | Sequence[float] | None = None) -> None:
        self.label_smoothing = number("BCEWithLogitsLoss: label_smoothing", label_smoothing, at_least=0, below=1)
        self.pos_weight: float | tuple[float, ...] | None = None
        if isinstance(pos_weight, list | tuple | np.ndarray):
            self.pos_weight = tuple(_positive(weight) for weight in np.asarray(pos_weight).tolist())
        elif pos_weight is not None:
            self.pos_weight = _positive(pos_weight)

    def forward(self, prediction: Array, target: Array) -> float:
        return mean(self._losses(prediction, target))

    def each(self, prediction: Array, target: Array) -> tuple[Array, Array]:
        return by_sample(copy.copy(self)._losses(prediction, target))

    def _losses(self, z: Array, y: Array) -> Array:
        """The loss of each number."""
        same_shape(z.shape, y.shape)
        if self.label_smoothing:
            y = smoothed(y, self.label_smoothing)
        zero = scalar(0.0, z.dtype)
        positive, negative = np.maximum(z, zero), np.minimum(z, zero)
        # ln(1 + eᶻ) = max(z, 0) + ln(1 + e^−|z|) and ln σ(z) = min(z, 0) − ln(1 + e^−|z|): no exponent is positive, so
        # nothing overflows. The small rest comes last, since a large z would round it away.
        rest = np.log1p(np.exp(negative - positive))
        self.log_p, self.y = negative - rest, y
        if self.pos_weight is not None:
            weighted: Array = (1 - y) * (positive + rest) - self._weights(z) * y * self.log_p
            return weighted
        loss: Array = positive - y * z
        loss += rest
        return loss

    def _weights(self, z: Array) -> Array:
        weights = np.array(self.pos_weight, z.dtype)
        if weights.ndim and (z.ndim < 2 or weights.shape != z.shape[-1:]):
            raise ShapeError(
                f"BCEWithLogitsLoss: pos_weight has {weights.size} numbers, but predictions have shape {z.shape}; pass "
                "one number, or one for each output"
            )
        return weights

    def backward(self) -> Array:
        # σ(z) from its logarithm, which forward has cached, takes a third of the time of computing it again.
        grad: Array = np.exp(self.log_p)
        if self.pos_weight is None:
            grad -= self.y
        else:
            weighted = self._weights(grad) * self.y
            grad *= 1 - self.y + weighted
            grad -= weighted
        grad *= scalar(1.0 / grad.size, grad.dtype)
        return grad

    def check_target(self, target: ArrayLike, prediction: Shape | None = None, dtype: Any = None) -> Array:
        array = super().check_target(target, prediction, dtype)
        check_probabilities(array, "targets", "encode the two classes as 0 and 1")
        return array

    def classes(self, target: Batch) -> Array | None:
        return two_classes(target)


class HingeLoss(Loss):
    """``L = mean max(0, 1 − y ŷ)``, which requires a margin of 1 (Cortes and Vapnik 1995).

    Shapes    prediction ŷ and target y of any equal shape, y is −1 or 1
    Backward  dL/dŷ = −y [y ŷ < 1] / N     N numbers in all. At the kink y ŷ = 1 the derivative is taken as 0

    Raises:
        ShapeError: shapes that differ.
        DataError: in a call or in training, targets other than −1 and 1.

    >>> HingeLoss()([[0.5], [-3.0]], [[1.0], [-1.0]])
    0.25
    """

    y: Array = cached()
    inside: Array = cached()

    def forward(self, prediction: Array, target: Array) -> float:
        same_shape(prediction.shape, target.shape)
        margin = 1 - target * prediction
        self.y, self.inside = target, margin > 0
        return mean(np.maximum(margin, 0))

    def each(self, prediction: Array, target: Array) -> tuple[Array, Array]:
        same_shape(prediction.shape, target.shape)
        return by_sample(np.maximum(1 - target * prediction, 0))

    def backward(self) -> Array:
        return self.y * self.inside / -self.y.size

    def check_target(self, target: ArrayLike, prediction: Shape | None = None, dtype: Any = None) -> Array:
        array = super().check_target(target, prediction, dtype)
        check(array, np.abs(array) != 1, "targets must be -1 or 1", "encode classes 0 and 1 as 2 * y - 1")
        return array

    def classes(self, target: Batch) -> Array | None:
        return two_classes(target)


def smoothed(target: Array, smoothing: float) -> Array:
    """``(1 − s) y + s/2``: targets moved towards one half."""
    return target * (1 - smoothing) + smoothing / 2 if smoothing else target


def _positive(weight: object) -> float:
    return number("BCEWithLogitsLoss: pos_weight", weight, above=0)
