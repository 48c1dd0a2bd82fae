"""The fate of a descent: it comes to rest, cycles, runs away or blows up."""

from __future__ import annotations

from math import isfinite

import numpy as np

from minidl.arguments import number, whole_number
from minidl.run import Callback, Run
from minidl.typing import Array

__all__ = ["NOT_FINITE", "FateWatch", "kind_of_point"]

NOT_FINITE = "the next step leads to parameters, a value or a gradient that are not finite"
"""The reason of a run that blew up, and whose last step was undone."""


class FateWatch(Callback):
    """Recognizes that a run came to rest, cycles, runs away or blows up, and stops it.

    Args:
        tolerance, patience: "stationary" means gradient and step of at most `tolerance` for `patience` steps.
        max_period, cycle_tolerance: "cycle" means that the points repeat with a period of 2 to `max_period` steps, to
            within `cycle_tolerance` and to within a millionth of their distance. A zigzag that shrinks is not a cycle.
        floor: "ran away" means a value below it.
        ceiling: "blew up" means a value above ``ceiling · max(1, |first value|)``, or one that is not finite.

    Attributes:
        fate: how the run ended, "unfinished" until that is known.
        reason: the fate in words, None until it is known.

    Raises:
        HyperparameterError: thresholds out of range.
    """

    def __init__(
        self,
        tolerance: float = 1e-6,
        patience: int = 100,
        max_period: int = 8,
        cycle_tolerance: float = 1e-9,
        floor: float = -1e3,
        ceiling: float = 1e6,
    ) -> None:
        self.tolerance = number("tolerance", tolerance, at_least=0, finite=False)
        self.patience = whole_number("patience", patience, 1)
        self.max_period = whole_number("max_period", max_period, 2)
        self.cycle_tolerance = number("cycle_tolerance", cycle_tolerance, at_least=0, finite=False)
        self.floor = number("floor", floor, finite=False)
        self.ceiling = number("ceiling", ceiling, above=0, finite=False)
        self.fate = "unfinished"
        self.reason: str | None = None

    def on_fit_begin(self, run: Run) -> None:
        parameters = run.model.parameters()
        self.theta, self.grad = parameters.value, parameters.grad
        # Where the current step and the one before it began: a step to an infinite value is undone.
        self.here, self.before = self.theta.copy(), self.theta.copy()
        self.limit = self.ceiling * max(1.0, abs(run.loss))
        self.still = 0
        self.anchor = self.theta.copy()
        self.distances: list[float] = []

    def on_step_begin(self, run: Run) -> None:
        self.here, self.before = self.before, self.here
        self.here[...] = self.theta

    def on_step_end(self, run: Run) -> None:
        away = self.theta - self.anchor
        self.distances.append(float(away.dot(away)))
        self.judge(run, run.loss)
        if self.fate != "unfinished":
            return
        if not isfinite(self.distances[-1]) and not np.isfinite(self.theta).all():
            self.end(run, "blew up", NOT_FINITE)
        elif self._is_still():
            self.end(run, "stationary", f"gradient and step were at most {self.tolerance:g} for {self.patience} steps")
        elif period := self._period():
            self.end(run, "cycle", f"the same {period} points return, to within {self.cycle_tolerance:g}")

    def judge(self, run: Run, value: float) -> None:
        """Stop the run if the value is too high or too low."""
        if value > self.limit:
            self.end(run, "blew up", f"the value rose to {value:.3g}")
        elif value < self.floor:
            self.end(run, "ran away", f"the value fell below {self.floor:g}")

    def end(self, run: Run, fate: str, reason: str) -> None:
        """Stop the run with this fate."""
        self.fate, self.reason = fate, reason
        run.stop(reason)

    def _is_still(self) -> bool:
        squared = self.tolerance**2
        if self.grad.dot(self.grad) > squared:
            self.still = 0
            return False
        step = self.theta - self.here
        self.still = self.still + 1 if step.dot(step) <= squared else 0
        return self.still >= self.patience

    def _period(self) -> int:
        """The length of a cycle that has just been seen twice, 0 if there is none.

        One point serves as an anchor. A cycle returns to it after one period and after two. In between, its distance
        from the anchor is the same as one period before.
        """
        period, odd = divmod(len(self.distances), 2)
        if period > 1 and not odd and self.distances[-1] <= self.cycle_tolerance**2 and self.still < period:
            first, second = np.sqrt(self.distances).reshape(2, period)
            error, apart = max(first[-1], second[-1], *abs(first - second)), min(first[:-1])
            # If all points were still, the run is at rest and only rounding moves it.
            if error <= self.cycle_tolerance and error < 1e-6 * apart:
                return period
        if period == self.max_period:
            self.anchor[...] = self.theta
            self.distances.clear()
        return 0


def kind_of_point(hessian: Array) -> str:
    """Classify a point without slope by the eigenvalues of its Hessian.

    An eigenvalue counts as zero if it is at most 1e-5 times the largest one. Finite differences are no more exact, and
    descent stops at a distance where a flat valley still has about that curvature.

    >>> kind_of_point(np.diag([1.0, 100.0])), kind_of_point(np.diag([0.0, 100.0]))
    ('a minimum (Hessian eigenvalues 1 to 100)', 'degenerate, flat to second order (Hessian eigenvalues 0 to 100)')
    """
    if not np.isfinite(hessian).all():
        return "its Hessian is not finite"
    eigenvalues = np.linalg.eigvalsh(hessian)
    flat = 1e-5 * float(np.abs(eigenvalues).max())
    kinds = ((eigenvalues > flat).all(), "a minimum"), ((eigenvalues < -flat).all(), "a maximum")
    mixed = ((eigenvalues > flat).any() and (eigenvalues < -flat).any(), "a saddle")
    kind = next((name for holds, name in (*kinds, mixed) if holds), "degenerate, flat to second order")
    return f"{kind} (Hessian eigenvalues {eigenvalues[0]:.3g} to {eigenvalues[-1]:.3g})"
