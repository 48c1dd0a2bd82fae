"""Numbers, integers and lengths: what is accepted, at every entrance that takes one."""

from collections.abc import Callable
from fractions import Fraction
from math import inf, nan
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import (
    ELU,
    SGD,
    AdaDelta,
    BatchNorm,
    Checkpoint,
    CrossEntropyLoss,
    Dense,
    Dropout,
    EarlyStopping,
    EmpiricalRisk,
    Group,
    HuberLoss,
    HyperparameterError,
    LayerNorm,
    LeakyReLU,
    Momentum,
    MSELoss,
    Parameter,
    ParameterAverage,
    ProgressBar,
    Quadratic,
    ReduceOnPlateau,
    Schedule,
    ShapeError,
    Trainer,
    make_blobs,
    make_circles,
    make_moons,
    make_spirals,
    make_xor,
    metrics,
    minimize,
    schedules,
)
from minidl.arguments import number, whole_number
from minidl.batch import same_length
from minidl.batches import Batches
from minidl.optimizers.groups import FACTOR
from minidl.plotting import LivePlot, gradient_flow, plot_decision_boundary, plot_network, plot_schedule
from minidl.splitting import hold_out
from minidl.typing import Array
from tests.plotting.helpers import axes

X, Y = np.zeros((5, 2)), np.zeros((5, 1))


def trainer() -> Trainer:
    model = Dense(2, 1, rng=0)
    return Trainer(model, MSELoss(), SGD(model.parameters(), 0.1))


def descend(*, steps: Any = 3, **options: Any) -> object:
    bowl = Quadratic([[1.0]])
    return minimize(bowl, SGD(bowl.parameters(), 0.1), steps, **options)


class Entrance(NamedTuple):
    """A call that takes an integer, and the smallest one."""

    name: str
    least: int
    enter: Callable[[Any], object]


WHOLE = [
    Entrance("Dense: inputs", 1, lambda n: Dense(n, 2)),
    Entrance("Dense: outputs", 1, lambda n: Dense(2, n)),
    Entrance("BatchNorm: features", 1, BatchNorm),
    Entrance("LayerNorm: features", 1, LayerNorm),
    Entrance("batch_size", 1, lambda n: Dense(2, 1).predict(X, batch_size=n)),
    Entrance("batch_size", 1, lambda n: Batches(X, Y, batch_size=n)),
    Entrance("batch_size", 1, lambda n: trainer().fit(X, Y, batch_size=n)),
    Entrance("batch_size", 1, lambda n: trainer().evaluate(X, Y, batch_size=n)),
    Entrance("epochs", 0, lambda n: trainer().fit(X, Y, epochs=n)),
    Entrance("accumulate", 1, lambda n: trainer().fit(X, Y, accumulate=n, batch_size=2)),
    Entrance("Checkpoint: every_steps", 1, lambda n: Checkpoint("run.npz", every_steps=n)),
    Entrance("Checkpoint: every_epochs", 1, lambda n: Checkpoint("run.npz", every_epochs=n)),
    Entrance("EarlyStopping: patience", 1, lambda n: EarlyStopping(patience=n)),
    Entrance("Checkpoint: keep", 1, lambda n: Checkpoint("run.npz", best="validation_loss", keep=n)),
    Entrance("ParameterAverage: start", 0, lambda n: ParameterAverage(start=n)),
    Entrance("ReduceOnPlateau: patience", 1, lambda n: ReduceOnPlateau(patience=n)),
    Entrance("ReduceOnPlateau: cooldown", 0, lambda n: ReduceOnPlateau(cooldown=n)),
    Entrance("steps", 0, lambda n: descend(steps=n)),
    Entrance("patience", 1, lambda n: descend(patience=n)),
    Entrance("max_period", 2, lambda n: descend(max_period=n)),
    Entrance("every", 1, schedules.step_decay),
    Entrance("steps", 1, schedules.cosine),
    Entrance("steps", 1, schedules.cosine_restarts),
    Entrance("growth", 1, lambda n: schedules.cosine_restarts(2, growth=n)),
    Entrance("steps", 1, schedules.linear_warmup),
    Entrance("steps", 3, lambda n: schedules.one_cycle(n, rise=0.5)),
    Entrance("n_samples", 1, make_xor),
    Entrance("n_samples", 1, make_blobs),
    Entrance("centers", 1, lambda n: make_blobs(9, centers=n)),
    Entrance("n_features", 1, lambda n: make_blobs(9, n_features=n)),
    Entrance("classes", 1, lambda n: metrics.confusion_matrix([0], [0], classes=n)),
    Entrance("k", 1, lambda n: metrics.top_k_accuracy([[0.1, 0.9]], [0], k=n)),
    Entrance("steps", 1, lambda n: plot_schedule(schedules.constant(), n, axes())),
    Entrance("max_units", 3, lambda n: plot_network(Dense(2, 1), axes(), max_units=n)),
]


@pytest.mark.parametrize("entrance", WHOLE, ids=lambda entrance: entrance.name)
def test_only_integers_that_are_large_enough_are_accepted(entrance: Entrance) -> None:
    name, least, enter = entrance
    kind = "a positive integer" if least == 1 else f"an integer, at least {least}"
    for wrong in (least - 1, -1, 2.5, float(least + 1), "3", True, np.bool_(True), np.nan, np.inf, [3], 3j):
        if not (name == "centers" and isinstance(wrong, list)):  # these may be an array, too
            with pytest.raises(HyperparameterError) as caught:
                enter(wrong)
            assert str(caught.value) == f"{name} must be {kind}, got {wrong!r}"
    enter(np.int32(least))


class Interval(NamedTuple):
    """A call that takes a number, the words for its range, numbers just outside it and some inside."""

    name: str
    words: str
    outside: list[float]
    inside: list[float]
    enter: Callable[[Any], object]


SHARE = "a finite number, at least 0 and below 1", [-1e-9, 1.0, inf], [0, 0.5]
SHARE_OR_ALL = "a finite number, at least 0 and at most 1", [-1e-9, 1.1, inf], [0, 0.5, 1]
POSITIVE = "a finite number, above 0", [0.0, -1.0, inf], [1e-9, 7]
NOT_NEGATIVE = "a finite number, at least 0", [-1e-9, inf], [0, 7.5]
NOT_NEGATIVE_OR_INFINITE = "a number, at least 0", [-1e-9, -inf], [0, 7.5, inf]
POSITIVE_OR_INFINITE = "a number, above 0", [0.0, -inf], [1e-9, inf]


def clipped(**limits: Any) -> object:
    return SGD([Parameter([1.0])], 0.1).clip(**limits)


def scheduled(factor: Any) -> object:
    model = Dense(2, 1, rng=0)
    return Trainer(model, MSELoss(), SGD(model.parameters(), 0.1), [Schedule(lambda _: factor)]).fit(X, Y)


NUMBERS = [
    Interval("LeakyReLU: negative_slope", *SHARE, LeakyReLU),
    Interval("ELU: alpha", *POSITIVE, ELU),
    Interval("Dropout: p", *SHARE, Dropout),
    Interval("BatchNorm: eps", *POSITIVE, lambda n: BatchNorm(2, eps=n)),
    Interval("LayerNorm: eps", *POSITIVE, lambda n: LayerNorm(2, eps=n)),
    Interval(
        "BatchNorm: momentum",
        "a finite number, at least 0 and at most 1",
        [-1e-9, 1.1],
        [0, 1],
        lambda n: BatchNorm(2, momentum=n),
    ),
    Interval("HuberLoss: delta", *POSITIVE, HuberLoss),
    Interval("CrossEntropyLoss: label_smoothing", *SHARE, CrossEntropyLoss),
    Interval("SGD: lr", *POSITIVE, lambda n: SGD([Parameter([1.0])], n)),
    Interval("Momentum: momentum", *SHARE, lambda n: Momentum([Parameter([1.0])], 0.1, n)),
    Interval(
        FACTOR,
        *POSITIVE,
        lambda n: SGD([Group([Parameter([1.0])], n)], 0.1),
    ),
    Interval("clip: norm", *POSITIVE_OR_INFINITE, lambda n: clipped(norm=n)),
    Interval("clip: value", *POSITIVE_OR_INFINITE, lambda n: clipped(value=n)),
    Interval("factor", *NOT_NEGATIVE, schedules.constant),
    Interval("factor", *NOT_NEGATIVE, lambda n: schedules.step_decay(2, n)),
    Interval("factor", *NOT_NEGATIVE, schedules.exponential),
    Interval("end", *NOT_NEGATIVE, lambda n: schedules.cosine(2, n)),
    Interval("end", *NOT_NEGATIVE, lambda n: schedules.cosine_restarts(2, end=n)),
    Interval("penalize: l1", *NOT_NEGATIVE, lambda n: SGD([Parameter([1.0])], 0.1).penalize(l1=n)),
    Interval("AdaDelta: rho", *SHARE, lambda n: AdaDelta([Parameter([1.0])], rho=n)),
    Interval("start", *NOT_NEGATIVE, lambda n: schedules.linear_warmup(2, n)),
    Interval("start", *NOT_NEGATIVE, lambda n: schedules.one_cycle(9, start=n)),
    Interval("end", *NOT_NEGATIVE, lambda n: schedules.one_cycle(9, end=n)),
    Interval("rise", "a finite number", [inf, -inf], [0.5], lambda n: schedules.one_cycle(9, rise=n)),
    Interval("the schedule's factor at step 0", *NOT_NEGATIVE, scheduled),
    Interval("EarlyStopping: min_delta", *NOT_NEGATIVE, lambda n: EarlyStopping(min_delta=n)),
    Interval(
        "ReduceOnPlateau: factor",
        "a finite number, above 0 and below 1",
        [0.0, 1.0, inf],
        [0.1],
        lambda n: ReduceOnPlateau(factor=n),
    ),
    Interval("ReduceOnPlateau: min_lr", *NOT_NEGATIVE, lambda n: ReduceOnPlateau(min_lr=n)),
    Interval("ReduceOnPlateau: threshold", *NOT_NEGATIVE, lambda n: ReduceOnPlateau(threshold=n)),
    Interval("ParameterAverage: decay", *SHARE_OR_ALL, ParameterAverage),
    Interval("ProgressBar: interval", *NOT_NEGATIVE_OR_INFINITE, lambda n: ProgressBar(interval=n)),
    Interval("ProgressBar: log_interval", *NOT_NEGATIVE_OR_INFINITE, lambda n: ProgressBar(log_interval=n)),
    Interval("LivePlot: interval", *NOT_NEGATIVE_OR_INFINITE, lambda n: LivePlot(interval=n)),
    Interval("tolerance", *NOT_NEGATIVE_OR_INFINITE, lambda n: descend(tolerance=n)),
    Interval("cycle_tolerance", *NOT_NEGATIVE_OR_INFINITE, lambda n: descend(cycle_tolerance=n)),
    Interval("ceiling", *POSITIVE_OR_INFINITE, lambda n: descend(ceiling=n)),
    Interval("floor", "a number", [], [-inf, -1, 0.5, inf], lambda n: descend(floor=n)),
    Interval("noise", *NOT_NEGATIVE, lambda n: make_xor(4, noise=n)),
    Interval("noise", *NOT_NEGATIVE, lambda n: make_moons(4, noise=n)),
    Interval("noise", *NOT_NEGATIVE, lambda n: make_circles(4, noise=n)),
    Interval("noise", *NOT_NEGATIVE, lambda n: make_spirals(4, noise=n)),
    Interval("factor", *SHARE, lambda n: make_circles(4, factor=n)),
    Interval("turns", *POSITIVE, lambda n: make_spirals(4, turns=n)),
    Interval("cluster_std", *NOT_NEGATIVE, lambda n: make_blobs(4, cluster_std=n)),
    Interval("center_box", "a finite number", [inf], [0, 2.5], lambda n: make_blobs(4, center_box=(-1.0, n))),
    Interval(
        "the share of held-out data",
        SHARE[0].replace("at least", "above"),
        [0.0, 1.0],
        [0.5],
        lambda n: hold_out(len(X), n),
    ),
    Interval("threshold", "a number", [], [-inf, 0, 0.5], lambda n: metrics.binary_accuracy([0.5], [1], threshold=n)),
    Interval("lr", *POSITIVE, lambda n: plot_schedule(schedules.constant(), 3, axes(), lr=n)),
]
NOT_NUMBERS = [nan, None, "0.5", True, np.bool_(True), 0.5j, np.complex128(0.5), [0.5], np.array(0.5), np.array([0.5])]


@pytest.mark.parametrize("interval", NUMBERS, ids=lambda interval: interval.name)
def test_only_numbers_within_their_range_are_accepted(interval: Interval) -> None:
    name, words, outside, inside, enter = interval
    wrongs = [*outside, *NOT_NUMBERS, 10**400, -(10**400)]
    if name == "threshold":  # None means 0.5
        wrongs = [wrong for wrong in wrongs if wrong is not None]
    for wrong in wrongs:
        with pytest.raises(HyperparameterError) as caught:
            enter(wrong)
        assert str(caught.value).partition(";")[0] == f"{name} must be {words}, got {wrong!r:.80}"
    for right in inside:
        enter(right)
        enter(np.float64(right))


def test_numbers_become_python_floats() -> None:
    for value in (1, np.float32(1), np.int8(1), Fraction(1)):
        found = number("n", value)
        assert (found, type(found)) == (1.0, float)


@pytest.mark.parametrize("border", [1.5, "1", True, -1])
def test_borders_of_a_sequence_are_integers(border: Any) -> None:
    with pytest.raises(HyperparameterError, match="a border must be an integer, at least 0, got "):
        schedules.sequence([schedules.constant(), schedules.constant()], [border])


@given(st.integers(-5, 5), st.integers(-5, 5), st.sampled_from([int, np.int8, np.int64]))
def test_whole_numbers(value: int, least: int, kind: Callable[[int], Any]) -> None:
    if value < least:
        with pytest.raises(HyperparameterError, match=r"^n must be an? (positive )?integer"):
            whole_number("n", kind(value), least)
    else:
        found = whole_number("n", kind(value), least)
        assert (found, type(found)) == (value, int)


PAIRS: list[Callable[[Array, Array], object]] = [
    same_length,
    Batches,
    lambda x, y: trainer().fit(x, y),
    lambda x, y: trainer().evaluate(x, y),
    lambda x, y: EmpiricalRisk(Dense(2, 1), MSELoss(), x, y),
    lambda x, y: gradient_flow(Dense(2, 1), MSELoss(), x, y),
    lambda x, y: plot_decision_boundary(Dense(2, 1), x, y, axes()),
]


@pytest.mark.parametrize("take", PAIRS)
def test_inputs_and_targets_have_equal_lengths(take: Callable[[Array, Array], object]) -> None:
    take(X, Y)
    for x, y in ((X, Y[:4]), (X[:1], Y)):
        with pytest.raises(ShapeError) as caught:
            take(x, y)
        counts = f"x has {len(x)} samples but y has {len(y)}"
        assert str(caught.value) == f"{counts}; each input needs its target, got shapes {x.shape} and {y.shape}"


def test_what_was_passed_is_shown_on_one_line() -> None:
    with pytest.raises(HyperparameterError, match=r"got array\(\[\[1\., 0\.\], +\[0\., 1\.\]\]\)$"):
        number("p", np.eye(2))


def test_the_message_names_the_data() -> None:
    with pytest.raises(ShapeError, match=r"^validation x has 5 samples but y has 1; each input needs its target, got"):
        same_length(X, Y[:1], "validation ")
