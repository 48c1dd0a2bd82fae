"""The session behind the page: commands in, frames out. Both are dicts that JSON can hold.

Commands, by "do":

- "presets": the catalog of `presets.PRESETS`, "choices", what each setting may be, "numbers", which of them each
  optimizer has, and "curves" (see `curves`).
- "networks", "descent": set up what "settings" describe (see `settings`), and return the whole frame.
- "step": take at most "steps" steps within "budget_ms" milliseconds, the frame included, but at least one step.
- "epoch": train to the end of the current epoch.
- "reset": begin again with the same settings.
- "run": run the program in "code". Its frame has "figures", PNG in base64.

Every frame has a "kind" and an "error", None or a dict with a "message". That may come with the "field" of the settings
that is wrong, with a "hint", true if only data are missing, or with the "traceback" and the "line" of a program.

A frame of networks has

- "step", "epoch", "steps_per_second", and "loss" and "accuracy", each of "train" and "test",
- "losses": [step, training loss, test loss] for each epoch since the last frame,
- "boundary": its "size", and the limits of "x" and "y",
- "layers": for each its "name", and the "scales", "weights", "bias" and "grad" of its units. Hidden layers also say
  which units are "dead". More than two classes have an output unit each,
- "finished", and "fate", None or what goes wrong in words,
- the whole frame: "data", lists of [x1, x2, class] to "train" and to "test" on, the names of the "classes", and the
  "code",
- at its end "pixels", all pictures one after the other. The first one is the boundary: the probability of class 1. More
  than two classes have such a picture each, and the class with the largest probability is predicted. Then follows a
  picture of each unit, layer by layer.

A frame of descents has

- "step" and "finished",
- "paths": for each its "label", the "points" and "values" since the last frame, the "length" of the whole path, "f" and
  "gradient_norm" at its end, and "fate" and "reason",
- the whole frame: the "grid" with the values of f, "levels" for contours and known "minima", and the "code".

Pictures are bytes in base64, row by row from the bottom. Numbers in those of the boundary have two bytes, the lower one
first. Numbers that are not finite are None.
"""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Callable, Mapping
from math import isfinite
from time import perf_counter
from typing import Any

from minidl.errors import MinidlError
from minidl.playground.curves import curves
from minidl.playground.descent import Descents
from minidl.playground.networks import Network
from minidl.playground.presets import PRESETS
from minidl.playground.programs import run_program
from minidl.playground.settings import NUMBERS_OF, MissingError, SettingError, choices

__all__ = ["Session"]

MARK = "\x1e"
"""What the line of a frame begins with. All else on stdout is output of the user's code."""

BUDGET = 25
"""Milliseconds that a turn takes unless the command says otherwise."""


class Session:
    """Takes commands, each a dict with "do", and returns a frame for each. It never raises for a user's mistake.

    >>> session = Session()
    >>> frame = session.handle({"do": "networks", "settings": {"hidden": [4]}})
    >>> frame["step"], frame["error"]
    (0, None)
    >>> session.handle({"do": "step", "steps": 3, "budget_ms": 1000})["step"]
    3
    >>> session.handle({"do": "networks", "settings": {"lr": -1}})["error"]
    {'message': 'lr must be a number from 1e-06 to 100, got -1', 'field': 'lr'}
    """

    def __init__(self) -> None:
        self.present: Network | Descents | None = None
        self._frame_seconds = 0.0  # how long the latest frame took
        self._commands: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "presets": lambda _: _catalog(),
            "networks": lambda command: self._begin(Network, command.get("settings", {})),
            "descent": lambda command: self._begin(Descents, command.get("settings", {})),
            "step": self._step,
            "epoch": self._epoch,
            "reset": lambda _: self._begin(type(self._running()), self._running().settings),
            "run": lambda command: run_program(command.get("code", "")),
        }

    def handle(self, command: Any) -> dict[str, Any]:
        """Obey one command, and return its frame, in which numbers that are not finite are None.

        After a mistake, ``frame["error"]`` says what must hold, and in which field.
        """
        do = command.get("do") if isinstance(command, Mapping) else None
        try:
            if not isinstance(do, str) or do not in self._commands:
                raise SettingError("do", f"do must be one of {', '.join(self._commands)}, got {do!r:.60}")
            frame: dict[str, Any] = _finite(self._commands[do](command))
        except SettingError as error:
            hint = {"hint": True} if isinstance(error, MissingError) else {}
            return {"kind": _kind(do), "error": {"message": str(error), "field": error.field, **hint}}
        except (MinidlError, ArithmeticError, RecursionError) as error:
            return {"kind": _kind(do), "error": {"message": str(error)}}
        return frame

    def turn(self, text: str) -> None:
        r"""Obey a command in JSON, and write its frame to stdout, as one line that begins with ``"\x1e"``."""
        try:
            command = json.loads(text)
        except (ValueError, RecursionError) as error:
            frame: dict[str, Any] = {"kind": "error", "error": {"message": f"the command cannot be read: {error}"}}
        else:
            frame = self.handle(command)
        sys.stdout.write(f"{MARK}{json.dumps(frame, separators=(',', ':'), allow_nan=False)}\n")
        sys.stdout.flush()

    def _running(self) -> Network | Descents:
        if self.present is None:
            raise SettingError("do", "nothing has been set up yet; send networks or descent with settings first")
        return self.present

    def _begin(self, kind: type[Network | Descents], settings: Mapping[str, Any]) -> dict[str, Any]:
        self.present = None  # after a mistake, nothing can be resumed
        gc.collect()  # a run refers to itself, and would stay in memory beside the next one
        self.present = kind(settings)
        return self.present.frame(whole=True)

    def _step(self, command: Mapping[str, Any]) -> dict[str, Any]:
        running = self._running()
        steps, budget = _positive(command, "steps", 1), _positive(command, "budget_ms", BUDGET)
        # The frame belongs to the turn, but at least a third of it is for steps.
        running.step(max(1, int(steps)), max(budget / 1000 - self._frame_seconds, budget / 3000))
        begin = perf_counter()
        frame = running.frame()
        self._frame_seconds = perf_counter() - begin
        return frame

    def _epoch(self, _: Mapping[str, Any]) -> dict[str, Any]:
        running = self._running()
        if isinstance(running, Network):
            running.epoch()
        else:
            running.step(1)
        return running.frame()


def _catalog() -> dict[str, Any]:
    """What the page offers."""
    found = {"presets": PRESETS, "choices": choices(), "numbers": NUMBERS_OF, "curves": curves()}
    return {"kind": "presets", **found, "error": None}


def _positive(command: Mapping[str, Any], name: str, default: float) -> float:
    value = command.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e9:
        raise SettingError(name, f"{name} must be a number above 0, got {value!r:.60}")
    return value


def _kind(do: Any) -> str:
    """The kind of the frame that answers a command."""
    return {"run": "output"}.get(do, do) if isinstance(do, str) else "error"


def _finite(value: Any) -> Any:
    """The same without numbers that JSON does not have: NaN and infinity become None."""
    if type(value) is float:
        return value if isfinite(value) else None
    if type(value) is dict:
        return {name: _finite(each) for name, each in value.items()}
    return [_finite(each) for each in value] if type(value) is list else value
