"""Why a slope by plain finite differences disagrees with backward: rounding, a kink, or an error of the gradient."""

from __future__ import annotations

from math import isfinite

import numpy as np

from minidl.checking.case import Case
from minidl.checking.noise import STEPS, Slope, jumps, measure, one_sided, steps_for
from minidl.typing import Array

__all__ = ["Disagreement", "allowed"]

BESIDE = 1e-4  # how far from a kink the gradient must be right. Steps there must be shorter.
COARSER = 100.0  # by what factor the accuracy may be less there


class Disagreement:
    """The judge of slopes that disagree.

    Args:
        case: what is differentiated.
        rtol: the largest relative error of a gradient.
    """

    def __init__(self, case: Case, rtol: float) -> None:
        self.case, self.rtol = case, rtol

    def explain(self, slope: Slope, name: str, direction: Array, gap: float) -> Slope:
        """Measure a slope again with all care.

        Args:
            slope: the plain one.
            name, direction: the array and where it moves.
            gap: the largest gap that counts as agreement.
        """
        s, unit = self.case.along(name, direction), self.case.unit
        steps = steps_for(float(np.abs(self.case.arrays[name][direction != 0.0]).max()))
        slope = measure(s, slope, gap, unit, steps=steps)
        jumping = slope.excess > gap and jumps(s, unit)
        if slope.excess > gap and not jumping:  # a kink may be closer than any step
            left = tuple(-step for step in STEPS[1:])
            sides = [measure(s, slope, gap, unit, stencil=one_sided, steps=side) for side in (STEPS[1:], left)]
            slope = min(slope, *sides, key=lambda slope: slope.excess)
        wrong = slope.excess > gap and isfinite(slope.analytic)
        return slope._replace(right_beside=wrong and self._right_beside(name, direction), jumps=jumping)

    def _right_beside(self, name: str, direction: Array) -> bool:
        """Whether the gradient is right a little off this point, on both sides along the direction."""
        for shift in (BESIDE, -BESIDE):
            with self.case.moved({name: shift * direction}):
                try:
                    gradient = self.case.gradients()[name]
                except (ArithmeticError, ValueError):  # outside the domain
                    return False
                gap = COARSER * allowed(gradient, self.rtol)
                slope = Slope("", float(np.vdot(gradient, direction)), 0.0)
                slope = measure(self.case.along(name, direction), slope, gap, self.case.unit, steps=STEPS[4:])
            if slope.excess > gap:
                return False
        return True


def allowed(gradient: Array, rtol: float) -> float:
    """How far one slope of a gradient may be off."""
    return rtol * max(float(np.linalg.norm(gradient)), 1e-8) / float(max(1, gradient.size) ** 0.5)
