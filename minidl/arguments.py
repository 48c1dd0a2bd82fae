"""What arguments have to be, in words that are the same everywhere."""

from __future__ import annotations

import numpy as np

from minidl.errors import HyperparameterError, ShapeError
from minidl.typing import Array

__all__ = ["same_length", "whole_number"]


def whole_number(name: str, value: object, least: int) -> int:
    """The value as a Python int, if it is an integer of Python or NumPy and large enough.

    Args:
        name: what to call it in a message.
        value: what was handed in; True and 2.0 are no integers.
        least: the smallest that makes sense.

    Raises:
        HyperparameterError: anything else.

    >>> whole_number("epochs", np.int64(3), 0)
    3
    >>> whole_number("epochs", 2.5, 0)
    Traceback (most recent call last):
        ...
    minidl.errors.HyperparameterError: epochs must be an integer of at least 0, got 2.5
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise HyperparameterError(f"{name} must be an integer of at least {least}, got {value!r}")
    return int(value)


def same_length(x: Array, y: Array, of: str = "") -> None:
    """See that there are as many targets as inputs.

    Args:
        x, y: inputs and targets, samples along the first axis.
        of: what stands before x in a message, such as "validation ".

    Raises:
        ShapeError: different numbers of samples.

    >>> same_length(np.zeros((2, 3)), np.zeros(4))
    Traceback (most recent call last):
        ...
    minidl.errors.ShapeError: x has 2 samples but y has 4; each input needs its target
    """
    if len(x) != len(y):
        raise ShapeError(f"{of}x has {len(x)} samples but y has {len(y)}; each input needs its target")
