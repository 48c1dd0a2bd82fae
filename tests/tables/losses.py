"""The table of losses."""

from collections.abc import Callable
from math import cosh, exp, log, log1p
from typing import Any, NamedTuple

import numpy as np

from minidl import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    FocalLoss,
    HingeLoss,
    HuberLoss,
    Loss,
    MAELoss,
    MSELoss,
)
from minidl.typing import Array
from tests.tables.common import Rng
from tests.user_defined import LogCoshLoss


class LossCase(NamedTuple):
    """A loss, how to draw predictions and targets, and the loss of one target and its prediction, written plainly.

    What is drawn has the shape given, unless the loss takes no such shape. The loss of a target that does not count is
    None.
    """

    name: str
    make: Callable[[], Loss]
    draw: Callable[[Rng, tuple[int, ...]], tuple[Array, Array]]
    plain: Callable[[Any, Any], float | None]


def numbers(rng: Rng, shape: tuple[int, ...]) -> tuple[Array, Array]:
    return rng.normal(size=shape), rng.normal(size=shape)


def labels(rng: Rng, shape: tuple[int, ...]) -> Array:
    """Hard labels 0 and 1, and soft ones between."""
    return np.clip(rng.uniform(-0.5, 1.5, shape), 0, 1)


def probabilities(rng: Rng, shape: tuple[int, ...]) -> tuple[Array, Array]:
    return rng.uniform(0.05, 0.95, shape), labels(rng, shape)


def certain(rng: Rng, shape: tuple[int, ...]) -> tuple[Array, Array]:
    """Hard labels alone: where a prediction meets a soft one, the gradient is 0 and has no relative error."""
    return rng.uniform(0.05, 0.95, shape), rng.integers(0, 2, shape).astype(np.float64)


def logits(rng: Rng, shape: tuple[int, ...]) -> tuple[Array, Array]:
    return 3 * rng.normal(size=shape), labels(rng, shape)


def signs(rng: Rng, shape: tuple[int, ...]) -> tuple[Array, Array]:
    return rng.normal(size=shape), rng.choice([-1.0, 1.0], shape)


def classes(rng: Rng, shape: tuple[int, ...]) -> tuple[Array, Array]:
    """Scores (n, k) and classes (n,), from the first and the last number of the shape."""
    n, k = shape[0], shape[-1]
    return 3 * rng.normal(size=(n, k)), rng.integers(0, k, n)


def plain_cross_entropy(scores: list[float], target: int, smoothing: float = 0.0) -> float:
    whole = log(sum(exp(score) for score in scores))
    share = smoothing / len(scores)
    return -sum((share + (1 - smoothing) * (j == target)) * (score - whole) for j, score in enumerate(scores))


def plain_huber(p: float, y: float, delta: float = 1.0) -> float:
    d = abs(p - y)
    return d**2 / 2 if d < delta else delta * d - delta**2 / 2


def plain_bce(z: float, y: float, weight: float = 1.0, smoothing: float = 0.0) -> float:
    y = (1 - smoothing) * y + smoothing / 2
    return weight * y * log1p(exp(-z)) + (1 - y) * log1p(exp(z))


def plain_focal(z: float, y: float, gamma: float, positive: float = 1.0, negative: float = 1.0) -> float:
    p = 1 / (1 + exp(-z))
    return -positive * y * float((1 - p) ** gamma) * log(p) - negative * (1 - y) * float(p**gamma) * log(1 - p)


LOSSES = [
    LossCase("MSELoss", MSELoss, numbers, lambda p, y: (p - y) ** 2),
    LossCase("MAELoss", MAELoss, numbers, lambda p, y: abs(p - y)),
    LossCase("HuberLoss", HuberLoss, numbers, plain_huber),
    LossCase("HuberLoss of 0.4", lambda: HuberLoss(0.4), numbers, lambda p, y: plain_huber(p, y, 0.4)),
    LossCase("BCELoss", BCELoss, probabilities, lambda p, y: -(y * log(p) + (1 - y) * log(1 - p))),
    LossCase("BCEWithLogitsLoss", BCEWithLogitsLoss, logits, lambda z, y: log1p(exp(z)) - y * z),
    LossCase(
        "BCELoss, smoothed",
        lambda: BCELoss(0.05),
        certain,
        lambda p, y: -((0.95 * y + 0.025) * log(p) + (0.975 - 0.95 * y) * log(1 - p)),
    ),
    LossCase(
        "BCEWithLogitsLoss, smoothed",
        lambda: BCEWithLogitsLoss(0.2),
        logits,
        lambda z, y: plain_bce(z, y, smoothing=0.2),
    ),
    LossCase(
        "BCEWithLogitsLoss, positives weighted",
        lambda: BCEWithLogitsLoss(0.1, pos_weight=3),
        logits,
        lambda z, y: plain_bce(z, y, 3, 0.1),
    ),
    LossCase("FocalLoss", FocalLoss, logits, lambda z, y: plain_focal(z, y, 2)),
    LossCase("FocalLoss of 0.5", lambda: FocalLoss(0.5, 0.25), logits, lambda z, y: plain_focal(z, y, 0.5, 0.25, 0.75)),
    LossCase("CrossEntropyLoss", CrossEntropyLoss, classes, plain_cross_entropy),
    LossCase(
        "CrossEntropyLoss, smoothed",
        lambda: CrossEntropyLoss(0.1),
        classes,
        lambda z, y: plain_cross_entropy(z, y, 0.1),
    ),
    LossCase(
        "CrossEntropyLoss, ignoring",
        lambda: CrossEntropyLoss(0.1, ignore_index=0),
        classes,
        lambda z, y: plain_cross_entropy(z, y, 0.1) if y != 0 else None,
    ),
    LossCase("HingeLoss", HingeLoss, signs, lambda p, y: max(0, 1 - y * p)),
    LossCase("user's LogCoshLoss", LogCoshLoss, numbers, lambda p, y: log(cosh(p - y))),
]
