"""Gradients against finite differences."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from minidl.checking.differences import Slope, kink, measure, one_sided
from minidl.data import as_data
from minidl.errors import ContractError, DataError, GradientError
from minidl.modules import Layer, Loss, Module, Objective
from minidl.typing import Array, ArrayLike, Seed

__all__ = ["GradientReport", "check_gradients"]

ALL_ENTRIES = 200
SAMPLED_ENTRIES = 20
DIRECTIONS = 5


class GradientReport(NamedTuple):
    """How well gradients agree with finite differences.

    Attributes:
        errors: array name -> ‖a − n‖ / max(‖n‖, 1e-8), analytic against numeric.
        slopes: array name -> what was measured of it.
        kinks: where there is no derivative, and backward gives a slope between those on the two sides.
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
    with smaller steps. At a kink, such as 0 for ReLU, there is no derivative: the report says so. `target` itself is
    left as it is; a copy is checked.

    Args:
        target: a layer, a loss or an objective.
        inputs: x for a layer; prediction and target for a loss; nothing for an objective.
        rng: seed or generator of the random weights and directions.
        rtol: largest error allowed.

    Raises:
        GradientError: gradients that disagree, with the worst entry.
        ContractError: forward or backward that fails, or gives something of the wrong shape.

    >>> from minidl import Dense, ReLU, Sequential
    >>> model = Sequential(Dense(2, 3), ReLU(), Dense(3, 1), rng=0)
    >>> report = check_gradients(model, np.random.default_rng(0).normal(size=(5, 2)))
    >>> list(report.errors), report.error < 1e-8
    (['0.weight', '0.bias', '2.weight', '2.bias', 'x'], True)
    """
    generator = np.random.default_rng(rng)
    report = GradientReport({}, {}, [])
    with np.errstate(all="ignore"):
        case = _Case(target, inputs, generator)
        for name, gradient in case.gradients().items():
            slopes = report.slopes[name] = []
            for slope, at_kink in case.slopes(name, gradient, generator, rtol):
                if at_kink:
                    report.kinks.append(slope.where)
                else:
                    slopes.append(slope)
            report.errors[name] = _error(slopes, rtol)
    if wrong := [name for name, error in report.errors.items() if not error <= rtol]:
        raise GradientError("\n".join(_explain(target, name, report, rtol) for name in wrong))
    return report


def _error(slopes: list[Slope], rtol: float) -> float:
    scale = max(float(np.linalg.norm([slope.numeric for slope in slopes])), 1e-8)
    error = float(np.linalg.norm([slope.gap for slope in slopes])) / scale
    if error > rtol:
        # Where the true gradient is 0, as for a bias before BatchNorm, rounding is all that is measured.
        error = float(np.linalg.norm([slope.excess for slope in slopes])) / scale
    return error


class _Case:
    """A private copy of the target as a function y of some arrays, and the gradients of ``Σ w y`` by backward."""

    def __init__(self, target: Module, inputs: tuple[ArrayLike, ...], rng: np.random.Generator) -> None:
        if not isinstance(target, Layer | Loss | Objective):
            raise TypeError(f"expected a layer, a loss or an objective, got {type(target).__name__}")
        self.target = copy.deepcopy(target).astype(np.float64)
        self.generators = [
            (generator, generator.bit_generator.state)
            for _, module in self.target.modules()
            for generator in vars(module).values()
            if isinstance(generator, np.random.Generator)
        ]
        self.arrays = {name: parameter.value for name, parameter in self.target.named_parameters()}
        expected = 1 if isinstance(target, Layer) else 2 if isinstance(target, Loss) else 0
        if len(inputs) != expected:
            raise TypeError(f"{type(target).__name__} is checked with {expected} inputs, got {len(inputs)}")
        data = [np.array(as_data(values, dtype=np.float64), order="C") for values in inputs[:1]]
        match self.target:
            case Layer() as layer:
                self.arrays["x"] = x = data[0]
                self.forward: Callable[[], Array] = lambda: layer.forward(x)
                self.backward: Callable[[], object] = lambda: layer.backward(self.weights.copy())
            case Loss() as loss:
                self.arrays["prediction"] = prediction = data[0]
                wanted = loss.check_target(inputs[1], dtype=np.float64)
                self.forward = lambda: np.array(loss.forward(prediction, wanted), dtype=np.float64)
                self.backward = loss.backward
            case Objective() as objective:
                self.forward = lambda: np.array(objective.forward(), dtype=np.float64)
                self.backward = objective.backward
        y = self.evaluate()
        self.weights: Array = np.asarray(rng.normal(size=y.shape) if isinstance(target, Layer) else 1.0)

    def evaluate(self) -> Array:
        """y, with the same random numbers every time."""
        for generator, state in self.generators:
            generator.bit_generator.state = state
        # A copy: a layer may hand out its very input, which is about to be shifted.
        return np.array(_run(self.target, "forward", self.forward))

    def gradients(self) -> dict[str, Array]:
        """The gradients by backward: array name -> array of the same shape."""
        for _, parameter in self.target.named_parameters():
            parameter.grad = np.full(parameter.shape, np.nan)
        self.evaluate()
        given = _run(self.target, "backward", self.backward)
        found: dict[str, Array] = {name: parameter.grad.copy() for name, parameter in self.target.named_parameters()}
        for name, gradient in found.items():
            if np.isnan(gradient).all():
                raise GradientError(
                    f"{_name(self.target)}: backward must overwrite the gradient of {name}, not leave it or add to it"
                )
        for name in self.arrays.keys() - found.keys():
            if np.shape(given) != self.arrays[name].shape:
                raise GradientError(
                    f"{_name(self.target)}: backward must give the gradient of {name}, an array of shape "
                    f"{self.arrays[name].shape}, got {'None' if given is None else f'shape {np.shape(given)}'}"
                )
            found[name] = np.array(given, dtype=np.float64)
        return found

    def slopes(self, name: str, gradient: Array, rng: np.random.Generator, rtol: float) -> Iterator[tuple[Slope, bool]]:
        """Slopes along entries or directions of one array, and whether there is a kink instead."""
        array, base = self.arrays[name], self.arrays[name].copy()
        allowed = rtol * max(float(np.linalg.norm(gradient)), 1e-8) / max(1.0, gradient.size**0.5)

        def along(direction: Array) -> Callable[[float], Array]:
            def y(t: float) -> Array:
                array[...] = base + t * direction
                try:
                    return self.evaluate()
                except ContractError as error:
                    if isinstance(error.__cause__, DataError):  # outside the domain
                        return np.full(self.weights.shape, np.nan)
                    raise
                finally:
                    array[...] = base

            return y

        for where, direction in _directions(name, array.shape, rng):
            y, analytic = along(direction), float(np.vdot(gradient, direction))
            slope = measure(y, self.weights, where, analytic, allowed)
            at_kink = slope.gap > allowed and kink(y, self.weights, analytic)
            if slope.gap > allowed and not at_kink:
                slope = one_sided(y, self.weights, slope)
            yield slope, at_kink


def _directions(name: str, shape: tuple[int, ...], rng: np.random.Generator) -> Iterator[tuple[str, Array]]:
    size = int(np.prod(shape, dtype=int))
    entries = np.arange(size) if size <= ALL_ENTRIES else np.sort(rng.choice(size, SAMPLED_ENTRIES, replace=False))
    for entry in entries:
        index = np.unravel_index(entry, shape)
        direction = np.zeros(shape)
        direction[index] = 1.0
        yield f"{name}[{', '.join(str(i) for i in index)}]", direction
    if size > ALL_ENTRIES:
        for number in range(DIRECTIONS):
            direction = rng.normal(size=shape)
            yield f"{name} along random direction {number}", direction / np.linalg.norm(direction)


def _run(target: Module, what: str, call: Callable[[], Any]) -> Any:
    """The result of a call into the target; its exceptions come out as one ContractError."""
    try:
        return call()
    except Exception as error:
        raise ContractError(f"{_name(target)}: {what} raises {type(error).__name__}: {error}") from error


def _name(target: Module) -> str:
    text = repr(target)
    return text if len(text) <= 80 else type(target).__name__


def _explain(target: Module, name: str, report: GradientReport, rtol: float) -> str:
    slopes = report.slopes[name]
    worst = max(slopes, key=lambda slope: slope.gap)
    hint = _hint(np.array([slope.analytic for slope in slopes]), np.array([slope.numeric for slope in slopes]))
    return (
        f"{_name(target)}: the gradient of {name} is off by a relative error of {report.errors[name]:.2g}, "
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
