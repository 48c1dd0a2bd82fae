"""Callbacks that record, fail and resume."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from minidl import Callback, Run, Trainer
from minidl.events import EVENTS


class Hooks(Callback):
    """Calls functions at events: ``Hooks(on_step_end=lambda run: losses.append(run.loss))``."""

    def __init__(self, *, last: bool = False, **functions: Callable[[Run], object]) -> None:
        assert functions.keys() <= set(EVENTS)
        vars(self).update(functions, last=last)


class At(Callback):
    """Records each event with epoch and step, and does something at the nth occurrence of one of them."""

    def __init__(self, event: str = "", nth: int = 1, do: Callable[[], object] = lambda: None) -> None:
        self.events: list[tuple[str, int, int]] = []
        self.counts = Counter[str]()
        self.at, self.do = (event, nth), do
        vars(self).update({name: partial(self._note, name) for name in EVENTS})

    def _note(self, event: str, run: Run) -> None:
        self.run, self.reason = run, run.reason
        self.events.append((event, run.epoch, run.step))
        self.counts[event] += 1
        assert self.counts[event] < 1000, "the run does not end"
        if (event, self.counts[event]) == self.at:
            self.do()


def stops(event: str, nth: int = 1) -> At:
    """Stops a run at the nth occurrence of an event, with the reason "enough"."""
    at = At(event, nth, lambda: at.run.stop("enough"))
    return at


class Losses(Callback):
    """Records the loss of each step."""

    def __init__(self) -> None:
        self.loss: list[float] = []

    def on_step_end(self, run: Run) -> None:
        self.loss.append(run.loss)


class Clock(Callback):
    """A clock in place of perf_counter, on which steps and the ends of epochs take some seconds."""

    def __init__(self, step: float, epoch: float = 0.0) -> None:
        self.now, self.step, self.epoch = 1000.0, step, epoch

    def __call__(self) -> float:
        return self.now

    def on_step_begin(self, run: Run) -> None:
        self.now += self.step

    def on_epoch_end(self, run: Run) -> None:
        self.now += self.epoch


def fails() -> None:
    raise KeyError("a callback fails")


class States(Callback):
    """Records the states of other callbacks after each step and each epoch. It stands behind them."""

    def __init__(self, *watched: Callback) -> None:
        self.watched = watched
        self.steps: list[list[dict[str, Any]]] = []
        self.epochs: list[list[dict[str, Any]]] = []

    def on_step_end(self, run: Run) -> None:
        self.steps.append([callback.state() for callback in self.watched])

    def on_epoch_end(self, run: Run) -> None:
        self.epochs.append([callback.state() for callback in self.watched])


def resume(trainer: Trainer, callback: Callback, state: dict[str, Any]) -> None:
    """Have the next fit of a trainer resume with a new callback from a state."""
    trainer.callbacks = [callback, Hooks(on_fit_begin=lambda _: callback.load_state(state))]


def tell(callback: Callback, run: Any, *events: str) -> None:
    """Notify a callback of these events."""
    for event in events:
        getattr(callback, event)(run)
