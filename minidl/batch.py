"""What a batch is: an array, or a tuple of arrays with the same first axis, the samples. A tuple may hold tuples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeGuard

import numpy as np

from minidl.arguments import number
from minidl.errors import HyperparameterError, ShapeError
from minidl.typing import Array, Batch, Shape

__all__ = [
    "arrays_in",
    "as_floats",
    "check_samples",
    "float_type",
    "hold_out",
    "joined",
    "mapped",
    "rows",
    "same_length",
    "sample_shape",
    "samples",
    "several",
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
    return samples(batch[0]) if isinstance(batch, tuple) else len(batch)


def check_samples(batch: Batch, name: str) -> None:
    """Raise `ShapeError` unless all arrays of a batch have equally many samples."""
    counts = [len(array) for array in arrays_in(batch)]
    if min(counts) != max(counts):
        numbers = ", ".join(map(str, counts))
        raise ShapeError(f"the arrays of {name} must have equally many samples, their first axis, got {numbers}")


def same_length(x: Batch, y: Batch, of: str = "") -> None:
    """Raise unless there are as many targets as inputs.

    Args:
        x, y: inputs and targets, with the samples along the first axis.
        of: what a message puts before x, such as "validation ".

    Raises:
        ShapeError: different numbers of samples.

    >>> same_length(np.zeros((2, 3)), np.zeros(4))
    Traceback (most recent call last):
        ...
    minidl.errors.ShapeError: x has 2 samples but y has 4; each input needs its target
    """
    if samples(x) != samples(y):
        raise ShapeError(f"{of}x has {samples(x)} samples but y has {samples(y)}; each input needs its target")


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


def hold_out(x: Batch, y: Batch, share: float) -> tuple[tuple[Batch, Batch], tuple[Batch, Batch]]:
    """Split samples into training data (x, y) and held-out data (x, y).

    The split is random but always the same, so that a second fit does not train on what the first held out.

    Args:
        x, y: inputs and targets, with the samples along the first axis.
        share: the share of held-out data, above 0 and below 1.

    Raises:
        HyperparameterError: a share that leaves no training data or no held-out data.

    >>> (x, _), (held, _) = hold_out(np.arange(5), np.arange(5), 0.4)
    >>> len(x), len(held)
    (3, 2)
    """
    n = samples(x)
    count = round(number("the share of held-out data", share, above=0, below=1) * n)
    if not 0 < count < n:
        raise HyperparameterError(
            f"{share:g} of {n} samples leaves nothing to train on or to hold out; use another share"
        )
    order = np.random.default_rng(0).permutation(n)
    held, rest = np.sort(order[:count]), np.sort(order[count:])
    return (rows(x, rest), rows(y, rest)), (rows(x, held), rows(y, held))
