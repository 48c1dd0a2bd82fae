"""Ctrl-C during a run."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from minidl.training.run import Run

__all__ = ["INTERRUPTED", "interruptible"]

INTERRUPTED = "interrupted by Ctrl-C"
"""The reason of a run that was stopped so."""


@contextmanager
def interruptible(run: Run) -> Iterator[None]:
    """Inside this block Ctrl-C stops the run after its present step; pressed once more, it raises as always.

    A handler that somebody else has set is left alone, and so is the signal in other threads than the main one; a
    KeyboardInterrupt that arrives as an exception ends the run as well, in the middle of the step.
    """

    def stop(*_: Any) -> None:
        if run.interrupted:
            raise KeyboardInterrupt
        run.interrupted = True
        run.stop(INTERRUPTED)

    ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if ours:
        try:
            signal.signal(signal.SIGINT, stop)
        except ValueError:  # only the main thread may
            ours = False
    try:
        yield
    except KeyboardInterrupt:
        stop()
    finally:
        if ours and signal.getsignal(signal.SIGINT) is stop:
            signal.signal(signal.SIGINT, signal.default_int_handler)
