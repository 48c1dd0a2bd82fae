"""Runs in files, taken up again."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from minidl.callbacks.checkpoint import fingerprint, places
from minidl.data import Batches
from minidl.errors import CheckpointError, MinidlWarning
from minidl.modules.places import Place
from minidl.run import Callback, Run
from minidl.saving import Content, load_model_state, load_states, model_state

__all__ = ["Resumption"]

ENTRIES = ("model", "loss", "optimizer", "run", "batches", "data", "script", "generators", "callbacks")
"""What a run needs of a file."""


class Resumption:
    """Puts what a `Checkpoint` has saved into a run: at once its parts, and when all have begun the rest.

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
        self._before = self._parts()
        self._callbacks_before: list[tuple[Callback, dict[str, Any]]] = []
        with self._fits():
            try:
                self._load()
            except Exception:
                self.undo()
                raise

    def _load(self) -> None:
        run, content = self.run, self.content
        self._states = self._matched(content["callbacks"])
        model, loss, optimizer, saved, batches = (content[name] for name in ENTRIES[:5])
        self._check_model(model)
        if isinstance(run.batches, Batches):
            run.batches.load_state(batches)
        self._check_script(optimizer)
        self._check_generators()
        self._within = bool(batches["taken"])
        run.load_state(saved)
        self._load_parts((model, optimizer["state"], loss))
        for change in self._changes():
            warnings.warn(f"{content.path!r} is of a run {change}", MinidlWarning, stacklevel=4)

    def _check_model(self, model: dict[str, Any]) -> None:
        # An argument that a callback changes while the run goes on is as it was at the beginning, or as it was last.
        script = self.content["script"] or {"model": model["written"]}  # a run of minimize has none
        then, now = script["model"], self.run.script["model"]
        if now not in (then, model["written"]):
            raise CheckpointError(f"is of the model {then}, not of {now}")
        for name, parameter in self.run.model.named_parameters():
            if (dtype := model["state"][name].dtype) != parameter.dtype:
                raise CheckpointError(f"is of a model with {name} in {dtype}, not in {parameter.dtype}")

    def _check_script(self, optimizer: dict[str, Any]) -> None:
        """See that loss and optimizer are those of the file, but for the optimizer's numbers, which may change."""
        then, now = self.content["script"], self.run.script
        alike = optimizer["type"] == type(self.run.optimizer).__name__
        kept = optimizer["state"].keys() == self.run.optimizer.state().keys()
        if then["optimizer"] != now["optimizer"] and not (alike and kept):
            raise CheckpointError(f"is of a run with {then['optimizer']}, not with {now['optimizer']}")
        if then["moves"] != now["moves"]:
            raise CheckpointError(f"is of a run whose optimizer moves {then['moves']}, not {now['moves']}")
        if then["loss"] != now["loss"]:
            raise CheckpointError(f"is of a run with {then['loss']}, not with {now['loss']}")

    def _changes(self) -> Iterator[str]:
        """What is not as it was, and may be so."""
        then, now = self.content["script"], self.run.script
        if self.content["data"] != fingerprint(self.run):
            yield "on other data: what follows is not what it would have been"
        if then["optimizer"] != now["optimizer"]:
            yield (
                f"with {then['optimizer']}, and its numbers are taken, not those of {now['optimizer']}; to change one, "
                "set it in a callback's on_fit_begin"
            )
        if then["accumulate"] != now["accumulate"]:
            yield (
                f"with accumulate={then['accumulate']}, now it is {now['accumulate']}: the gradients are the same but "
                "for rounding, and for layers that look at a whole batch"
            )
        if self.run.reason is not None:
            yield (
                f"that had ended ({self.run.reason}), and so does this one; to go on all the same, set run.reason = "
                "None in a callback's on_fit_begin"
            )

    def _check_generators(self) -> None:
        """Take the states over into generators of their own, so that nothing can fail when it is done in earnest."""
        saved = self.content["generators"]
        # A callback may make its own when the fit begins.
        to_come = {name for name in saved["places"] if name.startswith("callbacks.")}
        load_states({name: Place({"rng": None}, "rng") for name in {*places(self.run), *to_come}}, saved)

    def _parts(self) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any] | None]:
        """The states of model, optimizer and loss."""
        loss = self.run.loss_function
        return model_state(self.run.model), self.run.optimizer.state(), None if loss is None else loss.state()

    def _load_parts(self, parts: tuple[dict[str, Any], dict[str, Any], dict[str, Any] | None]) -> None:
        model, optimizer, loss = parts
        self.run.optimizer.load_state(optimizer)
        if self.run.loss_function is not None:
            self.run.loss_function.load_state(loss or {})
        load_model_state(self.run.model, model)

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
            match = next((callback for callback in waiting if type(callback).__name__ == entry["type"]), None)
            if match is not None:
                waiting.remove(match)
            if entry["state"]:
                if match is None:
                    raise CheckpointError(f"is of a run with a callback {entry['type']}, which this one lacks")
                pairs.append((match, entry["state"], match.state()))
        return pairs

    def __call__(self) -> bool:
        """Give callbacks and generators their states; whether that is in the middle of an epoch."""
        if self._within:
            # What callbacks do to model and optimizer when an epoch begins is in the file already.
            parts = self._parts()
            for callback in self.run.callbacks:
                callback.on_epoch_begin(self.run)
            self._load_parts(parts)
        with self._fits():
            for callback, state, before in self._states:
                self._callbacks_before.append((callback, before))
                callback.load_state(state)
            load_states(places(self.run), self.content["generators"])
        self.done = True
        # The run goes on for long, and needs none of this.
        del self.content, self._before, self._states, self._callbacks_before
        return self._within

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
        self._load_parts(self._before)
