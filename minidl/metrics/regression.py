"""Metrics of regression."""

from __future__ import annotations

import numpy as np

from minidl.data import as_data
from minidl.errors import DataError, ShapeError
from minidl.metrics.inputs import paired
from minidl.typing import ArrayLike

__all__ = ["r2"]


def r2(prediction: ArrayLike, target: ArrayLike, sample_weight: ArrayLike = None) -> float:
    """``R² = 1 − Σ w (ŷ − y)² / Σ w (y − ȳ)²``, the share of the variance that is explained, averaged over outputs.

    Args:
        prediction, target: numbers of the same shape, (n,) or (n, k).
        sample_weight: weights w, (n,). None means 1. ȳ is the weighted mean.

    Raises:
        ShapeError: different shapes.
        DataError: targets that are all the same, so that there is no variance to explain. Invalid weights.

    >>> r2([1.0, 2.0, 3.0], [1.0, 2.0, 4.0]).__round__(4)
    0.7857
    """
    p, y = as_data(prediction, "prediction"), as_data(target, "target")
    if p.shape != y.shape:
        raise ShapeError(f"predictions have shape {p.shape}, targets {y.shape}; they must be equal")
    p, y = (array.astype(np.float64).reshape(len(array), -1) for array in (p, y))
    p, y, weight = paired(p, y, sample_weight, wide=(True, True))
    if np.any((y == y[:1]).all(axis=0)):
        raise DataError("R² is not defined for targets that are all the same")
    share = np.full(len(y), 1 / len(y)) if weight is None else weight / weight.sum()
    size = np.abs(y).max(axis=0)  # scaled by it, squares neither overflow nor underflow
    deviation, error = (y - share.dot(y)) / size, (p - y) / size
    return float((1.0 - share.dot(error**2) / share.dot(deviation**2)).mean())
