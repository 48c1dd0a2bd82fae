"""The metric that a callback watches."""

from __future__ import annotations

import re
from collections.abc import Collection
from math import inf
from typing import Literal, TypeAlias

from minidl.arguments import check_type
from minidl.errors import HyperparameterError, StateError
from minidl.run import Run

__all__ = ["Direction", "Monitor"]

Direction: TypeAlias = Literal["auto", "min", "max"]

LOWER = ("loss", "error", "mae", "mse")
HIGHER = ("accuracy", "acc", "auc", "f1", "precision", "recall", "r2")


class Monitor:
    """A metric, and which of its values are better.

    Args:
        owner: the class that watches it, for messages.
        name: the name of the metric.
        mode: whether a lower value ("min") or a higher one ("max") is better. "auto" goes by the last word of the name.

    Raises:
        HyperparameterError: another mode, or a name whose direction is not known.
    """

    def __init__(self, owner: str, name: str, mode: Direction = "auto") -> None:
        check_type(f"{owner}: monitor", name, str)
        if mode not in ("auto", "min", "max"):
            raise HyperparameterError(f'{owner}: mode must be "auto", "min" or "max", got {mode!r}')
        self.owner, self.name = owner, name
        self.mode = _direction(owner, name) if mode == "auto" else mode
        self.worst = inf if self.mode == "min" else -inf

    def gain(self, value: float, best: float) -> float:
        """How much better a value is than the best so far."""
        return best - value if self.mode == "min" else value - best

    def check(self, run: Run) -> None:
        """Raise `StateError` if it is known already that the run will not measure the metric."""
        if not run.may_measure(self.name):
            raise self._unknown(run.measures or ())

    def value(self, run: Run) -> float:
        """The value of the latest epoch.

        Raises:
            StateError: the run does not measure it.
        """
        if self.name not in run.metrics:
            raise self._unknown(run.metrics)
        return run.metrics[self.name]

    def check_saved(self, watched: object) -> None:
        """Raise `StateError` if a saved state is that of another metric or direction."""
        if watched != str(self):
            raise StateError(f"{self.owner} watched {watched}, but should watch {self} now")

    def _unknown(self, measured: Collection[str]) -> StateError:
        kind, _, metric = self.name.partition("_")
        passed = {"validation": "validation=", "training": "training_loss=True"}.get(kind)
        if f"{kind}_loss" in measured:
            passed = f'metrics={{"{metric}": …}}'
        hint = f"; pass {passed} to fit" if passed else ""
        if not metric and kind in (*HIGHER, *LOWER[1:]):
            hint = f'; pass validation= and metrics={{"{kind}": …}} to fit, and watch "validation_{kind}"'
        return StateError(
            f"{self.owner} watches {self.name!r}, but the run measures {', '.join(measured) or 'nothing'}{hint}"
        )

    def __str__(self) -> str:
        return f"{self.name} ({self.mode})"


def _direction(owner: str, name: str) -> Literal["min", "max"]:
    """Whether a lower or a higher value of a metric is better, by the last word of its name.

    >>> _direction("EarlyStopping", "validation_log_loss"), _direction("EarlyStopping", "validation_accuracy")
    ('min', 'max')
    """
    word = re.split(r"[^a-z0-9]+", name.lower())[-1]
    if word.endswith(LOWER):
        return "min"
    if word in HIGHER:
        return "max"
    raise HyperparameterError(
        f'{owner}: whether {name!r} should fall or rise is not known; pass mode="min" or mode="max"'
    )
