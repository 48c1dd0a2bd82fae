"""The loss for several classes."""

from __future__ import annotations

import copy
from math import inf, prod
from typing import Any

import numpy as np

from minidl.arguments import got, number
from minidl.data import as_data, as_samples
from minidl.errors import HyperparameterError, ShapeError
from minidl.losses.samples import by_sample
from minidl.losses.targets import check, check_probabilities
from minidl.modules import Loss, cached, format_shape
from minidl.sums import as_rows, mean, row_sums
from minidl.typing import Array, ArrayLike, Batch, Shape

__all__ = ["CrossEntropyLoss"]

PART = 1024
"""The number of samples whose targets are counted at a time."""

SUM_TOLERANCE = 1e-3
"""How far the probabilities of a target may be from a sum of 1. Rounded ones from a file are."""


class CrossEntropyLoss(Loss):
    """``L = −mean Σⱼ qⱼ ln pⱼ`` with p = softmax(z): the cross-entropy of k classes.

    Targets are classes if they have one axis fewer than the scores. Then q is 1 for the true class and 0 for the
    others. If they have the same shape, they are the probabilities q themselves. With label smoothing s, q is
    ``(1 − s) q + s/k`` (Szegedy et al. 2016). Conventions are PyTorch's.

    A target equal to `ignore_index` does not count: the mean is over the others, and the gradient there is 0. If no
    target counts, the loss is 0. For metrics, select what counts, as in ``accuracy(p[y != -1], y[y != -1])``.

    Shapes    prediction z (n, …, k) scores (logits)   target (n, …) integers from 0 to k − 1, or q (n, …, k)
    Backward  dL/dz = (p − q) / N     N distributions that count, n without further axes if all do

    Args:
        label_smoothing: s, at least 0 and below 1.
        ignore_index: the integer that marks targets that do not count, such as −1, or the id of the padding. None: all
            count.

    Raises:
        HyperparameterError: s outside [0, 1). An `ignore_index` that is not an integer.
        ShapeError: scores without an axis of classes, targets of another shape. Probabilities beside `ignore_index`.
        DataError: targets that are neither classes nor probabilities that sum to 1.

    >>> round(CrossEntropyLoss()([[0.0, 0.0], [0.0, 1000.0]], [0, 1]), 6)
    0.346574
    >>> round(CrossEntropyLoss()([[0.0, 0.0]], [[0.25, 0.75]]), 6)
    0.693147
    >>> round(CrossEntropyLoss(ignore_index=-1)([[0.0, 0.0], [0.0, 1000.0]], [0, -1]), 6)
    0.693147
    """

    takes_logits = True
    counted: Array | None = cached()
    e: Array = cached()
    total: Array = cached()
    target: Array = cached()
    shape: Shape = cached()

    def __init__(self, label_smoothing: float = 0.0, *, ignore_index: int | None = None) -> None:
        self.label_smoothing = number("CrossEntropyLoss: label_smoothing", label_smoothing, at_least=0, below=1)
        if isinstance(ignore_index, bool) or not isinstance(ignore_index, int | np.integer | None):
            raise HyperparameterError(f"CrossEntropyLoss: ignore_index must be None or an integer, {got(ignore_index)}")
        self.ignore_index = None if ignore_index is None else int(ignore_index)

    def forward(self, prediction: Array, target: Array) -> float:
        losses = self._losses(prediction, target)
        return mean(losses) if len(losses) else 0.0

    def each(self, prediction: Array, target: Array) -> tuple[Array, Array]:
        alone = copy.copy(self)
        losses = alone._losses(prediction, target)
        if alone.counted is None:
            return by_sample(losses.reshape(prediction.shape[:-1]))
        counts = self.shares(target)
        all_losses = np.zeros(prod(prediction.shape[:-1]))
        all_losses[alone.counted] = losses
        return row_sums(all_losses.reshape(len(counts), -1)) / np.maximum(counts, 1), counts

    def _losses(self, prediction: Array, target: Array) -> Array:
        """The loss of each target that counts."""
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
        s, classes, self.counted = self.label_smoothing, target.ndim == 1, None
        if self.ignore_index is not None:
            self.counted = np.flatnonzero(target != self.ignore_index)
            scores, target = scores[self.counted], target[self.counted]
            if not len(target):
                self.e, self.total, self.target = scores, scores[:, 0], target
                return scores[:, 0]
        index = np.arange(len(scores))
        # With ten classes, argmax, argmin and products with ones take less time than max, min, sum and mean: 0.8 of it
        # for 32 samples, 0.4 for 1024.
        z = scores - scores[index, scores.argmax(axis=1), None]
        self.e, self.target = np.exp(z), target
        self.total = row_sums(self.e)
        losses: Array = np.log(self.total)
        try:
            of_target = z[index, target] if classes else row_sums(target * z)
            if classes and target[target.argmin()] < 0:  # NumPy would count from the end
                raise IndexError
        except IndexError:
            self.check_target(target, scores.shape[1:])  # names the class without a score
            raise
        losses -= (1 - s) * of_target + s * row_sums(z / z.shape[1]) if s else of_target
        return losses

    def backward(self) -> Array:
        s, (n, k) = self.label_smoothing, self.e.shape
        if n == 0:
            return np.zeros(self.shape, self.e.dtype)
        # With a thousand classes, a second exp would take a quarter of the time.
        grad: Array = self.e / (n * self.total)[:, None]
        if s:
            grad -= s / (n * k)
        if self.target.ndim == 1:
            grad[np.arange(n), self.target] -= (1 - s) / n
        else:
            grad -= self.target * ((1 - s) / n)
        if self.counted is not None:
            counted, grad = grad, np.zeros((prod(self.shape[:-1]), k), grad.dtype)
            grad[self.counted] = counted
        return grad if len(self.shape) == 2 else grad.reshape(self.shape)

    def check_target(self, target: ArrayLike, prediction: Shape | None = None, dtype: Any = None) -> Array:
        self.check_one_array(prediction)
        array = as_samples(target, "y")
        if prediction is not None:
            self._explain(("n", *prediction), ("n", *array.shape[1:]))
        probabilities = prediction is not None and array.ndim > len(prediction)
        if array.dtype.kind == "f" or probabilities:
            array = as_data(array, "y")
        # If nothing is known of the scores, floats with several axes may be either. It is for forward to find out.
        if prediction is None and array.ndim > 1 and array.dtype.kind == "f":
            return array
        if probabilities:
            check_probabilities(array, "targets of the shape of the scores", "pass classes with one axis fewer")
            sums = array.sum(axis=-1)
            check(sums, np.abs(sums - 1) > SUM_TOLERANCE, "targets of the shape of the scores must sum to 1", "")
            return array.astype(dtype or array.dtype, copy=False)
        if array.dtype.kind not in "iu":
            # Beyond 2⁵³, floats are whole numbers, but which class is meant is lost.
            wrong = (array != np.floor(array)) | (np.abs(array) > 2**53)
            check(array, wrong, "targets must be classes, integers from 0", "")
            array = array.astype(np.intp)
        # min and max allocate nothing. A comparison would allocate an array of the apparent size of a view of windows.
        k = inf if prediction is None else prediction[-1]
        if array.min() < 0 or array.max() >= k:
            counted = array != self.ignore_index
            fix = "ignore_index= marks targets that do not count"
            check(array, counted & (array < 0), "targets must be classes, integers from 0", fix)
            fix = f"give the model more outputs; {fix}"
            if array.min() > 0 and array.max() == k:
                fix = f"classes count from 0: if these are 1 to {k}, pass y - 1; otherwise {fix}"
            check(array, counted & (array >= k), f"targets must be below {k}, the number of scores", fix)
        return array

    def __call__(self, prediction: ArrayLike, target: ArrayLike) -> float:
        shape = as_data(prediction, "prediction").shape
        if (
            len(shape) > 1 and as_samples(target, "y").shape == shape
        ):  # probabilities, which check_target knows by the shape of the scores
            self.check_target(target, shape[1:])
        return super().__call__(prediction, target)

    def counts(self, target: Batch) -> Array | None:
        if self.ignore_index is None:
            return None
        # A comparison of all at once would need many times the memory of overlapping windows, which are a view.
        parts = (target[start : start + PART] for start in range(0, len(target), PART))
        return np.concatenate([(part != self.ignore_index).reshape(len(part), -1).sum(axis=1) for part in parts])

    def classes(self, target: Batch) -> Array | None:
        return target if target.ndim == 1 else None

    def _explain(self, prediction: tuple[Any, ...], target: tuple[Any, ...]) -> None:
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
        if target == prediction and self.ignore_index is not None:
            raise ShapeError(
                f"CrossEntropyLoss: ignore_index={self.ignore_index} marks classes, but the targets are probabilities, "
                f"of the shape {format_shape(prediction)} of the scores; pass classes, or leave out ignore_index"
            )
