"""Metrics of the order of scores, over all thresholds at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from minidl.data import as_data
from minidl.errors import DataError
from minidl.metrics.inputs import are_scores, as_classes, paired, probabilities
from minidl.typing import Array, ArrayLike

__all__ = ["average_precision", "precision_area", "rankings", "roc_area", "roc_auc"]


def roc_auc(prediction: ArrayLike, target: ArrayLike, sample_weight: ArrayLike = None) -> float:
    """The area under the ROC curve: how often a sample of class 1 has a larger score than one of class 0.

    ``Σ wᵢ wⱼ ([sᵢ > sⱼ] + [sᵢ = sⱼ] / 2) / Σ wᵢ wⱼ`` over all pairs of a sample i of class 1 and a sample j of class
    0, so ties count half (Hanley and McNeil 1982). For three or more classes it is the mean over classes, each against
    the rest, as scikit-learn's ``multi_class="ovr"``.

    Args:
        prediction: a score for each sample, (n,) or (n, …, 1), such as a probability or logit of class 1. Or
            probabilities of k classes, (n, …, k).
        target: classes (n, …) or (n, …, 1), or probabilities (n, …, k), of which the largest counts.
        sample_weight: weights w, (n,). None means 1.

    Raises:
        DataError: a class without samples. Rows of scores that are not probabilities. Invalid weights.
        ShapeError: different numbers of samples.

    >>> roc_auc([0.1, 0.4, 0.4, 0.8], [0, 0, 1, 1])
    0.875
    """
    return _mean_over_classes(roc_area, rankings("roc_auc", prediction, target, sample_weight))


def average_precision(prediction: ArrayLike, target: ArrayLike, sample_weight: ArrayLike = None) -> float:
    """``Σ (Rᵢ − Rᵢ₋₁) Pᵢ``: the mean of the precision P over the recall R, for all thresholds from the highest.

    It is the area under the steps of the precision-recall curve. Equal scores share one threshold. For three or more
    classes it is the mean over classes, each against the rest. A random order scores the share of class 1.

    Args:
        prediction, target, sample_weight: as for `roc_auc`.

    Raises:
        DataError, ShapeError: as for `roc_auc`, except that class 0 needs no samples if predictions are one score each.

    >>> round(average_precision([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]), 6)
    0.833333
    """
    found = rankings("average_precision", prediction, target, sample_weight, negatives=False)
    return _mean_over_classes(precision_area, found)


def rankings(
    name: str, prediction: ArrayLike, target: ArrayLike, sample_weight: ArrayLike, *, negatives: bool = True
) -> list[tuple[Array, Array]]:
    """Return what lies at or above each threshold, from the highest, for class 1 or for each of k ≥ 3 classes.

    Args:
        name: what messages call the metric.
        prediction, target, sample_weight: as for `roc_auc`.
        negatives: whether class 0 must have samples, too.

    Returns:
        For each class the cumulative weights of the other classes and of the class itself, both (t,) for t different
        scores.
    """
    p, y = as_data(prediction, "prediction"), as_data(target, "target")
    if are_scores(p):
        scores, shares, weight = probabilities(p, y, sample_weight)
        true = shares.argmax(axis=1)
        missing = [c for c in range(scores.shape[1]) if c not in true]
        columns = [1] if scores.shape[1] == 2 else range(scores.shape[1])
    else:
        scores, true, weight = paired(p, y, sample_weight)
        true = as_classes(true, "target")
        if true.max() > 1:
            raise DataError(
                f"{name} takes targets 0 and 1 for one score per sample, got {true.max()}; for more classes pass "
                "probabilities (n, k)"
            )
        missing = [c for c in (0, 1) if c not in true and (c == 1 or negatives)]
        scores, columns = scores[:, None], [1]
    if missing:
        raise DataError(f"{name} is not defined without samples of class {missing[0]}")
    return [_cumulative(scores[:, c if are_scores(p) else 0], true == c, weight) for c in columns]


def _cumulative(score: Array, positive: Array, weight: Array | None) -> tuple[Array, Array]:
    order = np.argsort(-score)
    score, positive = score[order], positive[order]
    ends = np.append(np.flatnonzero(score[1:] != score[:-1]), len(score) - 1)  # equal scores share a threshold
    # The largest weight is 1, so that no product of two sums overflows.
    share = np.ones(len(score)) if weight is None else weight[order] / weight.max()
    return np.cumsum(share * ~positive)[ends], np.cumsum(share * positive)[ends]


def roc_area(false: Array, true: Array) -> float:
    """The area under the ROC curve, for what `rankings` returns of one class."""
    x, y = (np.append(0.0, array) for array in (false, true))
    return float(np.diff(x).dot(y[1:] + y[:-1]) / (2 * x[-1] * y[-1]))


def precision_area(false: Array, true: Array) -> float:
    """The average precision, for what `rankings` returns of one class."""
    return float(np.diff(true, prepend=0.0).dot(true / (true + false)) / true[-1])


def _mean_over_classes(area: Callable[[Array, Array], float], found: list[tuple[Array, Array]]) -> float:
    return float(np.mean([area(*each) for each in found]))
