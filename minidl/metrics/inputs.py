"""What metrics are called with: predictions, targets and weights, checked and flattened."""

from __future__ import annotations

import numpy as np

from minidl.data import as_data
from minidl.errors import DataError, ShapeError
from minidl.sums import as_rows
from minidl.typing import Array, ArrayLike

__all__ = ["are_scores", "as_classes", "below", "classes_of", "paired", "probabilities"]

SUM_TOLERANCE = 1e-3
"""How far probabilities may be from a sum of 1. Rounded ones from a file are."""

NOTHING = 1e-300
"""Weights below this share of the largest count as 0. As divisors they would be."""

COUNT = "number the classes from 0"
LOGITS = "if these are logits, pass Sigmoid()(prediction) or, for rows of scores, Softmax()(prediction)"
BY_THRESHOLD = "for two classes pass prediction > 0.5, or prediction > 0 if these are logits"


def paired(
    prediction: Array,
    target: Array,
    sample_weight: ArrayLike,
    *,
    wide: tuple[bool, bool] = (False, False),
) -> tuple[Array, Array, Array | None]:
    """Return the predictions, targets and weights of the N positions that count.

    Positions of weight 0 are dropped, so that nothing about them matters.

    Args:
        prediction, target: arrays (n, …) or (n, …, 1).
        sample_weight: what the user passed, or None.
        wide: whether predictions and targets are rows (n, …, k) instead.

    Returns:
        Predictions and targets, (N,) or (N, k), and weights (N,) or None.

    Raises:
        ShapeError: different numbers of positions.
        DataError: weights that are negative or all 0.
    """
    pair = list(zip((prediction, target), wide, strict=True))
    shapes = [a.shape[:-1] if a.ndim > 1 and (rows or a.shape[-1] == 1) else a.shape for a, rows in pair]
    if len(prediction) != len(target):
        raise ShapeError(f"there are {len(prediction)} predictions but {len(target)} targets")
    if shapes[0] != shapes[1]:
        raise ShapeError(
            f"there must be one prediction, or one row of scores, for each target, got {shapes[0]} predictions for "
            f"targets {shapes[1]}"
        )
    p, y = (as_rows(a) if rows else a.reshape(-1) for a, rows in pair)
    weight = _weights(sample_weight, shapes[0])
    if weight is not None:
        counts = weight > NOTHING * weight.max()
        if not counts.all():
            p, y, weight = p[counts], y[counts], weight[counts]
    return p, y, weight


def _weights(sample_weight: ArrayLike, shape: tuple[int, ...]) -> Array | None:
    """One weight for each position, (N,)."""
    if sample_weight is None:
        return None
    weight = as_data(sample_weight, "sample_weight", dtype=np.float64)
    if weight.ndim > 1 and weight.shape[-1] == 1:
        weight = weight[..., 0]
    if weight.shape != shape[: weight.ndim]:
        places = f"{shape[:1]}, or one for each prediction, {shape}" if len(shape) > 1 else f"{shape}"
        raise ShapeError(f"sample_weight must hold one weight for each sample, {places}, got shape {weight.shape}")
    if weight.min() < 0:
        raise DataError(f"sample_weight must not be negative, got {weight.min():g}")
    with np.errstate(over="ignore"):
        weight = np.broadcast_to(weight.reshape(weight.shape + (1,) * (len(shape) - weight.ndim)), shape).reshape(-1)
        total = weight.sum()
    if not 0 < total < np.inf:
        fix = "no sample counts" if total == 0 else "divide the weights by the largest one"
        raise DataError(f"the sum of sample_weight must be finite and above 0, got {total:g}; {fix}")
    return weight


def as_classes(column: Array, name: str, fix: str = COUNT) -> Array:
    """Classes (N,) as integers.

    Raises:
        DataError: other numbers. The message ends with the fix.
    """
    wrong = (column != np.floor(column)) | (column < 0) | (column > 2**53)
    if wrong.any():
        raise DataError(f"{name} must hold classes, integers from 0, got {column[wrong][0]:g}; {fix}")
    return column.astype(np.int64)


def classes_of(
    prediction: ArrayLike, target: ArrayLike, sample_weight: ArrayLike, fix: str = BY_THRESHOLD
) -> tuple[Array, Array, Array | None, int]:
    """Predicted and true classes as integers (N,), weights, and the number of scores, 0 if predictions are classes.

    Args:
        prediction, target, sample_weight: what the user passed.
        fix: what to do about predictions that are not classes.
    """
    p, y, width = as_data(prediction, "prediction"), as_data(target, "target"), 0
    # Scores have one axis more than classes. If both have the same shape, integers are classes.
    same = p.shape == y.shape and np.asarray(prediction).dtype.kind == "f"
    if p.ndim > 1 and p.shape[-1] > 1 and (same or y.shape in (p.shape[:-1], (*p.shape[:-1], 1)) or y.ndim == 1):
        width, p, y = p.shape[-1], p.argmax(axis=-1), y.argmax(axis=-1) if same else y
    p, y, weight = paired(p, y, sample_weight)
    return as_classes(p, "prediction", fix), as_classes(y, "target"), weight, width


def are_scores(prediction: Array) -> bool:
    """Whether predictions are rows of scores (n, …, k), not one number for each sample."""
    return prediction.ndim > 1 and prediction.shape[-1] > 1


def probabilities(
    prediction: ArrayLike, target: ArrayLike, sample_weight: ArrayLike
) -> tuple[Array, Array, Array | None]:
    """Predicted and true probabilities of k ≥ 2 classes, both (N, k), and weights. True classes have probability 1.

    Args:
        prediction: probabilities of class 1, (n,) or (n, …, 1), or of k classes, (n, …, k).
        target: classes, or probabilities: for one number per sample those of class 1, otherwise (n, …, k).
        sample_weight: what the user passed.

    Raises:
        DataError: predictions that are not probabilities, classes without a probability.
        ShapeError: different numbers of samples.
    """
    p, y = as_data(prediction, "prediction"), as_data(target, "target")
    if not are_scores(p):
        p, y, weight = paired(p, y, sample_weight)
        p, y = p.astype(np.float64), y.astype(np.float64)
        _check_probabilities(p, "prediction", LOGITS)
        _check_probabilities(y, "target", "encode the two classes as 0 and 1")
        return np.stack([1 - p, p], axis=1), np.stack([1 - y, y], axis=1), weight
    soft = p.shape == y.shape
    p, y, weight = paired(p, y, sample_weight, wide=(True, soft))
    p = p.astype(np.float64)
    _check_distributions(p, "prediction", LOGITS)
    if soft:
        _check_distributions(y, "target", "or pass classes, with one axis fewer")
        return p, y, weight
    true = below(as_classes(y, "target"), p.shape[1])
    onehot = np.zeros(p.shape)
    onehot[np.arange(len(p)), true] = 1.0
    return p, onehot, weight


def below(true: Array, k: int) -> Array:
    """The true classes, if there is a score for each."""
    if true.max() >= k:
        raise DataError(f"there is a class {true.max()} in target, but {k} scores mean classes 0 to {k - 1}")
    return true


def _check_probabilities(array: Array, name: str, fix: str) -> None:
    wrong = (array < 0) | (array > 1)
    if wrong.any():
        raise DataError(f"{name} must hold probabilities, from 0 to 1, got {array[wrong][0]:g}; {fix}")


def _check_distributions(array: Array, name: str, fix: str) -> None:
    _check_probabilities(array, name, fix)
    sums = array.sum(axis=1)
    wrong = np.abs(sums - 1) > SUM_TOLERANCE
    if wrong.any():
        raise DataError(
            f"the probabilities of {name} must sum to 1 for each sample, got a sum of {sums[wrong][0]:g}; {fix}"
        )
