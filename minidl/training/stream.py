"""Batches of a user, which are checked one at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from minidl.batches import BatchSource
from minidl.errors import CheckpointError, DataError, MinidlError, StateError
from minidl.modules import Layer, Loss
from minidl.training.weights import ClassWeight, checked_data, times_class_weights
from minidl.typing import Array, Batch

__all__ = ["Stream"]


class Stream:
    """Passes over batches (x, y) or (x, y, weight) of a user. It checks and casts each batch when it comes.

    Args:
        source: the batches. Their length is the number of batches in a pass.
        model, loss: what the batches are for.
        accumulate: how many batches make one step. A step's batches come as a list if there may be several.
        class_weight: a dict that multiplies the weights of samples.
        of: what messages put before "batch 3".

    Attributes:
        taken: the number of batches taken in the current pass.
        totals: for each step of the current or latest pass, how much its samples count together.
    """

    def __init__(
        self,
        source: BatchSource,
        model: Layer,
        loss: Loss,
        accumulate: int = 1,
        class_weight: ClassWeight = None,
        of: str = "",
    ) -> None:
        self.source, self.model, self.loss, self.of = source, model, loss, of
        self.accumulate, self.class_weight = accumulate, class_weight
        self.expected = len(source)
        if self.expected < 1:
            raise DataError(f"{of}batches have the length 0; at least one batch is needed")
        self.taken, self.totals = 0, list[float]()
        self._iterator: Iterator[Any] | None = None

    def __len__(self) -> int:
        return -(-self.expected // self.accumulate)

    def __iter__(self) -> Iterator[Any]:
        if self.taken == 0:
            self.totals = []
        finished = self.taken == self.expected  # a run was saved after its last batch, and has been resumed
        iterator = self._iterator = iter(()) if finished else iter(self.source)
        group: list[tuple[Any, ...]] = []
        for batch in iterator:
            if self.taken == self.expected:
                raise DataError(f"there are more {self.of}batches than their length says, {self.expected}")
            self.taken += 1
            group.append(self._checked(batch))
            if len(group) == self.accumulate or self.taken == self.expected:
                self.totals.append(float(sum(self.loss.shares(*part[1:]).sum() for part in group)))
                yield group if self.accumulate > 1 else group[0]
                group = []
        if self.taken < self.expected:
            raise DataError(
                f"{self.of}batches ended after {self.taken}, but their length is {self.expected}; each loop over them "
                "must begin again, as that over a list does"
            )
        self.taken, self._iterator = 0, None

    def _checked(self, batch: Any) -> tuple[Batch, ...]:
        name = f"{self.of}batch {self.taken}"
        of = f"{name}: "
        if not (isinstance(batch, tuple | list) and len(batch) in (2, 3)):
            raise DataError(f"{of}it must be (x, y) or (x, y, weight), got {type(batch).__name__}")
        x, y, weights = checked_data(self.model, self.loss, of, *batch)
        try:
            weights = times_class_weights(weights, self.class_weight, y, self.loss)
        except MinidlError as error:
            error.add_note(f"raised by {name}")
            raise
        return (x, y) if weights is None else (x, y, weights)

    def mean(self, losses: Sequence[float]) -> float:
        """The mean over the pass that ended last, from the mean of each step."""
        totals: Array = np.array(self.totals)
        return float(totals.dot(losses[-len(totals) :]) / (totals.sum() or 1))

    def state(self) -> dict[str, Any]:
        """The position, with that of the source's iterator within a pass.

        Raises:
            CheckpointError: a position within a pass, if the source cannot return there.
        """
        source = None
        if 0 < self.taken < self.expected and self._iterator is not None:
            if not (hasattr(self._iterator, "state") and hasattr(self.source, "load_state")):
                raise CheckpointError(self._between())
            source = self._iterator.state()
        position = {"taken": self.taken, "totals": list(self.totals), "source": source}
        return {"expected": self.expected, "accumulate": self.accumulate, **position}

    def _between(self) -> str:
        return (
            f"{type(self.source).__name__} can be resumed between passes only; to change that, give iter(batches) a "
            "method state() and batches a method load_state(state)"
        )

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Load what `state` returned. The next batch is the one that would have come next there.

        Raises:
            StateError: batches of another number. A position within a pass, if the source cannot return there.
        """
        for name, what in (("expected", "number of batches"), ("accumulate", "number of batches per step")):
            if state[name] != getattr(self, name):
                raise StateError(f"the {what} was {state[name]} and is {getattr(self, name)} now; make it the same")
        taken = int(state["taken"])
        if 0 < taken < self.expected:
            if state["source"] is None or not hasattr(self.source, "load_state"):
                raise StateError(f"the run was saved after {taken} of {self.expected} batches, but {self._between()}")
            self.source.load_state(state["source"])
        self.taken, self.totals = taken, [float(total) for total in state["totals"]]
