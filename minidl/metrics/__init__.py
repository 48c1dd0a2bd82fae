"""Metrics: plain functions ``(prediction, target, sample_weight=None) -> number``.

Classes are integers from 0. Predictions are classes (n,), or scores or probabilities of k classes (n, k), of which the
largest counts. For two classes they may be one number (n, 1), which means class 1 above a threshold. There may be
further axes, as in scores (n, t, k) and classes (n, t). All positions count alike.

Targets with one axis fewer than scores are classes. Targets of the same shape are probabilities, of which the largest
counts. `log_loss` and `brier_score` take the probabilities themselves.

Sample weights are at least 0: one for each sample (n,), or one for each position (n, t). An integer weight counts like
as many copies of the sample, and 0 like no sample at all. A mask is a weight, too.

Some metrics are means over samples, others need all samples at once. `mean_over_samples` marks the former.
"""

from minidl.metrics.classes import (
    PrecisionRecall,
    accuracy,
    balanced_accuracy,
    binary_accuracy,
    confusion_matrix,
    precision_recall,
    top_k_accuracy,
)
from minidl.metrics.means import is_mean_over_samples, mean_over_samples
from minidl.metrics.probabilities import brier_score, log_loss
from minidl.metrics.ranking import average_precision, roc_auc
from minidl.metrics.regression import r2

__all__ = [
    "PrecisionRecall",
    "accuracy",
    "average_precision",
    "balanced_accuracy",
    "binary_accuracy",
    "brier_score",
    "confusion_matrix",
    "is_mean_over_samples",
    "log_loss",
    "mean_over_samples",
    "precision_recall",
    "r2",
    "roc_auc",
    "top_k_accuracy",
]
