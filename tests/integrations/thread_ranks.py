"""Ranks that are threads of one process, for tests without MPI: a communicator with what parallel training calls."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from threading import Barrier, BrokenBarrierError
from typing import Any

from minidl.typing import Array

present: ContextVar[ThreadComm | None] = ContextVar("present", default=None)


class ThreadComm:
    """The communicator of one rank. Its methods mean what those of mpi4py of the same name do."""

    def __init__(self, rank: int, barrier: Barrier, slots: list[Any]) -> None:
        self.rank, self.size, self._barrier, self._slots = rank, len(slots), barrier, slots

    def _exchange(self, value: Any) -> list[Any]:
        self._slots[self.rank] = value
        self._barrier.wait()
        everyone = list(self._slots)
        self._barrier.wait()  # before anybody's next value
        return everyone

    def allgather(self, value: Any) -> list[Any]:
        return [pickle.loads(each) for each in self._exchange(pickle.dumps(value))]

    def bcast(self, value: Any) -> Any:
        return self.allgather(value)[0]

    def Allreduce(self, sent: Array, received: Array) -> None:  # noqa: N802  (the name is mpi4py's)
        first, *others = self._exchange(sent.copy())
        received[...] = first
        for other in others:
            received += other


def run_on_threads(ranks: int, function: Callable[..., Any], *arguments: Any) -> list[Any]:
    """Run a function on some ranks, and return what it returned on each. The first error ends all of them."""
    barrier, slots = Barrier(ranks, timeout=60), [None] * ranks

    def on_rank(rank: int) -> Any:
        token = present.set(ThreadComm(rank, barrier, slots))
        try:
            return function(*arguments)
        except BaseException:
            barrier.abort()
            raise
        finally:
            present.reset(token)

    with ThreadPoolExecutor(ranks) as pool:
        futures = [pool.submit(on_rank, rank) for rank in range(ranks)]
    errors = [error for future in futures if (error := future.exception()) is not None]
    for error in sorted(errors, key=lambda error: isinstance(error, BrokenBarrierError)):
        raise error
    return [future.result() for future in futures]
