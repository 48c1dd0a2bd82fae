"""Looking on while modules run forward and backward."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from minidl.modules.module import Module

__all__ = ["watching"]

METHODS = ("forward", "backward", "backward_parameters")


@contextmanager
def watching(modules: Iterable[tuple[str, Module]], see: Callable[[str, Module, str, Any], None]) -> Iterator[None]:
    """Call ``see(path, module, method, result)`` after each forward and backward of modules inside a ``with`` block.

    `method` is "forward" or "backward". Where a call raises, the exception stands in place of its result.

    >>> from minidl import Dense, ReLU, Sequential
    >>> model = Sequential(Dense(2, 3), ReLU())
    >>> with watching(model.modules(), lambda path, module, method, y: print(path, method, y.shape)):
    ...     y = model([[1.0, 2.0]])
    0 forward (1, 3)
    1 forward (1, 3)
     forward (1, 3)
    """
    watched = list(modules)
    before = [{name: vars(module)[name] for name in METHODS if name in vars(module)} for _, module in watched]
    for path, module in watched:
        for name in METHODS:
            if hasattr(module, name):
                # In front of the method of its class, or of one that a user has set on the instance.
                vars(module)[name] = _watched(path, module, name, see)
    try:
        yield
    finally:
        for (_, module), own in zip(watched, before, strict=True):
            for name in METHODS:
                vars(module).pop(name, None)
            vars(module).update(own)


def _watched(path: str, module: Module, name: str, see: Callable[[str, Module, str, Any], None]) -> Callable[..., Any]:
    method, direction = getattr(module, name), name.removesuffix("_parameters")

    def call(*arguments: Any) -> Any:
        try:
            result = method(*arguments)
        except Exception as error:
            see(path, module, direction, error)
            raise
        see(path, module, direction, result)
        return result

    return call
