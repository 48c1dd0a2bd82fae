"""Slopes by finite differences."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, isfinite
from typing import NamedTuple

import numpy as np

from minidl.typing import Array

__all__ = ["Slope", "five_point", "kink", "measure", "one_sided"]

FIRST_STEP = 1e-3
SMALLER_STEPS = (1e-4, 1e-5, 1e-6)
UNITS = 8  # in the last place, by which rounding may shift y


class Slope(NamedTuple):
    """The derivative along one direction, as backward gives it and as finite differences do.

    The noise is what rounding alone makes of the numeric one: y carries a few units in the last place.
    """

    where: str
    analytic: float
    numeric: float
    noise: float = 0.0

    @property
    def gap(self) -> float:
        """How far the two are apart; infinite where either is not a number."""
        gap = abs(self.analytic - self.numeric)
        return gap if isfinite(gap) else inf

    @property
    def excess(self) -> float:
        """How far they are apart beyond what rounding explains."""
        return max(0.0, self.gap - self.noise)


def five_point(y: Callable[[float], Array], weights: Array, step: float) -> float:
    """``Σ w · dy/dt`` at t = 0 by the five-point stencil ``[y(−2h) − 8 y(−h) + 8 y(h) − y(2h)] / 12h``.

    Its error is of order h⁴. The differences are taken number by number before the sum, so that what does not depend
    on t cancels exactly.

    >>> round(five_point(lambda t: np.array([t * t + 3 * t]), np.array([1.0]), 1e-3), 9)
    3.0
    """
    dy = 8.0 * (y(step) - y(-step)) - (y(2.0 * step) - y(-2.0 * step))
    return float(np.vdot(weights, dy)) / (12.0 * step)


def measure(y: Callable[[float], Array], weights: Array, where: str, analytic: float, allowed: float) -> Slope:
    """The slope at t = 0 of ``Σ w · y(t)``; what disagrees with `analytic` is measured again with smaller steps.

    A kink or a strong bend within the first steps is no error of the gradient; an error disagrees at every step.
    """
    noise = UNITS * float(np.finfo(np.float64).eps * np.linalg.norm(weights * y(0.0))) / FIRST_STEP
    best = Slope(where, analytic, five_point(y, weights, FIRST_STEP), noise)
    for step in SMALLER_STEPS:
        if best.gap <= allowed:
            break
        best = min(best, Slope(where, analytic, five_point(y, weights, step), noise), key=lambda slope: slope.gap)
    return best


def one_sided(y: Callable[[float], Array], weights: Array, slope: Slope) -> Slope:
    """The slope with the numeric value from one side, where that agrees better: a kink may be closer than any step.

    The stencil is ``[−25 y(0) + 48 y(h) − 36 y(2h) + 16 y(3h) − 3 y(4h)] / 12h``, with an error of order h⁴.

    >>> close = measure(lambda t: np.array([abs(t - 1.5e-6)]), np.ones(1), "", analytic=-1.0, allowed=1e-9)
    >>> close.gap > 1e-3, one_sided(lambda t: np.array([abs(t - 1.5e-6)]), np.ones(1), close).gap < 1e-9
    (True, True)
    """
    coefficients = (-25.0, 48.0, -36.0, 16.0, -3.0)
    for step in (1e-4, -1e-4, 1e-5, -1e-5):
        dy = sum(factor * y(count * step) for count, factor in enumerate(coefficients))
        numeric = float(np.vdot(weights, dy)) / (12.0 * step)
        slope = min(slope, slope._replace(numeric=numeric), key=lambda slope: slope.gap)
    return slope


def kink(y: Callable[[float], Array], weights: Array, analytic: float) -> bool:
    """Whether the slope jumps at t = 0, and `analytic` lies between the slopes on the two sides.

    >>> kink(lambda t: np.array([abs(t)]), np.array([1.0]), analytic=0.0)
    True
    >>> kink(lambda t: np.array([abs(t)]), np.array([1.0]), analytic=1.5)
    False
    >>> kink(lambda t: np.array([t * t]), np.array([1.0]), analytic=0.5)
    False
    """
    middle, jumps = y(0.0), []
    for step in (1e-5, 1e-6):
        left = float(np.vdot(weights, middle - y(-step))) / step
        right = float(np.vdot(weights, y(step) - middle)) / step
        jumps.append(abs(right - left))
    # In a smooth bend the jump is proportional to the step, at a kink it is not.
    slack = 1e-6 * max(1.0, abs(left), abs(right))
    jumped = jumps[1] > 0.5 * jumps[0] and jumps[1] > slack
    return jumped and min(left, right) - slack <= analytic <= max(left, right) + slack
