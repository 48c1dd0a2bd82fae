"""What the tests of callbacks and stops run on every rank."""

import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from minidl import (
    Adam,
    BatchNorm,
    Callback,
    Checkpoint,
    CrossEntropyLoss,
    CSVLog,
    Dense,
    Dropout,
    EarlyStopping,
    ProgressBar,
    ReduceOnPlateau,
    ReLU,
    Run,
    Sequential,
    Trainer,
)
from tests.integrations.mpi_programs import data, parallel
from tests.integrations.mpi_shards import GoOn, rank

STEPS = 11
"""Steps per epoch."""


def trainer(callbacks: Sequence[Callback] = (), kind: Callable[..., Trainer] = parallel) -> Trainer:
    model = Sequential(Dense(6, 16), BatchNorm(16), ReLU(), Dropout(0.2, rng=7), Dense(16, 3), rng=1)
    return kind(model, CrossEntropyLoss(), Adam(model.parameters(), lr=0.01), callbacks)


def fitted(made: Trainer, **options: Any) -> dict[str, Any]:
    """Fit, and return what there is to compare."""
    options = {"epochs": 4, "batch_size": 100, "rng": 2, "validation": 0.2} | options
    history = made.fit(*data(1250), **options)
    state = {name: value.tolist() for name, value in made.model.state().items()}
    return {"state": state, "loss": history.loss, "epochs": history.epochs, "reason": history.reason}


class At(Callback):
    """Does something at one step on one rank."""

    def __init__(self, step: int, on_rank: int = 1) -> None:
        self.step, self.on_rank = step, on_rank

    def act(self, run: Run) -> None:
        run.stop(f"rank {self.on_rank} has seen enough")

    def on_step_end(self, run: Run) -> None:
        if run.step == self.step and rank() == self.on_rank:
            self.act(run)


class Interrupt(At):
    """Presses Ctrl-C."""

    def act(self, run: Run) -> None:
        os.kill(os.getpid(), signal.SIGINT)


class Note(Callback):
    """Writes a line into a file."""

    writes = True

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_epoch_end(self, run: Run) -> None:
        with self.path.open("a") as file:
            file.write(f"epoch {run.epoch} on rank {rank()}\n")


def callbacks(folder: str) -> list[Callback]:
    """All kinds: some decide, and some write."""
    path = Path(folder)
    return [
        EarlyStopping(patience=3),
        ReduceOnPlateau("validation_loss", patience=1),
        CSVLog(path / "log.csv"),
        Note(path / "notes"),
        ProgressBar("training"),
        Checkpoint(path / "run.npz", every_steps=5, best="validation_loss", keep=2),
    ]


def uninterrupted(folder: str) -> dict[str, Any]:
    return fitted(trainer(callbacks(folder)))


def resumed(folder: str, step: int, kind: str) -> dict[str, Any]:
    """A run that one rank stops, and the same run resumed."""
    stopping: Callback = {"stop": At, "interrupt": Interrupt}[kind](step)
    first = fitted(trainer([stopping, *callbacks(folder)]))
    return {"first": first, "second": fitted(trainer([GoOn(), *callbacks(folder)]), resume_from=f"{folder}/run.npz")}


def resumed_after_fault(folder: str) -> dict[str, Any]:
    return fitted(trainer([GoOn(), *callbacks(folder)]), resume_from=f"{folder}/run.npz")


def stopped(folder: str) -> dict[str, Any]:
    return fitted(trainer([At(17), *callbacks(folder)]))


def stops() -> dict[str, Any]:
    """How far each rank comes if rank 1 stops the run at one event, and how far one process comes."""
    found = {}
    for event in ("on_fit_begin", "on_epoch_begin", "on_step_begin", "on_step_end", "on_epoch_end"):
        result = {}
        for where, kind in {"parallel": parallel, "one": Trainer}.items():

            def stop(run: Run, where: str = where) -> None:
                if run.step >= STEPS and (where == "one" or rank() == 1):
                    run.stop("enough")

            def begin(run: Run, where: str = where) -> None:
                if where == "one" or rank() == 1:
                    run.stop("enough")

            stopping = Callback()
            setattr(stopping, event, begin if event == "on_fit_begin" else stop)
            made = trainer([stopping], kind)
            history = made.fit(*data(1100), epochs=3, batch_size=100, rng=0)
            result[where] = len(history.loss), len(history.epochs.get("loss", ())), history.reason
        found[event] = result
    return found
