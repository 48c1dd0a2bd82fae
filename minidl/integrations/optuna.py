"""Trials of Optuna that end early."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Literal

from minidl.arguments import got
from minidl.callbacks.monitor import Monitor
from minidl.errors import HyperparameterError
from minidl.run import Callback, Run

__all__ = ["OptunaPruning"]


class OptunaPruning(Callback):
    """Reports a metric to a trial of Optuna after each epoch, and ends the fit if the trial is to be pruned.

    The fit first stops as by any other callback: all callbacks see the end of the epoch, a `Checkpoint` is saved, and
    `EarlyStopping` restores the best weights. Then it raises ``optuna.TrialPruned``, which Optuna's study records.

    The epoch is Optuna's step. Optuna ignores a second report for the same step, so a trial should have one fit.

    Args:
        trial: what Optuna passes to the objective function.
        monitor: the name of the metric, such as "validation_loss". Optuna compares it with that of other trials, in the
            direction of the study.

    Raises:
        HyperparameterError: a metric that should fall in a study that maximizes, or the other way round. A study of
            several objectives, whose trials Optuna cannot prune.
        ImportError: the package optuna is not installed.
        StateError: when a fit begins, a metric that the run does not measure.
        TypeError: something that is not a trial.

    >>> import optuna  # doctest: +SKIP
    >>> def objective(trial):
    ...     optimizer = Adam(model.parameters(), lr=trial.suggest_float("lr", 1e-4, 1.0, log=True))
    ...     trainer = Trainer(model, loss, optimizer, callbacks=[OptunaPruning(trial)])
    ...     return trainer.fit(x, y, epochs=20, validation=0.2).epochs["validation_loss"][-1]
    >>> optuna.create_study().optimize(objective, n_trials=50)  # doctest: +SKIP
    """

    adds = ()

    def __init__(self, trial: Any, monitor: str = "validation_loss") -> None:
        _package()
        if not all(callable(getattr(trial, name, None)) for name in ("report", "should_prune")):
            raise TypeError(f"OptunaPruning: trial must be what Optuna passes to the objective, {got(trial)}")
        self.trial = trial
        self._monitor = Monitor("OptunaPruning", monitor, _direction(trial))
        natural = self._monitor.mode
        with suppress(HyperparameterError):  # some names do not say whether they should fall
            natural = Monitor("OptunaPruning", monitor).mode
        if natural != self._monitor.mode and hasattr(trial, "study"):
            right = {"min": "minimize", "max": "maximize"}[natural]
            raise HyperparameterError(
                f"OptunaPruning: the study does not {right}, but {monitor!r} is a metric to {right}; call "
                f'optuna.create_study(direction="{right}"), and return that metric from the objective'
            )
        self._pruned: str | None = None

    def on_fit_begin(self, run: Run) -> None:
        self._pruned = None
        self._monitor.check(run)

    def on_epoch_end(self, run: Run) -> None:
        self.trial.report(self._monitor.value(run), run.epoch)
        if self.trial.should_prune():
            self._pruned = f"Optuna pruned the trial at epoch {run.epoch}"
            run.stop(self._pruned)

    def on_fit_end(self, run: Run) -> None:
        # Only now, when no callback can miss an event. All others that end after this one are still notified.
        if self._pruned is not None:
            raise _package().TrialPruned(self._pruned)


def _direction(trial: Any) -> Literal["min", "max"]:
    """Whether the study prunes trials with a higher or a lower value. A trial without a study is never pruned."""
    directions = getattr(getattr(trial, "study", None), "directions", ())
    if len(directions) > 1:
        raise HyperparameterError("OptunaPruning: Optuna cannot prune trials of a study with several objectives")
    return "max" if any(direction.name == "MAXIMIZE" for direction in directions) else "min"


def _package() -> Any:
    try:
        import optuna
    except ImportError as error:
        raise ImportError('this needs the package optuna; pip install "minidl[optuna]"') from error
    return optuna
