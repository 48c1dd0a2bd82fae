"""Batches from a generator."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from minidl.arguments import function, generator, got, whole_number
from minidl.errors import DataError
from minidl.typing import Seed

if TYPE_CHECKING:
    from numpy.random import Generator

__all__ = ["GeneratorBatches"]


class GeneratorBatches:
    """Batches that a function makes for each pass, for example by ``yield x, y`` in a loop over files.

    A run can be resumed between two passes, not within one.

    Args:
        make: a function ``rng -> iterator`` of batches (x, y) or (x, y, weight). It is called once per pass.
        steps: batches per pass. The iterator is closed after them, so it may be endless.
        rng: seed or generator that `make` is given. Draw from it only, so that a run can be repeated and resumed.

    Raises:
        HyperparameterError: a `make` that is not a function, a number of steps that is not a positive integer.
        DataError: in a pass, an iterator that ends before `steps` batches.
        TypeError: in a pass, a `make` that returns something other than an iterator.

    >>> def make(rng):
    ...     while True:
    ...         x = rng.normal(size=(8, 1))
    ...         yield x, 2 * x
    >>> batches = GeneratorBatches(make, steps=3, rng=0)
    >>> [x.shape for x, y in batches]
    [(8, 1), (8, 1), (8, 1)]
    """

    def __init__(self, make: Callable[[Generator], Iterable[Any]], steps: int, *, rng: Seed = None) -> None:
        self.make = function("GeneratorBatches: make", make, "make(rng), which yields batches")
        self.steps = whole_number("GeneratorBatches: steps", steps, 1)
        self.rng = generator(rng)

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[Any]:
        made, taken = self.make(self.rng), 0
        if not isinstance(made, Iterable):
            raise TypeError(f"GeneratorBatches: make must return an iterator of batches, {got(made)}; use yield in it")
        batches = iter(made)
        try:
            for batch in islice(batches, self.steps):
                taken += 1
                yield batch
        finally:
            if (close := getattr(batches, "close", None)) is not None:
                close()
        if taken < self.steps:
            raise DataError(f"GeneratorBatches: make ended after {taken} batches, but steps is {self.steps}")
