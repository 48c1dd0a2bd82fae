"""The table of errors goes on: further layers, losses, optimizers, schedules, metrics, data sets and callbacks."""

from collections.abc import Callable

import numpy as np
import pytest

from minidl import (
    ELU,
    SGD,
    Adam,
    BatchNorm,
    Callback,
    CrossEntropyLoss,
    DataError,
    Dense,
    Dropout,
    EarlyStopping,
    EmpiricalRisk,
    Group,
    HingeLoss,
    HuberLoss,
    HyperparameterError,
    LayerNorm,
    LeakyReLU,
    Lion,
    MinidlError,
    Residual,
    RMSProp,
    Schedule,
    Sequential,
    ShapeError,
    StateError,
    Trainer,
    make_blobs,
    make_circles,
    make_moons,
    make_spirals,
    metrics,
    schedules,
)
from minidl.typing import ArrayLike
from tests.test_errors import ErrorCase, World, helps_and_changes_nothing


def fit_classes(w: World, targets: ArrayLike, outputs: int = 3) -> None:
    model = Dense(2, outputs, rng=0)
    Trainer(model, CrossEntropyLoss(), SGD(model.parameters(), 0.1)).fit(w.x, targets)


def fit_with(callback: Callback) -> Callable[[World], object]:
    def provoke(w: World) -> None:
        model = Dense(2, 1, rng=0)
        Trainer(model, HuberLoss(), SGD(model.parameters(), 0.1), [callback]).fit(w.x, w.y)

    return provoke


def forget_buffer(_: World) -> None:
    norm = BatchNorm(2)
    norm.load_state({name: value for name, value in norm.state().items() if name != "running_var"})


def case(name: str, provoke: Callable[[World], object], error: type[MinidlError], *words: str) -> ErrorCase:
    return ErrorCase(name, provoke, error, words)


CASES = [
    # Layers
    case("slope", lambda _: LeakyReLU(1.5), HyperparameterError, "LeakyReLU: negative_slope", "below 1", "got 1.5"),
    case("alpha", lambda _: ELU(0.0), HyperparameterError, "ELU: alpha", "above 0", "got 0.0"),
    case("p", lambda _: Dropout(1.0), HyperparameterError, "Dropout: p", "at least 0 and below 1", "got 1.0"),
    case("features", lambda _: BatchNorm(0), HyperparameterError, "BatchNorm: features", "at least 1", "got 0"),
    case("eps", lambda _: LayerNorm(2, eps=0), HyperparameterError, "LayerNorm: eps", "above 0 and finite", "got 0"),
    case("average", lambda _: BatchNorm(2, momentum=2), HyperparameterError, "BatchNorm: momentum", "0 to 1", "got 2"),
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
    # Losses
    case("one-hot", lambda w: fit_classes(w, np.eye(3)[[0] * 6]), ShapeError, "(n,)", "3", "try y.argmax(axis=1)"),
    case("column", lambda w: fit_classes(w, w.y), ShapeError, "classes of shape (n,)", "try y[:, 0]"),
    case("class", lambda w: fit_classes(w, [0, 1, 2, 3, 1, 0]), DataError, "below 3", "3.0 at (3,)", "more outputs"),
    case("half a class", lambda w: fit_classes(w, [0.5] * 6), DataError, "classes, integers from 0", "0.5 at (0,)"),
    case(
        "no scores",
        lambda w: CrossEntropyLoss()(w.y[:, 0], w.y[:, 0]),
        ShapeError,
        "(n, k)",
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
    case("smoothing", lambda _: CrossEntropyLoss(1.0), HyperparameterError, "label_smoothing", "below 1", "got 1.0"),
    case("delta", lambda _: HuberLoss(0.0), HyperparameterError, "HuberLoss: delta", "above 0", "got 0.0"),
    case("signs", lambda w: HingeLoss()(w.y, w.y), DataError, "targets must be -1 or 1", "0.0 at", "2 * y - 1"),
    # Optimizers
    case(
        "decay", lambda w: SGD(w.net.parameters(), 0.1, weight_decay=-1), HyperparameterError, "SGD: weight_decay", "-1"
    ),
    case("beta", lambda w: Adam(w.net.parameters(), beta1=1.0), HyperparameterError, "Adam: beta1", "below 1", "got 1"),
    case("beta of Lion", lambda w: Lion(w.net.parameters(), beta2=-1), HyperparameterError, "Lion: beta2", "got -1"),
    case("alpha of RMSProp", lambda w: RMSProp(w.net.parameters(), alpha=1), HyperparameterError, "RMSProp: alpha"),
    case("eps of Adam", lambda w: Adam(w.net.parameters(), eps=0), HyperparameterError, "Adam: eps", "above 0"),
    case("clip", lambda w: w.optimizer.clip(norm=0.0), HyperparameterError, "bounds of gradients", "norm=0.0"),
    case(
        "factor",
        lambda w: SGD([Group(w.net.parameters(), 0.0)], 0.1),
        HyperparameterError,
        "factor of a group",
        "got 0.0",
    ),
    case(
        "groups and parameters",
        lambda w: SGD([Group(w.net[0].parameters()), *w.net[2].parameters()], 0.1),
        HyperparameterError,
        "model.parameters(), a list of Parameters or a list of Groups",
        "list of Group, Parameter",
    ),
    case(
        "in two groups",
        lambda w: SGD([Group(w.net.parameters()), Group(w.net[0].parameters())], 0.1),
        StateError,
        "in two places",
        "of its own",
    ),
    # Schedules, callbacks and fit
    case("no steps", lambda _: schedules.cosine(0), HyperparameterError, "steps must be", "at least 1", "got 0"),
    case("rise", lambda _: schedules.one_cycle(9, rise=1), HyperparameterError, "rise must leave steps", "got 1 of 9"),
    case(
        "borders",
        lambda _: schedules.sequence([schedules.constant()] * 2, []),
        HyperparameterError,
        "2 schedules need 1 borders",
        "got []",
    ),
    case("negative rate", fit_with(Schedule(lambda _: -1.0)), StateError, "factor -1.0 at step 0", "at least 0"),
    case("monitor", fit_with(EarlyStopping("acc")), StateError, "watches 'acc'", "the run measures loss"),
    case("patience", lambda _: EarlyStopping(patience=0), HyperparameterError, "patience", "at least 1", "got 0"),
    case(
        "metrics alone",
        lambda w: w.trainer.fit(w.x, w.y, metrics={"accuracy": metrics.accuracy}),
        HyperparameterError,
        "measured where a loss is",
        "validation=(x, y)",
    ),
    case(
        "bad validation data",
        lambda w: w.trainer.fit(w.x, w.y, validation=(w.x[:, :1], w.y)),
        ShapeError,
        "layer 0, Dense(2, 3)",
        "(1,)",
    ),
    # Metrics and data sets
    case("no classes", lambda _: metrics.accuracy([[0.7]], [1]), DataError, "prediction", "0.7", "use binary_accuracy"),
    case("lengths", lambda _: metrics.accuracy([0, 1], [1]), ShapeError, "2 predictions but 1 targets"),
    case("two columns", lambda _: metrics.binary_accuracy([[0, 1]], [1]), ShapeError, "(n, 1)", "(1, 2)"),
    case("third class", lambda _: metrics.binary_accuracy([0.5], [2]), DataError, "0 and 1", "got 2", "use accuracy"),
    case("too few classes", lambda _: metrics.confusion_matrix([2], [0], classes=2), DataError, "class 2", "0 to 1"),
    case("no variance", lambda _: metrics.r2([1.0, 2.0], [3.0, 3.0]), DataError, "not defined", "all the same"),
    case("no moons", lambda _: make_moons(0), HyperparameterError, "n_samples", "at least 1", "got 0"),
    case("circle in circle", lambda _: make_circles(factor=1), HyperparameterError, "factor", "below 1", "got 1"),
    case("turns", lambda _: make_spirals(turns=0), HyperparameterError, "turns", "above 0", "got 0"),
    case("centers", lambda _: make_blobs(centers=[1.0]), ShapeError, "centers", "(k, d)", "(1,)"),
    case("spread", lambda _: make_blobs(cluster_std=-1), HyperparameterError, "cluster_std", "at least 0", "got -1"),
]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_errors_help_and_change_nothing(case: ErrorCase) -> None:
    helps_and_changes_nothing(case)
