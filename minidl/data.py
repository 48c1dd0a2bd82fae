"""Data: checked and cast once on entry, then cut into batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from minidl.advice import as_array, encode_text, make_boolean
from minidl.arguments import check_exact, flag, generator, real_numbers, whole_number
from minidl.augment import Augment
from minidl.batch import arrays_in, mapped, rows, same_length, samples, shapes_of
from minidl.errors import DataError, HyperparameterError, ShapeError, StateError
from minidl.typing import Array, ArrayLike, Batch, Seed

__all__ = ["BatchSource", "Batches", "Passes", "as_data", "as_ids", "as_mask", "as_samples"]


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
    array = cast = as_samples(values, name)
    target = np.dtype(dtype if dtype is not None else array.dtype if array.dtype == np.float32 else np.float64)
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


class BatchSource(Protocol):
    """What a run takes batches from: it has a length, and each iteration over it is one epoch."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Any]: ...


class Batches:
    """The samples in batches, in a new random order at each pass.

    Each iteration is a `Pass` with a position of its own, so several may be under way at once. All draw their orders
    from one generator: with shuffling, a further pass changes the orders of later ones.

    Args:
        x: inputs, with the samples along the first axis. A tuple of arrays for a model of several inputs.
        y: targets, as many as inputs.
        batch_size: samples per batch. The last batch may be smaller. None takes all samples at once.
        shuffle: whether to draw a new order for each pass. A single batch of all samples is never shuffled.
        rng: seed or generator of the orders and of `augment`.
        augment: a function ``(x, rng) -> x`` that changes the inputs of each batch at random, such as
            `minidl.augment.flip`. Its x is a copy of the batch. Let it draw from rng only, so that a run can be
            repeated and resumed.

    Raises:
        ShapeError: x and y with different numbers of samples, `augment` returns another shape.
        DataError: no samples, `augment` returns floats for integers, NaN or infinity.
        HyperparameterError: a batch size, a shuffle or an `augment` of another type.

    >>> batches = Batches(np.arange(5), np.arange(5), batch_size=2, shuffle=False)
    >>> [x.tolist() for x, y in batches]
    [[0, 1], [2, 3], [4]]
    """

    def __init__(
        self,
        x: Batch,
        y: Batch,
        *,
        batch_size: int | None = None,
        shuffle: bool = True,
        rng: Seed = None,
        augment: Augment | None = None,
    ) -> None:
        arrays = [(name, array) for name, batch in (("x", x), ("y", y)) for array in arrays_in(batch)]
        for name, value in arrays:
            if not isinstance(value, np.ndarray):
                raise TypeError(f"{name} must be an array, got {type(value).__name__}; pass {as_array(value, name)}")
            if value.ndim == 0:
                raise ShapeError(f"{name} must have the samples along its first axis, got a single number")
        same_length(x, y)
        if not (augment is None or callable(augment)):
            raise HyperparameterError(f"augment must be a function such as minidl.augment.flip, got {augment!r:.80}")
        if (n := samples(x)) == 0:
            raise DataError("there are no samples to cut into batches; at least one is needed")
        self.x, self.y, self.samples = x, y, n
        self.batch_size = n if batch_size is None else min(whole_number("batch_size", batch_size, 1), n)
        self.count = -(-n // self.batch_size)
        self.shuffle, self.augment = flag("shuffle", shuffle) and self.count > 1, augment
        # A generator loads numpy.random, which takes longer than a small run, so it is made only if it is needed.
        self.rng = generator(rng) if self.shuffle or augment is not None else None

    def mean(self, losses: Sequence[float]) -> float:
        """The mean over all samples, from the mean of each batch."""
        if self.count == 1:
            return losses[-1]
        last = self.samples - (self.count - 1) * self.batch_size
        return (sum(losses[-self.count : -1]) * self.batch_size + losses[-1] * last) / self.samples

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[tuple[Array, Array]]:
        return iter(Passes(self))


class Passes:
    """Passes over `Batches`: each loop is one pass, or the rest of the present one. A pass begins by drawing its order.

    Args:
        batches: what to pass over. Each of these objects has its own position there.

    Attributes:
        taken: the number of batches taken in the present pass.
        order: the order of its samples. None between two passes, and without shuffling.
        last: the order of the pass that ended last. None before that, and without shuffling.

    >>> batches = Batches(np.arange(4), np.arange(4), batch_size=2, shuffle=False)
    >>> first, other = Passes(batches), Passes(batches)
    >>> x, y = next(iter(first))
    >>> other.load_state(first.state())
    >>> [x.tolist() for x, y in other]
    [[2, 3]]
    >>> [x.tolist() for x, y in other]
    [[0, 1], [2, 3]]
    """

    taken: int = 0
    order: Array | None = None
    last: Array | None = None

    def __init__(self, batches: Batches) -> None:
        self.batches = batches

    def __iter__(self) -> Iterator[tuple[Batch, Batch]]:
        batches = self.batches
        x, y, n, size = batches.x, batches.y, batches.samples, batches.batch_size
        several = isinstance(x, tuple) or isinstance(y, tuple)
        if self.taken == 0 and batches.shuffle and batches.rng is not None:
            self.order = batches.rng.permutation(n)
        while (start := self.taken * size) < n:
            self.taken += 1
            if size == n:
                batch = x, y
            else:
                chosen = slice(start, start + size) if self.order is None else self.order[start : start + size]
                batch = (rows(x, chosen), rows(y, chosen)) if several else (x[chosen], y[chosen])
            yield batch if batches.augment is None else (self._augmented(batch[0]), batch[1])
        self.taken, self.order, self.last = 0, None, self.order

    def _augmented(self, x: Batch) -> Batch:
        augment, rng = self.batches.augment, self.batches.rng
        assert augment is not None
        assert rng is not None
        augmented = augment(mapped(np.copy, x), rng)
        expected, found = shapes_of(x), shapes_of(augmented)
        if found != expected:
            raise ShapeError(f"augment must return the batch's shape {expected}, got {found}")
        return mapped(_checked, augmented, x)

    def mean(self, losses: Sequence[float], counts: Array) -> float:
        """The mean over the pass that ended last, from the mean of each batch.

        Args:
            losses: ends with those of the batches.
            counts: how many numbers the loss averages for each sample, as in `Loss.counts`.

        >>> passes = Passes(Batches(np.arange(3), np.arange(3), batch_size=2, shuffle=False))
        >>> len(list(passes)), passes.mean([1.0, 2.0], np.array([2, 1, 1]))
        (2, 1.25)
        """
        ordered = counts if self.last is None else counts[self.last]
        parts = np.add.reduceat(ordered, range(0, len(ordered), self.batches.batch_size))
        return float(parts.dot(losses[-len(parts) :]) / (parts.sum() or 1))

    def state(self) -> dict[str, Any]:
        """The position: the order and the number of batches taken, without the generator."""
        order = None if self.order is None else self.order.copy()
        return {**self._settings(), "taken": self.taken, "order": order}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Load what `state` returned. The next batch is the one that would have come next there.

        Raises:
            StateError: batches of other data, of another size, or shuffled if these are not.
        """
        for name, value in self._settings().items():
            if state[name] != value:
                raise StateError(f"the {SETTINGS[name]} was {state[name]} and is {value} now; make it the same")
        self.taken, self.order = int(state["taken"]), state["order"]

    def _settings(self) -> dict[str, Any]:
        kept = {name: getattr(self.batches, name) for name in ("samples", "batch_size", "shuffle")}
        return kept | {"augment": self.batches.augment is not None}


def _checked(new: Array, old: Array) -> Array:
    """What `augment` has made of an array, in the type of that. Floats are not rounded to ids."""
    if not np.can_cast(new.dtype, old.dtype, "same_kind"):
        raise DataError(f"augment must return the batch's type {old.dtype}, got {new.dtype}")
    if new.dtype.kind == "f" and not np.isfinite(new).all():
        raise DataError("augment returned NaN or infinity, though x has neither")
    return new.astype(old.dtype, copy=False)


SETTINGS = {
    "samples": "number of training samples",
    "batch_size": "batch_size (times accumulate)",
    "shuffle": "shuffle (of more than one batch)",
    "augment": "use of augment",
}
"""What two passes must have in common for one to continue the other."""
