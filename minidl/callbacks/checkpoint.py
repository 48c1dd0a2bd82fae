"""Runs in files."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from typing import Any

from minidl.arguments import whole_number
from minidl.data import Batches
from minidl.errors import CheckpointError, MinidlWarning
from minidl.files import check_folder
from minidl.modules import Layer, Loss
from minidl.modules.places import Place, places_in, places_of
from minidl.optimizers import Optimizer
from minidl.run import Callback, Run
from minidl.saving import (
    check_remaking,
    checksum,
    encoded,
    model_content,
    states_of,
    write_content,
    written,
)

__all__ = ["Checkpoint", "fingerprint", "places", "script"]


class Checkpoint(Callback):
    """Saves all of a run to a file, again and again, so that ``fit(…, resume_from=path)`` goes on from there.

    The file holds parameters, buffers, optimizer, loss, epoch and batch, the order of the samples, every generator,
    the history and what the other callbacks keep. Generators are found where model, loss, optimizer and callbacks hold
    them: in attributes, or in lists and dicts there. A run that Ctrl-C stops is saved once more. `minidl.load` makes
    the model of it, as it was then; the best weights that an `EarlyStopping` brings back at the end are not in it.

    The file is replaced as a whole: after a crash at any moment there is the newest or the one before. If it cannot be
    written any more, since the disk is full, say, there is a `MinidlWarning`, and the run goes on with the one before.
    A new run that is not resumed from the file replaces it.

    Args:
        path: the file.
        every_steps: save after so many steps; None never does so in the middle of an epoch.
        every_epochs: save after so many epochs; None never does so.

    Raises:
        HyperparameterError: numbers that are not positive integers.
        StateError: when a fit begins, a folder that is not there or cannot be written to.
        CheckpointError: when a fit begins, a model, a generator or a callback's state that no file can hold.

    >>> import tempfile
    >>> from minidl import Dense, MSELoss, SGD, Trainer
    >>> def trainer(*callbacks):
    ...     model = Dense(1, 1, rng=0)
    ...     return Trainer(model, MSELoss(), SGD(model.parameters(), lr=0.1), callbacks)
    >>> x, y = [[0.0], [1.0]], [[1.0], [3.0]]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = f"{folder}/run.npz"
    ...     history = trainer(Checkpoint(path)).fit(x, y, epochs=3)
    ...     resumed = trainer().fit(x, y, epochs=10, resume_from=path)
    >>> resumed.loss == trainer().fit(x, y, epochs=10).loss
    True
    """

    last = True

    def __init__(
        self, path: str | os.PathLike[str], *, every_steps: int | None = None, every_epochs: int | None = 1
    ) -> None:
        for name, every in (("every_steps", every_steps), ("every_epochs", every_epochs)):
            if every is not None:
                whole_number(f"Checkpoint: {name}", every, 1)
        self.path = os.fspath(path)
        self.every_steps, self.every_epochs = every_steps, every_epochs

    def on_fit_begin(self, run: Run) -> None:
        check_folder(self.path)
        check_remaking(run.model)
        self._data, self._warned = fingerprint(run), False
        self._kept = run.optimizer.state().keys()
        encoded(self._content(run))

    def on_step_end(self, run: Run) -> None:
        if run.interrupted or (self.every_steps is not None and run.step % self.every_steps == 0):
            self._save_or_warn(run)

    def on_epoch_end(self, run: Run) -> None:
        if run.interrupted or (self.every_epochs is not None and run.epoch % self.every_epochs == 0):
            self._save_or_warn(run)

    def _save_or_warn(self, run: Run) -> None:
        try:
            self.save(run)
            self._warned = False
        except (CheckpointError, OSError) as error:  # a file is not worth a run
            if not self._warned:
                message = f"{self.path!r} cannot be written at step {run.step}, and is the one before: {error}"
                warnings.warn(message, MinidlWarning, stacklevel=2)
            self._warned = True

    def save(self, run: Run) -> None:
        """Write the file now.

        Raises:
            CheckpointError: something that no file can hold.
            OSError: from the disk; a file that was there before is as it was.
        """
        write_content(self._content(run), self.path)

    def _content(self, run: Run) -> dict[str, Any]:
        state = run.optimizer.state()
        if gained := ", ".join(state.keys() - self._kept):
            raise CheckpointError(
                f"{type(run.optimizer).__name__} keeps {gained} since this fit began, where a new one has no place for "
                "it; set it in __init__, or begin its name with an underscore if it need not be kept"
            )
        others = [callback for callback in run.callbacks if not isinstance(callback, Checkpoint)]
        return {
            **model_content(run.model),
            "loss": None if run.loss_function is None else run.loss_function.state(),
            "optimizer": {"type": type(run.optimizer).__name__, "state": state},
            "run": run.state(),
            "batches": run.batches.state() if isinstance(run.batches, Batches) else None,
            "data": self._data,
            "script": run.script,
            "generators": states_of(places(run)),
            "callbacks": [{"type": type(callback).__name__, "state": callback.state()} for callback in others],
        }


def script(model: Layer, loss: Loss, optimizer: Optimizer, accumulate: int) -> dict[str, Any]:
    """What a script has made a run with, for comparison with the script that goes on with it."""
    return {
        "model": written(model),
        "loss": written(loss),
        "optimizer": repr(optimizer),
        "moves": optimizer.moves(model),
        "accumulate": accumulate,
    }


def places(run: Run) -> dict[str, Place]:
    """Where all generators of a run are: those of its parts, and the one that draws the orders."""
    found = places_of(run.model)
    if run.loss_function is not None:
        found |= places_of(run.loss_function, "loss")
    found |= places_in(vars(run.optimizer), "optimizer")
    seen: Counter[str] = Counter()
    for callback in run.callbacks:
        kind = type(callback).__name__
        found |= places_in(vars(callback), f"callbacks.{kind}.{seen[kind]}")
        seen[kind] += 1
    if isinstance(run.batches, Batches) and run.batches.rng is not None:
        found["batches"] = Place(vars(run.batches), "rng")
    return found


def fingerprint(run: Run) -> str | None:
    """Checksums of the data."""
    return f"{checksum(run.batches.x)} {checksum(run.batches.y)}" if isinstance(run.batches, Batches) else None
