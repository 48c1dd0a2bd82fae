"""Models that one thread changes while others would use them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from threading import get_ident
from time import sleep

from minidl.errors import StateError
from minidl.modules.module import Module, training_mode

__all__ = ["changing", "check_thread", "evaluating"]


@contextmanager
def changing(*roots: Module | None) -> Iterator[None]:
    """Refuse modules, and all below them, to other threads inside a ``with`` block.

    Forward passes results to backward in attributes, so a second thread would replace those of the first. A larger
    model that contains the module is not refused: that would take a walk over its modules at each call.

    Raises:
        StateError: another thread is changing one of the modules, or has been evaluating one for a second.
    """
    marked: list[Module] = []
    try:
        for _, module in chain.from_iterable(root.modules() for root in roots if root is not None):
            new = "run_thread" not in vars(module)
            vars(module).setdefault("run_thread", get_ident())  # one atomic step, as two runs may begin at once
            check_thread(module)
            marked += [module] * new
            _wait_for_others(module)
        yield
    finally:
        for module in marked:
            del module.run_thread


class evaluating:  # noqa: N801  (used like a function of contextlib, which would take 0.7 µs longer)
    """Have a module behave as in evaluation inside a ``with`` block. Several threads may do so at once.

    Raises:
        StateError: another thread is changing the module. From then on it is the other one that is refused.
    """

    def __init__(self, module: Module) -> None:
        self.module = module

    def __enter__(self) -> None:
        self.threads = vars(self.module).setdefault("user_threads", [])  # this step and the next are atomic
        self.threads.append(get_ident())
        try:
            check_thread(self.module)  # after the append, so that of two that begin at once, one sees the other
        except StateError:
            self.threads.remove(get_ident())
            raise
        self.mode = training_mode.set(False)

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        training_mode.reset(self.mode)
        self.threads.remove(get_ident())


def _wait_for_others(module: Module) -> None:
    """Wait until no other thread evaluates a module. Those that have not begun yet are refused already."""
    for _ in range(1000):
        if set(vars(module).get("user_threads", ())) <= {get_ident()}:
            return
        sleep(0.001)
    raise _in_use(module, "evaluated")


def check_thread(module: Module) -> None:
    """Raise `StateError` if another thread is changing a module."""
    if vars(module).get("run_thread") not in (None, get_ident()):
        raise _in_use(module, "trained")


def _in_use(module: Module, how: str) -> StateError:
    return StateError(
        f"{type(module).__name__} is being {how} in another thread, and both would use what forward caches; wait until "
        "that ends, or use a copy (copy.deepcopy) made before it"
    )
