"""What is wrong with objectives, training, schedules, callbacks and checks."""

from collections.abc import Callable

import numpy as np

from minidl import (
    SGD,
    Callback,
    ContractError,
    Dense,
    DivergenceError,
    EarlyStopping,
    FunctionObjective,
    GradientError,
    HuberLoss,
    HyperparameterError,
    Layer,
    MSELoss,
    Parameter,
    Quadratic,
    Rosenbrock,
    Schedule,
    ShapeError,
    StateError,
    Trainer,
    metrics,
    minimize,
    schedules,
)
from minidl.checking import check_gradients
from minidl.typing import Array
from tests.errors.world import World, case


class WrongScale(Layer):
    """A layer whose gradient is wrong."""

    def __init__(self) -> None:
        self.scale = Parameter([2.0])

    def forward(self, x: Array) -> Array:
        self.x = x
        return x * self.scale.value

    def backward(self, grad: Array) -> Array:
        self.scale.grad = [(grad * self.x).sum()]
        return grad


def diverge(w: World) -> None:
    """Two enormous steps of a model of its own."""
    model = Dense(2, 1, rng=0)
    Trainer(model, MSELoss(), SGD(model.parameters(), lr=1e300)).fit(w.x, w.y, epochs=9)


def start_at_nan() -> None:
    nowhere = FunctionObjective(lambda _: np.nan, lambda t: t, [1.0])
    minimize(nowhere, SGD(nowhere.parameters(), 0.1), 3)


def fit_with(callback: Callback) -> Callable[[World], object]:
    def provoke(w: World) -> None:
        model = Dense(2, 1, rng=0)
        Trainer(model, HuberLoss(), SGD(model.parameters(), 0.1), [callback]).fit(w.x, w.y)

    return provoke


CASES = [
    case("theta", lambda w: w.valley.gradient([1.0]), ShapeError, "(1,)", "(2,)"),
    case("matrix", lambda _: Quadratic([[1, 2]]), ShapeError, "square", "(1, 2)"),
    case("no bowl", lambda _: Quadratic([[-1.0]]), HyperparameterError, "symmetric", "positive eigenvalues"),
    case("valley of one", lambda _: Rosenbrock([1.0]), ShapeError, "at least two", "got 1"),
    case("epochs", lambda w: w.trainer.fit(w.x, w.y, epochs=-1), HyperparameterError, "epochs", "got -1"),
    case("batch", lambda w: w.trainer.fit(w.x, w.y, batch_size=0), HyperparameterError, "batch_size", "got 0"),
    case("steps", lambda w: minimize(w.valley, w.descent, -1), HyperparameterError, "steps", "got -1"),
    case("divergence", diverge, DivergenceError, "finite at step", "smaller learning rate", "data"),
    case("start", lambda _: start_at_nan(), DivergenceError, "not finite at the start", "somewhere else"),
    case("gradient", lambda w: check_gradients(WrongScale(), w.x), GradientError, "WrongScale"),
    case("contract", lambda w: check_gradients(Layer(), w.x), ContractError, "Layer", "forward"),
    case("rise", lambda _: schedules.one_cycle(9, rise=1), HyperparameterError, "rise must leave steps", "got 1 of 9"),
    case(
        "borders",
        lambda _: schedules.sequence([schedules.constant()] * 2, []),
        HyperparameterError,
        "2 schedules need 1 borders",
        "got []",
    ),
    case(
        "negative rate",
        fit_with(Schedule(lambda _: -1.0)),
        HyperparameterError,
        "the schedule's factor at step 0",
        "at least 0",
        "got -1.0",
    ),
    case("monitor", fit_with(EarlyStopping("acc")), StateError, "watches 'acc'", "the run measures loss"),
    case(
        "metrics alone",
        lambda w: w.trainer.fit(w.x, w.y, metrics={"accuracy": metrics.accuracy}),
        HyperparameterError,
        "metrics need data to be measured on",
        "validation=(x, y)",
    ),
    case(
        "bad validation data",
        lambda w: w.trainer.fit(w.x, w.y, validation=(w.x[:, :1], w.y)),
        ShapeError,
        "layer 0, Dense(2, 3)",
        "(1,)",
    ),
]
