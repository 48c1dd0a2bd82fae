"""The loop that trains networks and minimizes functions, and the callbacks that accompany it."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from math import inf, isfinite, nan
from numbers import Real
from typing import Any, ClassVar, Protocol

import numpy as np

from minidl.arguments import check_type
from minidl.errors import ContractError, DivergenceError
from minidl.modules import Loss, Module
from minidl.optimizers import Optimizer
from minidl.typing import Array

__all__ = ["EVENTS", "INTERRUPTED", "Callback", "Run", "check_callbacks"]

COUNTS = ("epoch", "step", "first_epoch", "first_step")
EVENTS = ("on_fit_begin", "on_epoch_begin", "on_step_begin", "on_step_end", "on_epoch_end", "on_fit_end")
INTERRUPTED = "interrupted by Ctrl-C"
"""The reason of a run that Ctrl-C has stopped."""


class Run:
    """One run of the loop: what it works on, how far it is, and how it ended. Callbacks read it, and may stop it.

    Args:
        model: the module whose parameters change: a model, or an objective under `minimize`.
        optimizer: changes them.
        callbacks: called at each event in this order. Those with ``last = True`` come after all others.
        batches: one pass over them is an epoch.
        evaluate: takes a batch, writes the gradients and returns the loss.
        measure: returns the metrics at the end of an epoch.
        diagnose: returns the error for a batch whose loss or gradient is not finite.
        loss_function: the loss of a fit, None under `minimize`.
        epochs: the number of epochs to run.
        epoch, step: how many there were before, in earlier fits of the same trainer.
        script: the reprs of model, loss and optimizer, which a `Checkpoint` saves and a resumed run compares.

    Attributes:
        epoch: completed epochs, counted from the first fit of a trainer.
        step: completed steps, counted likewise.
        first_epoch, first_step: their values at the beginning of this fit.
        loss: the loss of the latest step, before its update.
        metrics: name -> value, measured at the end of the latest epoch. A callback may add to them for those called
            after it, such as `CSVLog` and `EarlyStopping`; the history is called before all of them.
        reason: why the run stopped early. None while it goes on, and if it ran to its end.
        divergence: the error that describes a loss or gradient that is not finite. Its update was not applied.
        interrupted: whether Ctrl-C was pressed. The run then ends after the current step.
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
        diagnose: Callable[[Run, Any], DivergenceError] | None = None,
        loss_function: Loss | None = None,
        epochs: int = 1,
        epoch: int = 0,
        step: int = 0,
        script: Mapping[str, Any] | None = None,
    ) -> None:
        self.model, self.optimizer, self.batches, self.loss_function = model, optimizer, batches, loss_function
        self.callbacks = sorted(callbacks, key=lambda callback: callback.last)
        self.evaluate, self.measure, self.diagnose = evaluate, measure, diagnose
        self.epoch = self.first_epoch = epoch
        self.step = self.first_step = step
        self.planned, self.script = epochs, script or {}
        self.loss, self.metrics = nan, dict[str, float]()
        self.reason: str | None = None
        self.divergence: DivergenceError | None = None
        self.interrupted = False

    def _loop(self, within_epoch: bool) -> None:
        """Take one step for each batch of each epoch. A resumed run may begin within an epoch."""
        epoch_begin, step_begin, step_end, epoch_end = map(self._listeners, EVENTS[1:-1])
        grad, epochs = self.model.parameters().grad, self.epochs
        while self.epoch < epochs:
            if epoch_begin and not within_epoch:
                self._tell(epoch_begin)
            within_epoch = False
            for batch in self.batches:
                if step_begin:
                    self._tell(step_begin)
                self._evaluate(batch, grad)  # forward, loss and backward
                self.optimizer.step()
                self.step += 1
                if self.interrupted:
                    self.stop(INTERRUPTED)
                self._tell(step_end)
            self.epoch += 1
            if self.measure is not None:
                self.metrics = self.measure()
            self._tell(epoch_end)

    def _evaluate(self, batch: Any, grad: Array) -> None:
        """Set the loss and the gradients of a batch. Stop the run if one of them is not finite."""
        try:
            self.loss = self.evaluate(batch)
            # One NaN or infinity anywhere in grad makes the sum one. So do squares that overflow.
            finite = isfinite(self.loss + grad.dot(grad)) or (isfinite(self.loss) and np.isfinite(grad).all())
        except OverflowError:  # Python's floats raise where NumPy's become infinite
            self.loss, finite = inf, False
        except TypeError as error:
            if isinstance(self.loss, Real):  # evaluate itself has failed
                raise
            source = self.loss_function or self.model
            raise ContractError(f"{source!r}: forward must return a number, got {self.loss!r:.80}") from error
        if not finite:
            plain = DivergenceError(f"loss or gradient stopped being finite at step {self.step}", step=self.step)
            self.divergence = plain if self.diagnose is None else self.diagnose(self, batch)
            self.stop(str(self.divergence))
            raise _Stop

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
        """Run until all epochs are done or something stops the run.

        Args:
            resume: restores an earlier run once all callbacks have begun, and returns whether it was within an epoch.
        """
        begun: list[Callback] = []
        # Overflow is found by the check for finite numbers; a warning would only repeat it.
        with np.errstate(all="ignore"), interruptible(self):
            try:
                for callback in self.callbacks:
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
                self.interrupted = True
            finally:
                if self.interrupted:
                    self.stop(INTERRUPTED)
                self._end(begun)

    def _end(self, callbacks: Sequence[Callback]) -> None:
        """Tell all of these that the run ends. Recursion reaches the rest even if one of them raises."""
        if callbacks:
            try:
                callbacks[0].on_fit_end(self)
            finally:
                self._end(callbacks[1:])

    def stop(self, reason: str) -> None:
        """Stop the run after the current event. The first reason is the one that counts."""
        if self.reason is None:
            self.reason = reason

    def interrupt(self) -> None:
        """Stop after the current step. The second call raises KeyboardInterrupt."""
        if self.interrupted:
            raise KeyboardInterrupt
        self.interrupted = True

    @property
    def epochs(self) -> int:
        """The value that `epoch` will have if nothing stops the run."""
        return self.first_epoch + self.planned

    @property
    def steps(self) -> int:
        """The value that `step` will have if nothing stops the run."""
        return self.first_step + self.planned * len(self.batches)

    @property
    def batch(self) -> int:
        """The number, from 1, of the batch that is being evaluated. After the step it is that of the next."""
        return self.step - self.first_step - (self.epoch - self.first_epoch) * len(self.batches) + 1

    def state(self) -> dict[str, Any]:
        """The progress to save in a file. A stop by Ctrl-C is left out: it would stop the resumed run as well."""
        reason = None if self.reason == INTERRUPTED else self.reason
        counts = {name: getattr(self, name) for name in COUNTS}
        return {**counts, "loss": self.loss, "metrics": dict(self.metrics), "reason": reason}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Load what `state` returned."""
        vars(self).update({name: int(state[name]) for name in COUNTS})
        self.loss, self.metrics, self.reason = float(state["loss"]), dict(state["metrics"]), state["reason"]


class _Stop(Exception):  # noqa: N818  (not an error)
    """Ends the loop, once every callback has had the event in which something stopped the run."""


class BatchSource(Protocol):
    """What a run takes batches from: it has a length, and each iteration over it is one epoch."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Any]: ...


@contextmanager
def interruptible(run: Run) -> Iterator[None]:
    """Have Ctrl-C interrupt a run inside a ``with`` block instead of raising KeyboardInterrupt at once.

    A handler that somebody else has set stays in place. Outside the main thread, where Python allows no handlers,
    Ctrl-C works as usual.
    """

    def handler(*_: Any) -> None:
        run.interrupt()

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        with suppress(ValueError):  # only the main thread may set handlers
            signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGINT) is handler:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if run.interrupted:
            run.stop(INTERRUPTED)


class Callback:
    """The base of callbacks: override the events that matter. Each one is given the `Run`, to read or to stop it.

    Raises:
        TypeError: when a class is defined with a method ``on_…`` that is not an event.

    >>> class StopWhenGood(Callback):
    ...     def on_step_end(self, run):
    ...         if run.loss < 0.1:
    ...             run.stop("good enough")
    """

    changes_parameters = changes_optimizer = False  # whether it may change them: `check_callback` holds it to that
    last: ClassVar[bool] = False
    """Whether it is notified of each event last, regardless of its position in the list."""

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
        """Load what `state` returned.

        In a resumed run this happens after `on_fit_begin`, and after `on_epoch_begin` if the state is from mid-epoch.
        """

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if unknown := {name for name in dir(cls) if name.startswith("on_")} - set(EVENTS):
            raise TypeError(f"{cls.__name__} defines {', '.join(sorted(unknown))}; the events are {', '.join(EVENTS)}")


def check_callbacks(callbacks: object) -> None:
    """Raise `TypeError` unless it is a list or tuple of callbacks."""
    if not isinstance(callbacks, list | tuple):
        raise TypeError(f"callbacks must be a list of callbacks, got {callbacks!r}")
    for callback in callbacks:
        check_type("each callback", callback, Callback)
