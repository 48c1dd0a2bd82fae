"""Learning rates that change during a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minidl.arguments import number
from minidl.errors import StateError, warn
from minidl.run import Callback, Run
from minidl.schedules import ScheduleFunction

__all__ = ["Schedule"]


class Schedule(Callback):
    """Sets the learning rate of each step to the optimizer's own rate times ``schedule(step)``.

    After the run, the optimizer has its own learning rate again. A second fit of the same trainer continues the
    schedule. If another callback sets the learning rate as well, the schedule replaces it at the next step, and a
    `MinidlWarning` says so once per fit.

    Args:
        schedule: a function step → factor, such as those in `minidl.schedules`. The first step is 0. A factor of 0, as
            at the beginning of a warm-up, makes the step as small as possible. To pickle a trainer with a schedule, use
            a function that a module defines. Those in `minidl.schedules` are closures, which only ``deepcopy`` copies.

    Attributes:
        lr: the learning rate of each step so far.

    Raises:
        HyperparameterError: at a step, a factor that is not a finite number of at least 0.
        StateError: a second Schedule in the same run.
        TypeError: something that is not a function.

    >>> from minidl import Dense, MSELoss, SGD, Trainer
    >>> from minidl.schedules import step_decay
    >>> model, schedule = Dense(1, 1, rng=0), Schedule(step_decay(2, 0.5))
    >>> trainer = Trainer(model, MSELoss(), SGD(model.parameters(), lr=0.1), callbacks=[schedule])
    >>> history = trainer.fit([[0.0], [1.0]], [[1.0], [3.0]], epochs=5)
    >>> schedule.lr, trainer.optimizer.lr
    ([0.1, 0.1, 0.05, 0.05, 0.025], 0.1)
    """

    changes_optimizer = True

    def __init__(self, schedule: ScheduleFunction) -> None:
        if not callable(schedule):
            raise TypeError(
                f"Schedule takes a function step -> factor, such as schedules.cosine(100), got {schedule!r}"
            )
        self.schedule = schedule
        self.base = SMALLEST
        self._running = self._warned = False
        self._latest: float | None = None
        self.reset()

    def reset(self) -> None:
        self.lr: list[float] = []

    def on_fit_begin(self, run: Run) -> None:
        self.base, self._running, self._latest, self._warned = run.optimizer.lr, True, None, False
        if any(isinstance(other, Schedule) and other is not self for other in run.callbacks):
            raise StateError("a run can have only one Schedule; combine two with schedules.sequence")

    def on_step_begin(self, run: Run) -> None:
        factor = number(f"the schedule's factor at step {run.step}", self.schedule(run.step), at_least=0)
        if not self._warned and self._latest not in (None, run.optimizer.lr):
            warn(
                f"the learning rate was set to {run.optimizer.lr:g} after the Schedule had set it to {self._latest:g}; "
                "the Schedule sets it at each step, so let the schedule's factor do both, or leave the Schedule out"
            )
            self._warned = True
        run.optimizer.lr = self._latest = max(self.base * factor, SMALLEST)
        self.lr.append(run.optimizer.lr)

    def on_fit_end(self, run: Run) -> None:
        if self._running:
            run.optimizer.lr, self._running = self.base, False

    def state(self) -> dict[str, Any]:
        return {"lr": list(self.lr), "base": self.base}

    def load_state(self, state: Mapping[str, Any]) -> None:
        self.lr, self.base = [float(lr) for lr in state["lr"]], float(state["base"])


SMALLEST = 1e-300
"""Used instead of a learning rate of 0, which no optimizer accepts."""
