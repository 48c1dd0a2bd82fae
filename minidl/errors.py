"""What can go wrong, in one family: every exception of minidl is a `MinidlError`.

Each but `CheckpointError`, of which there is no built-in kind, is also the built-in exception that a caller would
expect, so that `except ValueError` works.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from minidl.training.callbacks import History
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
]


class MinidlError(Exception):
    """The base of all errors that minidl raises on purpose."""


class MinidlWarning(UserWarning):
    """Something that works, but is hardly what was meant."""


class ShapeError(MinidlError, ValueError):
    """Shapes that do not fit together."""


class DataError(MinidlError, ValueError):
    """Data that cannot be learned from: empty, not numeric, not finite or out of range."""


class HyperparameterError(MinidlError, ValueError):
    """A setting outside its range, such as a learning rate of 0."""


class StateError(MinidlError, RuntimeError):
    """A call that does not fit the state of things, such as backward before forward."""


class DivergenceError(MinidlError, ArithmeticError):
    """A loss or gradient that stopped being finite; the update was not applied.

    Attributes:
        history: the steps until then.
        step: how many steps were taken before.
        batch: the inputs and targets of the step, to look at or to run again.
        layer: path of the layer where a number first was not finite, such as "2" or "1.0", "loss" for the loss; None
            if every number is finite and only the sum of their squares is not.
        direction: "forward" or "backward".
    """

    def __init__(
        self,
        message: str,
        history: History | None = None,
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
    """A layer, loss, optimizer or objective that breaks what the framework relies on."""


class CheckpointError(MinidlError):
    """A file that is damaged, foreign or does not fit."""
