"""Checks of arguments, with messages that read the same everywhere."""

from __future__ import annotations

from math import isfinite, isnan, nan
from numbers import Real
from sys import maxsize
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.advice import hidden_times, what_to_do
from minidl.errors import DataError, HyperparameterError, ShapeError
from minidl.typing import Array, ArrayLike, Seed

if TYPE_CHECKING:
    from numpy.random import Generator

__all__ = [
    "check_exact",
    "check_mask",
    "check_type",
    "copy_into",
    "flag",
    "function",
    "generator",
    "got",
    "hyperparameter",
    "number",
    "real_numbers",
    "whole_number",
]


def number(
    name: str,
    value: object,
    *,
    above: float | None = None,
    at_least: float | None = None,
    below: float | None = None,
    at_most: float | None = None,
    finite: bool = True,
) -> float:
    """Return the value as a float if it is a real number within the bounds.

    Args:
        name: what a message calls the value.
        value: what was passed. Booleans, strings and arrays are not numbers.
        above, at_least, below, at_most: the bounds, None where there is none.
        finite: whether infinity is refused. NaN always is.

    Raises:
        HyperparameterError: any other value.

    >>> number("Dropout: p", 0.5, at_least=0, below=1)
    0.5
    >>> number("Dropout: p", 2, at_least=0, below=1)
    Traceback (most recent call last):
        ...
    minidl.errors.HyperparameterError: Dropout: p must be a finite number, at least 0 and below 1, got 2
    """
    try:
        found = float(value) if isinstance(value, Real) and not isinstance(value, bool) else nan
    except OverflowError:  # an integer that no float can hold
        found = nan
    inside = (
        (above is None or found > above)
        and (at_least is None or found >= at_least)
        and (below is None or found < below)
        and (at_most is None or found <= at_most)
    )
    if inside and (isfinite(found) or not (finite or isnan(found))):
        return found
    bounds = {"above": above, "at least": at_least, "below": below, "at most": at_most}
    limits = " and ".join(f"{words} {bound:g}" for words, bound in bounds.items() if bound is not None)
    kind = "a finite number" if finite else "a number"
    raise HyperparameterError(f"{name} must be {kind}{limits and ', '}{limits}, {got(value)}")


class _Hyperparameter:
    """An attribute that is checked whenever it is set."""

    def __init__(self, bounds: dict[str, Any]) -> None:
        self.bounds = bounds

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __set__(self, instance: object, value: object) -> None:
        # There is no __get__: reading finds the float in the instance, at the speed of any other attribute.
        vars(instance)[self.name] = number(f"{type(instance).__name__}: {self.name}", value, **self.bounds)


def hyperparameter(**bounds: float) -> Any:
    """Declare an attribute that must be a finite number, such as ``lr: float = hyperparameter(above=0)``.

    Setting the attribute checks the bounds, which are those of `number`, and raises `HyperparameterError` outside them.
    The value is kept as a Python float, because a float64 of NumPy would turn float32 arrays into float64.

    >>> class Rule:
    ...     lr: float = hyperparameter(above=0)
    >>> rule = Rule()
    >>> rule.lr = -1
    Traceback (most recent call last):
        ...
    minidl.errors.HyperparameterError: Rule: lr must be a finite number, above 0, got -1
    """
    return _Hyperparameter(bounds)


def whole_number(name: str, value: object, least: int) -> int:
    """Return the value as a Python int if it is an integer of Python or NumPy and large enough.

    Args:
        name: what a message calls the value.
        value: what was passed. True and 2.0 are not integers.
        least: the smallest value allowed.

    Raises:
        HyperparameterError: any other value.

    >>> whole_number("epochs", np.int64(3), 0)
    3
    >>> whole_number("epochs", 2.5, 0)
    Traceback (most recent call last):
        ...
    minidl.errors.HyperparameterError: epochs must be an integer, at least 0, got 2.5
    """
    # More than maxsize of anything overflows somewhere.
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not least <= value <= maxsize:
        kind = "a positive integer" if least == 1 else f"an integer, at least {least}"
        raise HyperparameterError(f"{name} must be {kind}, {got(value)}")
    return int(value)


def flag(name: str, value: object) -> bool:
    """Return the value as a Python bool if it is True or False, of Python or NumPy.

    Args:
        name: what a message calls the value.
        value: what was passed. Anything else has a truth value, too: "no" would count as True.

    Raises:
        HyperparameterError: any other value.

    >>> flag("shuffle", "no")
    Traceback (most recent call last):
        ...
    minidl.errors.HyperparameterError: shuffle must be True or False, got 'no'
    """
    if not isinstance(value, bool | np.bool_):
        raise HyperparameterError(f"{name} must be True or False, {got(value)}")
    return bool(value)


def function(name: str, value: Any, such_as: str) -> Any:
    """Return the value if it can be called.

    Args:
        name: what a message calls the value.
        value: what was passed.
        such_as: an example for the message.

    Raises:
        HyperparameterError: any other value.
    """
    if not callable(value):
        raise HyperparameterError(f"{name} must be a function such as {such_as}, {got(value)}")
    return value


def generator(rng: Seed) -> Generator:
    """Return the generator itself, or a new one for a seed. None means a new one without a seed.

    Raises:
        HyperparameterError: anything else.

    >>> generator(-1)
    Traceback (most recent call last):
        ...
    minidl.errors.HyperparameterError: rng must be None, an integer of at least 0, or a NumPy generator, got -1
    """
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError) as error:
        kinds = "None, an integer of at least 0, or a NumPy generator"
        raise HyperparameterError(f"rng must be {kinds}, {got(rng)}") from error


def got(value: object) -> str:
    """What a message says about the value that was passed."""
    try:
        return f"got {' '.join(repr(value).splitlines()):.80}"  # a table has several lines
    except Exception:  # a repr may fail, as that of an integer with more than 4300 digits does
        return f"got an object of type {type(value).__name__}"


def check_type(name: str, value: object, kind: type, call: str = "") -> None:
    """Raise unless an argument is an instance of a class.

    Args:
        name: what a message calls the argument.
        value: what was passed.
        kind: the class.
        call: how the call is written, for arguments that are easily confused.

    Raises:
        TypeError: anything else.

    >>> check_type("model", 3, str)
    Traceback (most recent call last):
        ...
    TypeError: model must be of type str, got 3
    """
    if not isinstance(value, kind):
        fix = f"; the arguments are {call}" if call else ""
        if isinstance(value, type) and issubclass(value, kind):
            fix = "; make one by calling it"
        raise TypeError(f"{name} must be of type {kind.__name__}, {got(value)}{fix}")


def check_mask(value: ArrayLike, name: str) -> None:
    """Raise unless an array, or a list of arrays, is free of masked entries.

    Raises:
        DataError: masked entries. The message calls the value `name`.

    >>> check_mask([np.ma.array([1.0, 2.0], mask=[False, True])], "x")
    Traceback (most recent call last):
        ...
    minidl.errors.DataError: x has masked entries, which would be taken at face value; fill or drop them first
    """
    if isinstance(value, list | tuple):
        for item in value:
            if isinstance(item, list | tuple | np.ndarray):
                check_mask(item, name)
    elif hasattr(value, "mask") and np.ma.is_masked(value):  # np.ma takes 20 ms to load
        raise DataError(f"{name} has masked entries, which would be taken at face value; fill or drop them first")


def check_exact(array: Array, dtype: Any, name: str) -> None:
    """Raise unless a float type can hold all integers of an array. Floats may be rounded.

    Raises:
        DataError: an integer that changes. The message calls the array `name`.
    """
    limit = 2 ** (np.finfo(dtype).nmant + 1)
    if array.dtype.kind not in "iu" or np.iinfo(array.dtype).max <= limit:
        return
    for index in np.argwhere((array > limit) | (array < -limit)):
        number = int(array[tuple(index)])
        if int(dtype.type(number)) != number:
            raise DataError(
                f"{name} holds an integer that {dtype} cannot represent, at index {tuple(index.tolist())}: {number}; "
                f"if rounding is fine, convert {name} to floats first"
            )


def real_numbers(value: ArrayLike, name: str, dtype: Any = None) -> Array:
    """Return the value as an array of real numbers, of any type or as a copy of a float type.

    Raises:
        DataError: any other value, masked entries, or integers that change. The message calls the value `name`.

    >>> real_numbers([1, 2], "a parameter")
    array([1, 2])
    """
    check_mask(value, name)
    try:
        array = np.asarray(value)
    except Exception as error:  # other packages' arrays raise errors of any type
        raise DataError(f"{name} is not an array of numbers: {error}; {what_to_do(value, name)}") from error
    times = "" if type(value) is np.ndarray else hidden_times(value)
    if times or array.dtype.kind not in "biuf":
        kind = times or (array.dtype if array.ndim else type(value).__name__)
        raise DataError(f"{name} must hold real numbers, got {kind}; {what_to_do(value, name, array)}")
    if dtype is None:
        return array
    check_exact(array, np.dtype(dtype), name)
    return array.astype(dtype)


def copy_into(target: Array, value: ArrayLike, name: str) -> None:
    """Copy a value of the same shape into an array.

    Raises:
        DataError: a value that is not made of real numbers, has masked entries, or holds integers that change.
        ShapeError: a value of another shape.
    """
    # A layer's backward sets a float array: the common case skips the checks.
    if type(value) is np.ndarray and value.dtype.kind == "f":
        array = value
    elif type(value) is tuple and set(map(type, value)) == {float}:  # the gradient of a function of a few numbers
        array = np.array(value, target.dtype)
    else:
        array = real_numbers(value, f"the {name}", target.dtype)
    if array.shape != target.shape:
        raise ShapeError(f"the {name} must have shape {target.shape}, got {array.shape}")
    target[...] = array
