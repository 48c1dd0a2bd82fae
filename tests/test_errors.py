"""Every error a user can meet: its type, the words that help, and that the failed call changed nothing."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import minidl
from minidl import (
    SGD,
    Batches,
    BCELoss,
    BCEWithLogitsLoss,
    ContractError,
    CubicValley,
    DataError,
    Dense,
    DivergenceError,
    EmpiricalRisk,
    FunctionObjective,
    GradientError,
    HyperparameterError,
    Layer,
    MinidlError,
    Momentum,
    MSELoss,
    Parameter,
    Quadratic,
    ReLU,
    Rosenbrock,
    Sequential,
    ShapeError,
    Sigmoid,
    StateError,
    Trainer,
    make_xor,
    minimize,
)
from minidl.checking import check_gradients
from minidl.typing import Array
from tests.helpers import unchanged


class World:
    """Things in the middle of their life, none of which a failed call may change."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.x, self.y = rng.normal(size=(6, 2)), rng.integers(0, 2, (6, 1)).astype(float)
        self.net = Sequential(Dense(2, 3), ReLU(), Sequential(Dense(3, 1), Sigmoid()), rng=0)
        self.optimizer = Momentum(self.net.parameters(), lr=0.1)
        self.trainer = Trainer(self.net, BCELoss(), self.optimizer)
        self.trainer.fit(self.x, self.y, epochs=2)
        self.valley = CubicValley(1.0, 1.0)
        self.descent = SGD(self.valley.parameters(), lr=1e-4)

    def with_x(self, value: float) -> Array:
        x = self.x.copy()
        x[4, 1] = value
        return x


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


class ErrorCase(NamedTuple):
    """What goes wrong, and what the message must contain: where, what was expected, what came, what to do."""

    name: str
    provoke: Callable[[World], object]
    error: type[MinidlError]
    words: tuple[str, ...]


def diverge(w: World) -> None:
    """Two enormous steps of a model of its own."""
    model = Dense(2, 1, rng=0)
    Trainer(model, MSELoss(), SGD(model.parameters(), lr=1e300)).fit(w.x, w.y, epochs=9)


def stale(_: World) -> None:
    model = Dense(2, 1)
    vector = model.parameters()
    Sequential(model, ReLU(), Dense(1, 1))
    SGD(vector, lr=0.1)


def step_after(change: Callable[[Sequential], object]) -> Callable[[World], object]:
    def provoke(_: World) -> None:
        model = Sequential(Dense(2, 1))
        optimizer = SGD(model.parameters(), lr=0.1)
        held = change(model)
        assert held is not None
        optimizer.step()

    return provoke


MOVED = ("parameters have moved", "ask the outermost model for its parameters() again")

CASES = [
    # Data at the door of fit, call and predict
    ErrorCase("targets (n,)", lambda w: w.trainer.fit(w.x, w.y[:, 0]), ShapeError, ("(n, 1)", "(n,)", "y[:, None]")),
    ErrorCase("loss of (n,)", lambda w: MSELoss()(w.y, w.y[:, 0]), ShapeError, ("(6, 1)", "(6,)", "y[:, None]")),
    ErrorCase(
        "features",
        lambda w: w.trainer.fit(w.x[:, :1], w.y),
        ShapeError,
        ("layer 0, Dense(2, 3)", "(2,)", "(1,)", "change"),
    ),
    ErrorCase("call", lambda w: w.net(w.y), ShapeError, ("layer 0, Dense(2, 3)", "(2,)", "got (1,)", "change")),
    ErrorCase("predict", lambda w: w.net.predict([1.0, 2.0]), ShapeError, ("layer 0, Dense(2, 3)", "(2,)", "got ()")),
    ErrorCase("a number", lambda w: w.net(3.0), ShapeError, ("x", "first axis", "single number", "x[None, :]")),
    ErrorCase("lengths", lambda w: w.trainer.fit(w.x, w.y[:4]), ShapeError, ("6 samples", "has 4", "needs its target")),
    ErrorCase("empty", lambda w: w.trainer.fit(w.x[:0], w.y[:0]), DataError, ("x is empty", "(0, 2)", "at least one")),
    ErrorCase("NaN", lambda w: w.net(w.with_x(np.nan)), DataError, ("x holds 1", "(4, 1)", "nan", "clean the data")),
    ErrorCase("inf", lambda w: w.net(w.with_x(-np.inf)), DataError, ("x holds 1", "(4, 1)", "-inf", "clean the data")),
    ErrorCase(
        "too large",
        lambda w: as_float32(w),
        DataError,
        ("x holds 1", "(4, 1)", "1e+200", "too large for float32", "scale the data"),
    ),
    ErrorCase("text", lambda w: w.net([["a", "b"]]), DataError, ("x must hold real numbers", "<U1", "astype(float)")),
    ErrorCase("ragged", lambda w: w.net([[1, 2], [3]]), DataError, ("x is not an array of numbers", "inhomogeneous")),
    ErrorCase("masked", lambda w: w.net(np.ma.masked_less(w.x, 0)), DataError, ("x has masked", "fill or drop")),
    ErrorCase(
        "labels", lambda w: w.trainer.fit(w.x, w.y + 1), DataError, ("targets", "from 0 to 1", "2.0 at", "encode")
    ),
    ErrorCase(
        "labels of logits", lambda w: BCEWithLogitsLoss()(w.y, -w.y), DataError, ("targets", "from 0 to 1", "encode")
    ),
    ErrorCase(
        "no probabilities",
        lambda w: Trainer(w.net[:2], BCELoss(), SGD(w.net[:2].parameters(), 0.1)).fit(40 * w.x - 90, np.ones((6, 3))),
        DataError,
        ("predictions", "from 0 to 1", "Sigmoid", "BCEWithLogitsLoss"),
    ),
    ErrorCase("risk", lambda w: EmpiricalRisk(w.net, BCELoss(), w.x, w.y[:, 0]), ShapeError, ("(n, 1)", "y[:, None]")),
    ErrorCase("no batches", lambda w: Batches(w.x[:0], w.y[:0]), DataError, ("no samples", "at least one")),
    # Models
    ErrorCase(
        "chain",
        lambda _: Sequential(Dense(2, 4), ReLU(), Dense(3, 1)),
        ShapeError,
        ("layer 2, Dense(3, 1)", "(3,)", "got (4,)", "change one of the two"),
    ),
    ErrorCase("twice, nested", lambda w: Sequential(w.net, w.net[:1]), StateError, ("layer 1", "twice", "of its own")),
    ErrorCase("twice", lambda w: Sequential(w.net[0], w.net[0]), StateError, ("layer 1, Dense(2, 3)", "layer 0")),
    ErrorCase("too early", lambda w: Sequential(Dense(2, 1)).backward(w.y), StateError, ("backward before", "forward")),
    ErrorCase("a layer too early", lambda w: ReLU().backward(w.y), StateError, ("ReLU()", "call forward first")),
    ErrorCase("grad", lambda w: w.net.backward(w.x), ShapeError, ("dL/dy", "(6, 2)", "(6, 1)")),
    ErrorCase("sizes", lambda _: Dense(0, 1), HyperparameterError, ("inputs", "a positive integer", "got 0")),
    ErrorCase("dtype", lambda w: w.net.astype(int), HyperparameterError, ("float32 or float64", "int")),
    ErrorCase("value", lambda w: set_value(w), ShapeError, ("(3, 2)", "(2, 3)")),
    ErrorCase("no numbers", lambda _: Parameter(["a"]), DataError, ("real numbers", "<U1")),
    ErrorCase("state", lambda w: w.net.load_state({}), StateError, ("lacks", "0.weight", "2.0.bias")),
    # Optimizers
    ErrorCase("lr", lambda w: SGD(w.net.parameters(), 0.0), HyperparameterError, ("SGD: lr", "above 0", "got 0.0")),
    ErrorCase("lr NaN", lambda w: SGD(w.net.parameters(), np.nan), HyperparameterError, ("finite", "got nan")),
    ErrorCase(
        "lr later", lambda w: setattr(w.optimizer, "lr", -1), HyperparameterError, ("Momentum: lr", "above 0", "got -1")
    ),
    ErrorCase(
        "momentum",
        lambda w: setattr(w.optimizer, "momentum", 1),
        HyperparameterError,
        ("Momentum: momentum", "at least 0 and below 1", "got 1"),
    ),
    ErrorCase("nothing", lambda _: SGD(ReLU().parameters(), 0.1), HyperparameterError, ("no parameters", "layer that")),
    ErrorCase("model", lambda w: SGD(w.net, 0.1), HyperparameterError, ("model.parameters()", "got Sequential")),  # type: ignore[arg-type]
    ErrorCase(
        "another's",
        lambda w: Trainer(Dense(2, 1), MSELoss(), w.optimizer),
        StateError,
        ("Dense does not have", "parameters() of what is trained"),
    ),
    ErrorCase("packed", step_after(lambda model: Sequential(model, Dense(1, 1))), StateError, MOVED),
    ErrorCase("turned", step_after(lambda model: model.astype(np.float32)), StateError, MOVED),
    ErrorCase("moved", stale, StateError, MOVED),
    ErrorCase("slots", lambda w: w.optimizer.load_state({}), StateError, ("Momentum keeps", "velocity", "nothing")),
    # Objectives, training, data sets
    ErrorCase("theta", lambda w: w.valley.gradient([1.0]), ShapeError, ("(1,)", "(2,)")),
    ErrorCase("matrix", lambda _: Quadratic([[1, 2]]), ShapeError, ("square", "(1, 2)")),
    ErrorCase("no bowl", lambda _: Quadratic([[-1.0]]), HyperparameterError, ("symmetric", "positive eigenvalues")),
    ErrorCase("valley of one", lambda _: Rosenbrock([1.0]), ShapeError, ("at least two", "got 1")),
    ErrorCase("epochs", lambda w: w.trainer.fit(w.x, w.y, epochs=-1), HyperparameterError, ("epochs", "got -1")),
    ErrorCase("batch", lambda w: w.trainer.fit(w.x, w.y, batch_size=0), HyperparameterError, ("batch_size", "got 0")),
    ErrorCase("steps", lambda w: minimize(w.valley, w.descent, -1), HyperparameterError, ("steps", "got -1")),
    ErrorCase("noise", lambda _: make_xor(4, noise=-1.0), HyperparameterError, ("noise", "at least 0", "got -1")),
    ErrorCase("divergence", diverge, DivergenceError, ("finite at step", "smaller learning rate", "data")),
    ErrorCase("start", lambda _: start_at_nan(), DivergenceError, ("not finite at the start", "somewhere else")),
    # Checks
    ErrorCase("gradient", lambda w: check_gradients(WrongScale(), w.x), GradientError, ("WrongScale",)),
    ErrorCase("contract", lambda w: check_gradients(Layer(), w.x), ContractError, ("Layer", "forward")),
]


def as_float32(w: World) -> None:
    Sequential(Dense(2, 1), dtype=np.float32)(w.with_x(1e200))


def set_value(w: World) -> None:
    layer: Any = w.net[0]
    layer.weight.value = np.ones((3, 2))


def start_at_nan() -> None:
    nowhere = FunctionObjective(lambda _: np.nan, lambda t: t, [1.0])
    minimize(nowhere, SGD(nowhere.parameters(), 0.1), 3)


def helps_and_changes_nothing(case: ErrorCase) -> None:
    """Assert that the error has the type and the words it should, and that the world goes on as before."""
    world = World()
    losses = list(world.trainer.history.loss)
    watched = (world.net, world.optimizer, world.valley, world.descent)
    with unchanged(*watched), pytest.raises(case.error) as caught:
        case.provoke(world)
    assert type(caught.value) is case.error
    for words in case.words:
        assert words in str(caught.value)
    assert world.trainer.history.loss == losses
    world.trainer.fit(world.x, world.y)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_errors_help_and_change_nothing(case: ErrorCase) -> None:
    helps_and_changes_nothing(case)


NOT_RAISED_YET = {"CheckpointError"}


def test_every_public_error_is_in_the_table_and_is_what_a_caller_expects() -> None:
    public = {name for name in minidl.__all__ if name.endswith("Error")} - {"MinidlError"}
    assert {case.error.__name__ for case in CASES} == public - NOT_RAISED_YET
    builtin = {
        ShapeError: ValueError,
        DataError: ValueError,
        HyperparameterError: ValueError,
        StateError: RuntimeError,
        DivergenceError: ArithmeticError,
        GradientError: AssertionError,
        ContractError: AssertionError,
    }
    for error, parent in builtin.items():
        assert issubclass(error, MinidlError)
        assert issubclass(error, parent)
