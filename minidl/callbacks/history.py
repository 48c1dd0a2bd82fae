"""What a run records: its losses, and the points that it visits."""

from __future__ import annotations

from collections.abc import Mapping
from math import nan
from typing import Any

import numpy as np

from minidl.notebook import chart
from minidl.run import Callback, Run
from minidl.typing import Array

__all__ = ["History", "RecordPath", "losses_of_epochs"]


class History(Callback):
    """Records the losses and metrics of a run. Every run has one, notified before all other callbacks.

    Attributes:
        loss: the loss of each step, before its update.
        epochs: name -> one value per epoch, such as "loss" (the mean over the epoch's steps) and "validation_loss".
            All lists have one value per epoch. NaN marks an epoch in which this was not measured.
        reason: why the latest run stopped early, or the epoch to which it went back after its last one. None otherwise.
    """

    adds = ()
    running = False  # whether the run goes on

    def __init__(self) -> None:
        self.reset()

    def on_fit_begin(self, run: Run) -> None:
        self.running = True

    def on_fit_end(self, run: Run) -> None:
        self.running = False

    def reset(self) -> None:
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
        if len(self.epochs) > len(run.metrics):
            for name in self.epochs.keys() - run.metrics.keys():
                self.epochs[name].append(nan)

    def state(self) -> dict[str, Any]:
        return {"loss": list(self.loss), "epochs": {name: list(values) for name, values in self.epochs.items()}}

    def load_state(self, state: Mapping[str, Any]) -> None:
        self.loss = list(state["loss"])
        self.epochs = {name: list(values) for name, values in state["epochs"].items()}

    def __repr__(self) -> str:
        last = f", last loss {self.loss[-1]:.6g}" if self.loss else ""
        return f"History({len(self.loss)} steps{last})"

    def _repr_html_(self) -> str | None:
        """The losses as a chart, for a notebook. None before the first step."""
        epochs = {name.replace("_", " "): self.epochs[name] for name in losses_of_epochs(self)}
        if epochs:
            return chart(repr(self), epochs, "epoch", "loss", first=1)
        return chart(repr(self), {"loss": self.loss}, "step", "loss") if self.loss else None


def losses_of_epochs(history: History) -> tuple[str, ...]:
    """The names of the losses that a chart of the epochs compares. None if nothing was validated."""
    names = [name for name in ("loss", "validation_loss") if np.isfinite(history.epochs.get(name, [])).any()]
    return tuple(names) if "validation_loss" in names else ()


class RecordPath(Callback):
    """Records every point that the parameters visit, over all fits of one trainer.

    Attributes:
        points: copies of the flat vector, before the first step and after each step.
        begin: the index of the point where the latest run began.
    """

    _theta: Array

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.points: list[Array] = []
        self.begin = 0

    def on_fit_begin(self, run: Run) -> None:
        self._theta = run.model.parameters().value
        if not self.points or not np.array_equal(self.points[-1], self._theta):
            self.points.append(self._theta.copy())
        self.begin = len(self.points) - 1

    def on_step_end(self, run: Run) -> None:
        self.points.append(self._theta.copy())

    def on_fit_end(self, run: Run) -> None:
        vars(self).pop("_theta", None)

    def state(self) -> dict[str, Any]:
        return {"points": np.array(self.points), "begin": self.begin}

    def load_state(self, state: Mapping[str, Any]) -> None:
        self.points, self.begin = list(state["points"]), int(state["begin"])
