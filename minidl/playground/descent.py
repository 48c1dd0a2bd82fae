"""Descents on a function of two variables, several at once and in turns, and the frames that show them."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, isfinite
from time import perf_counter
from typing import Any

import numpy as np

from minidl.errors import DivergenceError
from minidl.levels import contour_levels
from minidl.modules import Objective
from minidl.optimizers import Optimizer
from minidl.playground.code import descent_code
from minidl.playground.settings import DESCENT, SettingError, checked
from minidl.playground.turns import Turns
from minidl.sums import norm
from minidl.training.fate import FateWatch
from minidl.training.minimize import Descending, Descent
from minidl.typing import Array

__all__ = ["Descents"]

SIZE = 81
"""Rows and columns of the grid on which contours are drawn."""

CHUNK = 20
"""Steps of one path before the next one takes as many."""

VIEWS = {
    "cubic_valley": ((-1.5, 3.0), (-1.5, 1.5)),
    "rosenbrock": ((-2.0, 2.0), (-1.0, 3.0)),
    "himmelblau": ((-5.0, 5.0), (-5.0, 5.0)),
    "beale": ((-4.5, 4.5), (-4.5, 4.5)),
    "expression": ((-3.0, 3.0), (-3.0, 3.0)),
}
"""What is shown of each objective: limits of x and y, widened to hold all starts."""


class Path:
    """One descent, from one start by one optimizer, as `minimize` takes it, but in turns."""

    def __init__(self, objective: Objective, optimizer: Optimizer, steps: int) -> None:
        self.objective = objective
        self.label = ""
        self.descending = Descending(objective, optimizer, steps, [], FateWatch(), kind=Turns)
        self._told_points = self._told_values = 0
        self.descent: Descent | None = None
        self._ended = False

    def step(self, steps: int) -> int:
        """Take at most `steps` steps. Return how many it took."""
        run = self.descending.run
        assert isinstance(run, Turns)
        taken = run.turn(steps)
        if run.ended and self.descent is None:
            with np.errstate(all="ignore"):
                self.descent = self.descending.result()
        return taken

    def frame(self) -> dict[str, Any]:
        """The path as the page draws it: the points since the last frame, and how it fares."""
        recorder = self.descending.recorder
        points = recorder.points if recorder is not None else []
        if not points:
            points = [self.objective.parameters().value.copy()]
        new = np.array(points[self._told_points :]).reshape(-1, 2)
        self._told_points = len(points)
        with np.errstate(all="ignore"):
            value, gradient = self.objective.value_and_gradient(points[-1])
            length = norm(gradient)
        return {
            "label": self.label,
            "points": [list(map(_rounded, point)) for point in new.tolist() if all(map(isfinite, point))],
            "length": len(points),
            "values": self._new_values(),
            "f": value if isfinite(value) else None,
            "gradient_norm": length if isfinite(length) else None,
            "fate": None if self.descent is None else self.descent.fate,
            "reason": "" if self.descent is None else _reason(self.descent),
        }

    def _new_values(self) -> list[list[float]]:
        """Pairs of a step and the value there, since the last frame. That of the last point comes when all is over."""
        losses = self.descending.history.loss
        begin, self._told_values = self._told_values, len(losses)
        new = [[step, _rounded(losses[step])] for step in range(begin, len(losses))]
        if self.descent is not None and not self._ended:
            self._ended = True
            new.append([len(losses), _rounded(self.descent.value)])
        return new


class Descents:
    """Descents of several optimizers from several starts, taken in turns.

    Args:
        settings: those in `DESCENT` that differ from their defaults.

    Attributes:
        code: the program that the settings stand for. It has made objectives and optimizers.
        paths: the descents.

    Raises:
        SettingError: settings that are unknown or out of range.

    >>> descents = Descents({"objective": "rosenbrock", "starts": [[0, 0]], "steps": 10})
    >>> descents.step(100)
    10
    >>> descents.frame()["paths"][0]["fate"]
    'unfinished'
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = checked(DESCENT, settings)
        if not self.settings["starts"]:
            raise SettingError("starts", "click a place to start from")
        self.code = descent_code(self.settings)
        self.paths: list[Path] = []
        space: dict[str, Any] = {"__name__": "__main__"}
        exec(self.code.setup, space)
        # The rest runs as it is shown, but each descent only begins, and its steps are taken in turns.
        space |= {"minimize": self._begin, "print": lambda _: None}
        exec(self.code.run, space)
        several = len(self.settings["starts"]) > 1
        labels = [
            f"{name} from ({start[0]:g}, {start[1]:g})" if several else name
            for name in space["optimizers"]
            for start in space["starts"]
        ]
        for path, label in zip(self.paths, labels, strict=True):
            path.label = label
        self.steps = 0

    def _begin(self, objective: Objective, optimizer: Optimizer, steps: int) -> None:
        try:
            self.paths.append(Path(objective, optimizer, steps))
        except DivergenceError as error:
            place = ", ".join(f"{number:g}" for number in objective.parameters().value)
            raise SettingError(
                "starts", f"f or its gradient is not finite at ({place}); start somewhere else"
            ) from error
        except ArithmeticError as error:  # as of 1/0, which Python computes without NumPy
            raise SettingError("expression", f"the expression cannot be evaluated: {error}") from error

    def step(self, steps: int, seconds: float = inf) -> int:
        """Take at most `steps` steps on each path, or as many as `seconds` allow. Return how many it was."""
        end, begin = perf_counter() + seconds, self.steps
        while not self.finished and self.steps < begin + steps:
            chunk = min(CHUNK, begin + steps - self.steps)
            self.steps += max(path.step(chunk) for path in self.paths)
            if perf_counter() >= end:
                break
        return self.steps - begin

    @property
    def finished(self) -> bool:
        """Whether all descents have ended."""
        return all(path.descent is not None for path in self.paths)

    def frame(self, *, whole: bool = False) -> dict[str, Any]:
        """Return what the page draws. The whole of it has the grid and the code as well."""
        frame = {
            "kind": "descent",
            "step": self.steps,
            "paths": [path.frame() for path in self.paths],
            "finished": self.finished,
            "error": None,
        }
        if whole:
            frame |= {"grid": self._grid(), "code": self.code.text}
        return frame

    def _grid(self) -> dict[str, Any]:
        """The objective on a grid, row by row from the bottom, and levels for contours."""
        first, second = view(self.settings)
        points = np.stack(np.meshgrid(np.linspace(*first, SIZE), np.linspace(*second, SIZE)), axis=-1)
        with np.errstate(all="ignore"):
            values = self.paths[0].objective.values_at(points.reshape(-1, 2))
        if not np.isfinite(values).any():
            raise SettingError(
                "expression", "the expression has no finite value in the part of the plane that is shown"
            )
        levels, _ = contour_levels(values.reshape(SIZE, SIZE))
        minima = getattr(self.paths[0].objective, "minima", ())
        return {
            "size": SIZE,
            "x": list(first),
            "y": list(second),
            "values": [float(f"{value:.5g}") for value in values.tolist()],
            "levels": levels.tolist(),
            "minima": [list(point) for point in minima],
        }


def view(settings: Mapping[str, Any]) -> list[tuple[float, float]]:
    """The limits of x and of y that are shown.

    >>> view({"objective": "himmelblau", "starts": [[0.0, 7.0]]})
    [(-5.0, 5.0), (-5.0, 7.5)]
    """
    starts: Array = np.array(settings["starts"])
    limits = []
    for (low, high), places in zip(VIEWS[settings["objective"]], starts.T.tolist(), strict=True):
        margin = 0.05 * (high - low)
        limits.append(
            (min(low, *(place - margin for place in places)), max(high, *(place + margin for place in places)))
        )
    return limits


def _reason(descent: Descent) -> str:
    """The reason of a fate. A value that is too high is noticed only after one more step, so both are told."""
    if descent.fate != "blew up" or not descent.reason.startswith("the value rose") or not descent.loss:
        return descent.reason
    last = descent.loss[-1]
    return (
        descent.reason if last == descent.value else f"{descent.reason}, and with one more step to {descent.value:.3g}"
    )


def _rounded(number: float) -> float:
    """A number with the digits that a picture shows."""
    return float(f"{number:.7g}")
