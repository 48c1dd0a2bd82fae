"""Runs in files."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from math import isnan
from typing import Any

from minidl.arguments import whole_number
from minidl.batches import Batches
from minidl.callbacks.monitor import Direction, Monitor
from minidl.errors import CheckpointError, HyperparameterError, warn
from minidl.files import absolute, check_folder, nesting_checked, warn_of_values
from minidl.modules import Layer, Loss, Module
from minidl.modules.places import Place, places_in, places_of
from minidl.optimizers import Optimizer
from minidl.run import Callback, Run
from minidl.saving.generators import states_of
from minidl.saving.models import as_code, check_remaking, checksum, encoded, model_content, state_of, write_content

__all__ = ["Checkpoint", "fingerprint", "parts", "places", "script"]


class Checkpoint(Callback):
    """Saves the whole run to a file at regular intervals, so that ``fit(…, resume_from=path)`` resumes it.

    The file holds parameters, buffers, optimizer, loss, epoch and batch, the order of the samples, every generator,
    the history and the states of the other callbacks. It finds the generators of model, loss, optimizer and callbacks
    in their attributes, and in lists and dicts there. A run is saved once more when its last epoch ends, and when
    something stops it, but not when it fails or diverges. `minidl.load` returns the model in the file as it was then,
    without the best weights that an `EarlyStopping` restores at the end.

    With ``best="validation_loss"``, the `keep` best epochs of a fit are kept as well, each in a file of its own beside
    the newest: for "run.npz" and epoch 12, "run.best-12.npz". Each is such a file, to load or to resume. Files of
    earlier fits and runs stay unless they have the same name.

    Some batches of a user, `GeneratorBatches` among them, can be resumed between two passes only. The file then stays
    that of the latest epoch, with a `MinidlWarning` whenever a save within a pass is due.

    The file is replaced as a whole: after a crash at any moment there is the newest one or the one before. If it cannot
    be written, for example on a full disk, there is a `MinidlWarning`, and the run continues with the one before. A new
    run that is not resumed from the file replaces it.

    Args:
        path: the file. A relative path and a leading "~" are resolved when a fit begins.
        every_steps: how many steps to take between two saves. None never saves within an epoch.
        every_epochs: how many epochs to run between two saves. None never saves at the end of an epoch.
        best: the name of a metric, such as "validation_loss" or "validation_accuracy". None keeps no best epochs.
        keep: how many of the best epochs to keep.
        mode: whether a lower value ("min") or a higher one ("max") of `best` is better. "auto" knows it for the names
            that `EarlyStopping` knows.

    Attributes:
        ranking: pairs (value, epoch) of the best epochs of the latest fit, the best first.

    Raises:
        HyperparameterError: numbers that are not positive integers, a `keep` without `best`, a metric whose direction
            is not known, or "loss", which is measured before each step, so that no parameters belong to it.
        StateError: when a fit begins, a folder that does not exist, or a folder or file that cannot be written to. A
            metric that the run does not measure.
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
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     checkpoint = Checkpoint(f"{folder}/run.npz", best="training_loss", keep=2)
    ...     history = trainer(checkpoint).fit(x, y, epochs=3, training_loss=True)
    ...     sorted(os.listdir(folder))
    ['run.best-2.npz', 'run.best-3.npz', 'run.npz']
    """

    last, writes, adds = True, True, ()

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        every_steps: int | None = None,
        every_epochs: int | None = 1,
        best: str | None = None,
        keep: int = 1,
        mode: Direction = "auto",
    ) -> None:
        for name, every in (("every_steps", every_steps), ("every_epochs", every_epochs)):
            if every is not None:
                whole_number(f"Checkpoint: {name}", every, 1)
        self.path = os.fspath(path)
        self.every_steps, self.every_epochs = every_steps, every_epochs
        self.keep = whole_number("Checkpoint: keep", keep, 1)
        if best is None and self.keep > 1:
            raise HyperparameterError('Checkpoint: keep is for the best epochs; name a metric: best="validation_loss"')
        self._monitor = None if best is None else Monitor("Checkpoint", best, mode)
        if best == "loss":
            raise HyperparameterError(
                'Checkpoint: "loss" is measured before each step, so no parameters belong to it; for the best, name '
                '"training_loss" and pass training_loss=True to fit'
            )
        self.reset()

    def reset(self) -> None:
        self._warned = self._odd = False
        self.ranking: list[tuple[float, int]] = []

    def on_fit_begin(self, run: Run) -> None:
        self.reset()
        if self._monitor is not None:
            self._monitor.check(run)
        self._target = absolute(self.path)
        check_folder(self._target)
        check_remaking(run.model)
        self._data, self._names = fingerprint(run), set(run.optimizer.state())
        encoded(self._content(run))

    def on_step_end(self, run: Run) -> None:
        if run.reason is not None or (self.every_steps is not None and run.step % self.every_steps == 0):
            self._save_or_warn(run)

    def on_epoch_end(self, run: Run) -> None:
        if self._monitor is not None:
            self._rank(run, self._monitor)
        every, ends = self.every_epochs, run.interrupted or run.reason is not None or run.epoch >= run.epochs
        if ends or (every is not None and run.epoch % every == 0):
            self._save_or_warn(run)

    def _rank(self, run: Run, monitor: Monitor) -> None:
        """Save the epoch if it is one of the best, and remove the file of the one that no longer is."""
        value = monitor.value(run)
        if isnan(value):
            return
        before, ranked = self.ranking, [*self.ranking, (value, run.epoch)]
        ranked.sort(key=lambda entry: monitor.gain(entry[0], 0.0), reverse=True)  # stable: of equal ones the first
        self.ranking, dropped = ranked[: self.keep], ranked[self.keep :]
        if (value, run.epoch) in dropped:
            return
        if not self._save_or_warn(run, self._best_file(run.epoch)):
            self.ranking = before
            return
        for _, epoch in dropped:
            with suppress(OSError):  # a run before a crash may have removed it
                os.remove(self._best_file(epoch))

    def _best_file(self, epoch: int) -> str:
        stem, suffix = os.path.splitext(self._target)
        return f"{stem}.best-{epoch}{suffix}"

    def _save_or_warn(self, run: Run, *target: str) -> bool:
        """Write a file, and return whether that worked."""
        try:
            self.save(run, *target)
            self._warned = False
        except (CheckpointError, OSError) as error:  # a file is not worth a run
            if not self._warned:
                warn(f"{self.path!r} cannot be written at step {run.step} and stays as it was: {error}", stacklevel=2)
            self._warned = True
            return False
        return True

    def save(self, run: Run, target: str | None = None) -> None:
        """Write the file now, or another one.

        Raises:
            CheckpointError: something that no file can hold. A position within a pass over batches that cannot return
                there.
            OSError: the disk refuses the file. One that was there before is unchanged.
        """
        content = self._content(run)
        self._odd = self._odd or warn_of_values(content["model"]["state"], self.path)  # once per fit
        write_content(content, target or self._target)

    @nesting_checked()
    def _content(self, run: Run) -> dict[str, Any]:
        states = {name: state_of(part) for name, part in parts(run).items() if name != "model"}
        if gained := ", ".join(states["optimizer"].keys() - self._names):
            raise CheckpointError(
                f"{type(run.optimizer).__name__} has gained {gained} since this fit began, and a new one has no place "
                "for it; set it in __init__, or begin its name with an underscore if it need not be saved"
            )
        # If one checkpoint has a ranking, all of them are listed, as those of one type are matched in their order.
        ranked = any(isinstance(each, Checkpoint) and each.state() for each in run.callbacks)
        others = [each for each in run.callbacks if ranked or not isinstance(each, Checkpoint)]
        return {
            **model_content(run.model),
            "as_code": as_code(run.model),
            **states,
            "data": self._data,
            "script": run.script,
            "generators": states_of(places(run)),
            "callbacks": [{"type": type(callback).__name__, "state": callback.state()} for callback in others],
        }

    def state(self) -> dict[str, Any]:
        return {} if self._monitor is None else {"watches": str(self._monitor), "ranking": list(self.ranking)}

    def load_state(self, state: Mapping[str, Any]) -> None:
        if self._monitor is not None:
            self._monitor.check_saved(state["watches"])
            self.ranking = [(float(value), int(epoch)) for value, epoch in state["ranking"]]


def parts(run: Run) -> dict[str, Any]:
    """What a run is made of besides its callbacks, by the names in a file. Each has `state` and `load_state`."""
    every = {"model": run.model, "loss": run.loss_function, "optimizer": run.optimizer, "run": run}
    return {name: part for name, part in {**every, "batches": run.passes}.items() if hasattr(part, "load_state")}


def script(
    model: Layer, loss: Loss, optimizer: Optimizer, accumulate: int, measured: Sequence[tuple[str, Any]]
) -> dict[str, Any]:
    """What a script made a run with, for comparison with the script that resumes it."""
    return {
        "model": as_code(model),
        "loss": as_code(loss),
        "groups": optimizer.moves(model),
        "optimizer": repr(optimizer),
        "rule": type(optimizer).__name__,
        "accumulate": accumulate,
        "validation": [checksum(*data) for kind, data in measured if kind == "validation" and isinstance(data, tuple)],
    }


def places(run: Run) -> dict[str, Place]:
    """Where all generators of a run are, by names such as "model.3.rng", "callbacks.Noise.0.rng" and "batches.rng"."""
    found = dict(places_in(getattr(run.validation, "__dict__", {}), "validation"))
    for name, part in parts(run).items():
        # A pass has its generator from the batches, which may be a user's.
        holder = getattr(run.batches, "source", run.batches) if name == "batches" else part
        found |= places_of(part, name) if isinstance(part, Module) else places_in(getattr(holder, "__dict__", {}), name)
    seen: Counter[str] = Counter()
    for callback in run.callbacks:
        kind = type(callback).__name__
        found |= places_in(vars(callback), f"callbacks.{kind}.{seen[kind]}")
        seen[kind] += 1
    return found


def fingerprint(run: Run) -> str | None:
    """Checksums of the data."""
    return checksum(*run.batches.parts) if isinstance(run.batches, Batches) else None
