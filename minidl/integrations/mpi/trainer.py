"""Data-parallel training over MPI."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from time import sleep
from types import TracebackType
from typing import Any

from minidl.arguments import flag, whole_number
from minidl.batch import samples
from minidl.batches import Batches, BatchSource
from minidl.callbacks import History
from minidl.errors import HyperparameterError, MinidlError, warn
from minidl.integrations.mpi.reduction import Reduction, part_of
from minidl.integrations.mpi.run import Agreement, ParallelRun, listened_to, stand_in
from minidl.integrations.mpi.shards import Shards
from minidl.modules import Layer, Loss
from minidl.optimizers import Optimizer
from minidl.run import Callback, Run
from minidl.training.evaluation import evaluation
from minidl.training.measuring import Record, measured
from minidl.training.settings import Metrics
from minidl.training.stream import Stream
from minidl.training.trainer import Trainer
from minidl.training.weights import Data
from minidl.typing import ArrayLike

__all__ = ["ParallelTrainer"]

PATIENCE = 2.0
"""How many seconds a rank waits for rank 0 to report an error."""


class ParallelTrainer(Trainer):
    """A `Trainer` on several processes: each evaluates its part of every batch, and all take the same step.

    Every process, called a rank, runs the same script. ``mpirun -n 4 python -m mpi4py train.py`` starts four. Without
    mpirun there is one, and training is that of `Trainer`. Started by plain ``python``, an error on one rank leaves the
    others waiting forever, so a `MinidlWarning` asks for ``-m mpi4py``.

    When a fit begins, all ranks take over parameters, buffers, the optimizer's state and the generators of rank 0.
    Parameters then are the same bits on all ranks, after every step. Two ranks train as one process does with
    ``accumulate=2``. `BatchNorm` normalizes each part by itself, and its running statistics are those of the whole
    batch. `Dropout` draws from a stream per rank. What a user's layer keeps in other buffers is that of rank 0 after
    each epoch.

    Callbacks run on every rank. Those with ``writes = True``, such as `Checkpoint`, `CSVLog` and `ProgressBar`, run on
    rank 0 only. If a callback, Ctrl-C or a loss that is not finite stops one rank, all stop after the same step.

    Args:
        model, loss, optimizer, callbacks: as for `Trainer`, the same on every rank.
        comm: an ``mpi4py.MPI`` communicator. None means COMM_WORLD.

    Raises:
        ImportError: the package mpi4py is not installed.

    >>> from mpi4py import MPI                                          # doctest: +SKIP
    >>> trainer = ParallelTrainer(model, loss, optimizer)               # doctest: +SKIP
    >>> trainer.fit(x, y, epochs=10, batch_size=512)                    # doctest: +SKIP
    """

    def __init__(
        self,
        model: Layer,
        loss: Loss,
        optimizer: Optimizer,
        callbacks: Sequence[Callback] = (),
        *,
        comm: Any = None,
    ) -> None:
        super().__init__(model, loss, optimizer, callbacks)
        self.comm = _world() if comm is None else comm
        self._events = self.comm.bcast(listened_to(self.callbacks))
        started = "mpi4py.run" in sys.modules  # by python -m mpi4py
        if self.comm.rank:
            self.callbacks = [stand_in(each) if each.writes else each for each in self.callbacks]
            if started and sys.excepthook is sys.__excepthook__:
                sys.excepthook = _after_rank_0
        elif self.comm.size > 1 and "mpi4py.MPI" in sys.modules and not started:
            script = sys.argv[0] or "train.py"
            warn(
                "an error on one rank will leave the others waiting forever; start the script by "
                f"mpirun -n {self.comm.size} python -m mpi4py {script}, which ends all of them",
                stacklevel=2,
            )
        self._parts = ""  # how data are divided: "split" by this trainer, "shard" by its user, or not at all
        self._reduction: Reduction | None = None  # that of the current fit, if there are several ranks

    def fit(
        self,
        x: ArrayLike | BatchSource,
        y: ArrayLike | None = None,
        *,
        shard: bool = False,
        batch_size: int | None = None,
        **options: Any,
    ) -> History:
        """Train as `Trainer.fit` does, with the same arguments, on all ranks together.

        Args:
            x, y: all samples, the same on every rank. With ``shard=True``, those of this rank.
            shard: whether each rank brings its own samples, for training and validation alike. A rank that has run out
                of samples waits for the others. No sample counts twice.
            batch_size: samples per batch on all ranks together. ``ceil(batch_size / ranks)`` of them are on each.
            options: the other arguments of `Trainer.fit`. `resume_from` must be readable on every rank.

        Raises:
            HyperparameterError: ``class_weight="balanced"`` with shards.
            StateError: ranks that do not run the same, such as with other data but without ``shard=True``.
            DivergenceError: on all ranks, with the rank on whose samples it began.
        """
        if flag("shard", shard) and batch_size is not None:
            batch_size = -(-whole_number("batch_size", batch_size, 1) // self.comm.size)
        if shard and isinstance(options.get("class_weight"), str):
            raise HyperparameterError(
                'class_weight="balanced" needs all samples on every rank; with shard=True, pass a dict such as '
                "{0: 1, 1: 5}"
            )
        with self._divided("shard" if shard else "split"):
            return super().fit(x, y, batch_size=batch_size, **options)

    def evaluate(
        self,
        x: ArrayLike | BatchSource,
        y: ArrayLike | None = None,
        metrics: Metrics | None = None,
        *,
        shard: bool = False,
        **options: Any,
    ) -> dict[str, float]:
        """The loss and each metric, as `Trainer.evaluate` returns them.

        Args:
            x, y, metrics, options: as in `Trainer.evaluate`.
            shard: whether x and y are the samples of this rank. The result is then that of the samples of all ranks,
                and all of them must call this. Otherwise any rank may call it, and measures all of x and y.
        """
        with self._divided("shard" if flag("shard", shard) else ""):
            return super().evaluate(x, y, metrics, **options)

    @contextmanager
    def _divided(self, parts: str) -> Iterator[None]:
        # A callback may evaluate during a fit.
        before = self._parts, self._reduction
        self._parts, self._reduction = parts, None
        try:
            yield
        finally:
            self._parts, self._reduction = before

    def _evaluation(self, batches: Batches | Stream, batch_size: int | None, accumulate: int) -> Callable[[Any], float]:
        here = super()._evaluation(batches, batch_size, accumulate)
        if self.comm.size == 1:
            return here
        options: dict[str, Any] = {"sharded": self._parts == "shard", "size": None, "accumulated": None}
        if isinstance(batches, Batches) and not options["sharded"]:
            size = batches.batch_size
            if accumulate > 1:
                assert batch_size is not None
                options["accumulated"] = size = batch_size
                here = evaluation(self.model, self.loss, None, counted=batches.counts is not None, grouped=True)
            options["size"] = -(-size // self.comm.size)
        self._reduction = Reduction(self.model, self.loss, here, self.comm, **options)
        return self._reduction

    def _run(
        self,
        model: Layer,
        optimizer: Optimizer,
        callbacks: list[Callback],
        batches: Any,
        *args: Any,
        **options: Any,
    ) -> Run:
        if self._reduction is None:
            return super()._run(model, optimizer, callbacks, batches, *args, **options)
        source = Shards(batches, self.comm, self._reduction.totals) if self._parts == "shard" else batches
        every = [Agreement(self._events), *callbacks]
        return ParallelRun(self.comm, self._reduction, model, optimizer, every, source, *args, **options)

    def _measured(self, data: Data | Stream, metrics: Metrics, batch_size: int | None) -> dict[str, float]:
        if self._parts == "shard":
            part: Any = data
        elif self._parts == "split" and not isinstance(data, Stream):
            given = data if data[2] is not None else data[:2]
            part = part_of(given, self.comm.rank, -(-samples(data[1]) // self.comm.size))
        else:
            return super()._measured(data, metrics, batch_size)
        return measured(self.model, self.loss, part, metrics, batch_size, self._gathered)

    def _gathered(self, records: list[Record]) -> list[Record]:
        return list(chain.from_iterable(self.comm.allgather(records)))


def _after_rank_0(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print an error, but leave one that all ranks may have raised to rank 0, whose end is that of all ranks."""
    if isinstance(error, MinidlError):
        sleep(PATIENCE)
    sys.__excepthook__(kind, error, trace)


def _world() -> Any:
    try:
        from mpi4py import MPI
    except ImportError as error:
        raise ImportError(
            "minidl.integrations.mpi needs mpi4py and an MPI library: pip install 'minidl[mpi]'"
        ) from error
    return MPI.COMM_WORLD
