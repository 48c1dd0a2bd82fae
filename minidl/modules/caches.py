"""Attributes that forward sets for backward."""

from __future__ import annotations

from typing import Any

from minidl.errors import StateError

__all__ = ["cached", "is_cached"]


class _Cached:
    """Stands in for an attribute until forward sets it. Reading it before that is a `StateError`."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: object, owner: type) -> Any:
        # An attribute that forward has set hides this object, so reading it costs nothing.
        if instance is None:
            return self
        raise StateError(
            f"backward before forward: {instance!r} has no {self.name!r} yet; call forward first, which must set it"
        )


def cached() -> Any:
    """Declare an attribute that forward sets and backward reads, such as ``x: Array = cached()``.

    Copies and pickles of the module drop it.
    """
    return _Cached()


def is_cached(kind: type, name: str) -> bool:
    """Whether a class declares an attribute of this name by `cached`."""
    return isinstance(getattr(kind, name, None), _Cached)
