"""A run that begins, stops and fails on all ranks at once."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np

from minidl.batches import Batches
from minidl.callbacks.checkpoint import parts, places
from minidl.errors import DivergenceError, StateError
from minidl.events import EVENTS
from minidl.integrations.mpi.moments import batch_norms
from minidl.integrations.mpi.reduction import Reduction
from minidl.interruption import INTERRUPTED
from minidl.modules import Module
from minidl.run import Callback, Run
from minidl.saving.generators import load_states, states_of
from minidl.saving.models import checksum, load_state_of, state_of

__all__ = ["Agreement", "ParallelRun", "listened_to", "stand_in"]

SHARED = ("model", "loss", "optimizer")
"""The parts of a run that rank 0 sends to the others when it begins."""


class ParallelRun(Run):
    """A run of which each rank takes part of each step.

    A signal reaches one rank, at any moment. So it only makes a request, which the next all-reduce takes to all ranks,
    and which all of them then obey after the same step.

    Args:
        comm: the communicator.
        reduction: evaluates the batches.
        args, options: those of `Run`.
    """

    asked: str | None = None  # what has asked this rank to stop

    def __init__(self, comm: Any, reduction: Reduction, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.comm, self.reduction, self._heard = comm, reduction, False
        reduction.hear = self._hear
        self._measure_here, self._diagnose_here = self.measure, self.diagnose
        self.measure, self.diagnose = self._measure, self._diagnose

    def interrupt(self, reason: str = INTERRUPTED) -> None:
        if self.asked:
            self.interrupted = reason
            raise KeyboardInterrupt
        self.asked, self.reduction.asked = reason, True

    def _hear(self) -> None:
        """On all ranks: take over the request of the first rank that was asked to stop."""
        self._heard = True
        self.interrupted = next(filter(None, self.comm.allgather(self.asked)), self.interrupted)

    def agree(self) -> None:
        """On all ranks: stop if one of them has stopped or was asked to."""
        here, anywhere = np.array([self.reason is not None, self.asked is not None], np.float64), np.empty(2)
        self.comm.Allreduce(here, anywhere)
        if anywhere[0]:
            self.reason = next(filter(None, self.comm.allgather(self.reason)))
        if anywhere[1]:
            self._hear()

    def _begin(self, begun: list[Callback], resume: Callable[[], bool] | None) -> None:
        self._compare()
        self._share()
        super()._begin(begun, resume)
        if self.interrupted and not self._heard:  # Ctrl-C ended this rank's loop at once, which leaves the others alone
            raise KeyboardInterrupt
        self.agree()  # on what has asked a rank to stop since the last step

    def _compare(self) -> None:
        """Raise `StateError` on all ranks if they do not run the same."""
        targets = checksum(self.batches.parts[1]) if isinstance(self.batches, Batches) else None
        grad = self.model.parameters().grad
        numbers = {"parameters": grad.size, "steps per epoch": len(self.batches), "epochs": self.planned}
        numbers |= {"steps so far": self.step, "samples per batch": getattr(self.batches, "batch_size", 0)}
        facts = numbers | {"type of parameters": str(grad.dtype), "targets": targets}
        for rank, other in enumerate(everyone := self.comm.allgather(facts)):
            for name, value in other.items():
                if value != (first := everyone[0][name]):
                    how = _difference(name, first, value)
                    raise StateError(
                        f"all ranks must run the same script on the same data, but the {how} on rank {rank}; if each "
                        "rank brings its own data, pass shard=True"
                    )

    def _share(self) -> None:
        """Send parameters, buffers, the optimizer's state and all generators of rank 0 to the other ranks."""
        own, held = {name: part for name, part in parts(self).items() if name in SHARED}, places(self)
        names = sorted(set.intersection(*self.comm.allgather(set(held))))  # a callback that writes is on rank 0 only
        common = {name: held[name] for name in names}
        states = {name: state_of(part) for name, part in own.items()}, states_of(common)
        states, generators = self.comm.bcast(states)
        if self.comm.rank:
            for name, part in own.items():
                load_state_of(part, states[name])
            load_states(common, generators)

    def _measure(self) -> dict[str, float]:
        """Measure at the end of an epoch. Buffers that no rule combines are first made those of rank 0."""
        held = list(_other_buffers(self.model))
        values = self.comm.bcast([getattr(module, name) for module, name in held]) if held else []
        for (module, name), value in zip(held, values, strict=True):
            setattr(module, name, value)
        assert self._measure_here is not None
        return self._measure_here()

    def _diagnose(self, run: Run, batch: Any) -> DivergenceError:
        """Say on all ranks what the first rank has found on whose samples a number stopped being finite."""
        assert self._diagnose_here is not None
        error = self._diagnose_here(run, batch)
        everyone = self.comm.allgather((str(error), error.layer, error.direction))
        rank = next((rank for rank, (_, layer, _) in enumerate(everyone) if layer is not None), 0)
        text, layer, direction = everyone[rank]
        text = f"rank {rank}: {text}"
        return DivergenceError(text, step=error.step, batch=error.batch, layer=layer, direction=direction)


def _difference(name: str, first: object, value: object) -> str:
    """How a fact on a rank differs from that on rank 0. Targets are compared by a checksum, which says nothing."""
    if name == "targets":
        return "targets on rank 0 are not those"
    return f"{name} are {first} on rank 0 and {value}"


def _other_buffers(model: Module) -> list[tuple[Module, str]]:
    norms = batch_norms(model)
    every = (module for _, module in model.modules() if all(module is not norm for norm in norms))
    return [(module, name) for module in every for name in module.buffers]


class Agreement(Callback):
    """Has a run stop on all ranks if a callback stops it on one, before a `Checkpoint` sees the event.

    Args:
        events: the events besides the beginning and the end of an epoch after which a callback may stop it.
    """

    last, adds = True, ()

    def __init__(self, events: Collection[str]) -> None:
        for event in events:
            setattr(self, event, self._agree)

    def _agree(self, run: Run) -> None:
        assert isinstance(run, ParallelRun)
        run.agree()

    def on_fit_begin(self, run: Run) -> None:
        self._agree(run)

    def on_epoch_end(self, run: Run) -> None:
        self._agree(run)


def listened_to(callbacks: Collection[Callback]) -> list[str]:
    """Return the events within an epoch that callbacks listen to."""
    return [event for event in EVENTS[1:4] if any(_listens(callback, event) for callback in callbacks)]


def _listens(callback: Callback, event: str) -> bool:
    return getattr(getattr(callback, event), "__func__", None) is not vars(Callback)[event]


def stand_in(callback: Callback) -> Callback:
    """Return a callback that does nothing, with the name of one that writes. Resuming matches callbacks by name."""
    kind = type(type(callback).__name__, (Callback,), {"adds": callback.adds, "last": callback.last})
    made: Callback = kind()
    return made
