"""Data: checked and cast once on entry, then cut into batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from minidl.arguments import number, same_length, whole_number
from minidl.augment import Augment
from minidl.errors import DataError, HyperparameterError, ShapeError, StateError
from minidl.typing import Array, ArrayLike, Seed

__all__ = ["Batches", "as_data", "hold_out"]


def as_data(values: ArrayLike, name: str = "x", *, dtype: Any = None) -> Array:
    """Return the values as an array of finite floats whose first axis is the batch.

    Args:
        values: numbers of any real type, with at least one sample along the first axis.
        name: what a message calls them.
        dtype: the float type to cast to. By default float32 stays float32, and every other type becomes float64.

    Raises:
        DataError: values that are not numeric, masked, empty, NaN or infinite.
        ShapeError: a single number without a batch axis.

    >>> as_data([[1, 2]])
    array([[1., 2.]])
    >>> as_data([[1.0, float("nan")]])
    Traceback (most recent call last):
        ...
    minidl.errors.DataError: x holds 1 number that is NaN or infinite, the first at index (0, 1): nan; clean the data
    """
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise DataError(f"{name} has masked entries, which would be taken at face value; fill or drop them first")
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise DataError(f"{name} is not an array of numbers: {error}") from error
    if array.dtype.kind not in "biuf":
        raise DataError(
            f"{name} must hold real numbers, got {array.dtype}; convert it first, e.g. {name}.astype(float)"
        )
    if array.ndim == 0:
        raise ShapeError(f"{name} must have the batch as its first axis, got a single number; e.g. {name}[None, :]")
    if array.size == 0:
        raise DataError(f"{name} is empty, its shape is {array.shape}; at least one sample is needed")
    target = np.dtype(dtype if dtype is not None else array.dtype if array.dtype == np.float32 else np.float64)
    with np.errstate(over="ignore"):  # a number too large for float32 becomes infinite and is reported below
        cast = array.astype(target, copy=False)
    finite = np.isfinite(cast)
    if not finite.all():
        index = tuple(int(i) for i in np.argwhere(~finite)[0])
        bad = int(cast.size - np.count_nonzero(finite))
        found = "1 number that is" if bad == 1 else f"{bad} numbers that are"
        fix = "clean the data" if not np.isfinite(array[index]) else f"too large for {target}; scale the data"
        raise DataError(f"{name} holds {found} NaN or infinite, the first at index {index}: {array[index]}; {fix}")
    return cast


class Batches:
    """The samples in batches, in a new random order at each pass.

    Args:
        x: inputs, with the samples along the first axis.
        y: targets, as many as inputs.
        batch_size: samples per batch. The last batch may be smaller. None takes all samples at once.
        shuffle: whether to draw a new order for each pass. A single batch of all samples is never shuffled.
        rng: seed or generator of the orders and of `augment`.
        augment: a function ``(x, rng) -> x`` that changes the inputs of each batch at random, such as
            `minidl.augment.flip`. Its x is a copy of the batch. Let it draw from rng only, so that a run can be
            repeated and resumed.

    Raises:
        ShapeError: x and y with different numbers of samples, `augment` returns another shape.
        DataError: no samples.
        HyperparameterError: a batch size that is not a positive integer, `augment` is not a function.

    Attributes:
        taken: the number of batches taken in the current pass, 0 between two passes.

    >>> batches = Batches(np.arange(5), np.arange(5), batch_size=2, shuffle=False)
    >>> [x.tolist() for x, y in batches]
    [[0, 1], [2, 3], [4]]
    """

    def __init__(
        self,
        x: Array,
        y: Array,
        *,
        batch_size: int | None = None,
        shuffle: bool = True,
        rng: Seed = None,
        augment: Augment | None = None,
    ) -> None:
        same_length(x, y)
        if not (augment is None or callable(augment)):
            raise HyperparameterError(f"augment must be a function such as minidl.augment.flip, got {augment!r:.80}")
        if len(x) == 0:
            raise DataError("there are no samples to cut into batches; at least one is needed")
        self.x, self.y = x, y
        self.batch_size = len(x) if batch_size is None else min(whole_number("batch_size", batch_size, 1), len(x))
        self.shuffle = shuffle and self.batch_size < len(x)
        self.augment = augment
        # A generator loads numpy.random, which takes longer than a small run, so it is made only if it is needed.
        self.rng = np.random.default_rng(rng) if self.shuffle or augment is not None else None
        self.taken = 0
        self._order: Array | None = None
        self._going_on = False

    def mean(self, losses: Sequence[float]) -> float:
        """The mean over all samples, from one mean per batch."""
        last = len(self.x) - (len(losses) - 1) * self.batch_size
        return (sum(losses[:-1]) * self.batch_size + losses[-1] * last) / len(self.x)

    def __len__(self) -> int:
        return -(-len(self.x) // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Array, Array]]:
        size, count = self.batch_size, len(self.x)
        if not self._going_on:
            self.taken, self._order = 0, self.rng.permutation(count) if self.shuffle and self.rng else None
        self._going_on = False
        while (start := self.taken * size) < count:
            self.taken += 1
            if size == count:
                x, y = self.x, self.y
            elif self._order is None:
                x, y = self.x[start : start + size], self.y[start : start + size]
            else:
                chosen = self._order[start : start + size]
                x, y = self.x[chosen], self.y[chosen]
            yield self._augmented(x), y
        self.taken, self._order = 0, None

    def _augmented(self, x: Array) -> Array:
        if self.augment is None or self.rng is None:
            return x
        augmented = np.asarray(self.augment(x.copy(), self.rng))
        if augmented.shape != x.shape:
            raise ShapeError(f"augment must return the batch's shape {x.shape}, got {augmented.shape}")
        return augmented.astype(x.dtype, copy=False)

    def state(self) -> dict[str, Any]:
        """The position in the current pass: its order and the number of batches taken, without the generator."""
        return {
            "samples": len(self.x),
            "batch_size": self.batch_size,
            "shuffle": self.shuffle,
            "augment": self.augment is not None,
            "taken": self.taken,
            "order": None if self._order is None else self._order.copy(),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Load what `state` returned. The next pass resumes in the middle if the state was in the middle of one.

        Raises:
            StateError: batches of other data, of another size, or shuffled if these are not.
        """
        for name, what in (
            ("samples", "number of training samples"),
            ("batch_size", "batch_size (times accumulate)"),
            ("shuffle", "shuffle (of more than one batch)"),
            ("augment", "use of augment"),
        ):
            if state[name] != self.state()[name]:
                raise StateError(f"the {what} was {state[name]} and is {self.state()[name]} now; make it the same")
        self.taken, self._order = int(state["taken"]), state["order"]
        self._going_on = self.taken > 0


def hold_out(x: Array, y: Array, share: float) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
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
    count = round(number("the share of held-out data", share, above=0, below=1) * len(x))
    if not 0 < count < len(x):
        raise HyperparameterError(
            f"{share:g} of {len(x)} samples leaves nothing to train on or to hold out; use another share"
        )
    order = np.random.default_rng(0).permutation(len(x))
    held, rest = np.sort(order[:count]), np.sort(order[count:])
    return (x[rest], y[rest]), (x[held], y[held])
