"""The exceptions of minidl. All of them derive from `MinidlError`.

Each one except `CheckpointError` is also the built-in exception that a caller would expect, so ``except ValueError``
works.
"""

from __future__ import annotations

import warnings
from typing import Any

from minidl.typing import Array

__all__ = [
    "CheckpointError",
    "ContractError",
    "DataError",
    "DivergenceError",
    "GradientError",
    "HyperparameterError",
    "MinidlError",
    "MinidlWarning",
    "ShapeError",
    "StateError",
    "describe",
    "warn",
]


class MinidlError(Exception):
    """The base of all errors that minidl raises on purpose."""


class MinidlWarning(UserWarning):
    """Something that works but is probably a mistake."""


class ShapeError(MinidlError, ValueError):
    """Shapes that do not match."""


class DataError(MinidlError, ValueError):
    """Data that nothing can be learned from: empty, not numeric, not finite or out of range."""


class HyperparameterError(MinidlError, ValueError):
    """A setting outside its range, such as a learning rate of 0."""


class StateError(MinidlError, RuntimeError):
    """A call in the wrong state, such as backward before forward."""


class DivergenceError(MinidlError, ArithmeticError):
    """The loss or a gradient is no longer finite. The update was not applied.

    Attributes:
        history: the `History` of the run, up to this step.
        step: the number of steps taken before.
        batch: the inputs and targets of the step, for inspection.
        layer: path of the layer where a number first was not finite, such as "2" or "1.0", or "loss". None if every
            number was finite when the batch was evaluated again.
        direction: "forward" or "backward".
    """

    def __init__(
        self,
        message: str,
        history: Any = None,
        *,
        step: int | None = None,
        batch: tuple[Array, Array] | None = None,
        layer: str | None = None,
        direction: str | None = None,
    ) -> None:
        super().__init__(message)
        self.history, self.step, self.batch = history, step, batch
        self.layer, self.direction = layer, direction


class GradientError(MinidlError, AssertionError):
    """A gradient that disagrees with finite differences."""


class ContractError(MinidlError, AssertionError):
    """A layer, loss, optimizer or objective that breaks its contract with the framework."""


class CheckpointError(MinidlError):
    """A file that is damaged, not written by minidl, or does not match the model or run."""


def describe(thing: object) -> str:
    """How messages name an object: its repr, or its type where the repr is long, fails, or only says where it is."""
    if type(thing).__repr__ is object.__repr__:
        return type(thing).__name__
    try:
        text = repr(thing)
    except Exception:
        return type(thing).__name__
    return text if len(text) <= 80 else type(thing).__name__


def warn(message: str, stacklevel: int = 1) -> None:
    """Issue a `MinidlWarning`. It must not end a run, but Python raises where standard error cannot be written to.

    Args:
        message: the text.
        stacklevel: how many calls above this one the place is that the warning names.
    """
    try:
        warnings.warn(message, MinidlWarning, stacklevel=stacklevel + 1)
    except MinidlWarning:  # a filter turns warnings into errors
        raise
    except Exception:
        pass  # nobody can be told
