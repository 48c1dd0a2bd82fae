"""What a run that goes on from a checkpoint does to its callbacks, by hand."""

from typing import Any

from minidl import Callback, Run, Trainer
from minidl.run import EVENTS


class Snapshots(Callback):
    """Keeps the states of other callbacks after each step and each epoch; stands behind them."""

    def __init__(self, *watched: Callback) -> None:
        self.watched = watched
        self.steps: list[list[dict[str, Any]]] = []
        self.epochs: list[list[dict[str, Any]]] = []

    def on_step_end(self, run: Run) -> None:
        self.steps.append([callback.state() for callback in self.watched])

    def on_epoch_end(self, run: Run) -> None:
        self.epochs.append([callback.state() for callback in self.watched])


class Loads(Callback):
    """Hands a state to another callback when the fit has begun for it; stands behind it."""

    def __init__(self, callback: Callback, state: dict[str, Any]) -> None:
        self.callback, self.given = callback, state

    def on_fit_begin(self, run: Run) -> None:
        self.callback.load_state(self.given)


def go_on(trainer: Trainer, callback: Callback, state: dict[str, Any]) -> None:
    """Have the next fit of a trainer go on with a new callback from a state."""
    trainer.callbacks = [callback, Loads(callback, state)]


def tell(callback: Callback, run: Any, *events: str) -> None:
    """Tell a callback of events as the loop does: only of those that it overrides."""
    for event in events:
        assert event in EVENTS
        if event in callback.overridden:
            getattr(callback, event)(run)
