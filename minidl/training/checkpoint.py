"""Runs in files, and how they are taken up again."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import SimpleNamespace
from typing import Any

import numpy as np

from minidl.data import Batches
from minidl.errors import CheckpointError, HyperparameterError, MinidlWarning
from minidl.files import check_folder
from minidl.saving import (
    Content,
    checksum,
    encoded,
    holders_of,
    load_model_state,
    load_states,
    model_content,
    model_state,
    states_of,
    write_content,
)
from minidl.training.callbacks import Callback
from minidl.training.interruption import INTERRUPTED
from minidl.training.run import Run

__all__ = ["Checkpoint", "Resumption"]

ENTRIES = ("model", "optimizer", "run", "batches", "data", "script", "generators", "callbacks")
"""What a run needs of a file."""


class Checkpoint(Callback):
    """Saves all of a run to a file, again and again, so that ``fit(…, resume_from=path)`` goes on from there.

    The file holds parameters, buffers, optimizer, epoch and batch, the order of the samples, every generator, the
    history and what the other callbacks keep. It is replaced as a whole: after a crash at any moment there is the
    newest or the one before. `minidl.load` makes the model of it, as it was then; the best weights that an
    `EarlyStopping` brings back at the end are not in it. A run that Ctrl-C stops is saved once more. A new run that is
    not resumed from the file replaces it.

    Args:
        path: the file.
        every_steps: save after so many steps; None never does so in the middle of an epoch.
        every_epochs: save after so many epochs; None never does so.

    Raises:
        HyperparameterError: numbers that are not positive integers.
        StateError: when a fit begins, a folder that is not there or cannot be written to.
        CheckpointError: when a fit begins, a model or a callback's state that no file can hold.

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
            if isinstance(every, bool) or not (every is None or (isinstance(every, int | np.integer) and every > 0)):
                raise HyperparameterError(f"Checkpoint: {name} must be a positive integer or None, got {every!r}")
        self.path = os.fspath(path)
        self.every_steps, self.every_epochs = every_steps, every_epochs

    def on_fit_begin(self, run: Run) -> None:
        check_folder(self.path)
        self._data = _fingerprint(run)
        encoded(self._content(run))

    def on_step_end(self, run: Run) -> None:
        if run.interrupted or (self.every_steps is not None and run.step % self.every_steps == 0):
            self.save(run)

    def on_epoch_end(self, run: Run) -> None:
        if run.interrupted or (self.every_epochs is not None and run.epoch % self.every_epochs == 0):
            self.save(run)

    def save(self, run: Run) -> None:
        """Write the file now."""
        write_content(self._content(run), self.path)

    def _content(self, run: Run) -> dict[str, Any]:
        others = [callback for callback in run.callbacks if not isinstance(callback, Checkpoint)]
        return {
            **model_content(run.model),
            "optimizer": {"type": type(run.optimizer).__name__, "state": run.optimizer.state()},
            "run": {
                "epoch": run.epoch,
                "step": run.step,
                "first_epoch": run.first_epoch,
                "loss": run.loss,
                "metrics": run.metrics,
                "reason": None if run.reason == INTERRUPTED else run.reason,
            },
            "batches": run.batches.state() if isinstance(run.batches, Batches) else None,
            "data": self._data,
            "script": run.script,
            "generators": states_of(_holders(run)),
            "callbacks": [{"type": type(callback).__name__, "state": callback.state()} for callback in others],
        }


class Resumption:
    """Puts what a `Checkpoint` has saved into a run: at once model and optimizer, and when all have begun the rest.

    As a context manager around the run it undoes all of that if the run fails before the rest is in its place.

    Raises:
        CheckpointError: a file that is damaged or of another run; nothing has changed then.
    """

    def __init__(self, path: str | os.PathLike[str], run: Run) -> None:
        self.run, self.content, self.done = run, Content(path), False
        if "callbacks" not in self.content:
            raise CheckpointError(f"{os.fspath(path)!r} holds a model, not a run; load it with minidl.load")
        if missing := [name for name in ENTRIES if name not in self.content]:
            raise CheckpointError(f"{os.fspath(path)!r} lacks {', '.join(missing)}")
        self._before = model_state(run.model), run.optimizer.state()
        self._callbacks_before: list[tuple[Callback, dict[str, Any]]] = []
        with self._fits():
            try:
                self._load()
            except Exception:
                self.undo()
                raise

    def _load(self) -> None:
        run, content = self.run, self.content
        self.states = self._matched(content["callbacks"])
        model, optimizer, batches, saved = (content[name] for name in ("model", "optimizer", "batches", "run"))
        if model["written"] != (written := self._before[0]["written"]):
            raise CheckpointError(f"is of the model {model['written']}, not of {written}")
        for name, parameter in run.model.named_parameters():
            if (dtype := model["state"][name].dtype) != parameter.dtype:
                raise CheckpointError(f"is of a model with {name} in {dtype}, not in {parameter.dtype}")
        if isinstance(run.batches, Batches):
            run.batches.load_state(batches)
        self._check_script(optimizer)
        self._check_generators()
        self.within = bool(batches["taken"])
        run.epoch, run.step, run.first_epoch = (int(saved[name]) for name in ("epoch", "step", "first_epoch"))
        run.loss, run.metrics, run.reason = float(saved["loss"]), dict(saved["metrics"]), saved["reason"]
        if content["data"] != _fingerprint(run):
            warnings.warn(
                f"{content.path!r} is of a run on other data: what follows is not what it would have been",
                MinidlWarning,
                stacklevel=4,
            )
        run.optimizer.load_state(optimizer["state"])
        self._load_model(model)

    def _check_script(self, optimizer: dict[str, Any]) -> None:
        """See that loss and optimizer are those of the file, but for the optimizer's numbers, which may change."""
        then, now = self.content["script"], self.run.script
        same = then["optimizer"] == now["optimizer"]
        kept = optimizer["state"].keys() == self.run.optimizer.state().keys()
        if not same and not (optimizer["type"] == type(self.run.optimizer).__name__ and kept):
            raise CheckpointError(f"is of a run with {then['optimizer']}, not with {now['optimizer']}")
        if then["loss"] != now["loss"]:
            raise CheckpointError(f"is of a run with {then['loss']}, not with {now['loss']}")
        if not same:
            warnings.warn(
                f"{self.content.path!r} is of a run with {then['optimizer']}, and its numbers are taken, not those of "
                f"{now['optimizer']}; to change one, set it in a callback's on_fit_begin",
                MinidlWarning,
                stacklevel=5,
            )

    def _check_generators(self) -> None:
        """Take the states over into generators of their own, so that nothing can fail when it is done in earnest."""
        stand_ins = {place: (SimpleNamespace(rng=None), "rng") for place in _holders(self.run)}
        load_states(stand_ins, self.content["generators"])

    def _load_model(self, state: dict[str, Any]) -> None:
        # Who is in training is what fit says, not the file.
        with self.run.model.training_as(True):
            load_model_state(self.run.model, state)

    @contextmanager
    def _fits(self) -> Iterator[None]:
        """Inside this block every error about the content is a `CheckpointError` that says so and names the file."""
        with self.content.fits():
            try:
                yield
            except KeyError as error:
                raise CheckpointError(f"lacks {error}") from error

    def _matched(self, saved: list[dict[str, Any]]) -> list[tuple[Callback, dict[str, Any], dict[str, Any]]]:
        """Each state that is not empty: the callback of the same type whose turn it is, that state, and its present."""
        waiting = list(self.run.callbacks)
        pairs = []
        for entry in saved:
            if entry["state"]:
                match = next((callback for callback in waiting if type(callback).__name__ == entry["type"]), None)
                if match is None:
                    raise CheckpointError(f"is of a run with a callback {entry['type']}, which this one lacks")
                waiting.remove(match)
                pairs.append((match, entry["state"], match.state()))
        return pairs

    def __call__(self) -> bool:
        """Give callbacks and generators their states; whether that is in the middle of an epoch."""
        if self.within:
            for callback in self.run.callbacks:
                callback.on_epoch_begin(self.run)
        with self._fits():
            for callback, state, before in self.states:
                self._callbacks_before.append((callback, before))
                callback.load_state(state)
            load_states(_holders(self.run), self.content["generators"])
        self.done = True
        return self.within

    def __enter__(self) -> Resumption:
        return self

    def __exit__(self, *_: object) -> None:
        if not self.done:
            self.undo()

    def undo(self) -> None:
        """Have everything as it was before."""
        for callback, state in self._callbacks_before:
            with suppress(Exception):  # one that has refused the file's state may refuse its own
                callback.load_state(state)
        self._load_model(self._before[0])
        self.run.optimizer.load_state(self._before[1])


def _holders(run: Run) -> dict[str, tuple[Any, str]]:
    """All generators of a run: those of the model, and the one that draws the orders."""
    holders = holders_of(run.model)
    if isinstance(run.batches, Batches) and run.batches.rng is not None:
        holders["batches"] = (run.batches, "rng")
    return holders


def _fingerprint(run: Run) -> str | None:
    """Checksums of the data."""
    return f"{checksum(run.batches.x)} {checksum(run.batches.y)}" if isinstance(run.batches, Batches) else None
