"""Losses for classification."""

from __future__ import annotations

from math import isnan
from typing import Any

import numpy as np

from minidl.arguments import number
from minidl.constants import scalar
from minidl.data import as_data
from minidl.errors import DataError, ShapeError
from minidl.modules import Loss, cached, format_shape, same_shape
from minidl.sums import as_rows, mean, row_sums
from minidl.typing import Array, ArrayLike, Shape

__all__ = ["BCELoss", "BCEWithLogitsLoss", "CrossEntropyLoss", "HingeLoss"]

SUM_TOLERANCE = 1e-3
"""How far the probabilities of a target may be from a sum of 1. Rounded ones from a file are."""


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
        _check_probabilities(array, "targets", "encode the two classes as 0 and 1")
        return array


class CrossEntropyLoss(Loss):
    """``L = −mean Σⱼ qⱼ ln pⱼ`` with p = softmax(z): the cross-entropy of k classes.

    Targets are classes if they have one axis fewer than the scores. Then q is 1 for the true class and 0 for the
    others. If they have the same shape, they are the probabilities q themselves. With label smoothing s, q is
    ``(1 − s) q + s/k`` (Szegedy et al. 2016). Conventions are PyTorch's.

    Shapes    prediction z (n, …, k) scores (logits)   target (n, …) integers from 0 to k − 1, or q (n, …, k)
    Backward  dL/dz = (p − q) / N     N distributions in all, n without further axes

    Args:
        label_smoothing: s, at least 0 and below 1.

    Raises:
        HyperparameterError: s outside [0, 1).
        ShapeError: scores without an axis of classes, targets of another shape.
        DataError: targets that are neither classes nor probabilities that sum to 1.

    >>> round(CrossEntropyLoss()([[0.0, 0.0], [0.0, 1000.0]], [0, 1]), 6)
    0.346574
    >>> round(CrossEntropyLoss()([[0.0, 0.0]], [[0.25, 0.75]]), 6)
    0.693147
    """

    takes_logits = True
    e: Array = cached()
    total: Array = cached()
    target: Array = cached()
    shape: Shape = cached()

    def __init__(self, label_smoothing: float = 0.0) -> None:
        self.label_smoothing = number("CrossEntropyLoss: label_smoothing", label_smoothing, at_least=0, below=1)

    def forward(self, prediction: Array, target: Array) -> float:
        self.shape = shape = prediction.shape
        if target.shape == shape[:-1]:
            # Floats are left if check_target did not know the scores.
            if target.dtype.kind == "f":
                target = self.check_target(target, shape[1:])
            target = target if target.ndim == 1 else target.reshape(-1)
        else:
            self._explain(shape, target.shape)
            target = as_rows(target).astype(prediction.dtype, copy=False)
        scores = prediction if len(shape) == 2 else as_rows(prediction)
        s, classes = self.label_smoothing, target.ndim == 1
        index = np.arange(len(scores))
        # With ten classes, argmax, argmin and products with ones take less time than max, min, sum and mean: 0.8 of it
        # for 32 samples, 0.4 for 1024.
        z = scores - scores[index, scores.argmax(axis=1), None]
        self.e, self.target = np.exp(z), target
        self.total = row_sums(self.e)
        log_total = np.log(self.total)
        try:
            loss = mean(log_total - (z[index, target] if classes else row_sums(target * z)))
            if classes and target[target.argmin()] < 0:  # NumPy would count from the end
                raise IndexError
        except IndexError:
            self.check_target(target, scores.shape[1:])  # names the class without a score
            raise
        return (1 - s) * loss + s * (mean(log_total) - mean(z)) if s else loss

    def backward(self) -> Array:
        s, (n, k) = self.label_smoothing, self.e.shape
        # With a thousand classes, a second exp would take a quarter of the time.
        grad: Array = self.e / (n * self.total)[:, None]
        if s:
            grad -= s / (n * k)
        if self.target.ndim == 1:
            grad[np.arange(n), self.target] -= (1 - s) / n
        else:
            grad -= self.target * ((1 - s) / n)
        return grad if len(self.shape) == 2 else grad.reshape(self.shape)

    def check_target(self, target: ArrayLike, prediction: Shape | None = None, dtype: Any = None) -> Array:
        self.check_one_array(prediction)
        array = as_data(target, "y")
        if prediction is not None:
            self._explain(("n", *prediction), ("n", *array.shape[1:]))
        # If nothing is known of the scores, floats with several axes may be either. It is for forward to find out.
        if prediction is None and array.ndim > 1 and np.asarray(target).dtype.kind == "f":
            return array
        if prediction is not None and array.ndim > len(prediction):
            _check_probabilities(array, "targets of the shape of the scores", "pass classes with one axis fewer")
            sums = array.sum(axis=-1)
            _check(sums, np.abs(sums - 1) > SUM_TOLERANCE, "targets of the shape of the scores must sum to 1", "")
            return array.astype(dtype or array.dtype, copy=False)
        # Beyond 2⁵³, floats are whole numbers, but which class is meant is lost.
        wrong = (array < 0) | (array != np.floor(array)) | (array > 2**53)
        _check(array, wrong, "targets must be classes, integers from 0", "")
        if prediction is not None:
            k = prediction[-1]
            fix = "give the model more outputs"
            if array.min() > 0 and array.max() == k:
                fix = f"classes count from 0: if these are 1 to {k}, pass y - 1; otherwise {fix}"
            _check(array, array >= k, f"targets must be below {k}, the number of scores", fix)
        return array.astype(np.intp)

    def __call__(self, prediction: ArrayLike, target: ArrayLike) -> float:
        shape = as_data(prediction, "prediction").shape
        if as_data(target, "y").shape == shape:  # probabilities, which check_target knows by the shape of the scores
            self.check_target(target, shape[1:])
        return super().__call__(prediction, target)

    @staticmethod
    def _explain(prediction: tuple[Any, ...], target: tuple[Any, ...]) -> None:
        if len(prediction) < 2:
            raise ShapeError(
                f"CrossEntropyLoss takes scores (n, …, k), got shape {format_shape(prediction)}; is a Dense(…, k) "
                "missing?"
            )
        if target not in (prediction[:-1], prediction):
            first = "y[:, 0]" if len(prediction) == 2 else "y[..., 0]"
            fix = first if target == (*prediction[:-1], 1) else "one class for each row of scores"
            raise ShapeError(
                f"CrossEntropyLoss takes classes of shape {format_shape(prediction[:-1])} or probabilities of shape "
                f"{format_shape(prediction)}, got {format_shape(target)}; try {fix}"
            )


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
        _check(array, np.abs(array) != 1, "targets must be -1 or 1", "encode classes 0 and 1 as 2 * y - 1")
        return array


def _check_probabilities(array: Array, name: str, fix: str) -> None:
    _check(array, (array < 0) | (array > 1), f"{name} must be probabilities, from 0 to 1", fix)


def _check(array: Array, wrong: Array, rule: str, fix: str) -> None:
    """Raise `DataError` with the rule and the first number that breaks it."""
    if wrong.any():
        index = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise DataError(f"{rule}, but there is {array[index]} at {index}" + (f"; {fix}" if fix else ""))
