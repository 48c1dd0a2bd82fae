"""Means over samples, which can be put together from those of batches."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from minidl.arguments import function
from minidl.typing import Array

__all__ = ["is_mean_over_samples", "mean_over_samples", "weighted_mean"]

Metric = TypeVar("Metric", bound="Callable[..., Any]")

MARK = "mean_over_samples"
"""The attribute of a metric that is a mean over samples."""


def mean_over_samples(metric: Metric) -> Metric:
    """Mark a metric as a mean over samples, ``Σ w m / Σ w``, and return it.

    The value for all samples is then ``Σ W M / Σ W`` over batches, where M is the value for a batch and W the sum of
    its weights, or its number of samples. Precision, R² and ROC AUC are not such means: they need all samples at once.

    Args:
        metric: a function ``(prediction, target, sample_weight=None) -> number``.

    Raises:
        HyperparameterError: something that is not a function.

    >>> @mean_over_samples
    ... def within_one(prediction, target):
    ...     return float((abs(prediction - target) <= 1).mean())
    >>> is_mean_over_samples(within_one)
    True
    """
    setattr(function("metric", metric, "metrics.accuracy"), MARK, True)
    return metric


def is_mean_over_samples(metric: Callable[..., Any]) -> bool:
    """Whether a metric is marked by `mean_over_samples`. A ``functools.partial`` is if its function is.

    A lambda is not marked by what it calls. Mark it as ``mean_over_samples(lambda prediction, target: …)``.

    >>> from functools import partial
    >>> from minidl.metrics import binary_accuracy, r2
    >>> is_mean_over_samples(partial(binary_accuracy, threshold=0)), is_mean_over_samples(r2)
    (True, False)
    """
    while isinstance(metric, partial):
        metric = metric.func
    return getattr(metric, MARK, False) is True


def weighted_mean(values: Array, weight: Array | None) -> float:
    """Return ``Σ w v / Σ w`` of values (N,). Weights of None are all 1.

    >>> import numpy as np
    >>> weighted_mean(np.array([1.0, 4.0]), np.array([2.0, 1.0]))
    2.0
    """
    if weight is None:
        return float(values.mean())
    return float((weight / weight.sum()).dot(values))
