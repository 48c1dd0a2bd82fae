"""Losses for two classes."""

from __future__ import annotations

from math import isnan
from typing import Any

import numpy as np

from minidl.constants import scalar
from minidl.data import as_data
from minidl.losses.targets import check, check_probabilities, two_classes
from minidl.modules import Loss, cached, same_shape
from minidl.sums import mean
from minidl.typing import Array, ArrayLike, Batch, Shape

__all__ = ["BCELoss", "BCEWithLogitsLoss", "HingeLoss"]


class BCELoss(Loss):
    """``L = −mean [y ln p + (1 − y) ln(1 − p)]``, the binary cross-entropy of probabilities.

    Shapes    prediction p and target y of any equal shape, numbers from 0 to 1
    Backward  dL/dp = [(1 − y) / (1 − p) − y / p] / N     N numbers in all

    Both stay finite at p = 0 and p = 1, because the smallest normal number of the type is added to p and to 1 − p. The
    signal still vanishes after a saturated Sigmoid (x > 37 in float64, x > 17 in float32), whose derivative is 0. For
    training, prefer `BCEWithLogitsLoss` on a model without the Sigmoid.

    Raises:
        ShapeError: shapes that differ.
        DataError: predictions that are not probabilities. In a call or in training, targets that are not.

    >>> round(BCELoss()([[0.5], [0.5]], [[0.0], [1.0]]), 6)
    0.693147
    """

    p: Array = cached()
    q: Array = cached()
    y: Array = cached()

    def forward(self, prediction: Array, target: Array) -> float:
        same_shape(prediction.shape, target.shape)
        smallest = np.finfo(prediction.dtype).tiny
        self.p, self.q, self.y = prediction + smallest, (1 - prediction) + smallest, target
        loss = 0.0 - mean(target * np.log(self.p) + (1 - target) * np.log(self.q))  # not −0.0
        if isnan(loss):
            check_probabilities(prediction, "predictions", "end the model with a Sigmoid, or use BCEWithLogitsLoss")
        return loss

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

    Shapes    prediction z of any shape, target y of the same shape, numbers from 0 to 1
    Backward  dL/dz = (σ(z) − y) / N     N numbers in all

    By the chain rule dL/dz = dL/dp · σ′. For one number, dL/dp = (p − y) / (p (1 − p)) and σ′ = p (1 − p), so p − y
    is left: σ′ is not missing, it cancels. `BCELoss` leaves σ′ to the `Sigmoid` layer.

    Raises:
        ShapeError: shapes that differ.
        DataError: in a call or in training, targets outside [0, 1].

    >>> BCEWithLogitsLoss()([[-1000.0], [1000.0]], [[1.0], [1.0]])
    500.0
    """

    takes_logits = True
    log_p: Array = cached()
    y: Array = cached()

    def forward(self, prediction: Array, target: Array) -> float:
        same_shape(prediction.shape, target.shape)
        z, self.y = prediction, target
        zero = scalar(0.0, z.dtype)
        positive, negative = np.maximum(z, zero), np.minimum(z, zero)
        # ln(1 + eᶻ) = max(z, 0) + ln(1 + e^−|z|) and ln σ(z) = min(z, 0) − ln(1 + e^−|z|): no exponent is positive, so
        # nothing overflows. The small rest comes last, since a large z would round it away.
        rest = np.log1p(np.exp(negative - positive))
        self.log_p = negative - rest
        loss = positive - target * z
        loss += rest
        return mean(loss)

    def backward(self) -> Array:
        # σ(z) from its logarithm, which forward has cached, takes a third of the time of computing it again.
        grad: Array = np.exp(self.log_p)
        grad -= self.y
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

    def backward(self) -> Array:
        return self.y * self.inside / -self.y.size

    def check_target(self, target: ArrayLike, prediction: Shape | None = None, dtype: Any = None) -> Array:
        array = super().check_target(target, prediction, dtype)
        check(array, np.abs(array) != 1, "targets must be -1 or 1", "encode classes 0 and 1 as 2 * y - 1")
        return array

    def classes(self, target: Batch) -> Array | None:
        return two_classes(target)
