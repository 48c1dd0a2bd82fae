"""Passes over data of which each rank has a part of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from minidl.batches import Batches, Passes
from minidl.errors import StateError
from minidl.integrations.mpi.streams import on_streams, rank_streams
from minidl.modules.places import generators_in
from minidl.training.stream import Stream

__all__ = ["Shards"]


class Shards:
    """Passes over the batches of this rank, as long as those of the rank that has most.

    A rank that has no more batches yields None. The generators of the batches stay equal on all ranks, and each rank
    draws its orders from streams of its own. See `rank_streams`.

    Args:
        batches: the batches of this rank.
        comm: the communicator.
        totals: filled by the steps: how much each counts on all ranks.

    Attributes:
        source: what holds the generators.
        steps: the number of steps of a pass, the same on all ranks.
        taken: how many of them were taken in the current pass.
    """

    def __init__(self, batches: Batches | Stream, comm: Any, totals: list[float]) -> None:
        self.batches, self.comm, self.totals = batches, comm, totals
        self.source: Any = batches.source if isinstance(batches, Stream) else batches
        self.passes: Any = Passes(batches) if isinstance(batches, Batches) else batches
        self.steps: int = max(comm.allgather(len(batches)))
        self.taken = 0
        self._seeds: list[int] = []

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[Any]:
        if self.taken == 0:
            self.totals.clear()
        iterator = iter(self.passes)
        while self.taken < self.steps:
            with rank_streams(self._generators(), self.comm.rank) as seeds:
                batch = next(iterator, None)
            if self.taken == 0:
                self._seeds = seeds
            self.taken += 1
            yield batch
        for _ in iterator:  # a user's batches are checked for being too many, and the position is set back
            pass
        self.taken = 0

    def _generators(self) -> list[np.random.Generator]:
        return generators_in(getattr(self.source, "__dict__", {}))

    def mean(self, losses: Sequence[float]) -> float:
        """The mean over the pass that ended last on all ranks, from the mean of each step."""
        totals = np.array(self.totals)
        return float(totals.dot(losses[-len(totals) :]) / (totals.sum() or 1))

    def state(self) -> dict[str, Any]:
        """The position. It is the same on all ranks."""
        return {**self._settings(), "taken": self.taken, "totals": list(self.totals), "seeds": list(self._seeds)}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Load what `state` returned on any rank. The next batch of each rank is the one that would have come next.

        Raises:
            StateError: a position of other ranks or batches. One within a pass over batches that are not arrays.
        """
        if "ranks" not in state:
            raise StateError("the run was saved without shard=True; leave it out")
        for name, value in self._settings().items():
            if state[name] != value:
                raise StateError(f"there were {state[name]} {name} and are {value} now; make it the same")
        self.taken, self._seeds = int(state["taken"]), [int(seed) for seed in state["seeds"]]
        self.totals[:] = [float(total) for total in state["totals"]]
        if self.taken == 0:
            return
        if isinstance(self.batches, Stream):
            raise StateError(
                f"the run was saved after {self.taken} of {self.steps} steps of a pass, but shards that are batches "
                "can be resumed between passes only; save at the end of an epoch, or pass arrays"
            )
        self.passes.taken = self.taken
        if self.batches.shuffle:
            generators = self._generators()
            with on_streams(generators, self._seeds, self.comm.rank):
                self.passes.order = self.batches.order(self.batches.rng)

    def _settings(self) -> dict[str, int]:
        return {"ranks": self.comm.size, "steps": self.steps}
