"""Ctrl-C as a request instead of an exception."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

__all__ = ["on_interrupt"]


@contextmanager
def on_interrupt(call: Callable[[], None]) -> Iterator[None]:
    """Have Ctrl-C call a function inside a ``with`` block instead of raising KeyboardInterrupt at once.

    A handler that somebody else has set stays in place. Outside the main thread, where Python allows no handlers,
    Ctrl-C works as usual.
    """

    def handler(*_: Any) -> None:
        call()

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        with suppress(ValueError):  # only the main thread may set handlers
            signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGINT) is handler:
            signal.signal(signal.SIGINT, signal.default_int_handler)
