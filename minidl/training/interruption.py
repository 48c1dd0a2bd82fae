"""Ctrl-C during a run."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from minidl.training.run import Run

__all__ = ["INTERRUPTED", "interruptible"]

INTERRUPTED = "interrupted by Ctrl-C"
"""The reason of a run that was stopped so."""


@contextmanager
def interruptible(run: Run) -> Iterator[None]:
    """Inside this block Ctrl-C stops the run after its present step; pressed once more, it raises as always.

    A handler that somebody else has set is left alone, and so is the signal in other threads than the main one.
    """

    def press(*_: Any) -> None:
        if run.interrupted:
            raise KeyboardInterrupt
        run.interrupted = True

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        with suppress(ValueError):  # only the main thread may
            signal.signal(signal.SIGINT, press)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGINT) is press:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if run.interrupted:
            run.stop(INTERRUPTED)
