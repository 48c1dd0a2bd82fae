"""Runs resumed from files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from minidl.callbacks.checkpoint import fingerprint, parts, places
from minidl.errors import CheckpointError, warn
from minidl.files import content_of, warn_of_values
from minidl.modules.places import Place
from minidl.run import Callback, Run
from minidl.saving.generators import load_states
from minidl.saving.models import load_state_of, read_content, state_of

__all__ = ["Resumption"]

CHANGED = ("model", "loss", "optimizer")
"""The parts of a run that outlive it, so that loading them may have to be undone."""

ENTRIES = (*CHANGED, "run", "batches", "as_code", "data", "script", "generators", "callbacks")
"""What a run takes from a file."""


class Resumption:
    """Loads what a `Checkpoint` saved into a run: its parts at once, the rest when all callbacks have begun.

    As a context manager around the run, it undoes all of that if the run fails before the rest is loaded.

    Raises:
        CheckpointError: a file that is damaged or belongs to another run. Nothing has changed then.
    """

    def __init__(self, path: str | os.PathLike[str], run: Run) -> None:
        self.run, self.path, self.done = run, os.fspath(path), False
        self.saved = read_content(path, ENTRIES)
        self._before = self._states()
        self._callbacks_before: list[tuple[Callback, dict[str, Any]]] = []
        with content_of(path):
            self._check_run()
            self._callbacks = self._matched()
            try:
                self._load()
            except BaseException:
                self.undo()
                raise

    def _check_run(self) -> None:
        """Check that model, loss and optimizer are those of the file. The optimizer's numbers may differ."""
        run, saved = self.run, self.saved
        if "run" not in saved:
            raise CheckpointError("holds a model, not a run; load it with minidl.load")
        if not saved["script"]:
            raise CheckpointError("holds a run of minimize, which cannot be resumed; load it with minidl.load")
        then, now = saved["script"], run.script
        may_differ = {
            # A callback may have changed a layer's argument since the run began.
            "model": now["model"] == saved["as_code"],
            "optimizer": then["rule"] == now["rule"] and saved["optimizer"].keys() == run.optimizer.state().keys(),
        }
        for name in ("model", "loss", "groups", "optimizer"):
            if then[name] != now[name] and not may_differ.get(name):
                raise CheckpointError(f"is of a run with the {name} {then[name]}, not {now[name]}")
        for name, parameter in run.model.named_parameters():
            if (dtype := saved["model"]["state"][name].dtype) != parameter.dtype:
                raise CheckpointError(f"is of a model with {name} in {dtype}, not in {parameter.dtype}")

    def _matched(self) -> list[tuple[Callback, dict[str, Any], dict[str, Any]]]:
        """Each callback with its state in the file and its current one. Those of one type are taken in their order."""
        waiting, pairs = list(self.run.callbacks), []
        for entry in self.saved["callbacks"]:
            match = next((callback for callback in waiting if type(callback).__name__ == entry["type"]), None)
            if match is not None:
                waiting.remove(match)
            if entry["state"]:
                if match is None:
                    raise CheckpointError(f"is of a run with a callback {entry['type']}, which this one lacks")
                pairs.append((match, entry["state"], match.state()))
        return pairs

    def _load(self) -> None:
        for name, part in parts(self.run).items():
            load_state_of(part, self.saved[name])
        self._within_epoch = bool(self.saved["batches"]["taken"])
        # First into generators of its own, so that it cannot fail later. A callback may make one when the fit begins.
        generators = self.saved["generators"]
        names = {*places(self.run), *(name for name in generators["places"] if name.startswith("callbacks."))}
        load_states({name: Place({"rng": None}, "rng") for name in names}, generators)
        for change in self._changes():
            warn(f"{self.path!r} is of a run {change}", stacklevel=5)

    def _changes(self) -> Iterator[str]:
        """What has changed since, where it may."""
        then, now = self.saved["script"], self.run.script
        where = "in a callback's on_fit_begin"
        if self.saved["data"] != fingerprint(self.run):
            yield "on other data: it will not continue as it would have"
        elif then["validation"] != now["validation"]:
            yield "with other validation data: what is measured on them does not continue what was measured before"
        if then["optimizer"] != now["optimizer"]:
            yield f"with {then['optimizer']}, whose numbers apply, not those of {now['optimizer']}; change one {where}"
        if then["accumulate"] != now["accumulate"]:
            agree = "gradients agree up to rounding, except in layers that mix the samples of a batch"
            yield f"with accumulate={then['accumulate']}, not {now['accumulate']}; {agree}"
        if (reason := self.run.reason) is not None:
            yield f"that had ended ({reason}), and so does this one; to continue it, set run.reason = None {where}"

    def __call__(self) -> bool:
        """Load the states of callbacks and generators, and return whether the run is within an epoch."""
        if self._within_epoch:
            # The file already has what callbacks do to model and optimizer when an epoch begins.
            states = self._states()
            for callback in self.run.callbacks:
                callback.on_epoch_begin(self.run)
            self._restore(states)
        with content_of(self.path):
            for callback, state, before in self._callbacks:
                self._callbacks_before.append((callback, before))
                callback.load_state(state)
            load_states(places(self.run), self.saved["generators"])
        warn_of_values(self.saved["model"]["state"], self.path)
        self.done = True
        # The run may take long, and needs none of this.
        del self.saved, self._before, self._callbacks, self._callbacks_before
        return self._within_epoch

    def _states(self) -> dict[str, dict[str, Any]]:
        return {name: state_of(part) for name, part in parts(self.run).items() if name in CHANGED}

    def _restore(self, states: dict[str, dict[str, Any]]) -> None:
        for name, state in states.items():
            load_state_of(parts(self.run)[name], state)

    def undo(self) -> None:
        """Restore everything as it was before."""
        for callback, state in self._callbacks_before:
            with suppress(Exception):  # one that has refused the file's state may refuse its own
                callback.load_state(state)
        self._restore(self._before)

    def __enter__(self) -> Resumption:
        return self

    def __exit__(self, *_: object) -> None:
        if not self.done:
            self.undo()
