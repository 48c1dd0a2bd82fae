"""Losses: how far predictions are from targets, as a mean over the batch."""

from __future__ import annotations

from math import isnan
from typing import Any

import numpy as np

from minidl.data import as_data
from minidl.errors import DataError
from minidl.modules import Loss, same_shape, saved
from minidl.typing import Array, ArrayLike, Shape

__all__ = ["BCELoss", "BCEWithLogitsLoss", "MSELoss"]


class MSELoss(Loss):
    """``L = mean (ŷ − y)²``, the mean squared error over all numbers of the batch.

    Shapes    prediction ŷ and target y of any equal shape
    Backward  dL/dŷ = 2 (ŷ − y) / N     N numbers in all

    Raises:
        ShapeError: shapes that differ.

    >>> MSELoss()([[1.0], [3.0]], [[0.0], [1.0]])
    2.5
    """

    difference: Array = saved()

    def forward(self, prediction: Array, target: Array) -> float:
        same_shape(prediction.shape, target.shape)
        self.difference = prediction - target
        flat = self.difference.ravel()
        return float(flat.dot(flat)) / flat.size

    def backward(self) -> Array:
        return self.difference * (2.0 / self.difference.size)


class BCELoss(Loss):
    """``L = −mean [y ln p + (1 − y) ln(1 − p)]``, the binary cross-entropy of probabilities.

    Shapes    prediction p and target y of any equal shape, numbers from 0 to 1
    Backward  dL/dp = [(1 − y) / (1 − p) − y / p] / N     N numbers in all

    At p = 0 and p = 1 both stay finite, as the smallest normal number of the type is added to p and to 1 − p.
    Behind a saturated Sigmoid (x > 37 in float64, x > 17 in float32) the signal is gone all the same, since its own
    derivative is 0 there: to train, prefer `BCEWithLogitsLoss` on a model without the Sigmoid.

    Raises:
        ShapeError: shapes that differ.
        DataError: predictions that are no probabilities; from a call or in training also such targets.

    >>> round(BCELoss()([[0.5], [0.5]], [[0.0], [1.0]]), 6)
    0.693147
    """

    p: Array = saved()
    q: Array = saved()
    y: Array = saved()

    def forward(self, prediction: Array, target: Array) -> float:
        same_shape(prediction.shape, target.shape)
        smallest = np.finfo(prediction.dtype).tiny
        self.p, self.q, self.y = prediction + smallest, (1 - prediction) + smallest, target
        loss = -float((target * np.log(self.p) + (1 - target) * np.log(self.q)).mean())
        if isnan(loss):
            _check_probabilities(prediction, "predictions", "end the model with a Sigmoid, or use BCEWithLogitsLoss")
        return loss

    def backward(self) -> Array:
        return ((1 - self.y) / self.q - self.y / self.p) / self.y.size

    def check_target(self, target: ArrayLike, prediction: Shape | None = None, dtype: Any = None) -> Array:
        array = super().check_target(target, prediction, dtype)
        _check_probabilities(array, "targets", "encode the two classes as 0 and 1")
        return array

    def __call__(self, prediction: ArrayLike, target: ArrayLike) -> float:
        _check_probabilities(as_data(prediction, "predictions"), "predictions", "or use BCEWithLogitsLoss")
        return super().__call__(prediction, target)


class BCEWithLogitsLoss(Loss):
    """``L = mean [ln(1 + eᶻ) − y z]``, the binary cross-entropy of p = σ(z), exact for logits z of any size.

    Shapes    prediction z of any shape, target y of the same shape, numbers from 0 to 1
    Backward  dL/dz = (σ(z) − y) / N     N numbers in all

    A common slip is to leave out σ′ = p (1 − p): the derivative by p is (p − y) / (p (1 − p)), and only times σ′ is
    it p − y.

    Raises:
        ShapeError: shapes that differ.
        DataError: from a call or in training, targets outside [0, 1].

    >>> BCEWithLogitsLoss()([[-1000.0], [1000.0]], [[1.0], [1.0]])
    500.0
    """

    e: Array = saved()
    positive: Array = saved()
    y: Array = saved()

    def forward(self, prediction: Array, target: Array) -> float:
        same_shape(prediction.shape, target.shape)
        z, y = prediction, target
        # ln(1 + eᶻ) − y z = ln(1 + e^−|z|) + ([z > 0] − y) z: no exponent is positive and no term
        # negative, so that nothing overflows and nothing cancels.
        self.e, self.positive, self.y = np.exp(-np.abs(z)), z > 0, y
        return float(np.log1p(self.e).sum() + np.vdot(self.positive - y, z)) / z.size

    def backward(self) -> Array:
        # σ(z) = 1 / (1 + e) for z > 0, else e / (1 + e), with e = e^−|z| ≤ 1.
        grad: Array = np.maximum(self.e, self.positive)
        grad /= 1 + self.e
        grad -= self.y
        grad /= grad.size
        return grad

    def check_target(self, target: ArrayLike, prediction: Shape | None = None, dtype: Any = None) -> Array:
        array = super().check_target(target, prediction, dtype)
        _check_probabilities(array, "targets", "encode the two classes as 0 and 1")
        return array


def _check_probabilities(array: Array, name: str, fix: str) -> None:
    outside = (array < 0) | (array > 1)
    if outside.any():
        index = tuple(int(i) for i in np.argwhere(outside)[0])
        raise DataError(f"{name} must be probabilities, from 0 to 1, but there is {array[index]} at {index}; {fix}")
