"""What is wrong with models, layers, parameters and losses."""

from typing import Any

import numpy as np

from minidl import (
    SGD,
    BatchNorm,
    CrossEntropyLoss,
    DataError,
    Dense,
    EmpiricalRisk,
    HingeLoss,
    HyperparameterError,
    LayerNorm,
    Parameter,
    ReLU,
    Residual,
    Sequential,
    ShapeError,
    StateError,
    Trainer,
)
from minidl.typing import ArrayLike
from tests.errors.world import World, case


def set_value(w: World) -> None:
    layer: Any = w.net[0]
    layer.weight.value = np.ones((3, 2))


def forget_buffer(_: World) -> None:
    norm = BatchNorm(2)
    norm.load_state({name: value for name, value in norm.state().items() if name != "running_var"})


def fit_classes(w: World, targets: ArrayLike, outputs: int = 3) -> None:
    model = Dense(2, outputs, rng=0)
    Trainer(model, CrossEntropyLoss(), SGD(model.parameters(), 0.1)).fit(w.x, targets)


CASES = [
    case(
        "chain",
        lambda _: Sequential(Dense(2, 4), ReLU(), Dense(3, 1)),
        ShapeError,
        "layer 2, Dense(3, 1)",
        "(3,)",
        "got (4,)",
        "change one of the two",
    ),
    case(
        "twice, nested",
        lambda w: Sequential(w.net, w.net[:1]),
        StateError,
        "Dense(2, 3) is in two places, '0.0' and '1.0'",
        "one for each place",
    ),
    case(
        "twice",
        lambda w: Sequential(w.net[0], w.net[0]),
        StateError,
        "Dense(2, 3) is in two places, '0' and '1'",
        "one for each place",
    ),
    case("too early", lambda w: Sequential(Dense(2, 1)).backward(w.y), StateError, "backward before", "forward"),
    case("a layer too early", lambda w: ReLU().backward(w.y), StateError, "ReLU()", "call forward first"),
    case("grad", lambda w: w.net.backward(w.x), ShapeError, "dL/dy", "(6, 2)", "(6, 1)"),
    case("sizes", lambda _: Dense(0, 1), HyperparameterError, "inputs", "a positive integer", "got 0"),
    case("dtype", lambda w: w.net.astype(int), HyperparameterError, "float32 or float64", "int"),
    case("value", lambda w: set_value(w), ShapeError, "(3, 2)", "(2, 3)"),
    case("no numbers", lambda _: Parameter(["a"]), DataError, "real numbers", "<U1"),
    case("state", lambda w: w.net.load_state({}), StateError, "lacks", "0.weight", "2.0.bias"),
    case(
        "normalised samples",
        lambda w: Sequential(LayerNorm(3))(w.x),
        ShapeError,
        "layer 0, LayerNorm(3)",
        "3 features on the last axis",
        "(2,)",
    ),
    case("chain of norm", lambda _: Sequential(Dense(2, 3), BatchNorm(4)), ShapeError, "layer 1, BatchNorm(4)", "(3,)"),
    case("residual", lambda w: Sequential(Residual(Dense(2, 1)))(w.x), ShapeError, "layer 0", "x and f(x)", "(2,)"),
    case("buffer", forget_buffer, StateError, "the state lacks running_var"),
    case("two-hot", lambda w: fit_classes(w, np.ones((6, 3))), DataError, "must sum to 1", "3.0 at (0,)"),
    case("column", lambda w: fit_classes(w, w.y), ShapeError, "classes of shape (n,)", "try y[:, 0]"),
    case("class", lambda w: fit_classes(w, [0, 1, 2, 3, 1, 0]), DataError, "below 3", "3 at (3,)", "more outputs"),
    case("half a class", lambda w: fit_classes(w, [0.5] * 6), DataError, "classes, integers from 0", "0.5 at (0,)"),
    case(
        "no scores",
        lambda w: CrossEntropyLoss()(w.y[:, 0], w.y[:, 0]),
        ShapeError,
        "(n, …, k)",
        "(6,)",
        "Dense(…, k) missing",
    ),
    case(
        "risk of classes",
        lambda w: EmpiricalRisk(Dense(2, 2), CrossEntropyLoss(), w.x, w.y),
        ShapeError,
        "classes of shape (n,)",
        "try y[:, 0]",
    ),
    case("signs", lambda w: HingeLoss()(w.y, w.y), DataError, "targets must be -1 or 1", "0.0 at", "2 * y - 1"),
]
