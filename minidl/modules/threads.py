"""Models that one thread trains while others would use them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import get_ident

from minidl.errors import StateError
from minidl.modules.module import Module

__all__ = ["changing", "check_thread"]


@contextmanager
def changing(root: Module) -> Iterator[None]:
    """Have `check_thread` refuse a module, and all below it, to other threads inside a ``with`` block.

    Forward passes results to backward in attributes, so a second thread would replace those of the first. A larger
    model that contains the module is not refused: that would take a walk over its modules at each call.

    Raises:
        StateError: another thread is in such a block with one of the modules.
    """
    marked: list[Module] = []
    try:
        for _, module in root.modules():
            new = "run_thread" not in vars(module)
            vars(module).setdefault("run_thread", get_ident())  # one atomic step, as two runs may begin at once
            check_thread(module)
            marked += [module] * new
        yield
    finally:
        for module in marked:
            del module.run_thread


def check_thread(module: Module) -> None:
    """Raise `StateError` if a run in another thread is changing a module."""
    if vars(module).get("run_thread", get_ident()) != get_ident():
        raise StateError(
            f"{type(module).__name__} is being trained in another thread, which would use what this call writes; wait "
            "until the run ends, or use a copy made before it"
        )
