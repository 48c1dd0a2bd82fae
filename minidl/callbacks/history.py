"""What a run records: its losses, and the points that it visits."""

from __future__ import annotations

from collections.abc import Mapping
from math import nan
from typing import Any

import numpy as np

from minidl.run import Callback, Run
from minidl.typing import Array

__all__ = ["History", "RecordPath"]


class History(Callback):
    """Records the losses and metrics of a run. Every run has one, notified before all other callbacks.

    Attributes:
        loss: the loss of each step, before its update.
        epochs: name -> one value per epoch, such as "loss" (the mean over the epoch's steps) and "validation_loss".
            NaN marks an epoch without a value, if a later epoch has one.
        reason: why the latest run stopped early, None if it did not.
    """

    def __init__(self) -> None:
        self.loss: list[float] = []
        self.epochs: dict[str, list[float]] = {}
        self.reason: str | None = None

    def on_step_end(self, run: Run) -> None:
        self.loss.append(run.loss)

    def on_epoch_end(self, run: Run) -> None:
        for name, value in run.metrics.items():
            values = self.epochs.setdefault(name, [])
            if len(values) < run.epoch - 1:
                values.extend([nan] * (run.epoch - 1 - len(values)))
            values.append(value)

    def state(self) -> dict[str, Any]:
        return {"loss": list(self.loss), "epochs": {name: list(values) for name, values in self.epochs.items()}}

    def load_state(self, state: Mapping[str, Any]) -> None:
        self.loss = list(state["loss"])
        self.epochs = {name: list(values) for name, values in state["epochs"].items()}

    def __repr__(self) -> str:
        last = f", last loss {self.loss[-1]:.6g}" if self.loss else ""
        return f"History({len(self.loss)} steps{last})"


class RecordPath(Callback):
    """Records every point that the parameters visit.

    Attributes:
        points: copies of the flat vector, before the first step and after each step.
        begin: the index of the point where the latest run began.
    """

    def __init__(self) -> None:
        self.points: list[Array] = []
        self.begin = 0

    def on_fit_begin(self, run: Run) -> None:
        self.theta = run.model.parameters().value
        if not self.points or not np.array_equal(self.points[-1], self.theta):
            self.points.append(self.theta.copy())
        self.begin = len(self.points) - 1

    def on_step_end(self, run: Run) -> None:
        self.points.append(self.theta.copy())

    def state(self) -> dict[str, Any]:
        return {"points": np.array(self.points), "begin": self.begin}

    def load_state(self, state: Mapping[str, Any]) -> None:
        self.points, self.begin = list(state["points"]), int(state["begin"])
