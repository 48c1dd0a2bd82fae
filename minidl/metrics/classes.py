"""Metrics of classes, predicted and true."""

from __future__ import annotations

from numbers import Real
from typing import NamedTuple

import numpy as np

from minidl.arguments import got, number, whole_number
from minidl.data import as_data
from minidl.errors import DataError, HyperparameterError, ShapeError, warn
from minidl.metrics.inputs import are_scores, as_classes, below, classes_of, paired
from minidl.metrics.means import mean_over_samples, weighted_mean
from minidl.typing import Array, ArrayLike

__all__ = [
    "PrecisionRecall",
    "accuracy",
    "balanced_accuracy",
    "binary_accuracy",
    "confusion_matrix",
    "precision_recall",
    "top_k_accuracy",
]

MOST_CLASSES = 10_000
"""A confusion matrix of that many classes takes 800 MB."""


@mean_over_samples
def accuracy(prediction: ArrayLike, target: ArrayLike, sample_weight: ArrayLike = None) -> float:
    """``Σ w [ĉ = c] / Σ w``, the share of samples whose class is predicted correctly.

    Args:
        prediction: scores (n, …, k) with k ≥ 2, or classes (n, …) or (n, …, 1).
        target: classes (n, …) or (n, …, 1), or probabilities of the shape of the scores.
        sample_weight: weights w, (n,). None means 1.

    Raises:
        DataError: values that are not classes, such as probabilities or logits (n, 1). Use `binary_accuracy` for these.
            Weights that are negative or all 0.
        ShapeError: different numbers of samples.

    >>> accuracy([[0.1, 0.9], [0.8, 0.2]], [1, 1])
    0.5
    >>> accuracy([[0.1, 0.9], [0.8, 0.2]], [1, 1], [3, 1])
    0.75
    """
    fix = "for two classes use binary_accuracy, with threshold=0 if these are logits"
    predicted, true, weight, _ = classes_of(prediction, target, sample_weight, fix)
    return weighted_mean(predicted == true, weight)


@mean_over_samples
def binary_accuracy(
    prediction: ArrayLike, target: ArrayLike, sample_weight: ArrayLike = None, *, threshold: float | None = None
) -> float:
    """The share of samples on the correct side of a threshold.

    Args:
        prediction: one number per sample, (n,) or (n, …, 1).
        target: 0 or 1, (n, …) or (n, …, 1).
        sample_weight: as for `accuracy`.
        threshold: a prediction above it means class 1. Use 0.5 for probabilities and 0 for logits. None means 0.5, with
            a `MinidlWarning` if the predictions are not probabilities.

    Raises:
        DataError: targets that are not 0 or 1. Invalid weights.
        ShapeError: more than one number per sample. Different numbers of samples.
        HyperparameterError: a threshold that is not a number.

    >>> binary_accuracy([[0.9], [0.4], [0.2]], [[1], [1], [0]], threshold=0.5)
    0.6666666666666666
    """
    values, y = as_data(prediction, "prediction"), as_data(target, "target")
    if are_scores(values):
        raise ShapeError(f"prediction must be one number per sample, (n,) or (n, …, 1), got shape {values.shape}")
    values, true, weight = paired(values, y, sample_weight)
    true = as_classes(true, "target")
    if true.max() > 1:
        raise DataError(f"binary_accuracy takes targets 0 and 1, got {true.max()}; use accuracy for more classes")
    if threshold is None and (values.min() < 0.0 or values.max() > 1.0):
        # The text is always the same, so that Python shows it once and not after each epoch.
        message = "binary_accuracy: predictions are not probabilities, from 0 to 1; pass threshold=0 if they are logits"
        warn(f"{message}, threshold=0.5 otherwise", stacklevel=2)
    threshold = 0.5 if threshold is None else number("threshold", threshold, finite=False)
    return weighted_mean((values > threshold) == true, weight)


@mean_over_samples
def top_k_accuracy(prediction: ArrayLike, target: ArrayLike, sample_weight: ArrayLike = None, *, k: int = 5) -> float:
    """The share of samples whose class is among the k largest scores.

    Of equal scores, the one of the lower class comes first, so that k = 1 returns the `accuracy`.

    Args:
        prediction: scores (n, …, c) of c ≥ 2 classes.
        target: classes (n, …) or (n, …, 1), or probabilities of the shape of the scores.
        sample_weight: as for `accuracy`.
        k: how many scores count, at most c.

    Raises:
        DataError: classes without a score. Invalid weights.
        ShapeError: one number per sample. Different numbers of samples.
        HyperparameterError: k is not an integer from 1 to c.

    >>> top_k_accuracy([[0.1, 0.3, 0.6], [0.5, 0.3, 0.2]], [1, 2], k=2)
    0.5
    """
    scores, y = as_data(prediction, "prediction"), as_data(target, "target")
    if not are_scores(scores):
        raise ShapeError(f"prediction must hold a score for each class, (n, …, c), got shape {scores.shape}")
    if whole_number("k", k, 1) > scores.shape[-1]:
        raise HyperparameterError(f"k must be at most {scores.shape[-1]}, the number of scores, got {k}")
    y = y.argmax(axis=-1) if y.shape == scores.shape else y
    scores, true, weight = paired(scores, y, sample_weight, wide=(True, False))
    true = below(as_classes(true, "target"), scores.shape[1])[:, None]
    own = np.take_along_axis(scores, true, axis=1)
    before = (scores > own) | ((scores == own) & (np.arange(scores.shape[1]) < true))
    return weighted_mean(before.sum(axis=1) < k, weight)


def balanced_accuracy(prediction: ArrayLike, target: ArrayLike, sample_weight: ArrayLike = None) -> float:
    """The mean of the recalls of all classes that occur in the targets, however rare each is.

    Args:
        prediction, target, sample_weight: as for `accuracy`. If there is one number per sample, pass
            ``prediction > threshold``.

    Raises:
        DataError, ShapeError: as for `accuracy`.

    >>> balanced_accuracy([0, 0, 0, 0], [0, 0, 0, 1])
    0.5
    """
    predicted, true, weight, _ = classes_of(prediction, target, sample_weight)
    _, index = np.unique(true, return_inverse=True)
    share = np.ones(len(true)) if weight is None else weight / weight.max()
    return float((np.bincount(index, share * (predicted == true)) / np.bincount(index, share)).mean())


def confusion_matrix(
    prediction: ArrayLike, target: ArrayLike, sample_weight: ArrayLike = None, *, classes: int | None = None
) -> Array:
    """The number of samples of each true class (row) that were predicted as each class (column).

    Args:
        prediction, target: as for `accuracy`. If there is one number per sample, pass ``prediction > threshold``.
        sample_weight: weights, (n,). Their sums take the place of the numbers.
        classes: number k of classes, at most 10,000. By default it is the largest class plus 1, or the width of the
            scores if larger.

    Returns:
        Counts, (k, k): integers, or floats with weights.

    Raises:
        DataError, ShapeError: as for `accuracy`. A class of k or above.
        HyperparameterError: a number of classes that is not a positive integer.

    >>> confusion_matrix([0, 1, 1, 1], [0, 0, 1, 1])
    array([[1, 1],
           [0, 2]])
    """
    predicted, true, weight, width = classes_of(prediction, target, sample_weight)
    largest = int(max(predicted.max(), true.max())) + 1
    k = max(width, largest) if classes is None else whole_number("classes", classes, 1)
    if k > MOST_CLASSES:
        raise DataError(
            f"a confusion matrix has at most {MOST_CLASSES} classes, got {k}; if only some of these numbers occur, "
            "number the classes from 0 without gaps, in predictions and targets alike"
        )
    if largest > k:
        raise DataError(f"there is a class {largest - 1}, but classes = {k} means 0 to {k - 1}")
    return np.bincount(true * k + predicted, weight, k * k).reshape(k, k)


class PrecisionRecall(NamedTuple):
    """Precision, recall and F1 of each class.

    Attributes:
        precision: (k,), the share of the predictions of a class that are correct.
        recall: (k,), the share of the samples of a class that are found.
        f1: (k,), the harmonic mean ``2 p r / (p + r)`` of the two.
    """

    precision: Array
    recall: Array
    f1: Array


def precision_recall(
    prediction: ArrayLike,
    target: ArrayLike,
    sample_weight: ArrayLike = None,
    *,
    classes: int | None = None,
    zero_division: float = 0.0,
) -> PrecisionRecall:
    """Precision ``TP / (TP + FP)``, recall ``TP / (TP + FN)`` and F1 ``2 TP / (2 TP + FP + FN)`` of each class.

    Args:
        prediction, target, sample_weight, classes: as for `confusion_matrix`.
        zero_division: what takes the place of 0 / 0: 0, 1 or NaN. It is the precision of a class that is never
            predicted, the recall of one that has no samples, and the F1 of one that has neither.

    Raises:
        DataError, ShapeError: as for `confusion_matrix`.
        HyperparameterError: as for `confusion_matrix`. A zero_division other than 0, 1 and NaN.

    >>> precision_recall([0, 1, 1, 1], [0, 0, 1, 1]).precision.round(3)
    array([1.   , 0.667])
    >>> precision_recall([0, 0], [0, 1], zero_division=float("nan")).precision
    array([0.5, nan])
    """
    undefined = _zero_division(zero_division)
    matrix = confusion_matrix(prediction, target, sample_weight, classes=classes).astype(np.float64)
    hits, predicted, true = np.diag(matrix), matrix.sum(axis=0), matrix.sum(axis=1)
    shares = [(hits, predicted), (hits, true), (2 * hits, predicted + true)]
    return PrecisionRecall(
        *(np.divide(part, whole, out=np.full(len(hits), undefined), where=whole > 0) for part, whole in shares)
    )


def _zero_division(value: object) -> float:
    if type(value) is not bool and isinstance(value, Real) and (value in (0, 1) or value != value):
        return float(value)
    raise HyperparameterError(f"zero_division must be 0, 1 or NaN, {got(value)}")
