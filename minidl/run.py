"""The loop that trains networks and minimizes functions, and the callbacks that accompany it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from math import inf, isfinite, nan
from numbers import Real
from typing import Any, ClassVar

import numpy as np

from minidl.arguments import check_type, got
from minidl.batches import Batches, BatchSource, Passes
from minidl.errors import ContractError, DivergenceError, StateError, describe
from minidl.events import EVENTS, NothingCounts, check_events
from minidl.interruption import INTERRUPTED, TERMINATED, on_interrupt
from minidl.modules import Loss, Module, changing
from minidl.optimizers import Optimizer
from minidl.typing import Array

__all__ = ["Callback", "Run", "check_callbacks"]

COUNTS = ("epoch", "step", "first_epoch", "first_step")


class Run:
    """One run of the loop: what it works on, how far it is, and how it ended. Callbacks read it, and may stop it.

    Args:
        model, optimizer: a model, or an objective under `minimize`, and what changes its parameters.
        callbacks: called at each event in this order. Those with ``last = True`` come after all others.
        batches: one pass over them is an epoch.
        evaluate: takes a batch, writes the gradients and returns the loss.
        measure, measures: returns the metrics at the end of an epoch, and their names. None means not known before.
        diagnose: returns the error for a batch whose loss or gradient is not finite.
        loss_function: the loss of a fit, None under `minimize`.
        validation: the batches that `measure` passes over, if there are any. Their generators are part of the run.
        epochs, epoch, step: how many epochs to run, and how many epochs and steps earlier fits of the trainer had.
        script: the reprs of model, loss and optimizer, which a `Checkpoint` saves and a resumed run compares.
        owner: what all runs of one trainer have in common. A callback that accompanied runs of another is reset.

    Attributes:
        epoch, step: completed epochs and steps, counted from the first fit of a trainer.
        first_epoch, first_step: their values at the beginning of this fit.
        passes: the batches, with the position in the current pass.
        loss: the loss of the latest step, before its update.
        metrics: name -> value, measured at the end of the latest epoch. A callback may add to them for those after it.
        reason, ending: why the run stopped early, and what a callback restored after the last epoch. None otherwise.
        divergence: the error that describes a loss or gradient that is not finite. Its update was not applied.
        interrupted: the reason, once Ctrl-C or SIGTERM has asked the run to end after the current step. None before.
    """

    def __init__(
        self,
        model: Module,
        optimizer: Optimizer,
        callbacks: Sequence[Callback],
        batches: BatchSource,
        evaluate: Callable[[Any], float],
        *,
        measure: Callable[[], dict[str, float]] | None = None,
        measures: Collection[str] | None = None,
        diagnose: Callable[[Run, Any], DivergenceError] | None = None,
        loss_function: Loss | None = None,
        validation: BatchSource | None = None,
        epochs: int = 1,
        epoch: int = 0,
        step: int = 0,
        script: Mapping[str, Any] | None = None,
        owner: object = None,
    ) -> None:
        check_callbacks(callbacks)
        self.model, self.optimizer, self.batches, self.loss_function = model, optimizer, batches, loss_function
        self.callbacks = sorted(callbacks, key=lambda callback: callback.last)
        self.evaluate, self.measure, self.diagnose = evaluate, measure, diagnose
        self.passes: Any = Passes(batches) if isinstance(batches, Batches) else batches
        self.measures, self.validation = () if measure is None else measures, validation
        self.epoch, self.step = self.first_epoch, self.first_step = epoch, step
        self.planned, self.script, self.owner = epochs, script or {}, owner or object()
        self.interrupted: str | None = None
        self.loss, self.metrics = nan, dict[str, float]()
        self.reason: str | None = None
        self.ending: str | None = None
        self.divergence: DivergenceError | None = None

    def _loop(self, within_epoch: bool) -> None:
        """Take one step for each batch of each epoch. A resumed run may begin within an epoch."""
        epoch_begin, step_begin, step_end, epoch_end = map(self._listeners, EVENTS[1:-1])
        grad, epochs = self.model.parameters().grad, self.epochs
        while self.epoch < epochs:
            if epoch_begin and not within_epoch:
                self._tell(epoch_begin)
            within_epoch = False
            for batch in self.passes:
                if step_begin:
                    self._tell(step_begin)
                if self._evaluate(batch, grad):  # forward, loss and backward
                    self.optimizer.step()
                self.step += 1
                if self.interrupted:
                    self.stop(self.interrupted)
                self._tell(step_end)
            self.epoch += 1
            if self.measure is not None:
                self.metrics = self.measure()
            self._tell(epoch_end)

    def _evaluate(self, batch: Any, grad: Array) -> bool:
        """Set the loss and the gradients of a batch. Stop the run if one of them is not finite. Return if it counts."""
        try:
            self.loss = self.evaluate(batch)
            # One NaN or infinity anywhere in grad makes the sum one. So do squares that overflow.
            finite = isfinite(self.loss + grad.dot(grad)) or (isfinite(self.loss) and np.isfinite(grad).all())
        except NothingCounts:
            self.loss = 0.0
            return False
        except OverflowError:  # Python's floats raise where NumPy's become infinite
            self.loss, finite = inf, False
        except TypeError as error:
            if isinstance(self.loss, Real):  # evaluate itself has failed
                raise
            what = f"{self.loss_function or self.model!r}: forward must return a number, {got(self.loss)}"
            raise ContractError(what) from error
        if not finite:
            what = f"loss or gradient stopped being finite at step {self.step}"
            self.divergence = self.diagnose(self, batch) if self.diagnose else DivergenceError(what, step=self.step)
            self.stop(str(self.divergence))
            raise _Stop
        return True

    def _tell(self, listeners: list[Callable[[Run], None]]) -> None:
        """Call all who listen to an event, then end the loop if something has stopped the run."""
        for call in listeners:
            call(self)
        if self.reason is not None:
            raise _Stop

    def _listeners(self, event: str) -> list[Callable[[Run], None]]:
        """The methods for an event of those callbacks that define it. The others cost nothing."""
        methods = [getattr(callback, event) for callback in self.callbacks]
        return [method for method in methods if getattr(method, "__func__", None) is not vars(Callback)[event]]

    def go(self, resume: Callable[[], bool] | None = None) -> None:
        """Run until all epochs are done or something stops the run. `resume` restores an earlier run; see `_begin`."""
        begun: list[Callback] = []
        with np.errstate(all="ignore"), on_interrupt(self.interrupt), changing(self.model, self.loss_function):
            try:
                self._begin(begun, resume)
            except BaseException as error:
                self._end(begun, error)
                raise
            self._end(begun)

    def _begin(self, begun: list[Callback], resume: Callable[[], bool] | None) -> None:
        """Have all callbacks begin, resume a run, within an epoch or between two, and loop. One Ctrl-C is no error."""
        try:
            for callback in self.callbacks:
                if callback._owner not in (None, self.owner):
                    if getattr(callback._owner, "running", False) and type(callback).reset is not Callback.reset:
                        raise StateError(f"{describe(callback)} is in a run that has not ended; create a second one")
                    callback.reset()
                callback._owner = self.owner
                begun.append(callback)
                callback.on_fit_begin(self)
            within_epoch = resume is not None and resume()
            if self.reason is None:
                self._loop(within_epoch)
        except _Stop:
            pass
        except KeyboardInterrupt:
            if self.interrupted:
                raise
            self.interrupted = INTERRUPTED

    def _end(self, callbacks: Sequence[Callback], error: BaseException | None = None) -> None:
        """Tell all of these that the run ends. The first error is the one that is raised. Notes name the others."""
        if self.interrupted:
            self.stop(self.interrupted)
        if callbacks:
            try:
                callbacks[0].on_fit_end(self)
            except BaseException as later:
                if error is None:
                    self._end(callbacks[1:], later)
                    raise
                error.add_note(f"then on_fit_end of {describe(callbacks[0])} raised {later!r}")
            self._end(callbacks[1:], error)

    def may_measure(self, name: str) -> bool:
        """Whether `metrics` may hold this name when an epoch ends: the run measures it, or a callback adds it."""
        added = any(each.adds is None or name in each.adds or "on_epoch_end" in vars(each) for each in self.callbacks)
        return added or self.measures is None or name in self.measures

    def stop(self, reason: str) -> None:
        """Stop the run after the current event. The first reason is the one that counts."""
        if self.reason is None:
            self.reason = reason

    def interrupt(self, reason: str = INTERRUPTED) -> None:
        """Stop after the current step. The second call raises KeyboardInterrupt."""
        if self.interrupted:
            raise KeyboardInterrupt
        self.interrupted = reason

    @property
    def epochs(self) -> int:
        """The value that `epoch` will have if nothing stops the run. A resumed run may be there already."""
        return max(self.epoch, self.first_epoch + self.planned)

    @property
    def steps(self) -> int:
        """The value that `step` will have if nothing stops the run."""
        return max(self.step, self.first_step + self.planned * len(self.batches))

    @property
    def batch(self) -> int:
        """The number, from 1, of the batch that is being evaluated. After the step it is that of the next."""
        return self.step - self.first_step - (self.epoch - self.first_epoch) * len(self.batches) + 1

    def state(self) -> dict[str, Any]:
        """The progress to save in a file. A stop by a signal is left out: it would stop the resumed run as well."""
        reason = None if self.reason in (INTERRUPTED, TERMINATED) else self.reason
        measured = {"loss": self.loss, "metrics": dict(self.metrics), "reason": reason}
        return {name: getattr(self, name) for name in COUNTS} | measured

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Load what `state` returned."""
        vars(self).update({name: int(state[name]) for name in COUNTS})
        self.loss, self.metrics, self.reason = float(state["loss"]), dict(state["metrics"]), state["reason"]


class _Stop(Exception):  # noqa: N818  (not an error)
    """Ends the loop, once every callback has had the event in which something stopped the run."""


class Callback:
    """The base of callbacks: override the events that matter. Each one is given the `Run`, to read or to stop it.

    A callback continues in a second fit of the same trainer. Before a run of another trainer, and before each
    `minimize`, its `reset` is called. After `on_fit_end`, keep nothing of the run, so that trainers can be copied.
    An event may also be set on an instance. A method ``on_…`` that is not an event is a TypeError.

    >>> class StopWhenGood(Callback):
    ...     def on_step_end(self, run):
    ...         if run.loss < 0.1:
    ...             run.stop("good enough")
    """

    changes_parameters = changes_optimizer = False  # whether it may change them: `check_callback` holds it to that
    last: ClassVar[bool] = False  # whether it is notified of each event last, regardless of its position in the list
    writes: ClassVar[bool] = False  # whether it only writes or shows something: of several processes, one is enough
    adds: ClassVar[Collection[str] | None] = ()
    """The names that `on_epoch_end` adds to ``run.metrics``. None means any, as for a class that does not name them."""
    _owner: object = None  # that of the latest run

    def reset(self) -> None:
        """Forget all earlier runs, before one of another trainer. A callback that overrides it is in one at a time."""

    def on_fit_begin(self, run: Run) -> None:
        """Before the first epoch."""

    def on_epoch_begin(self, run: Run) -> None:
        """Before the first batch of an epoch."""

    def on_step_begin(self, run: Run) -> None:
        """Before the loss of a batch is computed."""

    def on_step_end(self, run: Run) -> None:
        """After the update. ``run.loss`` is the loss before it."""

    def on_epoch_end(self, run: Run) -> None:
        """After the last batch of an epoch. ``run.metrics`` holds what was measured."""

    def on_fit_end(self, run: Run) -> None:
        """After the run, however it ended."""

    def state(self) -> dict[str, Any]:
        """What this callback needs to resume later: arrays, numbers and strings by name. Called after an event."""
        return {}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Load what `state` returned, after `on_fit_begin`, and mid-epoch after `on_epoch_begin` as well."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "on_epoch_end" in vars(cls) and "adds" not in vars(cls):
            cls.adds = None
        check_events(cls, cls.__name__)


def check_callbacks(callbacks: object) -> None:
    """Raise `TypeError` unless it is a list or tuple of callbacks, `StateError` if one of them is in it twice."""
    if not isinstance(callbacks, list | tuple):
        raise TypeError(f"callbacks must be a list, such as callbacks=[EarlyStopping()], got {describe(callbacks)}")
    for index, callback in enumerate(callbacks):
        check_type("each callback", callback, Callback)
        check_type(f"the attribute last of {describe(callback)}, whether it is notified last,", callback.last, bool)
        check_events(callback, describe(callback))
        if any(callback is other for other in callbacks[:index]):
            raise StateError(f"the callback {describe(callback)} is listed twice; list it once, or create a second one")
