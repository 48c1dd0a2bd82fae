"""The contract of a callback."""

from __future__ import annotations

import copy
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from time import sleep
from typing import Any

import numpy as np

from minidl.callbacks import Checkpoint
from minidl.checking.contract import contract, require
from minidl.errors import CheckpointError, ContractError, MinidlError, MinidlWarning, describe
from minidl.layers import BatchNorm, Dense, Dropout, Sequential, Tanh
from minidl.losses import MSELoss
from minidl.modules.places import places_of
from minidl.optimizers import Momentum
from minidl.run import EVENTS, Callback, Run
from minidl.saving.generators import states_of
from minidl.saving.models import encoded
from minidl.training import Trainer

__all__ = ["check_callback"]

STEPS = 4  # per epoch
MOMENTS = (STEPS, STEPS + 1)  # steps after which a run is saved: at the end of an epoch, and within one
TICK = 2e-3  # seconds in which a clock changes

PARTS = {"changes_parameters": "parameters, buffers or generators of the model", "changes_optimizer": "the optimizer"}


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
    - A new callback that loads the state has the same one. A resumed run ends with the state of a run without a break.
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
    allowed = {
        "changes_parameters": callback.changes_parameters if changes_parameters is None else changes_parameters,
        "changes_optimizer": callback.changes_optimizer if changes_optimizer is None else changes_optimizer,
    }
    with contract(type(callback).__name__), warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore", MinidlWarning)

        def trial(callback: Callback, moments: tuple[int, ...] = ()) -> _Trial:
            return _Trial(callback, allowed, _Saver(callback, folder, moments), fit)

        first, twin = trial(callback, MOMENTS), trial(new())
        first.fit()
        with _refusals():  # of a file that is there already
            twin.fit()
        for step, state in first.saver.states.items():
            resumed = trial(new())
            resumed.fit(first.saver.place(step))
            _compare(state, resumed.loaded, "a new callback that loads the state has another one")
            if twin.final is not None and first.final is not None:
                known = {name: part if part == twin.final.get(name) else None for name, part in first.final.items()}
                reason = "a resumed run ends with another state than one without a break: name all that it needs in it"
                _compare(known, resumed.final, reason)
        first.fit()
        with _refusals():  # to serve two trainers
            trial(callback).fit()


@contextmanager
def _refusals() -> Iterator[None]:
    """Let a callback refuse a run by an error of this package inside a ``with`` block."""
    try:
        yield
    except ContractError:
        raise
    except MinidlError:
        pass


class _Trial:
    """A small trainer with a callback, which is watched at each event.

    Attributes:
        loaded: the state of the callback after it has loaded one.
        final: its state at the end of the first fit.
    """

    def __init__(
        self, callback: Callback, allowed: Mapping[str, bool], saver: _Saver, settings: Mapping[str, Any]
    ) -> None:
        self.callback, self.allowed, self.saver, self.settings = callback, allowed, saver, settings
        self.handed_out: list[tuple[str, dict[str, Any], Any]] = []
        self.loaded: dict[str, Any] | None = None
        self.final: dict[str, Any] | None = None
        model = Sequential(Dense(2, 4), BatchNorm(4), Dropout(0.2, rng=1), Tanh(), Dense(4, 1), rng=0)
        before = _Listener(self._before, lambda: None, last=callback.last)
        after = _Listener(self._after, self._load, last=callback.last)
        optimizer = Momentum(model.parameters(), lr=0.1)
        self.trainer = Trainer(model, MSELoss(), optimizer, [before, callback, after, self.saver])

    def fit(self, resume_from: str | None = None) -> None:
        rng = np.random.default_rng(0)
        x, y = rng.normal(size=(4 * STEPS, 2)), rng.normal(size=(4 * STEPS, 1))
        settings: dict[str, Any] = {"epochs": 3, "batch_size": 4, "validation": (x[::2], y[::2]), "rng": 0}
        self.trainer.fit(x, y, **{**settings, **self.settings}, resume_from=resume_from)
        self.final = self.final or _state(self.callback)
        for event, given, stored in self.handed_out:
            require(
                _plain(given) == stored,
                f"what state() returned in {event} has changed since: it must return copies of arrays and lists",
            )

    def _parts(self, run: Run) -> dict[str, Any]:
        model = {"state": run.model.state(), "generators": states_of(places_of(run.model))}
        return {"changes_parameters": _plain(model), "changes_optimizer": _plain(run.optimizer.state())}

    def _hears(self, event: str) -> bool:
        # The state is looked at when a fit begins, in any case.
        return (
            event == EVENTS[0] or getattr(getattr(self.callback, event), "__func__", None) is not vars(Callback)[event]
        )

    def _before(self, event: str, run: Run) -> None:
        if self._hears(event):
            self.parts = self._parts(run)

    def _after(self, event: str, run: Run) -> None:
        if not self._hears(event):
            return
        for name, part in self._parts(run).items():
            require(
                self.allowed[name] or part == self.parts[name],
                f"{event} changes {PARTS[name]}; if that is intended, set {name} = True in the class",
            )
        given = self.callback.state()
        require(isinstance(given, dict), f"state() must return a dict, got {type(given).__name__}")
        self.handed_out.append((event, given, _plain(given)))

    def _load(self) -> None:
        self.loaded = _state(self.callback)


class _Listener(Callback):
    """Calls functions at each event, and when a run is resumed."""

    def __init__(self, see: Callable[[str, Run], None], load: Callable[[], None], *, last: bool) -> None:
        self.see, self.load = see, load
        vars(self)["last"] = last

    def state(self) -> dict[str, Any]:
        return {"listens": True}  # load_state is called only if there is a state

    def load_state(self, state: Mapping[str, Any]) -> None:
        self.load()


def _telling(event: str) -> Callable[[_Listener, Run], None]:
    return lambda listener, run: listener.see(event, run)


for _event in EVENTS:
    setattr(_Listener, _event, _telling(_event))


class _Saver(Checkpoint):
    """Saves a run after some steps.

    Attributes:
        states: step -> the state of the callback then.
    """

    def __init__(self, callback: Callback, folder: str, moments: tuple[int, ...]) -> None:
        super().__init__(f"{folder}/run.npz")
        self.callback, self.folder, self.moments = callback, folder, moments
        self.states: dict[int, dict[str, Any]] = {}

    def place(self, step: int) -> str:
        return f"{self.folder}/{step}.npz"

    def on_step_end(self, run: Run) -> None:
        if run.step % STEPS != 0:
            self._keep(run)

    def on_epoch_end(self, run: Run) -> None:
        self._keep(run)

    def _keep(self, run: Run) -> None:
        if run.step in self.moments:
            self.path = self.place(run.step)
            self.states[run.step] = _state(self.callback)
            self.save(run)


def _state(callback: Callback) -> dict[str, Any]:
    """Each entry of a state as a file holds it, None if it changes by itself, as a clock does."""
    once = {name: _plain(value) for name, value in callback.state().items()}
    sleep(TICK)
    again = {name: _plain(value) for name, value in callback.state().items()}
    return {name: value if value == again.get(name) else None for name, value in once.items()}


def _plain(value: Any) -> Any:
    """A value as a file holds it, to be compared by ==."""
    try:
        text, arrays = encoded({"state": value})
    except CheckpointError as error:
        raise ContractError(f"no file can hold what state() returns: {error}") from error
    return text, {name: (array.dtype, array.shape, array.tobytes()) for name, array in arrays.items()}


def _compare(expected: dict[str, Any], found: dict[str, Any] | None, reason: str) -> None:
    """Raise `ContractError` unless two states agree where neither changes by itself."""
    found = found or {}
    other = [
        name
        for name in {**expected, **found}
        if name not in expected
        or name not in found
        or (None not in (expected[name], found[name]) and expected[name] != found[name])
    ]
    require(not other, f"{reason}; the difference is in {', '.join(map(repr, other))}")
