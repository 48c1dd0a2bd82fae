"""Gradients against finite differences."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from minidl.checking.case import Case
from minidl.checking.contract import called
from minidl.checking.differences import Slope
from minidl.errors import GradientError
from minidl.modules import Module
from minidl.typing import Array, ArrayLike, Seed

__all__ = ["GradientReport", "check_gradients"]

COARSE = 1e-4  # of the largest slope: noise above it would hide an error that matters
HARMLESS = 1e-8  # noise that is let pass: where a function is constant, it is all there is


class GradientReport(NamedTuple):
    """How well gradients agree with finite differences.

    Attributes:
        errors: array name -> ‖a − n‖ / max(‖n‖, 1e-8), analytic against numeric.
        slopes: array name -> what was measured of it.
        kinks: where there is no derivative; beside it, the gradient is right.
    """

    errors: dict[str, float]
    slopes: dict[str, list[Slope]]
    kinks: list[str]

    @property
    def error(self) -> float:
        """The largest of the errors, 0 if there is nothing to differentiate."""
        return max(self.errors.values(), default=0.0)

    def __str__(self) -> str:
        lines = [f"{name:<20} relative error {error:.1e}" for name, error in self.errors.items()]
        return "\n".join([*lines, *(f"not differentiable at {place}" for place in self.kinks)])


def check_gradients(target: Module, *inputs: ArrayLike, rng: Seed = 0, rtol: float = 1e-8) -> GradientReport:
    """Compare every gradient that `target` gives with finite differences, in float64.

    The error of an array is ‖a − n‖ / max(‖n‖, 1e-8) with a analytic and n numeric. Of an array of up to 200 numbers
    every entry is measured, of a larger one 20 entries and 5 random directions. What disagrees is measured again
    with smaller steps, and with regard to rounding as it is found there. At a kink, such as 0 for ReLU, there is no
    derivative: the report says so, if the gradient is right on both sides. Of a layer, `backward_parameters` must agree
    with `backward`. `target` itself is left as it is; a copy is checked.

    Args:
        target: a layer, a loss or an objective.
        inputs: x for a layer; prediction and target for a loss; nothing for an objective.
        rng: seed or generator of the random weights and directions.
        rtol: largest error allowed.

    Raises:
        GradientError: gradients that disagree, with the worst entry; numbers so large that rounding hides the slopes.
        ContractError: forward or backward that fails, gives something of the wrong kind, or not the same again.

    >>> from minidl import Dense, ReLU, Sequential
    >>> model = Sequential(Dense(2, 3), ReLU(), Dense(3, 1), rng=0)
    >>> report = check_gradients(model, np.random.default_rng(0).normal(size=(5, 2)))
    >>> list(report.errors), report.error < 1e-8
    (['0.weight', '0.bias', '2.weight', '2.bias', 'x'], True)
    """
    generator = np.random.default_rng(rng)
    report = GradientReport({}, {}, [])
    at_kinks: list[tuple[str, Slope]] = []
    jumping = False
    with np.errstate(all="ignore"):
        case = Case(target, inputs, generator)
        for name, gradient in case.gradients().items():
            report.slopes[name] = []
            for slope, right_beside, jumps in case.slopes(name, gradient, generator, rtol):
                if right_beside:
                    at_kinks.append((name, slope))
                    jumping |= jumps
                else:
                    report.slopes[name].append(slope)
    # Kinks that cancel, as in relu(x) − relu(−x), do not jump; elsewhere one must, or there are none.
    for name, slope in at_kinks:
        if jumping:
            report.kinks.append(slope.where)
        else:
            report.slopes[name].append(slope)
    for name, slopes in report.slopes.items():
        report.errors[name] = _error(slopes, rtol)
    if wrong := [name for name, error in report.errors.items() if not error <= rtol]:
        raise GradientError("\n".join(_explain(target, name, report, rtol) for name in wrong))
    _fine_enough(target, report)
    return report


def _error(slopes: list[Slope], rtol: float) -> float:
    scale = max(float(np.linalg.norm([slope.numeric for slope in slopes])), 1e-8)
    error = float(np.linalg.norm([slope.gap for slope in slopes])) / scale
    if error > rtol:
        # Where the true gradient is 0, as for a bias before BatchNorm, rounding is all that is measured.
        error = float(np.linalg.norm([slope.excess for slope in slopes])) / scale
    return error


def _fine_enough(target: Module, report: GradientReport) -> None:
    """Raise `GradientError` if slopes agree only because noise would hide it if they did not."""
    slopes = [slope for measured in report.slopes.values() for slope in measured]
    largest = max((abs(slope.numeric) for slope in slopes), default=0.0)
    worst = max(slopes, key=lambda slope: slope.noise, default=None)
    if worst is not None and worst.noise > max(COARSE * largest, HARMLESS):
        raise GradientError(
            f"{called(target)}: finite differences are too coarse to check it here: rounding may shift the slope at "
            f"{worst.where} by {worst.noise:.2g}, while the largest slope is {largest:.2g}; scale the data or the "
            "parameters"
        )


def _explain(target: Module, name: str, report: GradientReport, rtol: float) -> str:
    slopes = report.slopes[name]
    worst = max(slopes, key=lambda slope: slope.excess)
    hint = _hint(np.array([slope.analytic for slope in slopes]), np.array([slope.numeric for slope in slopes]))
    return (
        f"{called(target)}: the gradient of {name} is off by a relative error of {report.errors[name]:.2g}, "
        f"{rtol:g} is allowed; worst at {worst.where}: backward gives {worst.analytic:.10g}, finite differences "
        f"{worst.numeric:.10g}. {hint}"
    )


def _hint(analytic: Array, numeric: Array) -> str:
    """What kind of slip fits the numbers."""
    if not np.isfinite(numeric).all():
        return "The function is not finite around this point: check at another one"
    if not np.isfinite(analytic).all():
        return "Some entries of the gradient are not written, or not finite"
    if not analytic.any():
        return "The gradient is all zeros: is a term missing, or the chain rule not applied?"
    factor = float(analytic @ numeric) / max(float(numeric @ numeric), 1e-300)
    if np.allclose(analytic, factor * numeric, rtol=1e-4, atol=1e-9):
        return "All have the wrong sign" if np.isclose(factor, -1) else f"All are {factor:.6g} times too large"
    return f"{np.count_nonzero(~np.isclose(analytic, numeric, rtol=1e-6))} of {len(analytic)} disagree"
