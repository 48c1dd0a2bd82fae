"""Why a slope by plain finite differences disagrees with backward: rounding, a kink, or an error of the gradient."""

from __future__ import annotations

from functools import cached_property
from itertools import product
from math import isfinite

import numpy as np

from minidl.checking.case import Case
from minidl.checking.noise import STEPS, UNITS, Slope, jumps, measure, one_sided
from minidl.modules import Layer
from minidl.typing import Array

__all__ = ["Disagreement", "allowed"]

BESIDE = 1e-4  # how far from a kink the gradient must be right. Steps there must be shorter.
COARSER = 100.0  # by what factor the accuracy may be less there
SMOOTH = 1e-8  # of the largest gradient. One that changes more within a unit in the last place has a kink there.


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
        slope = measure(s, slope, gap, unit)
        if slope.excess > gap:
            slope = slope._replace(noise=slope.noise + self.backward_rounding[name])
        jumping = slope.excess > gap and jumps(s, unit)
        if slope.excess > gap and not jumping:  # a kink may be closer than any step
            left = tuple(-step for step in STEPS[1:])
            sides = [measure(s, slope, gap, unit, stencil=one_sided, steps=steps) for steps in (STEPS[1:], left)]
            slope = min(slope, *sides, key=lambda slope: slope.excess)
        wrong = slope.excess > gap and isfinite(slope.analytic)
        return slope._replace(right_beside=wrong and self._right_beside(name, direction), jumps=jumping)

    def _right_beside(self, name: str, direction: Array) -> bool:
        """Whether the gradient is right a little off this point, on both sides along the direction."""
        for shift in (BESIDE, -BESIDE):
            with self.case.moved({name: shift * direction}):
                gradient = self.case.gradients()[name]
                gap = COARSER * allowed(gradient, self.rtol)
                slope = Slope("", float(np.vdot(gradient, direction)), 0.0)
                slope = measure(self.case.along(name, direction), slope, gap, self.case.unit, steps=STEPS[4:])
            if slope.excess > gap:
                return False
        return True

    @cached_property
    def backward_rounding(self) -> dict[str, float]:
        """How far rounding may shift each gradient.

        Only rounding makes backward of 3 w differ from 3 times that of w, and gradients one unit in the last place
        away from those here, unless there is a kink.
        """
        case, once = self.case, self.case.gradients()
        largest = max(float(np.abs(gradient).max(initial=0.0)) for gradient in once.values())
        shifts, weights = dict.fromkeys(once, 0.0), case.weights
        for factor, beside in product((3.0, 5.0, 7.0), (False, True)) if isinstance(case.target, Layer) else ():
            case.weights = factor * weights
            with case.moved({name: _last_place(array, factor) for name, array in case.arrays.items() if beside}):
                again = case.gradients()
            case.weights = weights
            for name, gradient in once.items():
                shift = float(np.abs(again[name] / factor - gradient).max())
                if isfinite(shift) and not (beside and shift > SMOOTH * largest):
                    shifts[name] = max(shifts[name], UNITS * shift)
        return shifts


def allowed(gradient: Array, rtol: float) -> float:
    """How far one slope of a gradient may be off."""
    return rtol * max(float(np.linalg.norm(gradient)), 1e-8) / float(max(1, gradient.size) ** 0.5)


def _last_place(array: Array, factor: float) -> Array:
    """One unit in the last place of each number, up or down by a pattern that depends on the factor."""
    up = np.cos(factor * np.arange(array.size)).reshape(array.shape)
    return np.asarray(np.copysign(np.spacing(np.abs(array)), up))
