"""The table of objectives."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from minidl import (
    BCELoss,
    BCEWithLogitsLoss,
    Beale,
    CrossEntropyLoss,
    CubicValley,
    Dense,
    EmpiricalRisk,
    FunctionObjective,
    Himmelblau,
    Layer,
    Loss,
    MSELoss,
    Objective,
    Quadratic,
    ReLU,
    Rosenbrock,
    Sequential,
    Sigmoid,
)
from minidl.typing import Array
from tests.user_defined import Sphere, TwoParts


def hessian_of_rosenbrock(theta: Array) -> Array:
    matrix = np.zeros((len(theta), len(theta)))
    for i in range(len(theta) - 1):
        matrix[i, i] += 1200 * theta[i] ** 2 - 400 * theta[i + 1] + 2
        matrix[i + 1, i + 1] += 200
        matrix[i, i + 1] = matrix[i + 1, i] = -400 * theta[i]
    return matrix


def hessian_of_himmelblau(theta: Array) -> Array:
    x, y = theta
    return np.array([[12 * x**2 + 4 * y - 42, 4 * (x + y)], [4 * (x + y), 4 * x + 12 * y**2 - 26]])


def hessian_of_valley(theta: Array) -> Array:
    x, y = theta
    return np.array([[100 - 6 * x, -400 * y], [-400 * y, 2400 * y**2 - 400 * x]])


def hessian_of_two_parts(theta: Array) -> Array:
    matrix = 2 * np.eye(len(theta))
    matrix[0, 1] = matrix[1, 0] = 1
    return matrix


def bowl(width: int) -> Quadratic:
    half = np.random.default_rng(width).normal(size=(width, width))
    return Quadratic(half @ half.T + np.eye(width), linear=np.arange(width))


def risk(
    loss: Loss, *last: Layer, column: bool = True, weights: list[float] | None = None
) -> Callable[[int], Objective]:
    """The risk of a small network on random data, whose labels suit every loss, (n, 1) or (n,)."""

    def make(width: int) -> Objective:
        rng = np.random.default_rng(width)
        model = Sequential(Dense(width, 3), ReLU(), Dense(3, 1), *last, rng=rng)
        x, y = rng.normal(size=(5, width)), rng.integers(0, 2, (5, 1))
        return EmpiricalRisk(model, loss, x, y if column else y[:, 0], sample_weight=weights)

    return make


class ObjectiveCase(NamedTuple):
    """An objective of a size, points where its gradient is 0, its Hessian if known, and the spread of random points."""

    name: str
    make: Callable[[int], Objective]
    flat: Callable[[int], list[list[float]]] = lambda _: []
    hessian: Callable[[Array], Array] | None = None
    spread: float = 1.0


OBJECTIVES = [
    ObjectiveCase("CubicValley", lambda _: CubicValley(), lambda _: [[0.0, 0.0], [100 / 3, 0.0]], hessian_of_valley),
    ObjectiveCase(
        "Rosenbrock", lambda n: Rosenbrock([0.5] * (n + 1)), lambda n: [[1.0] * (n + 1)], hessian_of_rosenbrock
    ),
    ObjectiveCase(
        "Himmelblau",
        lambda _: Himmelblau(),
        lambda _: [[3.0, 2.0], [-2.805118, 3.131313], [-3.779310, -3.283186], [3.584428, -1.848127]],
        hessian_of_himmelblau,
    ),
    ObjectiveCase("Beale", lambda _: Beale(), lambda _: [[3.0, 0.5], [0.0, 1.0]]),
    ObjectiveCase("Quadratic", bowl),
    ObjectiveCase("FunctionObjective", lambda n: FunctionObjective(lambda t: np.sin(t).sum(), np.cos, np.zeros(n))),
    ObjectiveCase("risk, MSELoss", risk(MSELoss()), spread=0.5),
    ObjectiveCase("risk, BCELoss", risk(BCELoss(), Sigmoid()), spread=0.5),
    ObjectiveCase("risk, BCEWithLogitsLoss", risk(BCEWithLogitsLoss()), spread=0.5),
    ObjectiveCase("risk, CrossEntropyLoss", risk(CrossEntropyLoss(), Dense(1, 3), column=False), spread=0.5),
    ObjectiveCase("risk, weights", risk(BCEWithLogitsLoss(), weights=[0.0, 2.0, 0.5, 1.0, 3.0]), spread=0.5),
    ObjectiveCase("user's TwoParts", TwoParts, lambda n: [[0.0] + [2.0] * n], hessian_of_two_parts),
    ObjectiveCase("user's Sphere", lambda _: Sphere(), lambda _: [[0.0, 0.0]], lambda _: 2 * np.eye(2)),
]
