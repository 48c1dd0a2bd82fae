"""What runs are made of."""

from __future__ import annotations

from minidl.modules import Layer, Objective
from minidl.training.callbacks import Callback

__all__ = ["check_parts"]


def check_parts(callbacks: object, **parts: tuple[object, type]) -> None:
    """Raise `TypeError` unless each part, given as name=(part, type), is of its type, and the callbacks are a list.

    >>> check_parts([], model=(3, str))
    Traceback (most recent call last):
        ...
    TypeError: model must be of type str, got 3
    """
    for name, (part, kind) in parts.items():
        _check_part(name, part, kind)
    if not isinstance(callbacks, list | tuple):
        raise TypeError(f"callbacks must be a list of callbacks, got {callbacks!r}")
    for callback in callbacks:
        _check_part("each callback", callback, Callback)


def _check_part(name: str, part: object, kind: type) -> None:
    if not isinstance(part, kind):
        fix = "; make one by calling it" if isinstance(part, type) and issubclass(part, kind) else ""
        if kind is Objective and isinstance(part, Layer):
            fix = "; with a loss and data a model becomes one: EmpiricalRisk(model, loss, x, y)"
        raise TypeError(f"{name} must be of type {kind.__name__}, got {part!r}{fix}")
