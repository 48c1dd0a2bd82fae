"""Slopes where finite differences and backward disagree: how far rounding may shift them, and where there is a kink.

Every function here takes s(t), how much a number changes along one direction, and looks at its slope at t = 0. So s(0)
is 0.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf, isfinite
from typing import NamedTuple

import numpy as np

from minidl.differences import five_point

__all__ = ["EPS", "STEPS", "UNITS", "Slope", "jumps", "measure", "one_sided", "rounding", "steps_for"]

EPS = float(np.finfo(np.float64).eps)

# The small ones, down to 1e-9, are powers of 2: adding them to a number is exact.
STEPS = (1e-3, *(2.0**-power for power in range(12, 31, 2)))

# The distance between the points whose scatter shows rounding. They are too close for a bend to show. The factor is the
# golden ratio, so that no two of them round alike.
SPACING = 1.618033988749895 * 2.0**-24

UNITS = 8  # how many standard deviations, or units in the last place, rounding may shift a value


class Slope(NamedTuple):
    """The derivative along one direction, by backward and by finite differences.

    What follows the two is measured only where they disagree. The noise bounds the error of the numeric one, which
    comes from rounding and from the length of the steps. There may be a kink if the gradient is wrong here but right on
    both sides, and there is one if the slope jumps as well.
    """

    where: str
    analytic: float
    numeric: float
    noise: float = 0.0
    right_beside: bool = False
    jumps: bool = False

    @property
    def gap(self) -> float:
        """The distance between the two. It is infinite if either is not a number."""
        gap = abs(self.analytic - self.numeric)
        return gap if isfinite(gap) else inf

    @property
    def excess(self) -> float:
        """The part of the gap that noise does not explain."""
        excess = self.gap - self.noise
        return max(0.0, excess) if isfinite(excess) else inf

    def with_noise(self, more: float) -> Slope:
        """The same with more noise."""
        return self._replace(noise=self.noise + more)


def steps_for(size: float) -> tuple[float, ...]:
    """`STEPS` for a number of ordinary size, and further ones that suit a large or a small number.

    >>> steps_for(1e6)[:2], steps_for(1e-9)[-1] < 1e-12
    ((1000.0, 0.001), True)
    """
    larger = (1e-3 * size,) if size > 1.0 else ()
    smaller = tuple(size * 2.0**-power for power in (4, 7, 10, 13)) if 0.0 < size < STEPS[0] else ()
    return tuple(sorted((*larger, *STEPS, *smaller), reverse=True))


def one_sided(s: Callable[[float], float], h: float) -> float:
    """``s′(0) ≈ [48 s(h) − 36 s(2h) + 16 s(3h) − 3 s(4h)] / 12h``, from the side of h alone.

    >>> one_sided(abs, -0.5)
    -1.0
    """
    return (48.0 * s(h) - 36.0 * s(2.0 * h) + 16.0 * s(3.0 * h) - 3.0 * s(4.0 * h)) / (12.0 * h)


def rounding(s: Callable[[float], float], unit: float) -> float:
    """How far rounding may shift s: some units in the last place, or more where s amplifies its errors.

    Fourth differences of points close together contain only rounding. Independent errors of size σ make them normal
    with size √70 σ, and the median of their absolute values is 0.67 √70 σ (Hamming 1962). A kink spoils at most four.
    The median is of 13.
    """
    values = [s(count * SPACING) for count in range(-8, 9)]
    scatter = float(np.median(np.abs(np.diff(values, 4)))) / (0.67 * 70.0**0.5)
    return UNITS * (max(unit, scatter) if isfinite(scatter) else unit)


def measure(
    s: Callable[[float], float],
    slope: Slope,
    allowed: float,
    unit: float,
    *,
    stencil: Callable[[Callable[[float], float], float], float] = five_point,
    steps: tuple[float, ...] = STEPS,
) -> Slope:
    """Measure a slope with smaller and smaller steps until it agrees with the analytic one.

    A kink or a strong bend within the first steps is not an error of the gradient. An error disagrees at every step.
    Then the step with the least noise counts, where noise is rounding plus twice the difference from the next step.

    Args:
        s: the change along the direction.
        slope: holds the analytic derivative.
        allowed: the largest gap that counts as agreement.
        unit: the size of one unit in the last place of s.
        stencil: returns the slope of s for a step.
        steps: the steps to try. Negative ones are for the left side.
    """
    slopes: list[Slope] = []
    for step in steps:
        slopes.append(slope._replace(numeric=stencil(s, step)))
        if slopes[-1].gap <= allowed:
            return slopes[-1]
    shift = rounding(s, unit)
    noisy = [
        slope._replace(noise=shift / abs(step) + 2.0 * abs(slope.numeric - smaller.numeric))
        for step, slope, smaller in zip(steps, slopes, slopes[1:], strict=False)
    ]
    return min(noisy, key=lambda slope: slope.noise if isfinite(slope.noise) else inf)


def jumps(s: Callable[[float], float], unit: float) -> bool:
    """Whether the slope of s jumps at t = 0 by more than rounding explains.

    >>> jumps(abs, EPS), jumps(lambda t: t * t, EPS)
    (True, False)
    """
    far, close = (abs(s(step) + s(-step)) / step for step in (1e-5, 1e-6))
    # In a smooth bend the jump is proportional to the step, at a kink it is not.
    return close > 0.5 * far and close > 2.0 * rounding(s, unit) / 1e-6
