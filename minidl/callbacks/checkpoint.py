"""Runs in files."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from typing import Any

from minidl.arguments import whole_number
from minidl.batches import Batches
from minidl.errors import CheckpointError, warn
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
    in their attributes, and in lists and dicts there. A run that Ctrl-C stops is saved once more. `minidl.load` returns
    the model in the file as it was then, without the best weights that an `EarlyStopping` restores at the end.

    The file is replaced as a whole: after a crash at any moment there is the newest one or the one before. If it cannot
    be written, for example on a full disk, there is a `MinidlWarning`, and the run continues with the one before. A new
    run that is not resumed from the file replaces it.

    Args:
        path: the file. A relative path and a leading "~" are resolved when a fit begins.
        every_steps: how many steps to take between two saves. None never saves within an epoch.
        every_epochs: how many epochs to run between two saves. None never saves at the end of an epoch.

    Raises:
        HyperparameterError: numbers that are not positive integers.
        StateError: when a fit begins, a folder that does not exist, or a folder or file that cannot be written to.
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

    last, adds = True, ()

    def __init__(
        self, path: str | os.PathLike[str], *, every_steps: int | None = None, every_epochs: int | None = 1
    ) -> None:
        for name, every in (("every_steps", every_steps), ("every_epochs", every_epochs)):
            if every is not None:
                whole_number(f"Checkpoint: {name}", every, 1)
        self.path = os.fspath(path)
        self.every_steps, self.every_epochs = every_steps, every_epochs

    def reset(self) -> None:
        self._warned = self._odd = False

    def on_fit_begin(self, run: Run) -> None:
        self.reset()
        self._target = absolute(self.path)
        check_folder(self._target)
        check_remaking(run.model)
        self._data, self._names = fingerprint(run), set(run.optimizer.state())
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
                message = f"{self.path!r} cannot be written at step {run.step}, and stays the one before: {error}"
                warn(message, stacklevel=2)
            self._warned = True

    def save(self, run: Run) -> None:
        """Write the file now.

        Raises:
            CheckpointError: something that no file can hold.
            OSError: the disk refuses the file. One that was there before is unchanged.
        """
        content = self._content(run)
        self._odd = self._odd or warn_of_values(content["model"]["state"], self.path)  # once per fit
        write_content(content, self._target)

    @nesting_checked()
    def _content(self, run: Run) -> dict[str, Any]:
        states = {name: state_of(part) for name, part in parts(run).items() if name != "model"}
        if gained := ", ".join(states["optimizer"].keys() - self._names):
            raise CheckpointError(
                f"{type(run.optimizer).__name__} has gained {gained} since this fit began, and a new one has no place "
                "for it; set it in __init__, or begin its name with an underscore if it need not be saved"
            )
        others = [callback for callback in run.callbacks if not isinstance(callback, Checkpoint)]
        return {
            **model_content(run.model),
            "as_code": as_code(run.model),
            **states,
            "data": self._data,
            "script": run.script,
            "generators": states_of(places(run)),
            "callbacks": [{"type": type(callback).__name__, "state": callback.state()} for callback in others],
        }


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
    found: dict[str, Place] = {}
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
