"""Stopping when a metric no longer improves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minidl.arguments import flag, hyperparameter, whole_number
from minidl.callbacks.monitor import Direction, Monitor
from minidl.errors import HyperparameterError
from minidl.run import Callback, Run

__all__ = ["EarlyStopping"]


class EarlyStopping(Callback):
    """Stops a run when a metric has not improved for `patience` epochs, and restores the best parameters and buffers.

    It restores them however the fit ends. If all epochs are taken first, the reason of the history says so.

    Each fit has its own best value, because the next may be on other data. A resumed fit continues with that of its
    file.

    Args:
        monitor: the name of the metric, such as "validation_loss". "loss" stops a run as well, but is measured before
            each step, so no parameters belong to it and none are restored. "training_loss" is measured after the epoch.
        patience: how many epochs without improvement end the run.
        min_delta: the smallest change that counts as an improvement.
        mode: whether a lower value ("min") or a higher one ("max") is better. "auto" knows it for names that end in
            loss, error, mae, mse or rmse, and in accuracy, acc, auc, f1, precision, recall or r2.
        restore: whether to restore the best. None means yes, unless monitor is "loss".

    Attributes:
        best: the best value of the latest fit, infinite before its first epoch.
        best_epoch: the epoch of the best value, counted from 1 over all fits. 0 means there is none yet.

    Raises:
        HyperparameterError: arguments out of range, a name whose direction is not known, "loss" with ``restore=True``.
        StateError: a metric that the run does not measure. The message lists those that it measures. It is raised when
            the fit begins, unless a callback may add the metric; see `Callback.adds`.

    >>> from minidl import Dense, MSELoss, SGD, Trainer
    >>> model, stopping = Dense(1, 1, rng=0), EarlyStopping("training_loss", patience=2, min_delta=0.1)
    >>> trainer = Trainer(model, MSELoss(), SGD(model.parameters(), lr=0.1), callbacks=[stopping])
    >>> trainer.fit([[0.0], [1.0]], [[1.0], [3.0]], epochs=100, training_loss=True).reason
    'training_loss has not improved for 2 epochs; back to epoch 6'
    """

    changes_parameters = True
    min_delta: float = hyperparameter(at_least=0.0)
    adds = ()

    def __init__(
        self,
        monitor: str = "validation_loss",
        *,
        patience: int = 10,
        min_delta: float = 0.0,
        mode: Direction = "auto",
        restore: bool | None = None,
    ) -> None:
        self._monitor = Monitor("EarlyStopping", monitor, mode)
        if restore and monitor == "loss":
            raise HyperparameterError(
                'EarlyStopping: "loss" is measured before each step, so no parameters belong to it; to restore the '
                'best, monitor "training_loss" and pass training_loss=True to fit'
            )
        self.monitor, self.mode, self.min_delta = monitor, self._monitor.mode, min_delta
        self.patience = whole_number("EarlyStopping: patience", patience, 1)
        self.restore = monitor != "loss" if restore is None else flag("EarlyStopping: restore", restore)
        self.begin, self._running = 0, False
        self.reset()

    def reset(self) -> None:
        self.best, self.best_epoch = self._monitor.worst, 0
        self.best_state: dict[str, Any] | None = None

    def on_fit_begin(self, run: Run) -> None:
        self.reset()
        self.begin, self._running = run.epoch, True
        self._monitor.check(run)

    def on_epoch_end(self, run: Run) -> None:
        value = self._monitor.value(run)
        if self._monitor.gain(value, self.best) > self.min_delta:
            self.best, self.best_epoch = value, run.epoch
            self.best_state = run.model.state() if self.restore else None
        elif run.epoch - max(self.best_epoch, self.begin) >= self.patience:
            run.stop(f"{self.monitor} has not improved for {self.patience} epochs{self._back()}")

    def on_fit_end(self, run: Run) -> None:
        if self._running and self.best_state is not None:
            run.model.load_state(self.best_state)
            if self.best_epoch < run.epoch == run.epochs:
                run.ending = f"all {run.epoch} epochs are done{self._back()}"  # no reason to end a longer run
        self._running = False

    def _back(self) -> str:
        """The part of a reason that says which epoch is restored, if one is."""
        return f"; back to epoch {self.best_epoch}" if self.best_state is not None else ""

    def state(self) -> dict[str, Any]:
        best = {f"best_state.{name}": value for name, value in (self.best_state or {}).items()}
        watches = str(self._monitor)
        return {"watches": watches, "best": self.best, "best_epoch": self.best_epoch, "begin": self.begin, **best}

    def load_state(self, state: Mapping[str, Any]) -> None:
        self._monitor.check_saved(state["watches"])
        self.best, self.best_epoch, self.begin = float(state["best"]), int(state["best_epoch"]), int(state["begin"])
        prefix = "best_state."
        best = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
        self.best_state = best if best and self.restore else None
