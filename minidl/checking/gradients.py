"""Gradients against finite differences."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from math import isfinite
from typing import NamedTuple

import numpy as np

from minidl.checking.case import Case
from minidl.checking.contract import contract, require
from minidl.checking.disagreement import Disagreement, allowed
from minidl.checking.linearity import check_linearity
from minidl.checking.noise import STEPS, Slope
from minidl.data import as_data
from minidl.differences import five_point
from minidl.errors import GradientError
from minidl.modules import Layer, Loss, Module, Objective
from minidl.objectives import FunctionObjective
from minidl.typing import Array, ArrayLike, Seed

__all__ = ["GradientReport", "check_gradients"]

ENTRIES = 200, 20  # up to how many entries all are compared, and otherwise how many
FEW_ENTRIES = 20, 5  # the same at further points of an objective
POINTS = 2  # pairs of further points on opposite sides of the start, near it, and as many far from it
CLOSER = 1.0, 0.1, 0.01  # factors of a distance to try
LARGE = 1e100  # of slopes there. The squares of larger ones are not finite.
DIRECTIONS = 5
COARSE = 1e-6  # of the largest slope. Noise above it would hide an error that matters.
HARMLESS = 1e-8  # noise that passes. Where a function is constant, there is nothing else.
FLAT = 1e-9  # of the largest gradient. Where forward is constant, backward may leave this much of terms that cancel.


class GradientReport(NamedTuple):
    """How well gradients agree with finite differences.

    Attributes:
        errors: array name -> ‖a − n‖ / max(‖n‖, 1e-8), a analytic and n numeric. For an objective it is the largest of
            those at several points, without further points where rounding hides small errors.
        slopes: array name -> the slopes that were measured.
        kinks: where there is no derivative. The gradient is right on both sides.
        rounding: names of the arrays whose error is larger than allowed, but not larger than rounding in forward
            explains. Where n is nothing but rounding, as for a bias before BatchNorm, the error is relative to the
            largest gradient or output instead.
    """

    errors: dict[str, float]
    slopes: dict[str, list[Slope]]
    kinks: list[str]
    rounding: list[str]

    @property
    def error(self) -> float:
        """The largest of the errors, 0 if there is nothing to differentiate."""
        return max(self.errors.values(), default=0.0)

    def __str__(self) -> str:
        why = dict.fromkeys(self.rounding, ", which rounding in forward explains")
        lines = [f"{name:<20} relative error {error:.1e}{why.get(name, '')}" for name, error in self.errors.items()]
        return "\n".join([*lines, *(f"not differentiable at {place}" for place in self.kinks)])


def check_gradients(target: Module, *inputs: ArrayLike, rng: Seed = 0, rtol: float = 1e-8) -> GradientReport:
    """Compare every gradient of `target` with five-point finite differences, in float64.

    The error of an array is ‖a − n‖ / max(‖n‖, 1e-8), where a is analytic and n numeric. Arrays of up to 200 numbers
    are compared entry by entry, larger ones at 20 entries and along 5 random directions. Where the two disagree, the
    slope is measured again with other steps, and the rounding errors of forward are measured as well. Nothing else is
    excused, and the report shows the true error.

    An objective is checked at its start and at points around it, where its value is finite. backward of a layer must be
    linear in dL/dy.

    At a kink, such as 0 for ReLU, there is no derivative. It is reported if the gradient is right on both sides. The
    gradients that a layer's `backward_parameters` writes must agree with those of `backward`. A copy is checked, so
    `target` does not change.

    Args:
        target: a layer, a loss or an objective.
        inputs: x for a layer, which may be ids, a tuple or a pair (x, mask); prediction and target for a loss; nothing
            for an objective.
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
    convert = target.as_input if isinstance(target, Layer) else lambda x, name, dtype: as_data(x, name, dtype=dtype)
    data = (*(convert(values, "x", np.float64) for values in inputs[:1]), *inputs[1:])
    generator = np.random.default_rng(rng)
    with contract(target):
        require(
            not (isinstance(target, FunctionObjective) and target.derivative is None),
            "it has no derivative, and finite differences would be compared with themselves; pass derivative=…",
        )
        report = _measured(case := Case(target, data, generator), generator, rtol)
        _require_right(report, rtol)
        _require_fine(report)
        check_linearity(case, generator)
        if isinstance(target, Objective):
            report = _elsewhere(target, report, generator, rtol)
    return report


TAKEN = {Layer: 1, Loss: 2, Objective: 0}
"""How many inputs the check of each kind of target takes."""


def _require_right(report: GradientReport, rtol: float, where: str = "") -> None:
    wrong = [name for name, error in report.errors.items() if not error <= rtol and name not in report.rounding]
    require(not wrong, "\n".join(_explain(name, report, rtol) + where for name in wrong), GradientError)


def _elsewhere(objective: Objective, report: GradientReport, rng: np.random.Generator, rtol: float) -> GradientReport:
    """Check an objective around its start, where mistakes show that vanish there. Return the report with both errors.

    A point is drawn closer to the start where the function is not finite, or where rounding hides the slopes.
    """
    start = objective.parameters().value.astype(np.float64)
    near = np.maximum(np.abs(start), float(np.linalg.norm(start)) / max(1, start.size) ** 0.5 or 1.0)
    far = 2.0 * np.maximum(np.abs(start), 1.0)
    moves = [scale * rng.normal(size=start.size) for scale in POINTS * (near, far)]
    for move in (*moves, *(-move for move in moves)):
        for closer in CLOSER:
            there = copy.deepcopy(objective).astype(np.float64)
            there.parameters().value = theta = start + closer * move
            try:
                found = _measured(Case(there, (), rng), rng, rtol, FEW_ENTRIES)
                require(all(abs(slope.numeric) < LARGE for slopes in found.slopes.values() for slope in slopes), "")
                _require_fine(found)
            except Exception:  # outside the domain, where forward may fail in any way
                continue
            shown = np.array2string(theta, threshold=8, edgeitems=2)
            _require_right(found, rtol, f". This is at another point, {shown}")
            if not found.rounding:
                errors = {name: max(error, found.errors[name]) for name, error in report.errors.items()}
                report = report._replace(errors=errors)
                break
    return report


def _measured(case: Case, rng: np.random.Generator, rtol: float, entries: tuple[int, int] = ENTRIES) -> GradientReport:
    disagreement, measured = Disagreement(case, rtol), dict[str, list[Slope]]()
    for name, gradient in case.gradients().items():
        measured[name], gap = [], allowed(gradient, rtol)
        for where, direction in _directions(name, gradient.shape, rng, entries):
            numeric = five_point(case.along(name, direction), STEPS[0])
            slope = Slope(where, float(np.vdot(gradient, direction)), numeric)
            measured[name].append(slope if slope.gap <= gap else disagreement.explain(slope, name, direction, gap))
    doubtful = [slope for slopes in measured.values() for slope in slopes if slope.right_beside]
    # Kinks that cancel, as in relu(x) − relu(−x), do not jump. One elsewhere must, or there are none.
    kinks = [slope.where for slope in doubtful] if any(slope.jumps for slope in doubtful) else []
    slopes = {name: [slope for slope in found if slope.where not in kinks] for name, found in measured.items()}
    return _report(slopes, kinks, case.size, rtol)


def _report(slopes: dict[str, list[Slope]], kinks: list[str], size: float, rtol: float) -> GradientReport:
    """The report on slopes.

    Args:
        slopes: array name -> its slopes.
        kinks: where there is no derivative.
        size: of the outputs.
        rtol: the largest error allowed.
    """
    norms = {name: _norm(slope.numeric for slope in found) for name, found in slopes.items()}
    largest = max([size, *(norm for norm in norms.values() if isfinite(norm))])
    errors, rounding = dict[str, float](), []
    for name, found in slopes.items():
        # Where the true gradient is 0, as for a bias before BatchNorm, rounding is all that is measured.
        flat = norms[name] <= _norm(slope.noise for slope in found)
        noisy = [slope.with_noise(FLAT * largest) if flat else slope for slope in found]
        scale = max(norms[name], 1e-8)
        errors[name] = _norm(slope.gap for slope in found) / scale
        if errors[name] > rtol and _norm(slope.excess for slope in noisy) / scale <= rtol:
            rounding.append(name)
            errors[name] *= scale / (largest if flat else scale)
    return GradientReport(errors, slopes, kinks, rounding)


def _norm(numbers: Iterable[float]) -> float:
    return float(np.linalg.norm(list(numbers)))


def _directions(
    name: str, shape: tuple[int, ...], rng: np.random.Generator, limits: tuple[int, int]
) -> Iterator[tuple[str, Array]]:
    """What to call each entry or direction that is measured, and a unit vector along it."""
    size, (most, sampled) = int(np.prod(shape, dtype=int)), limits
    entries = np.arange(size) if size <= most else np.sort(rng.choice(size, sampled, replace=False))
    for entry in entries:
        index = np.unravel_index(entry, shape)
        direction = np.zeros(shape)
        direction[index] = 1.0
        yield f"{name}[{', '.join(map(str, index))}]", direction
    if size > most:
        for number in range(DIRECTIONS):
            direction = rng.normal(size=shape)
            yield f"{name} along random direction {number}", direction / np.linalg.norm(direction)


def _require_fine(report: GradientReport) -> None:
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
    if abs(factor - 1.0) > 1e-5 and np.allclose(analytic, factor * numeric, rtol=1e-4, atol=1e-9):
        if np.isclose(factor, -1):
            return "All have the wrong sign"
        return f"All are {factor:.6g} times {'too large' if abs(factor) > 1 else 'as large as they should be'}"
    return f"{np.count_nonzero(~np.isclose(analytic, numeric, rtol=1e-8))} of {len(analytic)} disagree"
