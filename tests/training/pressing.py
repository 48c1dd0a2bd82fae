"""Ctrl-C at chosen moments."""

import os
import signal
from collections.abc import Callable

from minidl import Callback, Run
from minidl.run import EVENTS

DEFAULT = signal.default_int_handler


def press() -> None:
    """Press Ctrl-C."""
    os.kill(os.getpid(), signal.SIGINT)


class At(Callback):
    """Does something when it is told of an event for the nth time, counts them, and keeps the reason of the end."""

    def __init__(self, event: str, nth: int, do: Callable[[], object] = press) -> None:
        self.event, self.nth, self.do = event, nth, do
        self.counts = dict.fromkeys(EVENTS, 0)

    def note(self, event: str) -> None:
        self.counts[event] += 1
        assert self.counts[event] < 1000, "it does not end"
        if (event, self.counts[event]) == (self.event, self.nth):
            self.do()

    def on_fit_begin(self, run: Run) -> None:
        self.run = run
        self.note("on_fit_begin")

    def on_epoch_begin(self, run: Run) -> None:
        self.note("on_epoch_begin")

    def on_step_begin(self, run: Run) -> None:
        self.note("on_step_begin")

    def on_step_end(self, run: Run) -> None:
        self.note("on_step_end")

    def on_epoch_end(self, run: Run) -> None:
        self.note("on_epoch_end")

    def on_fit_end(self, run: Run) -> None:
        self.reason = run.reason
        self.note("on_fit_end")


def raises() -> None:
    raise KeyboardInterrupt


PLACES = [("on_fit_begin", 1), ("on_epoch_begin", 1), ("on_step_begin", 1), ("on_step_end", 1), ("on_epoch_end", 1)]
PLACES += [("on_epoch_begin", 2), ("on_step_begin", 2), ("on_step_end", 2), ("on_step_end", 3), ("on_epoch_end", 2)]
