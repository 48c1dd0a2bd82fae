"""Metrics of predicted probabilities. They are proper: no others than the true probabilities have a better value."""

from __future__ import annotations

import numpy as np

from minidl.data import as_data
from minidl.metrics.inputs import probabilities
from minidl.metrics.means import mean_over_samples, weighted_mean
from minidl.typing import ArrayLike

__all__ = ["brier_score", "log_loss"]


@mean_over_samples
def log_loss(prediction: ArrayLike, target: ArrayLike, sample_weight: ArrayLike = None) -> float:
    """``−Σ w ln p / Σ w``, where p is the predicted probability of the true class: the cross-entropy.

    For a target of probabilities q, ``Σⱼ qⱼ ln pⱼ`` takes the place of ln p. A probability of 0 counts as the
    precision of its float type. It costs 36 in float64 and 16 in float32.

    Args:
        prediction: probabilities of class 1, (n,) or (n, …, 1), or of k classes, (n, …, k).
        target: classes (n, …) or (n, …, 1), or probabilities of the shape of the predictions.
        sample_weight: weights w, (n,). None means 1.

    Raises:
        DataError: predictions that are not probabilities, such as logits. Classes without a probability. Invalid
            weights.
        ShapeError: different numbers of samples.

    >>> round(log_loss([0.9, 0.2], [1, 0]), 6)
    0.164252
    """
    p, q, weight = probabilities(prediction, target, sample_weight)
    least = np.finfo(as_data(prediction).dtype).eps
    return 0.0 - weighted_mean((q * np.log(np.maximum(p, least))).sum(axis=1), weight)  # not −0.0


@mean_over_samples
def brier_score(prediction: ArrayLike, target: ArrayLike, sample_weight: ArrayLike = None) -> float:
    """``Σ w (p − y)² / Σ w``, the mean squared error of the probability p of class 1 (Brier 1950).

    For three or more classes it is ``Σ w Σⱼ (pⱼ − yⱼ)² / Σ w`` with one-hot y, from 0 to 2. For two it is half of
    that, from 0 to 1, as in scikit-learn.

    Args:
        prediction, target, sample_weight: as for `log_loss`.

    Raises:
        DataError, ShapeError: as for `log_loss`.

    >>> round(brier_score([0.9, 0.2], [1, 0]), 6)
    0.025
    """
    p, q, weight = probabilities(prediction, target, sample_weight)
    score = weighted_mean(((p - q) ** 2).sum(axis=1), weight)
    return score / 2 if p.shape[1] == 2 else score
