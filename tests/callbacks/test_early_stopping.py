"""EarlyStopping: when a run stops, and what it restores."""

import re
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from minidl import (
    BatchNorm,
    Callback,
    Checkpoint,
    Dense,
    EarlyStopping,
    HyperparameterError,
    MSELoss,
    Run,
    Sequential,
    StateError,
    Trainer,
)
from tests.callbacks.recording import At, fails
from tests.helpers import bits
from tests.training.factories import data, make_trainer, network


class Script(Callback):
    """Has a metric follow a list, and records the model's state after each epoch."""

    def __init__(self, values: list[float]) -> None:
        self.values, self.states = values, list[dict[str, Any]]()

    def on_epoch_end(self, run: Run) -> None:
        run.metrics["measure"] = self.values[run.epoch - 1]
        self.states.append(run.model.state())


def train(
    model: Sequential, values: list[float], stopping: EarlyStopping, epochs: int | None = None
) -> tuple[Trainer, Script]:
    script = Script(values)
    trainer = make_trainer(model, script, stopping)
    trainer.fit(*data(), epochs=len(values) if epochs is None else epochs)
    return trainer, script


@pytest.mark.parametrize(
    ("values", "options", "stopped_after", "best"),
    [
        ([3.0, 2.0, 2.5, 2.6, 1.0], {"patience": 2}, 4, 2),
        ([3.0, 2.0, 2.5, 1.0, 1.1, 1.2], {"patience": 2}, 6, 4),
        ([3.0, 2.0, 2.0, 2.0], {"patience": 2}, 4, 2),
        ([1.0, 2.0, 0.5], {"patience": 1}, 2, 1),
        ([3.0, 2.0, 2.5, 0.5], {"patience": 2, "min_delta": 1.0}, 3, 1),
        ([3.0, 2.0, 1.9, 0.5], {"patience": 3, "min_delta": 1.0}, None, 4),
        ([1.0, 2.0, 1.5, 1.9], {"patience": 2, "mode": "max"}, 4, 2),
        ([1.0, 2.0, 3.0], {"patience": 1, "mode": "max"}, None, 3),
        ([3.0, 2.0, 2.5], {"patience": 2}, None, 2),
        ([1.0, float("nan"), float("nan")], {"patience": 2}, 3, 1),
    ],
)
def test_when_it_stops_and_what_it_restores(
    values: list[float], options: dict[str, Any], stopped_after: int | None, best: int
) -> None:
    model = Sequential(Dense(2, 3), BatchNorm(3), Dense(3, 1), rng=0)
    stopping = EarlyStopping("measure", **options)
    trainer, script = train(model, values, stopping)
    assert len(trainer.history.loss) == (stopped_after or len(values))
    reason = f"measure has not improved for {options['patience']} epochs; back to epoch {best}"
    assert trainer.history.reason == (reason if stopped_after else None)
    assert (stopping.best, stopping.best_epoch) == (values[best - 1], best)
    expected = script.states[best - 1]
    assert {"1.running_mean", "1.running_var"} <= expected.keys()
    assert bits(*model.state().values()) == bits(*expected.values())
    if best < len(script.states):
        assert bits(*script.states[-1].values()) != bits(*expected.values())


def test_it_watches_the_validation_loss_for_ten_epochs_by_default() -> None:
    model, stopping = network(), EarlyStopping()
    trainer = make_trainer(model, stopping)
    history = trainer.fit(*data(), epochs=400, validation=data(5, seed=9))
    losses = history.epochs["validation_loss"]
    assert len(losses) == 1 + int(np.argmin(losses)) + 10
    assert stopping.best == min(losses)
    assert MSELoss()(model.predict(data(5, seed=9)[0]), data(5, seed=9)[1]) == pytest.approx(min(losses), rel=1e-12)


def test_a_misspelt_metric_lists_those_that_exist() -> None:
    trainer = make_trainer(network(), EarlyStopping("val_loss"))
    with pytest.raises(StateError, match=r"watches 'val_loss', but the run measures loss, validation_loss$"):
        trainer.fit(*data(), validation=data())


def test_without_an_epoch_nothing_is_restored() -> None:
    model, stopping = network(), EarlyStopping("loss")
    before = bits(model.parameters().value)
    make_trainer(model, stopping).fit(*data(), epochs=0)
    assert bits(model.parameters().value) == before
    assert (stopping.best, stopping.best_epoch) == (np.inf, 0)
    assert EarlyStopping(mode="max").best == -np.inf


def test_the_best_is_restored_after_an_error_too() -> None:
    model, stopping, script = network(), EarlyStopping("measure"), Script([1.0, 2.0, 3.0])
    trainer = make_trainer(model, script, stopping, At("on_epoch_end", 3, fails))
    with pytest.raises(KeyError):
        trainer.fit(*data(), epochs=3)
    assert bits(*model.state().values()) == bits(*script.states[0].values())


def test_state_round_trip() -> None:
    model, stopping = network(), EarlyStopping("measure")
    train(model, [1.0, 2.0, 3.0], stopping)
    other = EarlyStopping("measure")
    assert other.state() == {"watches": "measure (min)", "best": np.inf, "best_epoch": 0, "begin": 0}
    other.load_state(stopping.state())
    assert (other.best, other.best_epoch) == (1.0, 1)
    assert other.best_state is not None
    assert bits(*other.best_state.values()) == bits(*model.state().values())
    assert other.best_state.keys() == model.state().keys()
    new = {"watches": "measure (min)", "best": np.array(2.0), "best_epoch": np.array(3), "begin": np.array(1)}
    other.load_state(new)
    assert (type(other.best), type(other.best_epoch), type(other.begin)) == (float, int, int)
    other.load_state(EarlyStopping("measure").state())
    assert other.best_state is None


@pytest.mark.parametrize("saved", [EarlyStopping(), EarlyStopping("measure", mode="max")])
def test_the_best_of_another_metric_is_refused(saved: EarlyStopping) -> None:
    stopping = EarlyStopping("measure")
    before = stopping.state()
    with pytest.raises(StateError, match=r"EarlyStopping watched .* \(m..\), but should watch measure \(min\) now"):
        stopping.load_state(saved.state())
    assert stopping.state() == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        *(({"patience": wrong}, "patience must be a positive integer") for wrong in (0, 2.5, "3", True, None)),
        *(({"min_delta": wrong}, "min_delta must be a finite number") for wrong in (-0.1, np.nan, np.inf, "0", None)),
        *(({"mode": wrong}, 'mode must be "min" or "max"') for wrong in ("best", None, 1)),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, Any], words: str) -> None:
    wrong = re.escape(repr(*options.values()))
    with pytest.raises(HyperparameterError, match=rf"^EarlyStopping: {words}.*, got {wrong}$"):
        EarlyStopping(**options)
    one: Any = np.int64(1)
    stopping = EarlyStopping(patience=one, min_delta=0)
    assert (stopping.patience, stopping.min_delta) == (1, 0.0)


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("later", [2.0, float("nan")])
def test_the_best_of_one_fit_is_not_that_of_the_next(mode: Literal["min", "max"], later: float) -> None:
    model, stopping = network(), EarlyStopping("measure", mode=mode)
    sign = 1.0 if mode == "min" else -1.0
    trainer, script = train(model, [sign * value for value in (0.1, 0.2, later, 1.5 * later)], stopping, epochs=2)
    trainer.fit(data()[0], -data()[1], epochs=2)
    found = later == 2.0
    assert (stopping.best, stopping.best_epoch) == ((sign * later, 3) if found else (sign * np.inf, 0))
    expected = script.states[2 if found else 3]  # without a best, the weights stay where they are
    assert bits(*model.state().values()) == bits(*expected.values())
    trainer.fit(*data(), epochs=0)
    assert (stopping.best, stopping.best_epoch) == (sign * np.inf, 0)
    assert bits(*model.state().values()) == bits(*expected.values())


def test_patience_counts_from_the_beginning_of_a_fit_that_has_no_best() -> None:
    nan = float("nan")
    trainer, _ = train(network(), [1.0, nan, nan, nan, nan], EarlyStopping("measure", patience=2), epochs=2)
    assert trainer.history.reason is None
    trainer.fit(*data(), epochs=3)
    assert len(trainer.history.loss) == 4
    assert trainer.history.reason == "measure has not improved for 2 epochs"


def test_a_resumed_fit_restores_a_best_from_before_the_break(tmp_path: Path) -> None:
    def make(*callbacks: Callback) -> tuple[Trainer, EarlyStopping]:
        stopping = EarlyStopping("measure")
        return make_trainer(network(), Script([3.0, 1.0, 2.0, 2.5]), stopping, *callbacks), stopping

    make(Checkpoint(tmp_path / "run.npz"))[0].fit(*data(), epochs=3)
    (whole, _), (resumed, stopping) = make(), make()
    resumed.fit(*data(), epochs=1)  # a best of another fit, which the file's replaces
    whole.fit(*data(), epochs=4)
    resumed.fit(*data(), epochs=4, resume_from=tmp_path / "run.npz")
    assert (stopping.best, stopping.best_epoch) == (1.0, 2)
    assert bits(*resumed.model.state().values()) == bits(*whole.model.state().values())
