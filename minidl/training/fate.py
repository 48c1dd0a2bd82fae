"""How a descent ends: at rest, in a cycle, running away or blowing up."""

from __future__ import annotations

from math import isfinite

import numpy as np

from minidl.arguments import number, whole_number
from minidl.run import Callback, Run
from minidl.typing import Array

__all__ = ["NOT_FINITE", "FateWatch", "kind_of_point"]

NOT_FINITE = "the next step leads to parameters, a value or a gradient that are not finite"
"""Why a run blew up whose last step is taken back."""


class FateWatch(Callback):
    """Tells from a run whether it came to rest, cycles, runs away or blows up, and stops it then.

    Args:
        tolerance: "stationary" is a gradient and a step both of at most this length …
        patience: … for so many steps.
        max_period: "cycle" is a period of 2 to so many steps …
        cycle_tolerance: … that repeats to within this distance, and to within a millionth of that between its points,
            so that a zigzag that shrinks is none.
        floor: "ran away" is a value below it.
        ceiling: "blew up" is a value above ``ceiling · max(1, |first value|)``, or anything that is not finite.

    Attributes:
        fate: how it ended, "unfinished" until that is known.
        reason: the fate in words, None until then.

    Raises:
        HyperparameterError: thresholds that make no sense.
    """

    def __init__(
        self,
        *,
        tolerance: float,
        patience: int,
        max_period: int,
        cycle_tolerance: float,
        floor: float,
        ceiling: float,
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
        # Where the present step and the one before it began: a step that ends in an infinite value is taken back.
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
        """End the run if the value is too high or too low."""
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

        One point is kept as an anchor; a cycle comes back to it after one period and again after two, and in between
        is as far away as it was a period before.
        """
        period, odd = divmod(len(self.distances), 2)
        if period > 1 and not odd and self.distances[-1] <= self.cycle_tolerance**2 and self.still < period:
            first, second = np.sqrt(self.distances).reshape(2, period)
            error, apart = max(first[-1], second[-1], *abs(first - second)), min(first[:-1])
            # Points that all are still are no cycle but at rest, where rounding lets them jump.
            if error <= self.cycle_tolerance and error < 1e-6 * apart:
                return period
        if period == self.max_period:
            self.anchor[...] = self.theta
            self.distances.clear()
        return 0


def kind_of_point(hessian: Array) -> str:
    """What a point without slope is, from the eigenvalues of its Hessian.

    An eigenvalue within 1e-5 of the largest one's size counts as zero: finite differences tell no more, and descent
    stops at a distance where the curvature of a flat valley still is about that.

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
