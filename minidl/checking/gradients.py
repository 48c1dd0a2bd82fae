"""Gradients against finite differences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from minidl.checking.case import Case
from minidl.checking.contract import contract, require
from minidl.checking.disagreement import Disagreement, allowed
from minidl.checking.noise import STEPS, Slope
from minidl.data import as_data
from minidl.differences import five_point
from minidl.errors import GradientError
from minidl.modules import Layer, Loss, Module, Objective
from minidl.typing import Array, ArrayLike, Seed

__all__ = ["GradientReport", "check_gradients"]

ALL_ENTRIES = 200
SAMPLED_ENTRIES = 20
DIRECTIONS = 5
COARSE = 1e-4  # of the largest slope. Noise above it would hide an error that matters.
HARMLESS = 1e-8  # noise that passes. Where a function is constant, there is nothing else.


class GradientReport(NamedTuple):
    """How well gradients agree with finite differences.

    Attributes:
        errors: array name -> ‖a − n‖ / max(‖n‖, 1e-8), a analytic and n numeric.
        slopes: array name -> the slopes that were measured.
        kinks: where there is no derivative. The gradient is right on both sides.
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
    """Compare every gradient of `target` with five-point finite differences, in float64.

    The error of an array is ‖a − n‖ / max(‖n‖, 1e-8), where a is analytic and n numeric. Arrays of up to 200 numbers
    are compared entry by entry, larger ones at 20 entries and along 5 random directions. Where the two disagree, the
    slope is measured again with smaller steps, and the rounding errors of forward and backward are measured as well.

    At a kink, such as 0 for ReLU, there is no derivative. It is reported if the gradient is right on both sides. The
    gradients that a layer's `backward_parameters` writes must agree with those of `backward`. A copy is checked, so
    `target` does not change.

    Args:
        target: a layer, a loss or an objective.
        inputs: x for a layer; prediction and target for a loss; nothing for an objective.
        rng: seed or generator of the random weights and directions.
        rtol: the largest error allowed.

    Raises:
        GradientError: gradients that disagree, with the worst entry; numbers so large that rounding hides the slopes.
        ContractError: a forward or backward that fails, returns the wrong kind of thing, or does not repeat itself.
        TypeError: another target, or another number of inputs.
        DataError, ShapeError: inputs that are not data.

    >>> from minidl import Dense, ReLU, Sequential
    >>> model = Sequential(Dense(2, 3), ReLU(), Dense(3, 1), rng=0)
    >>> report = check_gradients(model, np.random.default_rng(0).normal(size=(5, 2)))
    >>> list(report.errors), report.error < 1e-8
    (['0.weight', '0.bias', '2.weight', '2.bias', 'x'], True)
    """
    expected = next((count for kind, count in TAKEN.items() if isinstance(target, kind)), None)
    if expected is None:
        raise TypeError(f"expected a layer, a loss or an objective, got {type(target).__name__}")
    if len(inputs) != expected:
        raise TypeError(f"{type(target).__name__} is checked with {expected} inputs, got {len(inputs)}")
    data = (*(as_data(values, dtype=np.float64) for values in inputs[:1]), *inputs[1:])
    generator = np.random.default_rng(rng)
    with contract(target):
        report = _measured(Case(target, data, generator), generator, rtol)
        wrong = [name for name, error in report.errors.items() if not error <= rtol]
        require(not wrong, "\n".join(_explain(name, report, rtol) for name in wrong), GradientError)
        _fine_enough(report)
    return report


TAKEN = {Layer: 1, Loss: 2, Objective: 0}
"""How many inputs the check of each kind of target takes."""


def _measured(case: Case, rng: np.random.Generator, rtol: float) -> GradientReport:
    disagreement, measured = Disagreement(case, rtol), dict[str, list[Slope]]()
    for name, gradient in case.gradients().items():
        measured[name], gap = [], allowed(gradient, rtol)
        for where, direction in _directions(name, gradient.shape, rng):
            numeric = five_point(case.along(name, direction), STEPS[0])
            slope = Slope(where, float(np.vdot(gradient, direction)), numeric)
            measured[name].append(slope if slope.gap <= gap else disagreement.explain(slope, name, direction, gap))
    doubtful = [slope for slopes in measured.values() for slope in slopes if slope.right_beside]
    # Kinks that cancel, as in relu(x) − relu(−x), do not jump. One elsewhere must, or there are none.
    kinks = [slope.where for slope in doubtful] if any(slope.jumps for slope in doubtful) else []
    slopes = {name: [slope for slope in found if slope.where not in kinks] for name, found in measured.items()}
    return GradientReport({name: _error(found, rtol) for name, found in slopes.items()}, slopes, kinks)


def _directions(name: str, shape: tuple[int, ...], rng: np.random.Generator) -> Iterator[tuple[str, Array]]:
    """What to call each entry or direction that is measured, and a unit vector along it."""
    size = int(np.prod(shape, dtype=int))
    entries = np.arange(size) if size <= ALL_ENTRIES else np.sort(rng.choice(size, SAMPLED_ENTRIES, replace=False))
    for entry in entries:
        index = np.unravel_index(entry, shape)
        direction = np.zeros(shape)
        direction[index] = 1.0
        yield f"{name}[{', '.join(map(str, index))}]", direction
    if size > ALL_ENTRIES:
        for number in range(DIRECTIONS):
            direction = rng.normal(size=shape)
            yield f"{name} along random direction {number}", direction / np.linalg.norm(direction)


def _error(slopes: list[Slope], rtol: float) -> float:
    scale = max(float(np.linalg.norm([slope.numeric for slope in slopes])), 1e-8)
    error = float(np.linalg.norm([slope.gap for slope in slopes])) / scale
    if error > rtol:
        # Where the true gradient is 0, as for a bias before BatchNorm, rounding is all that is measured.
        error = float(np.linalg.norm([slope.excess for slope in slopes])) / scale
    return error


def _fine_enough(report: GradientReport) -> None:
    """Raise `GradientError` if noise hides whether slopes agree."""
    slopes = [slope for measured in report.slopes.values() for slope in measured]
    largest = max((abs(slope.numeric) for slope in slopes), default=0.0)
    worst = max(slopes, key=lambda slope: slope.noise, default=Slope("", 0.0, 0.0))
    require(
        not worst.noise > max(COARSE * largest, HARMLESS),
        f"finite differences are too coarse to check it here: rounding may shift the slope at {worst.where} by "
        f"{worst.noise:.2g}, while the largest slope is {largest:.2g}; scale the data or the parameters",
        GradientError,
    )


def _explain(name: str, report: GradientReport, rtol: float) -> str:
    slopes = report.slopes[name]
    worst = max(slopes, key=lambda slope: slope.excess)
    hint = _hint(np.array([slope.analytic for slope in slopes]), np.array([slope.numeric for slope in slopes]))
    return (
        f"the gradient of {name} is off by a relative error of {report.errors[name]:.2g}, {rtol:g} is allowed; worst "
        f"at {worst.where}: {worst.analytic:.10g} by backward, {worst.numeric:.10g} by finite differences. {hint}"
    )


def _hint(analytic: Array, numeric: Array) -> str:
    """What kind of mistake fits the numbers."""
    if not np.isfinite(numeric).all():
        return "The function is not finite around this point; check it at another one"
    if not np.isfinite(analytic).all():
        return "Some entries of the gradient are not written, or not finite"
    if not analytic.any():
        return "The gradient is all zeros: is a term or a factor of the chain rule missing?"
    factor = float(analytic @ numeric) / max(float(numeric @ numeric), 1e-300)
    if np.allclose(analytic, factor * numeric, rtol=1e-4, atol=1e-9):
        return "All have the wrong sign" if np.isclose(factor, -1) else f"All are {factor:.6g} times too large"
    return f"{np.count_nonzero(~np.isclose(analytic, numeric, rtol=1e-6))} of {len(analytic)} disagree"
