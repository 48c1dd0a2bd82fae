"""The formulas of the losses in symbols."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import sympy

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
from tests.docs.formulas import each, log, relu, sigma, size, softmax

__all__ = ["LOSSES", "LossFormula", "bce"]


def mean(values: Array) -> Any:
    return values.sum() / values.size


def cross_entropy(smoothing: Any) -> Callable[[Array, Array], Any]:
    def formula(z: Array, q: Array) -> Any:
        k = z.shape[-1]
        spread = (1 - smoothing) * q + smoothing / k
        return -(spread * log(softmax(z))).sum() / (z.size // k)

    return formula


def huber(delta: Any) -> Callable[[Array, Array], Any]:
    def h(d: Any) -> Any:
        return sympy.Piecewise((d**2 / 2, sympy.Abs(d) < delta), (delta * (sympy.Abs(d) - delta / 2), True))

    return lambda p, y: mean(each(h)(p - y))


def bce(p: Array, y: Array) -> Any:
    return -mean(y * log(p) + (1 - y) * log(1 - p))


def weighted_bce(weight: int) -> Callable[[Array, Array], Any]:
    """With label smoothing of 1/10."""

    def formula(z: Array, y: Array) -> Any:
        p, soft = sigma(z), y * sympy.Rational(9, 10) + sympy.Rational(1, 20)
        return -mean(weight * soft * log(p) + (1 - soft) * log(1 - p))

    return formula


def focal(z: Array, y: Array) -> Any:
    p, alpha = sigma(z), sympy.Rational(1, 4)
    return -mean(alpha * y * (1 - p) ** 2 * log(p) + (1 - alpha) * (1 - y) * p**2 * log(1 - p))


class LossFormula(NamedTuple):
    """A loss as a formula of predictions and targets; of classes q, which is 1 for the true one, else 0."""

    name: str
    make: Callable[[], Loss]
    formula: Callable[[Array, Array], Any]
    draw: Callable[[np.random.Generator], tuple[Array, Array]]


def numbers(rng: np.random.Generator) -> tuple[Array, Array]:
    return rng.normal(size=(3, 2)), rng.normal(size=(3, 2))


def labels(rng: np.random.Generator) -> Array:
    return rng.integers(0, 2, (3, 2)).astype(np.float64)


LOSSES = [
    LossFormula("MSELoss", MSELoss, lambda p, y: mean((p - y) ** 2), numbers),
    LossFormula("MAELoss", MAELoss, lambda p, y: mean(size(p - y)), numbers),
    LossFormula("HuberLoss", HuberLoss, huber(1), numbers),
    LossFormula("HuberLoss of 0.5", lambda: HuberLoss(0.5), huber(sympy.Rational(1, 2)), numbers),
    LossFormula("BCELoss", BCELoss, bce, lambda rng: (rng.uniform(0.05, 0.95, (3, 2)), labels(rng))),
    LossFormula(
        "BCEWithLogitsLoss",
        BCEWithLogitsLoss,
        lambda z, y: bce(sigma(z), y),
        lambda rng: (2 * rng.normal(size=(3, 2)), labels(rng)),
    ),
    LossFormula(
        "BCEWithLogitsLoss, weighted and smoothed",
        lambda: BCEWithLogitsLoss(0.1, pos_weight=3),
        weighted_bce(3),
        lambda rng: (2 * rng.normal(size=(3, 2)), labels(rng)),
    ),
    LossFormula(
        "FocalLoss",
        lambda: FocalLoss(2, alpha=0.25),
        focal,
        lambda rng: (2 * rng.normal(size=(3, 2)), labels(rng)),
    ),
    LossFormula(
        "CrossEntropyLoss",
        CrossEntropyLoss,
        cross_entropy(0),
        lambda rng: (rng.normal(size=(2, 3)), rng.integers(0, 3, 2)),
    ),
    LossFormula(
        "CrossEntropyLoss, smoothed",
        lambda: CrossEntropyLoss(0.1),
        cross_entropy(sympy.Rational(1, 10)),
        lambda rng: (rng.normal(size=(2, 3)), rng.integers(0, 3, 2)),
    ),
    LossFormula(
        "CrossEntropyLoss of sequences",
        CrossEntropyLoss,
        cross_entropy(0),
        lambda rng: (rng.normal(size=(2, 2, 3)), rng.integers(0, 3, (2, 2))),
    ),
    LossFormula(
        "CrossEntropyLoss of probabilities",
        CrossEntropyLoss,
        cross_entropy(0),
        lambda rng: (rng.normal(size=(2, 2, 3)), rng.dirichlet(np.ones(3), (2, 2))),
    ),
    LossFormula(
        "HingeLoss",
        HingeLoss,
        lambda p, y: mean(relu(1 - y * p)),
        lambda rng: (rng.normal(size=(3, 2)), rng.choice([-1.0, 1.0], (3, 2))),
    ),
]
