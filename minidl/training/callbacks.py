"""Callbacks: what happens beside the steps of a run."""

from __future__ import annotations

from collections.abc import Mapping
from math import nan
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from minidl.typing import Array

if TYPE_CHECKING:
    from minidl.training.run import Run

__all__ = ["Callback", "History", "RecordPath"]

EVENTS = ("on_fit_begin", "on_epoch_begin", "on_step_begin", "on_step_end", "on_epoch_end", "on_fit_end")


class Callback:
    """The base of callbacks: override the events that matter, in each of which the `Run` can be read or stopped.

    Raises:
        TypeError: when a class is defined with a method ``on_…`` that is no event.

    >>> class StopWhenGood(Callback):
    ...     def on_step_end(self, run):
    ...         if run.loss < 0.1:
    ...             run.stop("good enough")
    """

    overridden: ClassVar[frozenset[str]] = frozenset()

    last: ClassVar[bool] = False
    """Whether it is told of each event after all others, wherever it stands in the list."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        events = {name for name in dir(cls) if name.startswith("on_")}
        if unknown := events - set(EVENTS):
            raise TypeError(f"{cls.__name__} defines {', '.join(sorted(unknown))}; the events are {', '.join(EVENTS)}")
        cls.overridden = frozenset(name for name in events if getattr(cls, name) is not getattr(Callback, name))

    def on_fit_begin(self, run: Run) -> None:
        """Before the first epoch."""

    def on_epoch_begin(self, run: Run) -> None:
        """Before the first batch of an epoch."""

    def on_step_begin(self, run: Run) -> None:
        """Before the loss of a batch is computed."""

    def on_step_end(self, run: Run) -> None:
        """After the update; ``run.loss`` is the loss before it."""

    def on_epoch_end(self, run: Run) -> None:
        """After the last batch of an epoch; ``run.metrics`` holds what the epoch measured."""

    def on_fit_end(self, run: Run) -> None:
        """After the run, however it ended."""

    def state(self) -> dict[str, Any]:
        """What this callback needs to go on later: arrays, numbers and strings by name, asked after an event."""
        return {}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` gave.

        In a resumed run that is after `on_fit_begin`, and after `on_epoch_begin` if the state is from mid-epoch.
        """


class History(Callback):
    """Keeps the losses of a run; installed by itself, before all other callbacks.

    Attributes:
        loss: the loss at each step, before the step.
        epochs: name -> one value an epoch, such as "loss" (mean over the epoch's steps) and "validation_loss"; nan for
            epochs before one in which it was first measured.
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
        epochs = {f"epochs.{name}": np.array(values) for name, values in self.epochs.items()}
        return {"loss": np.array(self.loss), **epochs}

    def load_state(self, state: Mapping[str, Any]) -> None:
        self.loss = np.asarray(state["loss"]).tolist()
        self.epochs = {
            name.removeprefix("epochs."): np.asarray(values).tolist()
            for name, values in state.items()
            if name.startswith("epochs.")
        }

    def __repr__(self) -> str:
        last = f", last loss {self.loss[-1]:.6g}" if self.loss else ""
        return f"History({len(self.loss)} steps{last})"


class RecordPath(Callback):
    """Keeps every point that the parameters visit.

    Attributes:
        points: copies of the flat vector, before the first step and after each one.
        begin: index of the point where the latest run began.
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
