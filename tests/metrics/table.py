"""Every metric, with data that it takes."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from minidl import metrics
from minidl.typing import Array


class Row(NamedTuple):
    """A metric, and a function that draws n predictions and targets."""

    name: str
    metric: Callable[..., Any]
    draw: Callable[[np.random.Generator, int], tuple[Array, Array]]
    is_mean: bool = False


def distributions(rng: np.random.Generator, n: int, k: int) -> Array:
    return rng.dirichlet(np.ones(k), n)


def several(k: int, n: int, rng: np.random.Generator) -> Array:
    """Classes, each of which occurs among the first k."""
    return np.append(np.arange(k), rng.integers(0, k, n))[:n]


def binary(rng: np.random.Generator, n: int) -> tuple[Array, Array]:
    return rng.uniform(size=(n, 1)).round(1), several(2, n, rng)  # with ties


def of_classes(rng: np.random.Generator, n: int) -> tuple[Array, Array]:
    return rng.integers(0, 4, n), several(4, n, rng)


def of_scores(rng: np.random.Generator, n: int) -> tuple[Array, Array]:
    return rng.normal(size=(n, 4)).round(), several(4, n, rng)


def of_probabilities(rng: np.random.Generator, n: int) -> tuple[Array, Array]:
    return distributions(rng, n, 3), several(3, n, rng)


def soft(rng: np.random.Generator, n: int) -> tuple[Array, Array]:
    return distributions(rng, n, 3), distributions(rng, n, 3)


def numbers(rng: np.random.Generator, n: int) -> tuple[Array, Array]:
    return rng.normal(size=(n, 2)), rng.normal(size=(n, 2))


def flat(metric: Callable[..., Any], *args: Any, **kwargs: Any) -> Array:
    return np.concatenate(metric(*args, **kwargs))


ROWS = [
    Row("accuracy", metrics.accuracy, of_scores, is_mean=True),
    Row("accuracy of classes", metrics.accuracy, of_classes, is_mean=True),
    Row("binary_accuracy", partial(metrics.binary_accuracy, threshold=0.5), binary, is_mean=True),
    Row("top_k_accuracy", partial(metrics.top_k_accuracy, k=2), of_scores, is_mean=True),
    Row("log_loss", metrics.log_loss, binary, is_mean=True),
    Row("log_loss of classes", metrics.log_loss, of_probabilities, is_mean=True),
    Row("log_loss of probabilities", metrics.log_loss, soft, is_mean=True),
    Row("brier_score", metrics.brier_score, binary, is_mean=True),
    Row("brier_score of classes", metrics.brier_score, of_probabilities, is_mean=True),
    Row("balanced_accuracy", metrics.balanced_accuracy, of_classes),
    Row("confusion_matrix", partial(metrics.confusion_matrix, classes=4), of_classes),
    Row("precision_recall", partial(flat, metrics.precision_recall, classes=4), of_classes),
    Row("roc_auc", metrics.roc_auc, binary),
    Row("roc_auc of classes", metrics.roc_auc, of_probabilities),
    Row("average_precision", metrics.average_precision, binary),
    Row("average_precision of classes", metrics.average_precision, of_probabilities),
    Row("r2", metrics.r2, numbers),
]
