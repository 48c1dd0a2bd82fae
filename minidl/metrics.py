"""Metrics: plain functions ``(prediction, target) -> number``.

Classes are integers from 0. Predictions are classes (n,), or scores or probabilities of k classes (n, k), of which the
largest counts. For two classes they may be one number (n, 1), which means class 1 above a threshold. There may be
further axes, as in scores (n, t, k) and classes (n, t). All positions count alike.

Targets with one axis fewer than scores are classes. Targets of the same shape are probabilities, of which the largest
counts.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from minidl.arguments import number, whole_number
from minidl.data import as_data
from minidl.errors import DataError, ShapeError, warn
from minidl.typing import Array, ArrayLike

__all__ = ["PrecisionRecall", "accuracy", "binary_accuracy", "confusion_matrix", "precision_recall", "r2"]

MOST_CLASSES = 10_000
"""A confusion matrix of that many classes takes 800 MB."""


def accuracy(prediction: ArrayLike, target: ArrayLike) -> float:
    """The share of samples whose class is predicted correctly.

    Args:
        prediction: scores (n, …, k) with k ≥ 2, or classes (n, …) or (n, …, 1).
        target: classes (n, …) or (n, …, 1), or probabilities of the shape of the scores.

    Raises:
        DataError: values that are not classes, such as probabilities or logits (n, 1). Use `binary_accuracy` for these.
        ShapeError: different numbers of samples.

    >>> accuracy([[0.1, 0.9], [0.8, 0.2]], [1, 1])
    0.5
    """
    predicted, true, _ = _both(prediction, target)
    return float((predicted == true).mean())


def binary_accuracy(prediction: ArrayLike, target: ArrayLike, *, threshold: float | None = None) -> float:
    """The share of samples on the correct side of a threshold.

    Args:
        prediction: one number per sample, (n,) or (n, …, 1).
        target: 0 or 1, (n, …) or (n, …, 1).
        threshold: a prediction above it means class 1. Use 0.5 for probabilities and 0 for logits. None means 0.5, with
            a `MinidlWarning` if the predictions are not probabilities.

    Raises:
        DataError: targets that are not 0 or 1.
        ShapeError: more than one number per sample. Different numbers of samples.
        HyperparameterError: a threshold that is not a number.

    >>> binary_accuracy([[0.9], [0.4], [0.2]], [[1], [1], [0]], threshold=0.5)
    0.6666666666666666
    """
    values, y = as_data(prediction, "prediction"), as_data(target, "target")
    if values.ndim > 1 and values.shape[-1] != 1:
        raise ShapeError(f"prediction must be one number per sample, (n,) or (n, …, 1), got shape {values.shape}")
    values, true = _flat(values, y)
    true = _classes(true, "target", "number the classes from 0")
    if true.max() > 1:
        raise DataError(f"binary_accuracy takes targets 0 and 1, got {true.max()}; use accuracy for more classes")
    if threshold is None and (values.min() < 0.0 or values.max() > 1.0):
        # The text is always the same, so that Python shows it once and not after each epoch.
        message = "binary_accuracy: predictions are not probabilities, from 0 to 1; pass threshold=0 if they are logits"
        warn(f"{message}, threshold=0.5 otherwise", stacklevel=2)
    threshold = 0.5 if threshold is None else number("threshold", threshold, finite=False)
    return float(((values > threshold) == true).mean())


def confusion_matrix(prediction: ArrayLike, target: ArrayLike, *, classes: int | None = None) -> Array:
    """The number of samples of each true class (row) that were predicted as each class (column).

    Args:
        prediction, target: as for `accuracy`.
        classes: number k of classes, at most 10,000. By default it is the largest class plus 1, or the width of the
            scores if larger.

    Returns:
        Counts, (k, k) integers.

    Raises:
        DataError, ShapeError: as for `accuracy`. A class of k or above.
        HyperparameterError: a number of classes that is not a positive integer.

    >>> confusion_matrix([0, 1, 1, 1], [0, 0, 1, 1])
    array([[1, 1],
           [0, 2]])
    """
    predicted, true, width = _both(prediction, target)
    largest = int(max(predicted.max(), true.max())) + 1
    k = max(width, largest) if classes is None else whole_number("classes", classes, 1)
    if k > MOST_CLASSES:
        raise DataError(
            f"a confusion matrix has at most {MOST_CLASSES} classes, got {k}; if only some of these numbers occur, "
            "number the classes from 0 without gaps, in predictions and targets alike"
        )
    if largest > k:
        raise DataError(f"there is a class {largest - 1}, but classes = {k} means 0 to {k - 1}")
    return np.bincount(true * k + predicted, minlength=k * k).reshape(k, k)


class PrecisionRecall(NamedTuple):
    """Precision, recall and F1 of each class.

    Attributes:
        precision: (k,), the share of the predictions of a class that are correct. It is 0 without predictions.
        recall: (k,), the share of the samples of a class that are found. It is 0 without samples.
        f1: (k,), the harmonic mean ``2 p r / (p + r)`` of the two.
    """

    precision: Array
    recall: Array
    f1: Array


def precision_recall(prediction: ArrayLike, target: ArrayLike, *, classes: int | None = None) -> PrecisionRecall:
    """Precision, recall and F1 of each class. Arguments and errors are those of `confusion_matrix`.

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
    """``R² = 1 − Σ (ŷ − y)² / Σ (y − ȳ)²``, the share of the variance that is explained, averaged over outputs.

    Args:
        prediction, target: numbers of the same shape, (n,) or (n, k).

    Raises:
        ShapeError: different shapes.
        DataError: targets that are all the same, so that there is no variance to explain.

    >>> r2([1.0, 2.0, 3.0], [1.0, 2.0, 4.0]).__round__(4)
    0.7857
    """
    p, y = as_data(prediction, "prediction"), as_data(target, "target")
    if p.shape != y.shape:
        raise ShapeError(f"predictions have shape {p.shape}, targets {y.shape}; they must be equal")
    p, y = p.astype(np.float64), y.astype(np.float64)
    if np.any((y == y[:1]).all(axis=0)):
        raise DataError("R² is not defined for targets that are all the same")
    size = np.abs(y).max(axis=0)  # scaled by it, squares neither overflow nor underflow
    deviation, error = (y - y.mean(axis=0)) / size, (p - y) / size
    return float((1.0 - (error**2).sum(axis=0) / (deviation**2).sum(axis=0)).mean())


def _both(prediction: ArrayLike, target: ArrayLike) -> tuple[Array, Array, int]:
    """Predicted and true classes as integers (N,), and the number of scores, 0 if the predictions are classes."""
    p, y, width = as_data(prediction, "prediction"), as_data(target, "target"), 0
    # Scores have one axis more than classes. If both have the same shape, integers are classes.
    same = p.shape == y.shape and np.asarray(prediction).dtype.kind == "f"
    if p.ndim > 1 and p.shape[-1] > 1 and (same or y.shape in (p.shape[:-1], (*p.shape[:-1], 1)) or y.ndim == 1):
        width, p, y = p.shape[-1], p.argmax(axis=-1), y.argmax(axis=-1) if same else y
    p, y = _flat(p, y)
    fix = "for two classes use binary_accuracy, with threshold=0 if these are logits"
    return _classes(p, "prediction", fix), _classes(y, "target", "number the classes from 0"), width


def _flat(prediction: Array, target: Array) -> tuple[Array, Array]:
    """Predictions and targets, one number each, as (N,)."""
    shapes = [
        array.shape[:-1] if array.ndim > 1 and array.shape[-1] == 1 else array.shape for array in (prediction, target)
    ]
    if len(prediction) != len(target):
        raise ShapeError(f"there are {len(prediction)} predictions but {len(target)} targets")
    if shapes[0] != shapes[1]:
        raise ShapeError(
            f"there must be one prediction, or one row of scores, for each target, got {shapes[0]} predictions for "
            f"targets {shapes[1]}"
        )
    return prediction.reshape(-1), target.reshape(-1)


def _classes(column: Array, name: str, fix: str) -> Array:
    """Classes (N,) as integers."""
    wrong = (column != np.floor(column)) | (column < 0) | (column > 2**53)
    if wrong.any():
        raise DataError(f"{name} must hold classes, integers from 0, got {column[wrong][0]:g}; {fix}")
    return column.astype(np.int64)
