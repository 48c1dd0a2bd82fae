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
    stopping = EarlyStopping("measure", **{"mode": "min", **options})
    trainer, script = train(model, values, stopping)
    assert len(trainer.history.loss) == (stopped_after or len(values))
    patience, ran_out = options["patience"], f"all {len(values)} epochs are done"
    cause = f"measure has not improved for {patience} epochs" if stopped_after else ran_out
    back = f"{cause}; back to epoch {best}"
    assert trainer.history.reason == (back if best < len(trainer.history.loss) else None)
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
    model, stopping, script = network(), EarlyStopping("measure", mode="min"), Script([1.0, 2.0, 3.0])
    trainer = make_trainer(model, script, stopping, At("on_epoch_end", 3, fails))
    with pytest.raises(KeyError):
        trainer.fit(*data(), epochs=3)
    assert bits(*model.state().values()) == bits(*script.states[0].values())


def test_state_round_trip() -> None:
    model, stopping = network(), EarlyStopping("measure", mode="min")
    train(model, [1.0, 2.0, 3.0], stopping)
    other = EarlyStopping("measure", mode="min")
    assert other.state() == {"watches": "measure (min)", "best": np.inf, "best_epoch": 0, "begin": 0}
    other.load_state(stopping.state())
    assert (other.best, other.best_epoch) == (1.0, 1)
    assert other.best_state is not None
    assert bits(*other.best_state.values()) == bits(*model.state().values())
    assert other.best_state.keys() == model.state().keys()
    new = {"watches": "measure (min)", "best": np.array(2.0), "best_epoch": np.array(3), "begin": np.array(1)}
    other.load_state(new)
    assert (type(other.best), type(other.best_epoch), type(other.begin)) == (float, int, int)
    other.load_state(EarlyStopping("measure", mode="min").state())
    assert other.best_state is None


@pytest.mark.parametrize("saved", [EarlyStopping(), EarlyStopping("measure", mode="max")])
def test_the_best_of_another_metric_is_refused(saved: EarlyStopping) -> None:
    stopping = EarlyStopping("measure", mode="min")
    before = stopping.state()
    with pytest.raises(StateError, match=r"EarlyStopping watched .* \(m..\), but should watch measure \(min\) now"):
        stopping.load_state(saved.state())
    assert stopping.state() == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        *(({"patience": wrong}, "patience must be a positive integer") for wrong in (0, 2.5, "3", True, None)),
        *(({"min_delta": wrong}, "min_delta must be a finite number") for wrong in (-0.1, np.nan, np.inf, "0", None)),
        *(({"mode": wrong}, 'mode must be "auto", "min" or "max"') for wrong in ("best", None, 1)),
        *(({"restore": wrong}, "restore must be True or False") for wrong in ("no", 0)),
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
    trainer, _ = train(network(), [1.0, nan, nan, nan, nan], EarlyStopping("measure", mode="min", patience=2), epochs=2)
    assert trainer.history.reason == "all 2 epochs are done; back to epoch 1"
    trainer.fit(*data(), epochs=3)
    assert len(trainer.history.loss) == 4
    assert trainer.history.reason == "measure has not improved for 2 epochs"


def test_a_resumed_fit_restores_a_best_from_before_the_break(tmp_path: Path) -> None:
    def make(*callbacks: Callback) -> tuple[Trainer, EarlyStopping]:
        stopping = EarlyStopping("measure", mode="min")
        return make_trainer(network(), Script([3.0, 1.0, 2.0, 2.5]), stopping, *callbacks), stopping

    make(Checkpoint(tmp_path / "run.npz"))[0].fit(*data(), epochs=3)
    (whole, _), (resumed, stopping) = make(), make()
    resumed.fit(*data(), epochs=1)  # a best of another fit, which the file's replaces
    whole.fit(*data(), epochs=4)
    resumed.fit(*data(), epochs=4, resume_from=tmp_path / "run.npz")
    assert (stopping.best, stopping.best_epoch) == (1.0, 2)
    assert bits(*resumed.model.state().values()) == bits(*whole.model.state().values())


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        *((name, "min") for name in ("loss", "validation_loss", "training_log_loss", "validation_error", "logloss")),
        *((name, "min") for name in ("validation_mae", "MSE", "rmse", "validation-loss", "accuracy_error")),
        *((name, "max") for name in ("accuracy", "validation_accuracy", "validation_binary_accuracy", "loss_accuracy")),
        *((name, "max") for name in ("validation_r2", "validation_F1", "roc auc", "top5_acc", "precision", "recall")),
    ],
)
def test_the_direction_of_a_metric_is_known_by_its_name(name: str, mode: str) -> None:
    assert EarlyStopping(name).mode == mode
    assert EarlyStopping(name, mode="min").mode == "min"
    assert EarlyStopping(name, mode="max").mode == "max"


@pytest.mark.parametrize("name", ["validation_measure", "inaccuracy", "validation_r22", "f1_at", "lossless", ""])
def test_a_direction_that_is_not_known_must_be_given(name: str) -> None:
    words = rf'whether {name!r} should fall or rise is not known; pass mode="min" or mode="max"'
    with pytest.raises(HyperparameterError, match=words):
        EarlyStopping(name)
    assert EarlyStopping(name, mode="max").best == -np.inf


def test_the_epoch_of_the_best_accuracy_is_restored() -> None:
    """Without a mode."""

    def accuracy(prediction: Any, target: Any) -> float:
        return float(np.mean((prediction > 0.5) == (target > 0.5)))

    stopping = EarlyStopping("validation_accuracy", patience=20)
    trainer = make_trainer(network(seed=3), stopping, lr=0.3)
    history = trainer.fit(*data(20), epochs=60, validation=data(40, seed=2), metrics={"accuracy": accuracy})
    values = history.epochs["validation_accuracy"]
    assert min(values) < max(values) == stopping.best == values[stopping.best_epoch - 1]
    assert trainer.evaluate(*data(40, seed=2), {"accuracy": accuracy})["accuracy"] == max(values)


def test_by_the_loss_it_stops_and_restores_nothing() -> None:
    """The loss of an epoch was measured before its steps, so it says nothing about the parameters after them."""
    model, stopping = network(), EarlyStopping("loss", patience=2)
    trainer = make_trainer(model, stopping, lr=100.0)
    history = trainer.fit(*data(), epochs=50, on_divergence="stop")
    assert history.reason == "loss has not improved for 2 epochs"
    assert stopping.best == min(history.epochs["loss"])
    whole = make_trainer(network(), lr=100.0)
    whole.fit(*data(), epochs=len(history.loss), on_divergence="stop")
    assert bits(*model.state().values()) == bits(*whole.model.state().values())
    with pytest.raises(HyperparameterError, match=r'"loss" is measured before .* monitor "training_loss" and pass'):
        EarlyStopping("loss", restore=True)


def test_by_the_training_loss_it_restores_what_was_measured() -> None:
    model, stopping = network(), EarlyStopping("training_loss", patience=3)
    trainer = make_trainer(model, stopping, lr=1.7)
    history = trainer.fit(*data(), epochs=50, training_loss=True)
    assert history.reason is not None
    assert trainer.evaluate(*data())["loss"] == min(history.epochs["training_loss"]) == stopping.best


def test_it_stops_without_restoring_if_asked_to() -> None:
    model = network()
    trainer, script = train(
        model, [1.0, 2.0, 3.0, 4.0], EarlyStopping("measure", mode="min", patience=2, restore=False)
    )
    assert trainer.history.reason == "measure has not improved for 2 epochs"
    assert bits(*model.state().values()) == bits(*script.states[-1].values())


def test_the_name_of_a_metric_is_a_string() -> None:
    monitor: Any = abs
    with pytest.raises(TypeError, match="EarlyStopping: monitor must be of type str"):
        EarlyStopping(monitor)
