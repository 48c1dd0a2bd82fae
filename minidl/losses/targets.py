"""Checks of targets."""

from __future__ import annotations

import numpy as np

from minidl.errors import DataError
from minidl.typing import Array, Batch

__all__ = ["check", "check_probabilities", "two_classes"]


def check_probabilities(array: Array, name: str, fix: str) -> None:
    """Raise `DataError` unless all numbers are from 0 to 1."""
    check(array, (array < 0) | (array > 1), f"{name} must be probabilities, from 0 to 1", fix)


def check(array: Array, wrong: Array, rule: str, fix: str) -> None:
    """Raise `DataError` with the rule and the first number that breaks it."""
    if wrong.any():
        index = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise DataError(f"{rule}, but there is {array[index]} at {index}" + (f"; {fix}" if fix else ""))


def two_classes(target: Batch) -> Array | None:
    """The class of each sample, None if targets have several numbers per sample or more than two values."""
    array: Array = target.reshape(len(target), -1)
    two = (array == array.min()) | (array == array.max())
    return array[:, 0] if array.shape[1] == 1 and two.all() else None
