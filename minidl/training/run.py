"""The one loop that trains networks and minimises functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import inf, isfinite
from typing import Any

import numpy as np

from minidl.modules import Module
from minidl.optimizers import Optimizer
from minidl.training.callbacks import EVENTS, Callback

__all__ = ["Run"]


class Run:
    """What callbacks see of a run, and the loop itself.

    Attributes:
        model: the module whose parameters change: a model, or an objective under `minimize`.
        optimizer: what changes them.
        epochs, steps: how many are planned in all.
        epoch: epochs completed, counted from the first fit of a trainer on.
        step: steps taken, likewise.
        loss: the loss of the latest step, before its update.
        metrics: name -> value, what the latest epoch measured; callbacks may add to it.
        reason: why the run is to stop, None while it goes on.
        diverged: whether loss or gradient stopped being finite; the update was not applied then.
    """

    def __init__(
        self, model: Module, optimizer: Optimizer, callbacks: Sequence[Callback], *, epochs: int = 1, steps: int = 0
    ) -> None:
        self.model, self.optimizer, self.callbacks = model, optimizer, list(callbacks)
        self.epochs, self.steps = epochs, steps
        self.epoch = self.step = 0
        self.loss = float("nan")
        self.metrics: dict[str, float] = {}
        self.reason: str | None = None
        self.diverged = False

    def stop(self, reason: str) -> None:
        """End the run after the present event, for a reason in words; the first reason stands."""
        if self.reason is None:
            self.reason = reason

    def go(
        self,
        evaluate: Callable[[Any], float],
        epochs: Iterable[Iterable[Any]],
        measure: Callable[[], None] | None = None,
    ) -> None:
        """Take one step for each batch of each epoch, until they end or something stops the run.

        Args:
            evaluate: takes a batch, fills the gradients and gives the loss.
            epochs: for each epoch its batches.
            measure: fills `metrics` at the end of an epoch, before the callbacks see it.
        """
        fit_begin, epoch_begin, step_begin, step_end, epoch_end, fit_end = map(self._listeners, EVENTS)
        optimizer, grad = self.optimizer, self.model.parameters().grad
        # Overflow is what the finite check below is for; a warning would only come on top.
        with np.errstate(all="ignore"):
            try:
                self._tell(fit_begin)
                for batches in epochs:
                    self._tell(epoch_begin)
                    for batch in batches:
                        for call in step_begin:
                            call(self)
                        if self.reason is not None:
                            return
                        try:
                            self.loss = evaluate(batch)
                        except OverflowError:
                            self.loss = inf
                        if not isfinite(self.loss + grad.dot(grad)):
                            self.diverged = True
                            self.stop(f"loss or gradient stopped being finite at step {self.step}")
                            return
                        optimizer.step()
                        self.step += 1
                        for call in step_end:
                            call(self)
                        if self.reason is not None:
                            return
                    self.epoch += 1
                    if measure is not None:
                        measure()
                    self._tell(epoch_end)
                    if self.reason is not None:
                        return
            finally:
                self._tell(fit_end)

    def _tell(self, listeners: list[Callable[[Run], None]]) -> None:
        for listener in listeners:
            listener(self)

    def _listeners(self, event: str) -> list[Callable[[Run], None]]:
        """The methods for an event of those callbacks that override it; the others cost nothing."""
        return [getattr(callback, event) for callback in self.callbacks if event in callback.overridden]
