"""The tables over which tests run: a new layer, loss, optimizer or objective gets every test with one row.

A case says how to make the thing and how to draw its input; hypothesis draws seeds and sizes.
"""

from collections.abc import Callable
from math import cosh, exp, log, log1p, sqrt
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

import minidl
from minidl import (
    SGD,
    BCELoss,
    BCEWithLogitsLoss,
    Beale,
    CubicValley,
    Dense,
    EmpiricalRisk,
    FunctionObjective,
    Himmelblau,
    Layer,
    Loss,
    Momentum,
    MSELoss,
    Objective,
    Optimizer,
    Quadratic,
    ReLU,
    Rosenbrock,
    Sequential,
    Sigmoid,
)
from minidl.optimizers import Parameters
from minidl.typing import Array
from tests import user_defined
from tests.user_defined import Adagrad, FadingSGD, LogCoshLoss, Residual, Scale, Sphere, TwoParts

Rng = np.random.Generator
NAMESPACE = {**vars(minidl), **vars(user_defined)}
"""Where the repr of each thing can be evaluated."""

seeds = st.integers(0, 2**32 - 1)
batches = st.integers(1, 6)
widths = st.integers(1, 5)


def normal(rng: Rng, batch: int, width: int) -> Array:
    return rng.normal(size=(batch, width))


def images(rng: Rng, batch: int, width: int) -> Array:
    return rng.normal(size=(batch, 2, width))


class LayerCase(NamedTuple):
    """A layer for inputs of `width` features, and how to draw a batch for it."""

    name: str
    make: Callable[[int], Layer]
    draw: Callable[[Rng, int, int], Array] = normal


LAYERS = [
    LayerCase("Dense", lambda width: Dense(width, 3)),
    LayerCase("Dense to one", lambda width: Dense(width, 1)),
    LayerCase("Dense without bias", lambda width: Dense(width, 2, use_bias=False)),
    LayerCase("ReLU", lambda _: ReLU()),
    LayerCase("ReLU of images", lambda _: ReLU(), images),
    LayerCase("Sigmoid", lambda _: Sigmoid()),
    LayerCase("Sigmoid of images", lambda _: Sigmoid(), images),
    LayerCase("Sequential", lambda width: Sequential(Dense(width, 4), ReLU(), Dense(4, 1), Sigmoid())),
    LayerCase("Sequential, activations first", lambda width: Sequential(Sigmoid(), ReLU(), Dense(width, 2))),
    LayerCase("Sequential of activations", lambda _: Sequential(ReLU(), Sigmoid())),
    LayerCase(
        "Sequential, nested", lambda width: Sequential(ReLU(), Sequential(Dense(width, 2), Sigmoid()), Dense(2, 2))
    ),
    LayerCase("user's Scale", Scale),
    LayerCase("user's Scale in Sequential", lambda width: Sequential(Dense(width, 3), Scale(3), ReLU())),
    LayerCase("user's Residual", lambda width: Residual(Sequential(Dense(width, 2), ReLU(), Dense(2, width)))),
]


class LossCase(NamedTuple):
    """A loss, how to draw predictions and targets of a shape, and the loss of one number, written plainly."""

    name: str
    make: Callable[[], Loss]
    draw: Callable[[Rng, tuple[int, ...]], tuple[Array, Array]]
    plain: Callable[[float, float], float]


def numbers(rng: Rng, shape: tuple[int, ...]) -> tuple[Array, Array]:
    return rng.normal(size=shape), rng.normal(size=shape)


def labels(rng: Rng, shape: tuple[int, ...]) -> Array:
    """Hard labels 0 and 1, and soft ones between."""
    return np.clip(rng.uniform(-0.5, 1.5, shape), 0, 1)


def probabilities(rng: Rng, shape: tuple[int, ...]) -> tuple[Array, Array]:
    return rng.uniform(0.05, 0.95, shape), labels(rng, shape)


def logits(rng: Rng, shape: tuple[int, ...]) -> tuple[Array, Array]:
    return 3 * rng.normal(size=shape), labels(rng, shape)


LOSSES = [
    LossCase("MSELoss", MSELoss, numbers, lambda p, y: (p - y) ** 2),
    LossCase("BCELoss", BCELoss, probabilities, lambda p, y: -(y * log(p) + (1 - y) * log(1 - p))),
    LossCase("BCEWithLogitsLoss", BCEWithLogitsLoss, logits, lambda z, y: log1p(exp(z)) - y * z),
    LossCase("user's LogCoshLoss", LogCoshLoss, numbers, lambda p, y: log(cosh(p - y))),
]


class OptimizerCase(NamedTuple):
    """An optimizer, and where its rule takes one number θ through gradients, written plainly."""

    name: str
    make: Callable[[Parameters], Optimizer]
    plain: Callable[[float, list[float]], float]


def plain_sgd(theta: float, grads: list[float]) -> float:
    for g in grads:
        theta = theta - 0.1 * g
    return theta


def plain_momentum(theta: float, grads: list[float]) -> float:
    v = 0.0
    for g in grads:
        v = 0.8 * v + g
        theta = theta - 0.1 * v
    return theta


def plain_nesterov(theta: float, grads: list[float]) -> float:
    v = 0.0
    for g in grads:
        v = 0.8 * v + g
        theta = theta - 0.1 * (g + 0.8 * v)
    return theta


def plain_adagrad(theta: float, grads: list[float]) -> float:
    s = 0.0
    for g in grads:
        s = s + g**2
        theta = theta - 0.1 * g / (sqrt(s) + 1e-8)
    return theta


def plain_fading(theta: float, grads: list[float]) -> float:
    for step, g in enumerate(grads):
        theta = theta - 0.1 * 0.5**step * g
    return theta


OPTIMIZERS = [
    OptimizerCase("SGD", lambda p: SGD(p, lr=0.1), plain_sgd),
    OptimizerCase("Momentum", lambda p: Momentum(p, lr=0.1, momentum=0.8), plain_momentum),
    OptimizerCase("Momentum of 0", lambda p: Momentum(p, lr=0.1, momentum=0.0), plain_sgd),
    OptimizerCase("Nesterov", lambda p: Momentum(p, lr=0.1, momentum=0.8, nesterov=True), plain_nesterov),
    OptimizerCase("user's Adagrad", lambda p: Adagrad(p, lr=0.1), plain_adagrad),
    OptimizerCase("user's FadingSGD", lambda p: FadingSGD(p, lr=0.1), plain_fading),
]


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


def risk(loss: Loss, *last: Layer) -> Callable[[int], Objective]:
    """The risk of a small network on random data, whose labels suit every loss."""

    def make(width: int) -> Objective:
        rng = np.random.default_rng(width)
        model = Sequential(Dense(width, 3), ReLU(), Dense(3, 1), *last, rng=rng)
        return EmpiricalRisk(model, loss, rng.normal(size=(5, width)), rng.integers(0, 2, (5, 1)))

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
    ObjectiveCase("user's TwoParts", TwoParts, lambda n: [[0.0] + [2.0] * n], hessian_of_two_parts),
    ObjectiveCase("user's Sphere", lambda _: Sphere(), lambda _: [[0.0, 0.0]], lambda _: 2 * np.eye(2)),
]
