"""A learning rate that falls when a metric no longer improves."""

from __future__ import annotations

from collections.abc import Mapping
from math import isinf
from typing import Any

from minidl.arguments import hyperparameter, whole_number
from minidl.callbacks.monitor import Direction, Monitor
from minidl.callbacks.schedule import SMALLEST, Schedule
from minidl.errors import StateError
from minidl.run import Callback, Run

__all__ = ["ReduceOnPlateau"]


class ReduceOnPlateau(Callback):
    """``η ← max(factor · η, min_lr)`` when a metric has not improved for `patience` epochs.

    A value v improves on the best b if it is better by more than ``threshold · |b|``. After a reduction the count of
    epochs starts again, and `cooldown` epochs are not counted at all.

    `patience` counts as in Keras and in `EarlyStopping`: with 1, the first epoch without improvement reduces the rate.
    PyTorch's ``ReduceLROnPlateau`` waits for one epoch more, so its ``patience=4`` is 5 here. The optimizer keeps the
    reduced rate after the run. Each fit has its own best value, because the next may be on other data.

    Args:
        monitor: the name of the metric, such as "validation_loss" or "loss".
        factor: what a reduction multiplies the learning rate by, above 0 and below 1.
        patience: how many epochs without improvement reduce the rate.
        min_lr: the learning rate below which no reduction goes.
        threshold: the smallest relative change that counts as an improvement.
        cooldown: how many epochs after a reduction are not counted.
        mode: whether a lower value ("min") or a higher one ("max") is better. "auto" knows it for the names that
            `EarlyStopping` knows.

    Attributes:
        lr: the learning rate of each epoch so far.
        best: the best value of the latest fit, infinite before its first epoch.

    Raises:
        HyperparameterError: arguments out of range, a name whose direction is not known.
        StateError: a metric that the run does not measure, or a `Schedule` in the same run, which would set the rate of
            each step anyway.

    >>> from minidl import Dense, MSELoss, SGD, Trainer
    >>> model, reduce = Dense(1, 1, rng=0), ReduceOnPlateau("training_loss", factor=0.5, patience=2, threshold=0.3)
    >>> trainer = Trainer(model, MSELoss(), SGD(model.parameters(), lr=0.2), callbacks=[reduce])
    >>> history = trainer.fit([[0.0], [1.0]], [[1.0], [3.0]], epochs=9, training_loss=True)
    >>> reduce.lr[-2:], trainer.optimizer.lr
    ([0.2, 0.1], 0.1)
    """

    changes_optimizer = True
    adds = ()
    factor: float = hyperparameter(above=0.0, below=1.0)
    min_lr: float = hyperparameter(at_least=0.0)
    threshold: float = hyperparameter(at_least=0.0)

    def __init__(
        self,
        monitor: str = "validation_loss",
        *,
        factor: float = 0.1,
        patience: int = 10,
        min_lr: float = 0.0,
        threshold: float = 1e-4,
        cooldown: int = 0,
        mode: Direction = "auto",
    ) -> None:
        self._monitor = Monitor("ReduceOnPlateau", monitor, mode)
        self.factor, self.min_lr, self.threshold = factor, min_lr, threshold
        self.patience = whole_number("ReduceOnPlateau: patience", patience, 1)
        self.cooldown = whole_number("ReduceOnPlateau: cooldown", cooldown, 0)
        self.reset()

    def reset(self) -> None:
        self.lr: list[float] = []
        self._begin()

    def _begin(self) -> None:
        self.best, self.waited, self.cooling = self._monitor.worst, 0, 0

    def on_fit_begin(self, run: Run) -> None:
        self._begin()
        self._monitor.check(run)
        if any(isinstance(other, Schedule) for other in run.callbacks):
            raise StateError("ReduceOnPlateau and Schedule both set the learning rate; use one of them in a run")

    def on_epoch_end(self, run: Run) -> None:
        value = self._monitor.value(run)
        self.lr.append(run.optimizer.lr)
        gain = self._monitor.gain(value, self.best)
        if gain > (0.0 if isinf(self.best) else self.threshold * abs(self.best)):
            self.best, self.waited = value, 0
        else:
            self.waited += 1
        if self.cooling:
            self.cooling, self.waited = self.cooling - 1, 0
        if self.waited >= self.patience:
            lower = max(run.optimizer.lr * self.factor, self.min_lr, SMALLEST)
            run.optimizer.lr = min(run.optimizer.lr, lower)
            self.waited, self.cooling = 0, self.cooldown

    def state(self) -> dict[str, Any]:
        counts = {"best": self.best, "waited": self.waited, "cooling": self.cooling}
        return {"watches": str(self._monitor), "lr": list(self.lr), **counts}

    def load_state(self, state: Mapping[str, Any]) -> None:
        self._monitor.check_saved(state["watches"])
        self.lr, self.best = [float(lr) for lr in state["lr"]], float(state["best"])
        self.waited, self.cooling = int(state["waited"]), int(state["cooling"])
