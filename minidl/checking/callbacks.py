"""The contract of a callback."""

from __future__ import annotations

import copy
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from minidl.callbacks import Checkpoint
from minidl.checking.contract import contract, require
from minidl.errors import CheckpointError, ContractError, MinidlError, MinidlWarning, describe
from minidl.events import EVENTS
from minidl.layers import BatchNorm, Dense, Dropout, Sequential, Tanh
from minidl.losses import MSELoss
from minidl.modules.places import places_of
from minidl.optimizers import Momentum
from minidl.run import Callback, Run
from minidl.saving.generators import states_of
from minidl.saving.models import encoded
from minidl.training import Trainer

__all__ = ["check_callback"]

MOMENTS = {("on_epoch_end", 4): "epoch.npz", ("on_step_end", 5): "step.npz"}
"""When a run is saved, and in which file: at the end of an epoch of four steps, and within one."""

PARTS = {
    "changes_parameters": "parameters, buffers or generators of the model",
    "changes_optimizer": "the optimizer",
}


def check_callback(
    make: Callable[[], Callback] | Callback,
    *,
    changes_parameters: bool | None = None,
    changes_optimizer: bool | None = None,
    **fit: Any,
) -> None:
    """Check that a callback leaves a run alone, and that it can be resumed and used again.

    It accompanies a small network that a `Trainer` fits for three epochs of four steps, with validation.

    - No event changes parameters, buffers or generators of the model, unless the class says so by
      ``changes_parameters = True``, nor the optimizer, unless it says so by ``changes_optimizer = True``.
    - A file can hold its state, which later events do not change.
    - A new callback that loads the state has the same one. A resumed run ends as a run without a break, with the same
      state, parameters and optimizer.
      What differs between any two runs, such as times, is left out.
    - A second fit of the same trainer works. A fit of another trainer works, or raises a `MinidlError`.

    Files and pictures that it makes are not checked.

    Args:
        make: a function that returns a new callback, or a callback, of which copies are checked.
        changes_parameters, changes_optimizer: whether it may change these. None leaves it to the class.
        fit: further arguments of `Trainer.fit`, such as ``metrics``.

    Raises:
        ContractError: anything that is wrong, the callback's own exceptions included.

    >>> from minidl import EarlyStopping, Timer
    >>> check_callback(EarlyStopping(patience=2))
    >>> check_callback(Timer)
    """

    def new() -> Callback:
        return copy.deepcopy(make) if isinstance(make, Callback) else make()

    with contract(make):
        callback = new()
    require(isinstance(callback, Callback), f"make must return a Callback, got {describe(callback)}")
    given = {"changes_parameters": changes_parameters, "changes_optimizer": changes_optimizer}
    allowed = {name: getattr(callback, name) if may is None else may for name, may in given.items()}
    with contract(type(callback).__name__), warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore", MinidlWarning)

        def fitted(callback: Callback, resume_from: str | None = None) -> _Trial:
            trial = _Trial(callback, allowed, folder)
            trial.fit(**fit, resume_from=resume_from)
            return trial

        twin = first = fitted(callback)
        with _refusals():  # of a file that is there already
            twin = fitted(new())
        for file, state in list(first.states.items()):
            resumed = fitted(new(), f"{folder}/{file}")
            if resumed.loaded is not None:
                _compare(
                    state, twin.states[file], resumed.loaded, "a new callback that loads the state has another one"
                )
            if twin is not first:
                reason = "a resumed run ends differently from one without a break: state() must name all that it needs"
                _compare(first.end, twin.end, resumed.end, reason)
        first.fit(**fit)
        with _refusals():  # to serve two trainers
            fitted(callback)


@contextmanager
def _refusals() -> Iterator[None]:
    """Let a callback refuse a run by an error of this package inside a ``with`` block."""
    try:
        yield
    except MinidlError as error:
        if isinstance(error, ContractError):
            raise


class _Trial(Callback):
    """Stands for a callback in a run of its own, and looks at what each event changes.

    Attributes:
        states: file -> the state of the callback when the run was saved there.
        loaded: its state after it has loaded one.
        end: its state after the last event, and those of the model and the optimizer.
    """

    def __init__(self, callback: Callback, allowed: Mapping[str, bool], folder: str) -> None:
        self.callback, self.allowed, self.folder = callback, allowed, folder
        self.attributes = vars(callback)  # a file finds generators in the dicts that a callback holds
        vars(self)["last"] = callback.last
        self.states: dict[str, dict[str, Any]] = {}
        self.end: dict[str, Any] = {}
        self.loaded: dict[str, Any] | None = None
        self.handed_out: list[tuple[str, dict[str, Any], dict[str, Any]]] = []
        model = Sequential(Dense(2, 4), BatchNorm(4), Dropout(0.2, rng=1), Tanh(), Dense(4, 1), rng=0)
        self.checkpoint = Checkpoint(f"{folder}/run.npz", every_epochs=None)
        optimizer = Momentum(model.parameters(), lr=0.1)
        self.trainer = Trainer(model, MSELoss(), optimizer, [self, self.checkpoint])

    def fit(self, **settings: Any) -> None:
        rng = np.random.default_rng(0)
        x, y = rng.normal(size=(16, 2)), rng.normal(size=(16, 1))
        usual = {"epochs": 3, "batch_size": 4, "validation": (x[::2], y[::2]), "rng": 0}
        self.trainer.fit(x, y, **{**usual, **settings})
        for event, given, stored in self.handed_out:
            reason = f"what state() returned in {event} has changed since: it must return copies of arrays and lists"
            require(_plain(given) == stored, reason)

    def hear(self, event: str, run: Run) -> None:
        before = _parts(run)
        getattr(self.callback, event)(run)
        after = _parts(run)
        for name, part in after.items():
            require(
                self.allowed[name] or part == before[name],
                f"{event} changes {PARTS[name]}; if that is intended, set {name} = True in the class",
            )
        given = self.state()
        require(isinstance(given, dict), f"state() must return a dict, got {type(given).__name__}")
        state = _plain(given)
        self.end = {**state, **{PARTS[name]: part for name, part in after.items()}}
        self.handed_out.append((event, given, state))
        if file := MOMENTS.get((event, run.step)):
            self.states[file] = state
            self.checkpoint.save(run)
            os.replace(self.checkpoint.path, f"{self.folder}/{file}")

    def state(self) -> dict[str, Any]:
        return self.callback.state()

    def load_state(self, state: Mapping[str, Any]) -> None:
        self.callback.load_state(state)
        self.loaded = _plain(self.callback.state())


def _hearing(event: str) -> Callable[[_Trial, Run], None]:
    return lambda trial, run: trial.hear(event, run)


for _event in EVENTS:
    setattr(_Trial, _event, _hearing(_event))


def _parts(run: Run) -> dict[str, Any]:
    model = {"state": run.model.state(), "generators": states_of(places_of(run.model))}
    return {"changes_parameters": _plain(model), "changes_optimizer": _plain(run.optimizer.state())}


def _plain(state: Mapping[str, Any]) -> dict[str, Any]:
    """Each entry of a state as a file holds it, to be compared by ==."""
    try:
        files = {name: encoded({"state": value}) for name, value in state.items()}
    except CheckpointError as error:
        raise ContractError(f"no file can hold what state() returns: {error}") from error
    return {
        name: (text, {key: (array.dtype, array.shape, array.tobytes()) for key, array in arrays.items()})
        for name, (text, arrays) in files.items()
    }


def _compare(expected: dict[str, Any], twin: dict[str, Any], found: dict[str, Any], reason: str) -> None:
    """Raise `ContractError` unless two states agree, but for what differs between any two runs."""
    missing = object()
    other = [
        name
        for name in {**expected, **found}
        if expected.get(name, missing) == twin.get(name, missing) != found.get(name, missing)
    ]
    require(not other, f"{reason}; the difference is in {', '.join(map(repr, other))}")
