"""Whole numbers and lengths: what they may be, at every door where one is asked for."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import (
    SGD,
    BatchNorm,
    Checkpoint,
    Dense,
    EarlyStopping,
    EmpiricalRisk,
    HyperparameterError,
    LayerNorm,
    MSELoss,
    Quadratic,
    ShapeError,
    Trainer,
    make_blobs,
    make_xor,
    metrics,
    minimize,
    schedules,
)
from minidl.arguments import same_length, whole_number
from minidl.data import Batches
from minidl.plotting import gradient_flow, plot_decision_boundary, plot_network, plot_schedule
from minidl.typing import Array
from tests.plotting.helpers import axes

X, Y = np.zeros((5, 2)), np.zeros((5, 1))


def trainer() -> Trainer:
    model = Dense(2, 1, rng=0)
    return Trainer(model, MSELoss(), SGD(model.parameters(), 0.1))


def descend(*, steps: Any = 3, **options: Any) -> object:
    bowl = Quadratic([[1.0]])
    return minimize(bowl, SGD(bowl.parameters(), 0.1), steps, **options)


class Door(NamedTuple):
    """Where a whole number is asked for."""

    name: str
    least: int
    enter: Callable[[Any], object]


DOORS = [
    Door("Dense: inputs", 1, lambda n: Dense(n, 2)),
    Door("Dense: outputs", 1, lambda n: Dense(2, n)),
    Door("BatchNorm: features", 1, BatchNorm),
    Door("LayerNorm: features", 1, LayerNorm),
    Door("batch_size", 1, lambda n: Dense(2, 1).predict(X, batch_size=n)),
    Door("batch_size", 1, lambda n: Batches(X, Y, batch_size=n)),
    Door("batch_size", 1, lambda n: trainer().fit(X, Y, batch_size=n)),
    Door("batch_size", 1, lambda n: trainer().evaluate(X, Y, batch_size=n)),
    Door("epochs", 0, lambda n: trainer().fit(X, Y, epochs=n)),
    Door("accumulate", 1, lambda n: trainer().fit(X, Y, accumulate=n, batch_size=2)),
    Door("Checkpoint: every_steps", 1, lambda n: Checkpoint("run.npz", every_steps=n)),
    Door("Checkpoint: every_epochs", 1, lambda n: Checkpoint("run.npz", every_epochs=n)),
    Door("EarlyStopping: patience", 1, lambda n: EarlyStopping(patience=n)),
    Door("steps", 0, lambda n: descend(steps=n)),
    Door("patience", 1, lambda n: descend(patience=n)),
    Door("max_period", 2, lambda n: descend(max_period=n)),
    Door("every", 1, schedules.step_decay),
    Door("steps", 1, schedules.cosine),
    Door("steps", 1, schedules.linear_warmup),
    Door("steps", 3, lambda n: schedules.one_cycle(n, rise=0.5)),
    Door("n_samples", 1, make_xor),
    Door("n_samples", 1, make_blobs),
    Door("centers", 1, lambda n: make_blobs(9, centers=n)),
    Door("n_features", 1, lambda n: make_blobs(9, n_features=n)),
    Door("classes", 1, lambda n: metrics.confusion_matrix([0], [0], classes=n)),
    Door("steps", 1, lambda n: plot_schedule(schedules.constant(), n, axes())),
    Door("max_units", 3, lambda n: plot_network(Dense(2, 1), axes(), max_units=n)),
]


@pytest.mark.parametrize("door", DOORS, ids=[f"{index} {door.name}" for index, door in enumerate(DOORS)])
def test_what_is_no_whole_number_or_too_small_is_refused(door: Door) -> None:
    for wrong in (door.least - 1, -1, 2.5, float(door.least + 1), "3", True, np.bool_(True), np.nan, np.inf, [3]):
        if not (door.name == "centers" and isinstance(wrong, list)):  # these may be an array, too
            with pytest.raises(HyperparameterError) as caught:
                door.enter(wrong)
            assert str(caught.value) == f"{door.name} must be an integer of at least {door.least}, got {wrong!r}"
    door.enter(np.int32(door.least))


@pytest.mark.parametrize("border", [1.5, "1", True, -1])
def test_borders_of_a_sequence_are_whole_numbers(border: Any) -> None:
    with pytest.raises(HyperparameterError, match="a border must be an integer of at least 0, got "):
        schedules.sequence([schedules.constant(), schedules.constant()], [border])


@given(st.integers(-5, 5), st.integers(-5, 5), st.sampled_from([int, np.int8, np.int64]))
def test_whole_numbers(number: int, least: int, kind: Callable[[int], Any]) -> None:
    if number < least:
        with pytest.raises(HyperparameterError, match=f"^n must be an integer of at least {least}, got "):
            whole_number("n", kind(number), least)
    else:
        found = whole_number("n", kind(number), least)
        assert (found, type(found)) == (number, int)


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
def test_inputs_and_targets_are_as_many(take: Callable[[Array, Array], object]) -> None:
    take(X, Y)
    for x, y in ((X, Y[:4]), (X[:1], Y)):
        with pytest.raises(ShapeError) as caught:
            take(x, y)
        assert str(caught.value) == f"x has {len(x)} samples but y has {len(y)}; each input needs its target"


def test_of_which_data() -> None:
    with pytest.raises(ShapeError, match=r"^validation x has 5 samples but y has 1; each input needs its target$"):
        same_length(X, Y[:1], "validation ")
