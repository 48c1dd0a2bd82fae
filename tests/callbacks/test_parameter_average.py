"""The average of the parameters: by hand, given and taken back, and that a run does not notice it."""

from typing import Any

import numpy as np
import pytest

from minidl import (
    SGD,
    BatchNorm,
    Callback,
    Dense,
    HyperparameterError,
    Momentum,
    MSELoss,
    ParameterAverage,
    Quadratic,
    RecordPath,
    Run,
    Sequential,
    StateError,
    Trainer,
    minimize,
)
from minidl.typing import Array
from tests.helpers import bits, unchanged
from tests.training.test_trainer import data, network


def make(model: Any, *callbacks: Callback) -> Trainer:
    return Trainer(model, MSELoss(), Momentum(model.parameters(), 0.1), callbacks)


def by_hand(points: list[Array], decay: float) -> Array:
    """The weighted mean of all points, the latest of which counts most."""
    weights = decay ** np.arange(len(points))[::-1]
    return np.asarray((weights / weights.sum()) @ np.array(points))


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.9, 0.999, 0.99999])
def test_it_is_the_weighted_mean_of_the_parameters_after_each_step(decay: float) -> None:
    path, average = RecordPath(), ParameterAverage(decay)
    make(network(), path, average).fit(*data(), epochs=30, batch_size=4, rng=0)
    assert average.average is not None
    assert average.steps == 60
    np.testing.assert_allclose(average.average, by_hand(path.points[1:], decay), rtol=1e-9)
    if decay == 0.0:
        assert bits(average.average) == bits(path.points[-1])


def test_after_the_first_step_it_is_the_parameters_and_then_as_in_the_formula() -> None:
    bowl, average, path = Quadratic([[1.0]], start=[8.0]), ParameterAverage(0.75), RecordPath()
    assert average.average is None
    seen: list[float] = []

    class Reads(Callback):
        def on_step_end(self, run: Run) -> None:
            assert average.average is not None
            seen.append(float(average.average[0]))

    minimize(bowl, SGD(bowl.parameters(), 0.5), 3, [path, average, Reads()])
    a = 4.0
    assert seen[0] == a
    for t, theta in ((2, 2.0), (3, 1.0)):
        a += (1 - 0.75) / (1 - 0.75**t) * (theta - a)
        assert seen[t - 1] == pytest.approx(a, rel=1e-14)


def test_late_steps_move_it_by_the_plain_formula() -> None:
    average = ParameterAverage(0.9)
    trainer = make(network(), average)
    trainer.fit(*data(), epochs=400)
    assert average.average is not None
    before = average.average.copy()
    trainer.fit(*data(), epochs=1)
    theta = trainer.model.parameters().value
    np.testing.assert_allclose(average.average, 0.9 * before + 0.1 * theta, rtol=1e-12)


def test_the_default_decay() -> None:
    assert ParameterAverage().decay == 0.999
    assert type(ParameterAverage(np.float32(0.5)).decay) is float  # type: ignore[arg-type]


@pytest.mark.parametrize("decay", [-0.1, 1.0, float("nan"), float("inf")])
def test_a_decay_out_of_range_is_refused(decay: float) -> None:
    with pytest.raises(HyperparameterError, match="decay must be a finite number, at least 0 and below 1, got"):
        ParameterAverage(decay)


def test_a_second_fit_goes_on() -> None:
    path, average = RecordPath(), ParameterAverage(0.9)
    trainer = make(network(), path, average)
    trainer.fit(*data(), epochs=5)
    trainer.fit(*data(), epochs=7)
    assert average.average is not None
    np.testing.assert_allclose(average.average, by_hand(path.points[1:], 0.9), rtol=1e-12)
    assert average.steps == 12


def test_the_run_does_not_notice() -> None:
    runs = []
    for callbacks in ([], [ParameterAverage(0.5)]):
        model = network()
        history = make(model, *callbacks).fit(*data(), epochs=5, batch_size=3, rng=0)
        runs.append((history.loss, bits(model.parameters().value, model.parameters().grad)))
    assert runs[0] == runs[1]


def test_float32_stays() -> None:
    model, average, path = network().astype(np.float32), ParameterAverage(0.9), RecordPath()
    make(model, average, path).fit(*data(), epochs=20)
    assert average.average is not None
    assert average.average.dtype == np.float32
    np.testing.assert_allclose(average.average, by_hand(path.points[1:], 0.9), rtol=1e-4)
    with average.applied(model):
        assert model.dtype == np.float32
        assert bits(model.parameters().value) == bits(average.average)


def trained(model: Any) -> ParameterAverage:
    average = ParameterAverage(0.9)
    make(model, average).fit(*data(), epochs=10)
    return average


def test_applied_inside_the_block_and_undone_after_it() -> None:
    model = network()
    average = trained(model)
    assert average.average is not None
    kept = average.average.copy()
    own = model.predict(data()[0])
    with unchanged(model):
        with average.applied(model):
            assert bits(model.parameters().value) == bits(kept)
            assert not np.array_equal(model.predict(data()[0]), own)
            model.parameters().value[:] = 0.0
        assert bits(average.average) == bits(kept)
    assert bits(model.predict(data()[0])) == bits(own)


def test_undone_also_after_an_error() -> None:
    model = network()
    average = trained(model)
    with unchanged(model), pytest.raises(KeyError), average.applied(model):
        raise KeyError


def test_applied_during_a_run_leaves_the_run_alone() -> None:
    class Measures(Callback):
        def on_epoch_end(self, run: Run) -> None:
            with average.applied(run.model):
                run.metrics["averaged"] = float(run.model.parameters().value.sum())

    losses = []
    for callbacks in ([], [average := ParameterAverage(0.5), Measures()]):
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
    for other in (Dense(2, 1, rng=0), network().astype(np.float32)):
        with (
            unchanged(other),
            pytest.raises(StateError, match=r"average is of 17 parameters in float64, the model has \d+ in float"),
            average.applied(other),
        ):
            raise AssertionError
    with unchanged(model), pytest.raises(StateError, match="the model has 3 in float64; make a new ParameterAverage"):
        make(Dense(2, 1, rng=0), average).fit(*data())
    model.astype(np.float32)
    with unchanged(model), pytest.raises(StateError, match="in float64, the model has 17 in float32"):
        make(model, average).fit(*data())
    assert average.steps == 10


def test_parameters_that_move_during_a_run_are_noticed() -> None:
    class Moves(Callback):
        def on_step_end(self, run: Run) -> None:
            Sequential(Dense(2, 2), run.model).parameters()  # type: ignore[arg-type]

    average = ParameterAverage()
    with pytest.raises(StateError, match="the parameters have moved"):
        make(network(), Moves(), average).fit(*data())
    assert average.average is None


def test_a_model_that_has_become_part_of_a_larger_one_can_be_given_the_average() -> None:
    model = network()
    average = trained(model)
    larger = Sequential(Dense(2, 2), model, rng=None)
    parameters = larger.parameters()
    with unchanged(larger):
        with average.applied(model):
            assert average.average is not None
            assert bits(parameters.value[6:]) == bits(average.average)
        assert not parameters.moved


def test_a_model_that_becomes_part_of_a_larger_one_meanwhile_has_its_own_back() -> None:
    model = network()
    average = trained(model)
    own = bits(model.parameters().value)
    with average.applied(model):
        larger = Sequential(Dense(2, 2), model)
        larger.parameters()
    assert bits(larger.parameters().value[6:]) == own
