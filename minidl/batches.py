"""Samples in batches, and passes over them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from minidl.advice import array_code
from minidl.arguments import flag, function, generator, whole_number
from minidl.augment import Augment
from minidl.batch import arrays_in, mapped, rows, same_length, samples, shapes_of
from minidl.data import as_weights
from minidl.errors import DataError, ShapeError, StateError
from minidl.typing import Array, ArrayLike, Batch, Seed

__all__ = ["BatchSource", "Batches", "Passes", "is_source"]


class BatchSource(Protocol):
    """What a run takes batches from: it has a length, and each iteration over it is one epoch."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Any]: ...


def is_source(value: Any) -> bool:
    """Whether a value is batches: it has a length, can be looped over, and is neither an array nor (x, y).

    >>> is_source([(np.ones(2), np.ones(2))]), is_source(np.ones((2, 2))), is_source([[1.0], [2.0]])
    (True, False, False)
    """
    if isinstance(value, list):
        return bool(value) and all(isinstance(batch, tuple) for batch in value)
    arrays = isinstance(value, tuple | str | bytes | Mapping)
    arrays = arrays or hasattr(value, "__array__") or hasattr(value, "toarray")  # or a sparse matrix of SciPy
    return not arrays and hasattr(value, "__len__") and hasattr(value, "__iter__")


class Batches:
    """The samples in batches, in a new random order at each pass.

    Each iteration is a `Pass` with a position of its own, so several may be under way at once. All draw their orders
    from one generator: with shuffling, a further pass changes the orders of later ones.

    Args:
        x: inputs, with the samples along the first axis. A tuple of arrays for a model of several inputs.
        y: targets, as many as inputs.
        sample_weight: the weight of each sample, (n,). Batches are then (x, y, weight).
        among: the indices of the samples to take, (m,). None means all. The arrays are not copied.
        batch_size: samples per batch. The last batch may be smaller. None takes all samples at once.
        shuffle: whether to draw a new order for each pass. A single batch of all samples is never shuffled.
        rng: seed or generator of the orders and of `augment`.
        drop_last: whether a last batch of fewer samples is left out of each pass.
        block: how many neighbouring samples stay together. Shuffling then draws the order of the blocks, and of the
            samples within each. Use it for `np.memmap`, whose reads are slow when they are scattered. None: no blocks.
        augment: a function ``(x, rng) -> x`` that changes the inputs of each batch at random, such as
            `minidl.augment.flip`. Its x is a copy of the batch. Let it draw from rng only, so that a run can be
            repeated and resumed.

    Raises:
        ShapeError: x, y and weights with different numbers of samples, or without a batch axis. In a pass, an `augment`
            that returns another shape.
        DataError: no samples, weights that are negative or not finite. In a pass, an `augment` that returns floats for
            integers, NaN or infinity.
        HyperparameterError: a batch size or a block that is not a positive integer, a `shuffle` or `drop_last` that is
            not True or False, an `augment` that is not a function.
        TypeError: x or y that are not arrays.

    >>> batches = Batches(np.arange(5), np.arange(5), batch_size=2, shuffle=False)
    >>> [x.tolist() for x, y in batches]
    [[0, 1], [2, 3], [4]]
    """

    counts: Array | None = None
    """How much each sample counts in the mean of a pass: its weight times what `Loss.counts` says. None: all alike."""

    def __init__(
        self,
        x: Batch,
        y: Batch,
        *,
        sample_weight: ArrayLike | None = None,
        among: Array | None = None,
        batch_size: int | None = None,
        shuffle: bool = True,
        rng: Seed = None,
        augment: Augment | None = None,
        drop_last: bool = False,
        block: int | None = None,
    ) -> None:
        arrays = [(name, array) for name, batch in (("x", x), ("y", y)) for array in arrays_in(batch)]
        for name, value in arrays:
            if not isinstance(value, np.ndarray):
                raise TypeError(f"{name} must be an array, got {type(value).__name__}; pass {array_code(value, name)}")
            if value.ndim == 0:
                raise ShapeError(f"{name} must have the samples along its first axis, got a single number")
        same_length(x, y)
        self.augment = None if augment is None else function("augment", augment, "minidl.augment.flip")
        n = samples(x)
        if n == 0:
            raise DataError("there are no samples to cut into batches; at least one is needed")
        self.parts: tuple[Batch, ...] = (x, y) if sample_weight is None else (x, y, as_weights(sample_weight, n))
        self.x, self.y, self.among = x, y, among
        self.samples = n = n if among is None else len(among)
        self.batch_size = n if batch_size is None else min(whole_number("batch_size", batch_size, 1), n)
        self.several = len(self.parts) > 2 or any(isinstance(part, tuple) for part in self.parts)
        self.count = n // self.batch_size if flag("drop_last", drop_last) else -(-n // self.batch_size)
        self.used, self.drop_last = min(n, self.count * self.batch_size), drop_last
        self.block = None if block is None else whole_number("block", block, 1)
        self._position: Mapping[str, Any] | None = None
        self.shuffle = flag("shuffle", shuffle) and self.count > 1
        # A generator loads numpy.random, which takes longer than a small run, so it is made only if it is needed.
        self.rng = generator(rng) if self.shuffle or augment is not None else None

    def mean(self, losses: Sequence[float]) -> float:
        """The mean over all samples, from the mean of each batch."""
        if self.count == 1:
            return losses[-1]
        last = self.used - (self.count - 1) * self.batch_size
        return (sum(losses[-self.count : -1]) * self.batch_size + losses[-1] * last) / self.used

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Pass:
        passes, position = Passes(self), self._position
        if position is not None:
            self._position = None
            passes.load_state(position)
        return Pass(passes)

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Load the `state` of an iterator over these batches. The next iteration continues there.

        Raises:
            StateError: as in `Passes.load_state`.
        """
        Passes(self).load_state(state)
        self._position = state

    def order(self, rng: Any) -> Array:
        """Draw the order of a pass."""
        if self.block is None:
            drawn: Array = rng.permutation(self.samples)
            return drawn
        # Of ten million samples, an order of int64 and its parts would take 160 MB.
        order = np.empty(self.samples, np.int32 if self.samples < 2**31 else np.int64)
        position = 0
        for start in (self.block * rng.permutation(-(-self.samples // self.block))).tolist():
            size = min(self.block, self.samples - start)
            order[position : position + size] = start + rng.permutation(size)
            position += size
        return order


class Pass:
    """An iterator over one pass of `Batches`, which knows its position."""

    def __init__(self, passes: Passes) -> None:
        self.state, self._batches = passes.state, iter(passes)

    def __iter__(self) -> Pass:
        return self

    def __next__(self) -> tuple[Batch, ...]:
        return next(self._batches)


class Passes:
    """Passes over `Batches`: each loop is one pass, or the rest of the current one. A pass begins by drawing its order.

    Args:
        batches: what to pass over. Each of these objects has its own position there.

    Attributes:
        taken: the number of batches taken in the current pass.
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

    def __iter__(self) -> Iterator[tuple[Batch, ...]]:
        batches = self.batches
        parts, n, size = batches.parts, batches.used, batches.batch_size
        x, y, among = batches.x, batches.y, batches.among
        if self.taken == 0 and batches.shuffle and batches.rng is not None:
            self.order = batches.order(batches.rng)
        while (start := self.taken * size) < n:
            self.taken += 1
            if size == batches.samples and among is None:
                batch = parts
            else:
                chosen = slice(start, start + size) if self.order is None else self.order[start : start + size]
                chosen = chosen if among is None else among[chosen]
                # rows takes 0.6 µs longer, 3 % of a step of the smallest networks.
                batch = rows(parts, chosen) if batches.several else (x[chosen], y[chosen])
            yield batch if batches.augment is None else (self._augmented(batch[0]), *batch[1:])
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

    def mean(self, losses: Sequence[float]) -> float:
        """The mean over all that counts in the pass that ended last, from the mean of each batch.

        Args:
            losses: ends with those of the batches.

        >>> batches = Batches(np.arange(3), np.arange(3), batch_size=2, shuffle=False)
        >>> batches.counts = np.array([2, 1, 1])
        >>> passes = Passes(batches)
        >>> len(list(passes)), passes.mean([1.0, 2.0])
        (2, 1.25)
        """
        counts = self.batches.counts
        if counts is None:
            return self.batches.mean(losses)
        ordered = (counts if self.last is None else counts[self.last])[: self.batches.used]
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
        settings = {name: getattr(self.batches, name) for name in SETTINGS}
        return settings | {"augment": self.batches.augment is not None}


def _checked(new: Array, old: Array) -> Array:
    """What `augment` has made of an array, in the array's own type. Floats are not rounded to ids."""
    if not np.can_cast(new.dtype, old.dtype, "same_kind"):
        raise DataError(f"augment must return the batch's type {old.dtype}, got {new.dtype}")
    if new.dtype.kind == "f" and not np.isfinite(new).all():
        raise DataError("augment returned NaN or infinity, though x has neither")
    return new.astype(old.dtype, copy=False)


SETTINGS = {
    "samples": "number of training samples",
    "batch_size": "batch_size (times accumulate)",
    "drop_last": "drop_last",
    "block": "block",
    "shuffle": "shuffle (of more than one batch)",
    "augment": "use of augment",
}
"""What two passes must have in common for one to continue the other."""
