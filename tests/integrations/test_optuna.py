"""Trials that Optuna prunes, as its own study records them."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import Callback, Checkpoint, EarlyStopping, HyperparameterError, Run, Schedule, StateError, schedules
from minidl.checking import check_callback
from minidl.integrations import OptunaPruning
from tests.callbacks.recording import At
from tests.helpers import bits
from tests.integrations.packages import real
from tests.training.factories import data, make_trainer, mean_error, network

optuna = real("optuna")

FIT: dict[str, Any] = {"batch_size": 3, "validation": data(5), "metrics": {"accuracy": mean_error}, "rng": 0}


@pytest.fixture(autouse=True)
def silent() -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)


def study(**options: Any) -> Any:
    """A study that prunes a trial as soon as its metric is 0.6 or more."""
    return optuna.create_study(pruner=optuna.pruners.ThresholdPruner(upper=0.6), **options)


class Sets(Callback):
    """Sets the validation loss of each epoch."""

    def __init__(self, *values: float) -> None:
        self.values = values

    def on_epoch_end(self, run: Run) -> None:
        run.metrics["validation_loss"] = self.values[run.epoch - 1]


def test_a_study_records_each_epoch_and_prunes_the_trial() -> None:
    def objective(trial: Any) -> float:
        values = (0.5, 0.4, 0.9, 0.1) if trial.number == 0 else (0.5, 0.4, 0.3, 0.2)
        trainer = make_trainer(network(), Sets(*values), OptunaPruning(trial))
        return trainer.fit(*data(), epochs=4).epochs["loss"][-1]

    trials = study()
    trials.optimize(objective, n_trials=2)
    pruned, complete = trials.trials
    assert pruned.state is optuna.trial.TrialState.PRUNED
    assert pruned.intermediate_values == {1: 0.5, 2: 0.4, 3: 0.9}
    assert complete.state is optuna.trial.TrialState.COMPLETE
    assert complete.intermediate_values == {1: 0.5, 2: 0.4, 3: 0.3, 4: 0.2}


def test_a_validation_loss_that_is_measured_reaches_the_study() -> None:
    trial = optuna.create_study().ask()
    history = make_trainer(network(), OptunaPruning(trial)).fit(*data(), epochs=3, **FIT)
    (recorded,) = trial.study.trials
    assert list(recorded.intermediate_values.values()) == history.epochs["validation_loss"]


def pruned_fit(*callbacks: Callback, **options: Any) -> Any:
    """Prune a trial in the second of four epochs, and return its trainer."""
    trial = study().ask()
    trainer = make_trainer(network(), Sets(0.4, 0.9), OptunaPruning(trial), *callbacks)
    with pytest.raises(optuna.TrialPruned, match="Optuna pruned the trial at epoch 2"):
        trainer.fit(*data(), epochs=4, batch_size=3, rng=0, **options)
    return trainer


def test_a_pruned_fit_ends_like_one_that_a_callback_stops(tmp_path: Path) -> None:
    checkpoint, at = tmp_path / "run.npz", At()
    trainer = pruned_fit(at, Schedule(schedules.step_decay(1, 0.5)), Checkpoint(checkpoint))
    other = make_trainer(network())
    other.callbacks = [Schedule(schedules.step_decay(1, 0.5))]
    other.fit(*data(), epochs=2, batch_size=3, rng=0)
    assert trainer.history.loss == other.history.loss
    assert trainer.history.reason == "Optuna pruned the trial at epoch 2"
    assert bits(trainer.model.parameters().value) == bits(other.model.parameters().value)
    assert trainer.optimizer.lr == 0.1
    assert at.events[-2:] == [("on_epoch_end", 2, 6), ("on_fit_end", 2, 6)]
    assert bits(minidl.load(checkpoint).parameters().value) == bits(other.model.parameters().value)
    trainer.callbacks = []
    trainer.fit(*data(), epochs=1)  # it can go on
    assert np.isfinite(trainer.history.loss).all()


def test_the_best_weights_are_restored_in_any_order() -> None:
    best = make_trainer(network())
    best.fit(*data(), epochs=1, batch_size=3, rng=0)
    assert bits(pruned_fit(EarlyStopping()).model.parameters().value) == bits(best.model.parameters().value)


def test_the_callback_serves_another_fit_after_a_pruned_one() -> None:
    trainer = pruned_fit()
    callback = trainer.callbacks[1]
    callback.trial = study().ask()
    trainer.callbacks = [Sets(0.4, 0.9, 0.5), callback]
    trainer.fit(*data(), epochs=1)
    assert trainer.history.reason is None


def test_a_metric_against_the_direction_of_the_study_is_refused() -> None:
    with pytest.raises(HyperparameterError, match=r"does not minimize, .*create_study\(direction=\"minimize\"\)"):
        OptunaPruning(study(direction="maximize").ask())
    with pytest.raises(HyperparameterError, match="the study does not maximize, but 'validation_accuracy'"):
        OptunaPruning(study().ask(), "validation_accuracy")
    OptunaPruning(study(direction="maximize").ask(), "validation_accuracy")
    OptunaPruning(study(direction="maximize").ask(), "validation_something")
    OptunaPruning(optuna.trial.FixedTrial({}), "validation_accuracy")
    with pytest.raises(HyperparameterError, match="several objectives"):
        OptunaPruning(optuna.create_study(directions=["minimize", "minimize"]).ask())


def test_what_cannot_be_watched_is_refused() -> None:
    with pytest.raises(TypeError, match="trial must be what Optuna passes to the objective"):
        OptunaPruning(study())
    with pytest.raises(StateError, match=r"OptunaPruning watches 'validation_loss', .* pass validation= to fit"):
        make_trainer(network(), OptunaPruning(study().ask())).fit(*data())


@pytest.mark.filterwarnings("ignore:The reported value is ignored")  # of a second fit for one trial
def test_its_contract() -> None:
    check_callback(lambda: OptunaPruning(optuna.create_study().ask()))
    check_callback(lambda: OptunaPruning(optuna.trial.FixedTrial({}), "validation_accuracy"), **FIT | {"batch_size": 4})


def test_without_the_package_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    trial = study().ask()
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ImportError, match=r'pip install "minidl\[optuna\]"'):
        OptunaPruning(trial)
