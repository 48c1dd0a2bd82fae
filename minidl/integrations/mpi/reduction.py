"""One step of all ranks: each evaluates its part of the batch, and one all-reduce adds up what they found."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from numbers import Real
from typing import Any

import numpy as np

from minidl.batch import rows, samples
from minidl.events import NothingCounts
from minidl.integrations.mpi.moments import Moments, batch_norms, collected, track_combined
from minidl.integrations.mpi.streams import distinct_generators, rank_streams
from minidl.modules import Layer, Loss
from minidl.typing import Array

__all__ = ["Reduction", "part_of"]


def part_of(batch: Any, rank: int, size: int) -> Any:
    """Return the samples of a rank, `size` for each but the last ones, or None if it has none.

    The list of batches that make one step is a list of parts.

    >>> x = np.arange(5)
    >>> [part_of((x,), rank, 2) for rank in range(4)]
    [(array([0, 1]),), (array([2, 3]),), (array([4]),), None]
    """
    if isinstance(batch, list):
        return [part for each in batch if (part := part_of(each, rank, size)) is not None] or None
    return rows(batch, slice(rank * size, (rank + 1) * size)) if rank * size < samples(batch) else None


class Reduction:
    """Evaluates a batch on all ranks: ``g = Σ sᵣ gᵣ``, and likewise the loss, with sᵣ the share of rank r.

    Each rank sends one buffer in the model's float type: its gradient and its loss, both times its share, the share,
    and whether it was asked to stop. Afterwards all ranks hold the same bits, so they agree on whether these are
    finite.

    A share is what the samples of a rank count of the whole, as between the parts of ``accumulate=``. With shards no
    rank knows the whole in advance. Each then sends what its samples count, and the sums are divided by the total.

    Args:
        model, loss: what is evaluated.
        evaluate: evaluates a part on this rank.
        comm: the communicator.
        size: samples per rank. None divides each batch evenly.
        accumulated: samples per batch, if several batches make one step and come as one. `evaluate` takes a list then.
        sharded: whether a batch is this rank's own. None then stands for no batch.

    Attributes:
        asked: whether this rank was asked to stop.
        hear: called on all ranks once one of them was.
        totals: with shards, how much the batches of the current pass count.
    """

    asked = False
    hear: Callable[[], None]

    def __init__(
        self,
        model: Layer,
        loss: Loss,
        evaluate: Callable[[Any], float],
        comm: Any,
        *,
        size: int | None,
        accumulated: int | None,
        sharded: bool,
    ) -> None:
        self.loss, self.evaluate, self.comm = loss, evaluate, comm
        self.size, self.accumulated, self.sharded = size, accumulated, sharded
        self.grad = model.parameters().grad
        self.sent = np.zeros(self.grad.size + 3, self.grad.dtype)
        self.received = np.zeros_like(self.sent)
        self.totals: list[float] = []
        self.generators, self.norms = distinct_generators([model, loss]), batch_norms(model)

    def __call__(self, batch: Any) -> float:
        """Evaluate a batch: write the gradients and return the loss, the same on all ranks.

        Raises:
            NothingCounts: a batch in which nothing counts on any rank.
        """
        own = batch if self.sharded else self._own(batch)
        count = self._count(own)
        share = count if self.sharded else count / (self._count(batch) or 1.0)
        moments: list[list[Moments]] = [[] for _ in self.norms]
        value: Any = 0.0
        with rank_streams(self.generators, self.comm.rank), collected(self.norms, moments):
            if share:
                try:
                    value = self.evaluate(own)
                except OverflowError:  # Python's floats raise where NumPy's become infinite
                    value = inf
        if not isinstance(value, Real):  # the run says what is wrong with it
            return value  # type: ignore[no-any-return]  # `Run` raises for it
        return self._reduced(float(value), share, moments)

    def _own(self, batch: Any) -> Any:
        if (each := self.accumulated) is not None:
            batch = [rows(batch, slice(start, start + each)) for start in range(0, samples(batch), each)]
        largest = max(map(samples, batch if isinstance(batch, list) else [batch]))
        size = -(-largest // self.comm.size) if self.size is None else self.size
        return part_of(batch, self.comm.rank, size)

    def _count(self, batch: Any) -> float:
        """How much the samples of a batch count together."""
        if batch is None:
            return 0.0
        batches = batch if isinstance(batch, list) else [batch]
        return float(sum(self.loss.shares(*each[1:]).sum() for each in batches))

    def _reduced(self, value: float, share: float, moments: list[list[Moments]]) -> float:
        sent, received, grad = self.sent, self.received, self.grad
        if share:
            np.multiply(grad, share, out=sent[:-3])
        else:
            sent[:-3] = 0.0
        sent[-3:] = (share * value if share else 0.0), share, self.asked
        self.comm.Allreduce(sent, received)
        if received[-1]:
            self.hear()
        everyone = self.comm.allgather(moments) if self.norms else []
        total = float(received[-2])
        if self.sharded:
            self.totals.append(total)
        if not total:
            raise NothingCounts
        if everyone:
            track_combined(self.norms, everyone)
        whole = total if self.sharded else 1.0
        np.divide(received[:-3], whole, out=grad)
        result: Array = received[-3]
        return float(result) / whole
