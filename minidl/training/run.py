"""The one loop that trains networks and minimises functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import inf, isfinite
from numbers import Real
from typing import Any

import numpy as np

from minidl.errors import ContractError
from minidl.modules import Loss, Module
from minidl.optimizers import Optimizer
from minidl.training.callbacks import EVENTS, Callback
from minidl.training.interruption import INTERRUPTED, interruptible

__all__ = ["Run"]


class Run:
    """What callbacks see of a run, and the loop itself.

    Args:
        model: the module whose parameters change: a model, or an objective under `minimize`.
        optimizer: what changes them.
        callbacks: told of each event in this order, those that go `last` after all others.
        batches: what to iterate over in each epoch.
        epochs, steps: how many are planned in all.

    Attributes:
        epoch: epochs completed, counted from the first fit of a trainer on.
        step: steps taken, likewise.
        first_epoch: the value of `epoch` at the beginning of this fit.
        loss: the loss of the latest step, before its update.
        metrics: name -> value, what the latest epoch measured; what a callback adds is for those told after it, such as
            `CSVLog` and `EarlyStopping`: the history has been told before.
        reason: why the run is to stop, None while it goes on.
        loss_function: the loss of a fit, None under `minimize`.
        script: what the run was made with, for files.
        diverged: whether loss or gradient stopped being finite; the update was not applied then.
        interrupted: whether Ctrl-C was pressed; the run ends after the present step then.
    """

    def __init__(
        self,
        model: Module,
        optimizer: Optimizer,
        callbacks: Sequence[Callback],
        batches: Iterable[Any],
        *,
        epochs: int = 1,
        steps: int = 0,
    ) -> None:
        self.model, self.optimizer, self.batches = model, optimizer, batches
        self.callbacks = sorted(callbacks, key=lambda callback: callback.last)
        self.epochs, self.steps = epochs, steps
        self.epoch = self.step = self.first_epoch = 0
        self.loss = float("nan")
        self.metrics: dict[str, float] = {}
        self.reason: str | None = None
        self.loss_function: Loss | None = None
        self.script: dict[str, Any] = {}
        self.diverged = self.interrupted = False

    def stop(self, reason: str) -> None:
        """End the run after the present event, for a reason in words; the first reason stands."""
        if self.reason is None:
            self.reason = reason

    def go(
        self,
        evaluate: Callable[[Any], float],
        measure: Callable[[], None] | None = None,
        *,
        explain: Callable[[Any], str] | None = None,
        resume: Callable[[], bool] | None = None,
    ) -> None:
        """Take one step for each batch of each epoch, until they end or something stops the run.

        Args:
            evaluate: takes a batch, fills the gradients and gives the loss.
            measure: fills `metrics` at the end of an epoch, before the callbacks see it.
            explain: says more about a batch whose loss or gradient is not finite.
            resume: takes over an earlier run's state once all have begun, and says if that was in mid-epoch.
        """
        # Overflow is what the finite check below is for; a warning would only come on top.
        with np.errstate(all="ignore"), interruptible(self):
            begun: list[Callback] = []
            try:
                for callback in self.callbacks:
                    begun.append(callback)
                    callback.on_fit_begin(self)
                self._go(evaluate, measure, explain, in_epoch=resume is not None and resume())
            except KeyboardInterrupt:
                if self.interrupted:
                    raise
                self.interrupted = True
            finally:
                if self.interrupted:
                    self.stop(INTERRUPTED)
                self._end(begun)

    def _go(
        self,
        evaluate: Callable[[Any], float],
        measure: Callable[[], None] | None,
        explain: Callable[[Any], str] | None,
        *,
        in_epoch: bool,
    ) -> None:
        """The loop."""
        epoch_begin, step_begin, step_end, epoch_end = map(self._listeners, EVENTS[1:-1])
        optimizer, grad = self.optimizer, self.model.parameters().grad
        while self.reason is None and self.epoch < self.epochs:
            if not in_epoch:
                for call in epoch_begin:
                    call(self)
                if self.reason is not None:
                    return
            in_epoch = False
            for batch in self.batches:
                for call in step_begin:
                    call(self)
                if self.reason is not None:
                    return
                try:
                    self.loss = evaluate(batch)
                    finite = isfinite(self.loss + grad.dot(grad))
                except OverflowError:
                    self.loss, finite = inf, False
                except TypeError as error:
                    if isinstance(self.loss, Real):
                        raise
                    giver = self.loss_function or self.model
                    raise ContractError(f"{giver!r}: forward must give a number, got {self.loss!r:.80}") from error
                if not finite:
                    self.diverged = True
                    more = explain(batch) if explain is not None else ""
                    self.stop(f"loss or gradient stopped being finite at step {self.step}{more}")
                    return
                optimizer.step()
                self.step += 1
                if self.interrupted:
                    self.stop(INTERRUPTED)
                for call in step_end:
                    call(self)
                if self.reason is not None:
                    return
            self.epoch += 1
            if measure is not None:
                measure()
            for call in epoch_end:
                call(self)

    def _end(self, callbacks: list[Callback]) -> None:
        """Tell all of these that the run ends, also if some of them fail then."""
        if callbacks:
            try:
                callbacks[0].on_fit_end(self)
            finally:
                self._end(callbacks[1:])

    def _listeners(self, event: str) -> list[Callable[[Run], None]]:
        """The methods for an event of those callbacks that override it; the others cost nothing."""
        return [getattr(callback, event) for callback in self.callbacks if event in callback.overridden]
