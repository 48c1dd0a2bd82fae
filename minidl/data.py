"""Data: checked and cast once on entry."""

from __future__ import annotations

from math import isfinite
from typing import Any

import numpy as np

from minidl.advice import encode_text, make_boolean
from minidl.arguments import check_exact, real_numbers
from minidl.errors import DataError, ShapeError
from minidl.typing import Array, ArrayLike

__all__ = ["as_data", "as_ids", "as_mask", "as_samples", "as_weights", "check_some_count"]


def as_data(values: ArrayLike, name: str = "x", *, dtype: Any = None) -> Array:
    """Return the values as an array of finite floats whose first axis is the batch.

    Args:
        values: numbers of any real type, with at least one sample along the first axis.
        name: what a message calls them.
        dtype: the float type to cast to. By default float32 stays float32, and every other type becomes float64.

    Raises:
        DataError: values that are not numeric, masked, empty, NaN or infinite. Integers that the float type cannot
            represent, such as 2⁵³ + 1 in float64 and 2²⁴ + 1 in float32.
        ShapeError: a single number without a batch axis.

    >>> as_data([[1, 2]])
    array([[1., 2.]])
    >>> as_data([[1.0, float("nan")]])
    Traceback (most recent call last):
        ...
    minidl.errors.DataError: x holds 1 number that is NaN or infinite, the first at index (0, 1): nan; clean the data
    """
    if type(values) is np.ndarray and values.dtype is dtype and _are_finite(values):
        return values
    array = as_samples(values, name)
    target = np.dtype(dtype if dtype is not None else array.dtype if array.dtype == np.float32 else np.float64)
    cast = array
    if array.dtype != target:
        check_exact(array, target, name)
        with np.errstate(over="ignore"):  # a number too large for float32 becomes infinite and is reported below
            cast = array.astype(target)
    finite = np.isfinite(cast)
    # For one sample, counting takes a quarter of the time of finite.all().
    if bad := cast.size - np.count_nonzero(finite):
        index = tuple(int(i) for i in np.argwhere(~finite)[0])
        found = "1 number that is" if bad == 1 else f"{bad} numbers that are"
        fix = "clean the data" if not np.isfinite(array[index]) else f"too large for {target}; scale the data"
        raise DataError(f"{name} holds {found} NaN or infinite, the first at index {index}: {array[index]}; {fix}")
    return cast


def _are_finite(samples: Array) -> bool:
    """Whether there are samples, and one product of their numbers shows that all are finite.

    It does not if squares overflow, or if it would copy the array. It takes a third of the time of the search for one
    sample, and 0.6 of it for 64 × 784 numbers.
    """
    if not samples.ndim or not samples.size or not samples.flags.forc:
        return False
    flat = samples.ravel("K")
    return isfinite(np.vdot(flat, flat))  # dot would warn of the overflow


def as_samples(values: ArrayLike, name: str) -> Array:
    """Return the values as an array of real numbers of any type, with at least one sample along the first axis.

    Raises:
        DataError: values that are not numeric, masked or empty.
        ShapeError: a single number without a batch axis.
    """
    array = real_numbers(values, name)
    if array.ndim == 0:
        raise ShapeError(
            f"{name} must have the batch as its first axis, got a single number; one sample of one number is [[number]]"
        )
    if array.size == 0:
        raise DataError(f"{name} is empty, its shape is {array.shape}; at least one sample is needed")
    return array


def as_ids(values: ArrayLike, name: str = "x", size: int | None = None) -> Array:
    """Return the values as an array of ids: integers from 0, of the type that they have. They are never cast.

    Args:
        values: integers, with at least one sample along the first axis.
        name: what a message calls them.
        size: the number of ids that there are. None means any.

    Raises:
        DataError: floats, even if they are whole numbers. Integers that are negative, or not below `size`.
        ShapeError: a single number without a batch axis.

    >>> as_ids([[2**24 + 1, 0]])
    array([[16777217,        0]])
    """
    try:
        array = as_samples(values, name)
    except DataError as error:
        if fix := encode_text(values, name):
            raise DataError(f"{name} must hold ids, which are integers, got text; {fix}") from error
        raise
    if array.dtype.kind not in "iu":
        raise DataError(f"{name} must hold ids, which are integers, got {array.dtype}; make them with astype(int)")
    # min and max allocate nothing. A comparison would allocate an array of the apparent size of a view of windows.
    if array.min() < 0 or (size is not None and array.max() >= size):
        wrong = array < 0 if size is None else (array < 0) | (array >= size)
        index = tuple(int(i) for i in np.argwhere(wrong)[0])
        most = "" if size is None else f" to {size - 1}"
        raise DataError(f"{name} must hold ids from 0{most}, but there is {array[index]} at index {index}")
    return array


def as_mask(values: ArrayLike, name: str, x: Array) -> Array:
    """Return the values as the mask of a batch: Boolean (n, t), True where x (n, t, …) holds data.

    Raises:
        DataError: values that are not Boolean.
        ShapeError: another shape.
    """
    mask = real_numbers(values, name)
    if mask.dtype != np.bool_:
        raise DataError(f"{name} must be Boolean, True where there is data, got {mask.dtype}; {make_boolean(mask, x)}")
    if mask.ndim != 2 or mask.shape != x.shape[:2]:
        raise ShapeError(f"{name} must have shape (n, t), the first two axes of x {x.shape}, got {mask.shape}")
    return mask


def as_weights(values: ArrayLike, n: int, name: str = "sample_weight") -> Array:
    """Return the values as the weights (n,) of n samples, in float64.

    Raises:
        DataError: values that are not numeric, negative, NaN, infinite or of an infinite sum.
        ShapeError: another shape.

    >>> as_weights([1, 0], 2)
    array([1., 0.])
    """
    weights = as_data(values, name, dtype=np.float64)
    if weights.shape != (n,):
        fix = f"{name}[:, 0]" if weights.shape == (n, 1) else "one number for each sample"
        raise ShapeError(f"{name} must have shape ({n},), got {weights.shape}; try {fix}")
    if weights.min() < 0:
        index = int(weights.argmin())
        raise DataError(f"{name} must not be negative, but there is {weights[index]} at index {index}")
    with np.errstate(over="ignore"):
        total = weights.sum()
    if not total < np.inf:
        raise DataError(f"the sum of {name} is too large for a float; divide the weights by their maximum")
    return weights


def check_some_count(weights: Array | None, name: str, which: str = "") -> None:
    """Raise `DataError` if all weights are 0: a fit would change nothing, and a loss of 0 would look perfect.

    Args:
        weights: (n,). None: all are 1.
        name: what a message calls them.
        which: what it puts after "every sample".
    """
    if weights is not None and not weights.any():
        raise DataError(f"{name} is zero for every sample{which}, so nothing counts; some must be above 0")
