"""Ctrl-C and SIGTERM as requests instead of exceptions and sudden ends."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from typing import Any

__all__ = ["INTERRUPTED", "TERMINATED", "on_interrupt"]

INTERRUPTED = "interrupted by Ctrl-C"
TERMINATED = "terminated by SIGTERM"

REQUESTS: dict[signal.Signals, tuple[Any, str]] = {
    signal.SIGINT: (signal.default_int_handler, INTERRUPTED),
    signal.SIGTERM: (signal.SIG_DFL, TERMINATED),
}
"""Each signal with Python's own handler, and what asks for the end. Batch systems and containers send SIGTERM."""


@contextmanager
def on_interrupt(call: Callable[[str], None]) -> Iterator[None]:
    """Have Ctrl-C and SIGTERM call a function inside a ``with`` block, with the reason in words.

    Otherwise the one would raise KeyboardInterrupt at once, and the other end the process. A handler that somebody else
    has set stays in place. Outside the main thread, where Python allows no handlers, both work as usual.
    """

    def handler(number: int, _: Any) -> None:
        call(REQUESTS[signal.Signals(number)][1])

    if current_thread() is main_thread():
        for number, (usual, _) in REQUESTS.items():
            if signal.getsignal(number) is usual:
                signal.signal(number, handler)
    try:
        yield
    finally:
        for number, (usual, _) in REQUESTS.items():
            if signal.getsignal(number) is handler:
                signal.signal(number, usual)
