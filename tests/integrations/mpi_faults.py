"""What the tests of faults run on every rank. Each fault first writes down when it happens."""

import errno
import math
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from minidl import (
    SGD,
    Callback,
    Checkpoint,
    CrossEntropyLoss,
    Dense,
    DivergenceError,
    MSELoss,
    ReLU,
    Run,
    Sequential,
)
from minidl.typing import Array
from tests.integrations.mpi_programs import data, parallel
from tests.integrations.mpi_runs import At, callbacks, fitted, trainer
from tests.integrations.mpi_shards import rank


def fail() -> None:
    raise ValueError("this rank has a bug")


def interrupt_twice() -> None:
    os.kill(os.getpid(), signal.SIGINT)
    os.kill(os.getpid(), signal.SIGINT)


FAULTS: dict[str, Callable[[], Any]] = {
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "exit": lambda: os._exit(1),
    "quiet exit": lambda: os._exit(0),
    "exception": fail,
    "Ctrl-C twice": interrupt_twice,
}


def note_time(folder: str) -> None:
    (Path(folder) / "time").write_text(str(time.time()))


class Fault(At):
    def __init__(self, folder: str, kind: str) -> None:
        super().__init__(step=17)
        self.folder, self.kind = folder, kind

    def act(self, run: Run) -> None:
        note_time(self.folder)
        FAULTS[self.kind]()


def broken(folder: str, kind: str) -> dict[str, Any]:
    return fitted(trainer([Fault(folder, kind), *callbacks(folder)]))


def interrupted_outside(folder: str) -> None:
    """Ctrl-C on one rank that is not in a fit, while the others are."""
    if rank() == 1:
        note_time(folder)
        os.kill(os.getpid(), signal.SIGINT)
    fitted(trainer())


def diverged(folder: str, caught: bool) -> Any:
    """Training in which a step overflows on the samples of rank 1."""
    model = Sequential(Dense(6, 16), ReLU(), Dense(16, 3), rng=1)
    made = parallel(model, CrossEntropyLoss(), SGD(model.parameters(), lr=0.1))
    x, y = data(100)
    made.fit(x, y, epochs=2)
    before = model.parameters().value.copy()
    x[70] = 1.7e308  # finite, but not the first layer's sums
    note_time(folder)
    if not caught:
        made.fit(x, y)
    try:
        made.fit(x, y)
    except DivergenceError as error:
        unchanged = bool((model.parameters().value == before).all())
        # All ranks have raised, so they can go on together.
        going_on = made.fit(*data(100), epochs=1).loss[-1]
        return {"text": str(error), "layer": error.layer, "unchanged": unchanged, "then": going_on}
    return None


class Overflowing(MSELoss):
    """A loss in Python's floats, which raise where NumPy's become infinite."""

    def forward(self, prediction: Array, target: Array) -> float:
        return super().forward(prediction, target) + math.exp(target.max())


def overflowed() -> str:
    """What ranks are told if a float of one of them overflows."""
    y = np.zeros((4, 1))
    y[3] = 1000.0
    model = Dense(2, 1, rng=0)
    try:
        parallel(model, Overflowing(), SGD(model.parameters(), lr=0.1)).fit(np.ones((4, 2)), y)
    except DivergenceError as error:
        return str(error)
    return ""


class Counting(Dense):
    """A layer that counts samples in a buffer, as no rule of minidl combines them."""

    buffers = ("seen",)
    seen = 0.0

    def forward(self, x: Array) -> Array:
        if self.training:
            self.seen = self.seen + len(x)
        return super().forward(x)


def buffers() -> list[float]:
    """What a buffer of a user's layer is after each epoch."""
    values: list[float] = []

    class Look(Callback):
        def on_epoch_end(self, run: Run) -> None:
            values.append(getattr(model, "seen", -1.0))

    model = Counting(2, 1, rng=0)
    made = parallel(model, MSELoss(), SGD(model.parameters(), lr=0.1), [Look()])
    made.fit(np.ones((5, 2)), np.ones((5, 1)), epochs=2)
    return values


def slow(folder: str) -> dict[str, Any]:
    """A run that takes minutes."""

    class Wait(Callback):
        def on_step_end(self, run: Run) -> None:
            if run.step == 17:
                note_time(folder)
            time.sleep(0.0 if run.step < 17 else 0.2)

    return fitted(trainer([Wait(), *callbacks(folder)]), epochs=100)


def full_disk(folder: str) -> dict[str, Any]:
    """A run whose files cannot be written for two of four epochs."""

    class Full(Callback):
        patched: Any = None

        def on_epoch_begin(self, run: Run) -> None:
            if run.epoch == 1:
                self.patched = patch("os.fsync", side_effect=OSError(errno.ENOSPC, "No space left on device"))
                self.patched.start()
            elif run.epoch == 3:
                self.patched.stop()

    return fitted(trainer([Full(), Checkpoint(f"{folder}/run.npz")]))


def different_data() -> str:
    """What ranks are told that bring different data and do not say so."""
    x = np.ones((4, 2))
    model = trainer().model
    made = parallel(model, MSELoss(), SGD(model.parameters(), lr=0.1))
    try:
        made.fit(np.ones((4, 6)), x @ np.ones((2, 3)) + rank())
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def plain() -> None:
    fitted(trainer())
