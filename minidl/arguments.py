"""What arguments have to be, in words that are the same everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

from minidl.errors import DataError, HyperparameterError, ShapeError, StateError
from minidl.typing import Array, ArrayLike

__all__ = ["check_type", "copy_into", "limited_to", "real_numbers", "same_length", "take_room", "whole_number"]


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


def check_type(name: str, value: object, kind: type) -> None:
    """Check that an argument is an instance of a class.

    Raises:
        TypeError: it is not.

    >>> check_type("model", 3, str)
    Traceback (most recent call last):
        ...
    TypeError: model must be a str, got 3
    """
    if not isinstance(value, kind):
        fix = "; make one by calling it" if isinstance(value, type) and issubclass(value, kind) else ""
        raise TypeError(f"{name} must be a {kind.__name__}, got {value!r}{fix}")


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


def real_numbers(value: ArrayLike, name: str) -> Array:
    """Return the value as an array of real numbers of any type.

    Raises:
        DataError: anything else; the message calls it `name`.

    >>> real_numbers([1, 2], "a parameter")
    array([1, 2])
    """
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise DataError(f"{name} must be an array of numbers: {error}") from error
    if array.dtype.kind not in "biuf":
        raise DataError(f"{name} must be real numbers, got {array.dtype}")
    return array


def copy_into(target: Array, value: ArrayLike, name: str) -> None:
    """Copy a value of the same shape into an array.

    Raises:
        DataError: a value that is not made of real numbers.
        ShapeError: a value of another shape.
    """
    # A layer's backward sets a float array: the common case skips the conversion.
    array = value if isinstance(value, np.ndarray) and value.dtype.kind == "f" else real_numbers(value, f"the {name}")
    if array.shape != target.shape:
        raise ShapeError(f"the {name} must have shape {target.shape}, got {array.shape}")
    np.copyto(target, array, casting="same_kind")


_room: ContextVar[int | None] = ContextVar("room", default=None)


@contextmanager
def limited_to(size: int) -> Iterator[None]:
    """Limit the Parameters made inside a ``with`` block to `size` elements in all.

    Code that builds layers from a file uses it: a forged size could otherwise take all memory.
    """
    token = _room.set(size)
    try:
        yield
    finally:
        _room.reset(token)


def take_room(size: int) -> None:
    """Take room for `size` elements where `limited_to` applies.

    Raises:
        StateError: there is less room.
    """
    room = _room.get()
    if room is not None:
        if size > room:
            raise StateError(f"a Parameter of {size} elements exceeds the limit: {room} are left")
        _room.set(room - size)
