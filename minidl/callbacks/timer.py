"""How long a run takes."""

from __future__ import annotations

from collections.abc import Mapping
from time import perf_counter
from typing import Any

from minidl.run import Callback, Run

__all__ = ["Timer"]


class Timer(Callback):
    """Measures the time that training takes, over all fits of one trainer. It costs nothing per step.

    All times are wall-clock seconds of a clock that never goes back. A resumed run continues from the times in the
    checkpoint, without what was lost after it.

    Attributes:
        epochs: seconds of each completed epoch, validation included.

    >>> from minidl import Dense, MSELoss, SGD, Trainer
    >>> model, timer = Dense(1, 1), Timer()
    >>> trainer = Trainer(model, MSELoss(), SGD(model.parameters(), lr=0.1), callbacks=[timer])
    >>> history = trainer.fit([[0.0], [1.0]], [[1.0], [3.0]], epochs=3)
    >>> len(timer.epochs), timer.steps, timer.seconds > sum(timer.epochs)
    (3, 3, True)
    """

    adds = ()

    def __init__(self) -> None:
        self._run: Run | None = None
        self.reset()

    def reset(self) -> None:
        self.epochs: list[float] = []
        self._seconds, self._steps = 0.0, 0  # in the finished fits

    @property
    def seconds(self) -> float:
        """Seconds in all fits so far, validation and callbacks included."""
        return self._seconds if self._run is None else perf_counter() - self._begin

    @property
    def steps(self) -> int:
        """Steps in all fits so far."""
        return self._steps if self._run is None else self._run.step - self._first

    @property
    def steps_per_second(self) -> float:
        """The mean rate over all fits so far, 0 before the first."""
        seconds = self.seconds
        return self.steps / seconds if seconds else 0.0

    def on_fit_begin(self, run: Run) -> None:
        # Where clock and count would have begun without the time between fits.
        self._begin, self._first = perf_counter() - self._seconds, run.step - self._steps
        self._epoch_begin = perf_counter()
        self._run = run

    def on_epoch_begin(self, run: Run) -> None:
        self._epoch_begin = perf_counter()

    def on_epoch_end(self, run: Run) -> None:
        self.epochs.append(perf_counter() - self._epoch_begin)

    def on_fit_end(self, run: Run) -> None:
        self._seconds, self._steps, self._run = self.seconds, self.steps, None

    def state(self) -> dict[str, Any]:
        since = 0.0 if self._run is None else perf_counter() - self._epoch_begin
        return {"seconds": self.seconds, "steps": self.steps, "epochs": list(self.epochs), "in_epoch": since}

    def load_state(self, state: Mapping[str, Any]) -> None:
        self._seconds, self._steps = state["seconds"], state["steps"]
        self.epochs = list(state["epochs"])
        if self._run is not None:
            self.on_fit_begin(self._run)
            self._epoch_begin -= state["in_epoch"]

    def __repr__(self) -> str:
        return f"Timer({self.steps} steps in {self.seconds:.3g} s, {self.steps_per_second:.3g} per second)"
