"""What a batch is: an array, or a tuple of arrays with the same first axis, the samples. A tuple may hold tuples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeGuard

import numpy as np

from minidl.errors import DataError, ShapeError
from minidl.typing import Array, Batch, Shape

__all__ = [
    "arrays_in",
    "as_floats",
    "axis_too_many",
    "check_samples",
    "float_type",
    "joined",
    "mapped",
    "rows",
    "same_length",
    "sample_shape",
    "samples",
    "several",
    "shapes_of",
]


def mapped(function: Callable[..., Any], *batches: Any) -> Any:
    """Apply a function to the arrays of batches of one structure, place by place.

    >>> mapped(lambda a, b: a + b, (1, (2, 3)), (10, (20, 30)))
    (11, (22, 33))
    """
    if isinstance(batches[0], tuple):
        return tuple(mapped(function, *entries) for entries in zip(*batches, strict=True))
    return function(*batches)


def arrays_in(batch: Batch) -> list[Any]:
    """The arrays of a batch, in order."""
    if isinstance(batch, tuple):
        return [array for entry in batch for array in arrays_in(entry)]
    return [batch]


def samples(batch: Batch) -> int:
    """The number of samples.

    >>> samples((np.zeros((5, 2)), np.zeros((5, 3, 4))))
    5
    """
    return len(arrays_in(batch)[0])


def check_samples(batch: Batch, name: str) -> None:
    """Check that all arrays of a batch have equally many samples.

    Raises:
        ShapeError: they do not.
        DataError: a tuple without arrays.
    """
    counts = [len(array) for array in arrays_in(batch)]
    if not counts:
        raise DataError(f"{name} is an empty tuple; at least one array is needed")
    if min(counts) != max(counts):
        numbers = ", ".join(map(str, counts))
        raise ShapeError(f"the arrays of {name} must have equally many samples, their first axis, got {numbers}")


def same_length(x: Batch, y: Batch, of: str = "") -> None:
    """Raise unless there are as many targets as inputs.

    Args:
        x, y: inputs and targets, with the samples along the first axis.
        of: what a message puts before x, such as "validation ".

    Raises:
        ShapeError: different numbers of samples, also within x or y.
        DataError: a tuple without arrays.

    >>> same_length(np.zeros((2, 3)), np.zeros(4))
    Traceback (most recent call last):
        ...
    minidl.errors.ShapeError: x has 2 samples but y has 4; each input needs its target, got shapes (2, 3) and (4,)
    """
    check_samples(x, f"{of}x")
    check_samples(y, f"{of}y")
    if samples(x) != samples(y):
        found = f"{of}x has {samples(x)} samples but y has {samples(y)}"
        raise ShapeError(f"{found}; each input needs its target, got shapes {shapes_of(x)} and {shapes_of(y)}")


def rows(batch: Batch, chosen: slice | Array) -> Batch:
    """The chosen samples, of each array alike."""
    return tuple(rows(entry, chosen) for entry in batch) if isinstance(batch, tuple) else batch[chosen]


def joined(parts: Sequence[Batch]) -> Batch:
    """One batch of the samples of several."""
    return mapped(lambda *arrays: np.concatenate(arrays), *parts)


def sample_shape(batch: Batch) -> Shape:
    """The shape of one sample: that of an array without the first axis, or a tuple of such shapes.

    >>> sample_shape((np.zeros((5, 2)), np.zeros((5, 3, 4))))
    ((2,), (3, 4))
    """
    return tuple(map(sample_shape, batch)) if isinstance(batch, tuple) else batch.shape[1:]


def axis_too_many(shape: Shape, axes: int) -> str:
    """Advice if a sample has one axis more than `axes`, perhaps that of the batch. Otherwise an empty string.

    >>> axis_too_many((500, 28, 28, 1), 3)
    'that is one axis too many: if it includes the batch axis, pass x.shape[1:]'
    """
    if len(shape) != axes + 1 or any(isinstance(part, tuple) for part in shape):
        return ""
    return "that is one axis too many: if it includes the batch axis, pass x.shape[1:]"


def shapes_of(batch: Any) -> Any:
    """The shape of each array, in the structure of a batch. Of what is not an array, it is the name of the type.

    >>> shapes_of((np.zeros((5, 2)), (np.zeros(5), [1.0])))
    ((5, 2), ((5,), 'list'))
    """
    return mapped(lambda array: array.shape if isinstance(array, np.ndarray) else type(array).__name__, batch)


def several(shape: Shape | None) -> TypeGuard[tuple[Any, ...]]:
    """Whether a shape is that of several arrays: a tuple of shapes, of which some may be unknown.

    >>> several((2, 3)), several(((2,), None))
    (False, True)
    """
    return shape is not None and shape != () and (shape[0] is None or isinstance(shape[0], tuple))


def float_type(batch: Batch, default: Any) -> Any:
    """The type of the floats in a batch, `default` if there are none."""
    return next((array.dtype for array in arrays_in(batch) if array.dtype.kind == "f"), default)


def as_floats(batch: Batch, dtype: Any) -> Batch:
    """The batch with its floats in a type. Ids and masks stay what they are."""
    return mapped(lambda array: array.astype(dtype, copy=False) if array.dtype.kind == "f" else array, batch)
