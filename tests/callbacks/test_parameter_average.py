"""The average of the parameters: by hand, given and taken back, and that a run does not notice it."""

from contextlib import suppress
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from minidl import (
    SGD,
    BatchNorm,
    Dense,
    HyperparameterError,
    MinidlWarning,
    Momentum,
    ParameterAverage,
    Quadratic,
    RecordPath,
    Run,
    Sequential,
    StateError,
    minimize,
)
from minidl.typing import Array
from tests.callbacks.recording import Hooks, resume, tell
from tests.helpers import bits, unchanged
from tests.training.factories import data, make_trainer, network

make = partial(make_trainer, optimizer=Momentum)


def value(average: ParameterAverage) -> Array:
    assert average.average is not None
    return average.average


def by_hand(points: list[Array], decay: float) -> Array:
    """The weighted mean of all points, the latest of which counts most."""
    weights = decay ** np.arange(len(points))[::-1]
    return np.asarray((weights / weights.sum()) @ np.array(points))


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.9, 0.999, 0.99999])
def test_it_is_the_weighted_mean_of_the_parameters_after_each_step_of_all_fits(decay: float) -> None:
    path, average = RecordPath(), ParameterAverage(decay)
    trainer = make(network(), path, average)
    for epochs in (10, 20):
        trainer.fit(*data(), epochs=epochs, batch_size=4, rng=0)
    assert average.steps == 60
    np.testing.assert_allclose(value(average), by_hand(path.points[1:], decay), rtol=1e-9)
    if decay == 0.0:
        assert bits(value(average)) == bits(path.points[-1])


def test_after_the_first_step_it_is_the_parameters_and_then_as_in_the_formula() -> None:
    bowl, average = Quadratic([[1.0]], start=[8.0]), ParameterAverage(0.75)
    assert average.average is None
    seen: list[float] = []
    read = Hooks(on_step_end=lambda _: seen.append(float(value(average)[0])))
    minimize(bowl, SGD(bowl.parameters(), 0.5), 3, [average, read])
    a = 4.0
    assert seen[0] == a
    for t, theta in ((2, 2.0), (3, 1.0)):
        a += (1 - 0.75) / (1 - 0.75**t) * (theta - a)
        assert seen[t - 1] == pytest.approx(a, rel=1e-14)


def test_late_steps_move_it_by_the_plain_formula() -> None:
    average = ParameterAverage(0.9)
    trainer = make(network(), average)
    trainer.fit(*data(), epochs=400)
    before = value(average).copy()
    trainer.fit(*data(), epochs=1)
    theta = trainer.model.parameters().value
    np.testing.assert_allclose(value(average), 0.9 * before + 0.1 * theta, rtol=1e-12)


def test_the_default_decay() -> None:
    assert ParameterAverage().decay == 0.999
    assert type(ParameterAverage(np.float32(0.5)).decay) is float  # type: ignore[arg-type]


@pytest.mark.parametrize("decay", [-0.1, 1.1, float("nan"), float("inf")])
def test_a_decay_out_of_range_is_refused(decay: float) -> None:
    with pytest.raises(HyperparameterError, match="decay must be a finite number, at least 0 and at most 1, got"):
        ParameterAverage(decay)


def test_the_run_does_not_notice() -> None:
    runs = []
    for callbacks in ([], [ParameterAverage(0.5)]):
        model = network()
        history = make(model, *callbacks).fit(*data(), epochs=5, batch_size=3, rng=0)
        runs.append((history.loss, bits(model.parameters().value, model.parameters().grad)))
    assert runs[0] == runs[1]


def test_a_float32_model_stays_and_its_average_is_float64() -> None:
    model, average, path = network().astype(np.float32), ParameterAverage(0.9), RecordPath()
    make(model, average, path).fit(*data(), epochs=20)
    assert value(average).dtype == np.float64
    np.testing.assert_allclose(value(average), by_hand(path.points[1:], 0.9), rtol=1e-12)
    with average.applied(model):
        assert model.dtype == np.float32
        assert bits(model.parameters().value) == bits(value(average).astype(np.float32))


def test_in_float32_it_keeps_moving_when_the_weight_of_a_new_step_is_tiny() -> None:
    theta, average = Quadratic([[1.0]]).astype(np.float32), ParameterAverage(1 - 1e-9)
    average.average, average.steps = np.array([1.0]), 10**11
    tell(average, run := SimpleNamespace(model=theta, step=1), "on_fit_begin")
    theta.parameters().value = [2.0]
    for _ in range(1000):
        tell(average, run, "on_step_end")
    assert value(average)[0] == pytest.approx(1 + 1e-6, abs=1e-9)
    restored = ParameterAverage(1 - 1e-9)
    restored.load_state({**average.state(), "average": value(average).astype(np.float32)})  # from an older file
    assert value(restored).dtype == np.float64


def trained(model: Any) -> ParameterAverage:
    average = ParameterAverage(0.9)
    make(model, average).fit(*data(), epochs=10)
    return average


def test_applied_inside_the_block_and_undone_after_it_even_after_an_error() -> None:
    model = network()
    average = trained(model)
    kept = value(average).copy()
    own = model.predict(data()[0])
    with unchanged(model):
        with suppress(KeyError), average.applied(model):
            assert bits(model.parameters().value) == bits(kept)
            assert not np.array_equal(model.predict(data()[0]), own)
            model.parameters().value[:] = 0.0
            raise KeyError
        assert bits(value(average)) == bits(kept)
    assert bits(model.predict(data()[0])) == bits(own)


def test_applied_during_a_run_leaves_the_run_alone() -> None:
    def measure(run: Run) -> None:
        with average.applied(run.model):
            run.metrics["averaged"] = float(run.model.parameters().value.sum())

    losses = []
    for callbacks in ([], [average := ParameterAverage(0.5), Hooks(on_epoch_end=measure)]):
        losses.append(make(network(), *callbacks).fit(*data(), epochs=5).loss)
    assert losses[0] == losses[1]


def test_buffers_stay_the_models_own() -> None:
    model = Sequential(Dense(2, 3), BatchNorm(3), Dense(3, 1), rng=0)
    average = trained(model)
    before = model.state()
    with average.applied(model):
        inside = model.state()
    for name in ("1.running_mean", "1.running_var"):
        assert bits(inside[name]) == bits(before[name])
    assert bits(inside["0.weight"]) != bits(before["0.weight"])


def test_there_is_nothing_to_apply_before_a_step() -> None:
    model, average = network(), ParameterAverage()
    make(model, average).fit(*data(), epochs=0)
    with (
        unchanged(model),
        pytest.raises(StateError, match="no average before the first step"),
        average.applied(model),
    ):
        raise AssertionError


def test_a_model_that_it_does_not_fit_is_refused() -> None:
    model = network()
    average = trained(model)
    other = Dense(2, 1, rng=0)
    with (
        unchanged(other),
        pytest.raises(StateError, match="average has 17 parameters, the model has 3; create a new ParameterAverage"),
        average.applied(other),
    ):
        raise AssertionError
    loaded = ParameterAverage(average.decay)
    loaded.load_state(average.state())
    with unchanged(model), pytest.raises(StateError, match="the model has 3; create a new ParameterAverage"):
        make(Dense(2, 1, rng=0), loaded).fit(*data())
    assert loaded.steps == 10


def test_with_another_trainer_it_starts_again() -> None:
    average = trained(network())
    points = RecordPath()
    make(Dense(2, 1, rng=0), average, points).fit(*data(), epochs=3)
    assert average.steps == 3
    np.testing.assert_allclose(value(average), by_hand(points.points[1:], average.decay), rtol=1e-12)


def test_a_model_of_another_type_is_averaged_on() -> None:
    model = network()
    average = ParameterAverage(0.9)
    average.load_state(trained(model).state())
    model.astype(np.float32)
    make(model, average).fit(*data())
    assert average.steps == 11
    assert value(average).dtype == np.float64
    with average.applied(model):
        assert bits(model.parameters().value) == bits(value(average).astype(np.float32))


def test_parameters_that_move_during_a_run_are_noticed() -> None:
    def move(run: Run) -> None:
        Sequential(Dense(2, 2), run.model)  # type: ignore[arg-type]

    average = ParameterAverage()
    with pytest.raises(StateError, match="the parameters have moved"):
        make(network(), Hooks(on_step_end=move), average).fit(*data())
    assert average.average is None


def test_a_model_that_has_become_part_of_a_larger_one_can_be_given_the_average() -> None:
    model = network()
    average = trained(model)
    larger = Sequential(Dense(2, 2), model, rng=None)
    parameters = larger.parameters()
    with unchanged(larger):
        with average.applied(model):
            assert bits(parameters.value[6:]) == bits(value(average))
        assert not parameters.moved


def test_a_model_that_becomes_part_of_a_larger_one_meanwhile_has_its_own_back() -> None:
    model = network()
    average = trained(model)
    own = bits(model.parameters().value)
    with average.applied(model):
        larger = Sequential(Dense(2, 2), model)
        larger.parameters()
    assert bits(larger.parameters().value[6:]) == own


def test_a_second_fit_resumes_from_a_state() -> None:
    averages = []
    for breaks in (False, True):
        average = ParameterAverage(0.8)
        trainer = make(network(), average)
        trainer.fit(*data(), epochs=3)
        if breaks:
            state = average.state()
            average = ParameterAverage(0.8)
            resume(trainer, average, state)
        trainer.fit(*data(), epochs=3)
        averages.append((average.steps, bits(value(average))))
    assert averages[0] == averages[1]


def test_state_round_trip() -> None:
    empty = ParameterAverage()
    assert empty.state() == {"decay": 0.999, "steps": 0, "average": None}
    model = network()
    average = trained(model)
    state = average.state()
    make(model, average).fit(*data(), epochs=1)
    assert not np.array_equal(state["average"], value(average))
    before = state["average"].copy()
    other = ParameterAverage(0.9)
    other.load_state(state)
    assert (type(other.steps), other.steps) == (int, 10)
    with other.applied(model):
        assert bits(model.parameters().value) == bits(before)
    make(model, other).fit(*data(), epochs=1)
    assert bits(state["average"]) == bits(before)
    with pytest.warns(MinidlWarning, match=r"the saved average has decay=0\.999, which replaces 0\.9") as caught:
        other.load_state(empty.state())
    assert caught[0].filename == __file__
    assert (other.average, other.steps, other.decay) == (None, 0, 0.999)


def test_a_state_that_does_not_fit_changes_nothing() -> None:
    average, run = ParameterAverage(0.9), SimpleNamespace(model=network(seed=5))
    state = trained(network()).state()
    tell(average, run, "on_fit_begin")
    with pytest.raises(StateError, match="the average has 3 parameters, the model has 17"):
        average.load_state({"steps": 4, "average": np.zeros(3)})
    assert (average.average, average.steps) == (None, 0)
    average.load_state(state)
    assert average.steps == 10
    tell(average, run, "on_fit_end")
    average.load_state({"decay": np.float64(0.9), "steps": 4, "average": np.zeros(3)})  # of another model
    assert (average.steps, type(average.decay)) == (4, float)
