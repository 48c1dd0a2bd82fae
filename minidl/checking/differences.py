"""Slopes by finite differences."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, isfinite
from typing import NamedTuple

import numpy as np

from minidl.typing import Array

__all__ = ["STEPS", "UNITS", "Slope", "five_point", "jumps", "measure", "one_sided", "rounding"]

# The small ones, down to 1e-9, are powers of 2: to add them to a number is exact.
STEPS = (1e-3, *(2.0**-power for power in range(12, 31, 2)))
SPACING = 1.618033988749895 * 2.0**-24  # of the points whose scatter is taken: too close for a bend to show, and the
# golden ratio, so that no two of them round alike
UNITS = 8  # standard deviations, or units in the last place, by which rounding may shift y


class Slope(NamedTuple):
    """The derivative along one direction, as backward gives it and as finite differences do.

    The noise is how far the numeric one may be off, by rounding and by the length of its steps; it is measured only
    where the two disagree.
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
        """How far they are apart beyond what the noise explains."""
        excess = self.gap - self.noise
        return max(0.0, excess) if isfinite(excess) else inf


def five_point(y: Callable[[float], Array], weights: Array, step: float) -> float:
    """``Σ w · dy/dt`` at t = 0 by the five-point stencil ``[y(−2h) − 8 y(−h) + 8 y(h) − y(2h)] / 12h``.

    Its error is of order h⁴. The differences are taken number by number before the sum, so that what does not depend
    on t cancels exactly.

    >>> round(five_point(lambda t: np.array([t * t + 3 * t]), np.array([1.0]), 1e-3), 9)
    3.0
    """
    dy = 8.0 * (y(step) - y(-step)) - (y(2.0 * step) - y(-2.0 * step))
    return float(np.vdot(weights, dy)) / (12.0 * step)


def one_sided(y: Callable[[float], Array], weights: Array, step: float) -> float:
    """The same from the side of the step alone: ``[−25 y(0) + 48 y(h) − 36 y(2h) + 16 y(3h) − 3 y(4h)] / 12h``.

    >>> one_sided(lambda t: np.array([abs(t)]), np.ones(1), -1e-4)
    -1.0
    """
    middle = y(0.0)
    dy = sum(factor * (y(count * step) - middle) for count, factor in enumerate((48.0, -36.0, 16.0, -3.0), start=1))
    return float(np.vdot(weights, dy)) / (12.0 * step)


def rounding(y: Callable[[float], Array], weights: Array) -> float:
    """How far rounding may shift ``Σ w · y(t)``: some units in the last place, more where y amplifies its errors.

    Each y counts as at least 1, since backward rounds also where y is 0.

    Fourth differences of points close together hold nothing but rounding: independent errors of size σ make them normal
    numbers of size √70 σ, whose median is 0.67 √70 σ (Hamming 1962). A kink spoils four at most, the median is of 13.
    """
    middle = y(0.0)
    values = [float(np.vdot(weights, y(count * SPACING) - middle)) for count in range(-8, 9)]
    scatter = float(np.median(np.abs(np.diff(values, 4)))) / (0.67 * 70.0**0.5)
    least = float(np.finfo(np.float64).eps * np.linalg.norm(weights * np.maximum(np.abs(middle), 1.0)))
    return UNITS * (max(least, scatter) if isfinite(scatter) else least)


def measure(
    y: Callable[[float], Array],
    weights: Array,
    where: str,
    analytic: float,
    allowed: float,
    *,
    stencil: Callable[[Callable[[float], Array], Array, float], float] = five_point,
    steps: tuple[float, ...] = STEPS,
) -> Slope:
    """The slope at t = 0 of ``Σ w · y(t)``; what disagrees with `analytic` is measured again with smaller steps.

    A kink or a strong bend within the first steps is no error of the gradient; an error disagrees at every step. Then
    the step counts that is least in doubt: by rounding, and by twice its difference from the next one.
    """
    slopes: list[Slope] = []
    for step in steps:
        slopes.append(Slope(where, analytic, stencil(y, weights, step)))
        if slopes[-1].gap <= allowed:
            return slopes[-1]
    shift = rounding(y, weights)
    doubtful = [
        slope._replace(noise=shift / abs(step) + 2.0 * abs(slope.numeric - smaller.numeric))
        for step, slope, smaller in zip(steps[:-1], slopes[:-1], slopes[1:], strict=True)
    ]
    return min(doubtful, key=lambda slope: slope.noise if isfinite(slope.noise) else inf)


def jumps(y: Callable[[float], Array], weights: Array) -> bool:
    """Whether the slope of ``Σ w · y(t)`` jumps at t = 0, by more than rounding does.

    >>> jumps(lambda t: np.array([abs(t)]), np.ones(1)), jumps(lambda t: np.array([t * t]), np.ones(1))
    (True, False)
    """
    middle, found = y(0.0), []
    for step in (1e-5, 1e-6):
        found.append(abs(float(np.vdot(weights, y(step) - 2.0 * middle + y(-step)))) / step)
    # In a smooth bend the jump is proportional to the step, at a kink it is not.
    return found[1] > 0.5 * found[0] and found[1] > 2.0 * rounding(y, weights) / step
