"""Stopping when a metric no longer improves."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Any, Literal

from minidl.arguments import hyperparameter, whole_number
from minidl.errors import HyperparameterError, StateError
from minidl.run import Callback, Run

__all__ = ["EarlyStopping"]


class EarlyStopping(Callback):
    """Stops a run when a metric has not improved for `patience` epochs, and restores the best parameters and buffers.

    Each fit has its own best value, because the next may be on other data. A resumed fit continues with that of its
    file.

    Args:
        monitor: the name of the metric, such as "validation_loss".
        patience: how many epochs without improvement end the run.
        min_delta: the smallest change that counts as an improvement.
        mode: whether a lower value ("min") or a higher one ("max") is better.

    Attributes:
        best: the best value of the latest fit, infinite before its first epoch.
        best_epoch: the epoch of the best value, counted from 1 over all fits. 0 means there is none yet.

    Raises:
        HyperparameterError: arguments out of range.
        StateError: a metric that the run does not measure. The message lists those that it measures.

    >>> from minidl import Dense, MSELoss, SGD, Trainer
    >>> model, stopping = Dense(1, 1, rng=0), EarlyStopping("loss", patience=2, min_delta=0.1)
    >>> trainer = Trainer(model, MSELoss(), SGD(model.parameters(), lr=0.1), callbacks=[stopping])
    >>> trainer.fit([[0.0], [1.0]], [[1.0], [3.0]], epochs=100).reason
    'loss has not improved for 2 epochs; back to epoch 7'
    """

    changes_parameters = True
    min_delta: float = hyperparameter(at_least=0.0)

    def __init__(
        self,
        monitor: str = "validation_loss",
        *,
        patience: int = 10,
        min_delta: float = 0.0,
        mode: Literal["min", "max"] = "min",
    ) -> None:
        if mode not in ("min", "max"):
            raise HyperparameterError(f'EarlyStopping: mode must be "min" or "max", got {mode!r}')
        self.monitor, self.min_delta, self.mode = monitor, min_delta, mode
        self.patience = whole_number("EarlyStopping: patience", patience, 1)
        self._forget()
        self.begin = 0

    def _forget(self) -> None:
        self.best, self.best_epoch = inf if self.mode == "min" else -inf, 0
        self.best_state: dict[str, Any] | None = None

    def on_fit_begin(self, run: Run) -> None:
        self._forget()
        self.begin = run.epoch

    def on_epoch_end(self, run: Run) -> None:
        if self.monitor not in run.metrics:
            hint = "; pass validation= to fit" if self.monitor.startswith("validation_") else ""
            raise StateError(
                f"EarlyStopping watches {self.monitor!r}, but the run measures "
                f"{', '.join(run.metrics) or 'nothing'}{hint}"
            )
        value = run.metrics[self.monitor]
        gain = self.best - value if self.mode == "min" else value - self.best
        if gain > self.min_delta:
            self.best, self.best_epoch, self.best_state = value, run.epoch, run.model.state()
        elif run.epoch - max(self.best_epoch, self.begin) >= self.patience:
            back = f"; back to epoch {self.best_epoch}" if self.best_state is not None else ""
            run.stop(f"{self.monitor} has not improved for {self.patience} epochs{back}")

    def on_fit_end(self, run: Run) -> None:
        if self.best_state is not None:
            run.model.load_state(self.best_state)

    def state(self) -> dict[str, Any]:
        best = {f"best_state.{name}": value for name, value in (self.best_state or {}).items()}
        watches = f"{self.monitor} ({self.mode})"
        return {"watches": watches, "best": self.best, "best_epoch": self.best_epoch, "begin": self.begin, **best}

    def load_state(self, state: Mapping[str, Any]) -> None:
        if state["watches"] != (watches := f"{self.monitor} ({self.mode})"):
            raise StateError(f"EarlyStopping watched {state['watches']}, but should watch {watches} now")
        self.best, self.best_epoch, self.begin = float(state["best"]), int(state["best_epoch"]), int(state["begin"])
        prefix = "best_state."
        best = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
        self.best_state = best or None
