"""A run in turns: a few milliseconds of training at a time, with time for pictures in between."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from math import inf
from time import perf_counter
from typing import Any

from minidl.callbacks import History
from minidl.run import Callback, Run, _Stop
from minidl.training import Trainer

__all__ = ["RecentHistory", "TurnTrainer", "Turns"]

PAUSED = "paused"

MOST = 20_000
"""How many losses a `RecentHistory` keeps of steps, and of epochs. It is more than twice the batches of an epoch."""


class Turns(Run):
    """A run that takes its steps in turns. Between two turns it keeps its place, even within an epoch.

    It takes the same steps as a `Run` that is never paused. Callbacks are notified as usual: the fit begins
    with the first turn, and ends with the last.

    Attributes:
        ended: whether no step is left to take, or something has stopped the run for good.
        seconds: how long the latest turn took.

    >>> from minidl import SGD, Quadratic
    >>> bowl = Quadratic([[1.0]])
    >>> run = Turns(bowl, SGD(bowl.parameters(), lr=0.5), [], range(3), lambda _: bowl.value_and_gradient([1.0])[0])
    >>> run.turn(2), run.ended, run.turn(2), run.ended
    (2, False, 1, True)
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._pause = _Pause()
        self.callbacks.append(self._pause)
        self._begun, self.ended, self.seconds = list[Callback](), False, 0.0
        if isinstance(self.passes, range):
            self.passes = iter(self.passes)  # an iterator keeps its place

    def go(self, resume: Callable[[], bool] | None = None) -> None:
        """Do nothing: `turn` takes the steps."""

    def turn(self, steps: int, seconds: float = inf) -> int:
        """Take at least one step and at most `steps`, and pause after `seconds`. Return how many it took."""
        if self.ended or steps < 1:
            return 0
        before, start = self.step, perf_counter()
        self._pause.step, self._pause.time = self.step + steps, start + seconds
        super().go()
        self.seconds = perf_counter() - start
        return self.step - before

    def _begin(self, begun: list[Callback], resume: Callable[[], bool] | None) -> None:
        if self._begun:
            begun += self._begun
            self.reason = None
            with suppress(_Stop):
                self._loop(self._pause.within_epoch)
        else:
            self._begun = begun
            super()._begin(begun, resume)

    def _end(self, callbacks: Any, error: BaseException | None = None) -> None:
        if self.reason != PAUSED:
            self.ended = True
            super()._end(callbacks, error)


class _Pause(Callback):
    """Pauses a run at a step or a time. An epoch whose last step was taken comes to its end first."""

    step: int
    time: float
    within_epoch: bool

    def on_step_end(self, run: Run) -> None:
        if run.batch <= len(run.batches):
            self._pause(run, within_epoch=True)

    def on_epoch_end(self, run: Run) -> None:
        if run.epoch < run.epochs:
            self._pause(run, within_epoch=False)

    def _pause(self, run: Run, within_epoch: bool) -> None:
        if run.step >= self.step or perf_counter() >= self.time:
            self.within_epoch = within_epoch
            run.stop(PAUSED)


class RecentHistory(History):
    """The losses of a run of any length: of steps and of epochs the first one, and at least the latest ``MOST / 2``.

    Those of all steps of a long run would fill the memory of a browser's tab. Each epoch has the same metrics.

    Attributes:
        ended: how many epochs have ended.
    """

    ended = 0

    def on_step_end(self, run: Run) -> None:
        super().on_step_end(run)
        _shorten(self.loss)

    def on_epoch_end(self, run: Run) -> None:
        self.ended = run.epoch
        for name, value in run.metrics.items():
            values = self.epochs.setdefault(name, [])
            values.append(value)
            _shorten(values)


def _shorten(values: list[float]) -> None:
    if len(values) > MOST:
        del values[1 : -MOST // 2]


class TurnTrainer(Trainer):
    """A trainer whose `fit` only begins the run. The steps are taken by ``trainer.run.turn(…)``."""

    run: Turns
    history: RecentHistory

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.history = RecentHistory()

    def _run(self, *args: Any, **options: Any) -> Turns:
        self.run = Turns(*args, **options)
        return self.run
