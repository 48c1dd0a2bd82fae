"""How good predictions are: plain functions ``(prediction, target) -> number``.

Classes are integers from 0 on. Predictions may be classes (n,), scores or probabilities of k classes (n, k), of which
the largest counts, or for two classes one number (n, 1), which is class 1 above a threshold.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from minidl.arguments import whole_number
from minidl.data import as_data
from minidl.errors import DataError, ShapeError
from minidl.typing import Array, ArrayLike

__all__ = ["PrecisionRecall", "accuracy", "binary_accuracy", "confusion_matrix", "precision_recall", "r2"]


def accuracy(prediction: ArrayLike, target: ArrayLike) -> float:
    """The share of samples whose class is right.

    Args:
        prediction: scores (n, k) with k ≥ 2, or classes (n,) or (n, 1).
        target: classes (n,) or (n, 1).

    Raises:
        DataError: what are no classes, such as probabilities or logits (n, 1): for these see `binary_accuracy`.
        ShapeError: different numbers of samples.

    >>> accuracy([[0.1, 0.9], [0.8, 0.2]], [1, 1])
    0.5
    """
    predicted, true = _classes(prediction, "prediction"), _classes(target, "target", scores=False)
    _same_length(predicted, true)
    return float((predicted == true).mean())


def binary_accuracy(prediction: ArrayLike, target: ArrayLike, *, threshold: float = 0.5) -> float:
    """The share of samples on the right side of a threshold.

    Args:
        prediction: one number a sample, (n,) or (n, 1).
        target: 0 or 1, (n,) or (n, 1).
        threshold: above it a prediction means class 1: 0.5 for probabilities, 0 for logits.

    Raises:
        DataError: targets that are not 0 or 1.
        ShapeError: more than one number a sample; different numbers of samples.

    >>> binary_accuracy([[0.9], [0.4], [0.2]], [[1], [1], [0]], threshold=0.5)
    0.6666666666666666
    """
    values, true = _column(prediction, "prediction"), _classes(target, "target", scores=False)
    _same_length(values, true)
    if true.max() > 1:
        raise DataError(f"binary_accuracy takes targets 0 and 1, got {true.max()}; for more classes use accuracy")
    return float(((values > threshold) == true).mean())


def confusion_matrix(prediction: ArrayLike, target: ArrayLike, *, classes: int | None = None) -> Array:
    """How often each true class (row) was predicted as each class (column).

    Args:
        prediction, target: as for `accuracy`.
        classes: number k of classes; by default as many as occur, or the width of the scores.

    Returns:
        Counts, (k, k) integers.

    Raises:
        DataError, ShapeError: as for `accuracy`; a class of k or above.
        HyperparameterError: a number of classes that is not a positive integer.

    >>> confusion_matrix([0, 1, 1, 1], [0, 0, 1, 1])
    array([[1, 1],
           [0, 2]])
    """
    predicted, true = _classes(prediction, "prediction"), _classes(target, "target", scores=False)
    _same_length(predicted, true)
    scores = np.asarray(prediction)
    width = scores.shape[1] if scores.ndim == 2 else 0
    largest = int(max(predicted.max(), true.max())) + 1
    k = max(width, largest) if classes is None else whole_number("classes", classes, 1)
    if largest > k:
        raise DataError(f"there is a class {largest - 1}, but classes = {k} means 0 to {k - 1}")
    return np.bincount(true * k + predicted, minlength=k * k).reshape(k, k)


class PrecisionRecall(NamedTuple):
    """Per class: the share of predictions that are right, the share of the class that is found, and their mean.

    Attributes:
        precision, recall: (k,) each; 0 where there is nothing to divide by.
        f1: (k,), their harmonic mean ``2 p r / (p + r)``.
    """

    precision: Array
    recall: Array
    f1: Array


def precision_recall(prediction: ArrayLike, target: ArrayLike, *, classes: int | None = None) -> PrecisionRecall:
    """Precision, recall and F1 of every class; the arguments and errors are those of `confusion_matrix`.

    >>> precision_recall([0, 1, 1, 1], [0, 0, 1, 1]).precision.round(3)
    array([1.   , 0.667])
    """
    matrix = confusion_matrix(prediction, target, classes=classes)
    hits = np.diag(matrix).astype(np.float64)
    predicted, true = matrix.sum(axis=0), matrix.sum(axis=1)
    precision, recall = hits / np.maximum(predicted, 1), hits / np.maximum(true, 1)
    f1 = 2 * hits / np.maximum(predicted + true, 1)
    return PrecisionRecall(precision, recall, f1)


def r2(prediction: ArrayLike, target: ArrayLike) -> float:
    """``R² = 1 − Σ (ŷ − y)² / Σ (y − ȳ)²``, the share of the variance explained; the mean over several outputs.

    Args:
        prediction, target: numbers of one shape, (n,) or (n, k).

    Raises:
        ShapeError: different shapes.
        DataError: targets that are all the same, of which no variance can be explained.

    >>> r2([1.0, 2.0, 3.0], [1.0, 2.0, 4.0]).__round__(4)
    0.7857
    """
    p, y = as_data(prediction, "prediction"), as_data(target, "target")
    if p.shape != y.shape:
        raise ShapeError(f"predictions have shape {p.shape}, targets {y.shape}; they must be equal")
    p, y = p.astype(np.float64), y.astype(np.float64)
    if np.any((y == y[:1]).all(axis=0)):
        raise DataError("R² is not defined for targets that are all the same")
    size = np.abs(y).max(axis=0)  # the squares of what is divided by it neither overflow nor vanish
    deviation, error = (y - y.mean(axis=0)) / size, (p - y) / size
    return float((1.0 - (error**2).sum(axis=0) / (deviation**2).sum(axis=0)).mean())


def _column(values: ArrayLike, name: str) -> Array:
    array = as_data(values, name)
    if array.ndim > 2 or (array.ndim == 2 and array.shape[1] != 1):
        raise ShapeError(f"{name} must be one number a sample, (n,) or (n, 1), got shape {array.shape}")
    return array.reshape(-1)


def _classes(values: ArrayLike, name: str, *, scores: bool = True) -> Array:
    """Classes (n,) as integers, from classes or from scores (n, k)."""
    array = as_data(values, name)
    if scores and array.ndim == 2 and array.shape[1] > 1:
        best: Array = array.argmax(axis=1)
        return best
    column = _column(array, name)
    whole = column.astype(np.int64)
    if (whole != column).any() or (whole < 0).any():
        fix = "for two classes use binary_accuracy, of probabilities as it is, of logits with threshold=0"
        raise DataError(
            f"{name} must hold classes, integers from 0 on, got {column[(whole != column) | (whole < 0)][0]:g}; "
            f"{fix if scores else 'number the classes from 0 on'}"
        )
    return whole


def _same_length(prediction: Array, target: Array) -> None:
    if len(prediction) != len(target):
        raise ShapeError(f"there are {len(prediction)} predictions but {len(target)} targets")
