"""What is differentiated: a private copy of a layer, loss or objective, moved along one direction after the other."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import product
from math import inf, isfinite
from numbers import Real
from typing import Any

import numpy as np

from minidl.checking.contract import called, near, same_bits
from minidl.checking.differences import STEPS, UNITS, Slope, jumps, measure, one_sided
from minidl.data import as_data
from minidl.errors import ContractError, DataError, GradientError
from minidl.modules import Layer, Loss, Module, Objective
from minidl.modules.places import streams_of
from minidl.typing import Array, ArrayLike

__all__ = ["Case"]

ALL_ENTRIES = 200
SAMPLED_ENTRIES = 20
DIRECTIONS = 5
BESIDE = 1e-4  # how far from a kink the gradient must be right; steps there must be shorter
COARSER = 100.0  # how many times less exactly
SMOOTH = 1e-8  # of the largest gradient: one that changes more within a unit in the last place has a kink there


class Case:
    """A private copy of the target as a function y of some arrays, and the gradients of ``Σ w y`` by backward."""

    def __init__(self, target: Module, inputs: tuple[ArrayLike, ...], rng: np.random.Generator) -> None:
        if not isinstance(target, Layer | Loss | Objective):
            raise TypeError(f"expected a layer, a loss or an objective, got {type(target).__name__}")
        expected = 1 if isinstance(target, Layer) else 2 if isinstance(target, Loss) else 0
        if len(inputs) != expected:
            raise TypeError(f"{type(target).__name__} is checked with {expected} inputs, got {len(inputs)}")
        self.name = called(target)
        self.target = self._run("copying it", lambda: copy.deepcopy(target).astype(np.float64))
        self.streams = streams_of(self.target)
        self.arrays = {name: parameter.value for name, parameter in self.target.named_parameters()}
        data = [np.array(as_data(values, dtype=np.float64), order="C") for values in inputs[:1]]
        match self.target:
            case Layer() as layer:
                self.arrays["x"] = x = data[0]
                self.forward: Callable[[], Any] = lambda: layer.forward(x)
                self.backward: Callable[[], Any] = lambda: layer.backward(self.weights.copy())
            case Loss() as loss:
                self.arrays["prediction"] = prediction = data[0]
                wanted = self._run("check_target", lambda: loss.check_target(inputs[1], dtype=np.float64))
                self.forward = lambda: loss.forward(prediction, wanted)
                self.backward = loss.backward
            case Objective() as objective:
                self.forward, self.backward = objective.forward, objective.backward
        y = self.evaluate()
        self.weights: Array = np.asarray(rng.normal(size=y.shape) if isinstance(target, Layer) else 1.0)
        if not same_bits(y, self.evaluate()):
            raise ContractError(
                f"{self.name}: forward gives another y for the same input when it is called again, so it has no "
                "gradient; is there state that evolves, or a generator that is not one of NumPy's, kept by the module?"
            )

    def evaluate(self) -> Array:
        """y, with the same random numbers every time."""
        for stream, state in self.streams:
            stream.state = state
        y = self._run("forward", self.forward)
        if isinstance(self.target, Layer):
            expected, right = "an array of float64", isinstance(y, np.ndarray) and y.dtype == np.float64
        else:
            expected, right = "a number", isinstance(y, Real)
        if not right:
            raise ContractError(f"{self.name}: forward must give {expected}, got {_kind(y)}")
        # A copy: a layer may hand out its very input, which is about to be shifted.
        return np.array(y, dtype=np.float64)

    def gradients(self) -> dict[str, Array]:
        """The gradients by backward: array name -> array of the same shape."""
        given, found = self._parameter_gradients("backward", self.backward)
        for name, gradient in found.items():
            if np.isnan(gradient).all():
                raise GradientError(
                    f"{self.name}: backward must overwrite the gradient of {name}, not leave it or add to it"
                )
        if isinstance(layer := self.target, Layer) and found:
            _, again = self._parameter_gradients(
                "backward_parameters", lambda: layer.backward_parameters(self.weights.copy())
            )
            if wrong := [name for name in found if not near(again[name], found[name])]:
                raise GradientError(
                    f"{self.name}: backward_parameters, which training calls, gives another gradient of "
                    f"{', '.join(wrong)} than backward"
                )
        for name in self.arrays.keys() - found.keys():
            shape = self.arrays[name].shape
            if not isinstance(given, np.ndarray) or given.shape != shape or given.dtype.kind != "f":
                raise GradientError(
                    f"{self.name}: backward must give the gradient of {name}, an array of floats of shape {shape}, "
                    f"got {_kind(given)}"
                )
            found[name] = np.array(given, dtype=np.float64)
        return found

    def _parameter_gradients(self, what: str, backward: Callable[[], Any]) -> tuple[Any, dict[str, Array]]:
        """What backward gives and what it writes, NaN where it does not."""
        for _, parameter in self.target.named_parameters():
            parameter.grad = np.full(parameter.shape, np.nan)
        self.evaluate()
        given = self._run(what, backward)
        return given, {name: parameter.grad.copy() for name, parameter in self.target.named_parameters()}

    def slopes(
        self, name: str, gradient: Array, rng: np.random.Generator, rtol: float
    ) -> Iterator[tuple[Slope, bool, bool]]:
        """Slopes along entries or directions of one array, each with two signs of a kink.

        They are that the gradient is wrong here but right beside, and that the slope jumps.
        """
        allowed = _allowed(gradient, rtol)
        for where, direction in _directions(name, gradient.shape, rng):
            y, analytic = self._along(name, direction), float(np.vdot(gradient, direction))
            slope = measure(y, self.weights, where, analytic, allowed)
            if slope.excess > allowed:
                slope = slope._replace(noise=slope.noise + self.backward_rounding[name])
            jumping = slope.excess > allowed and jumps(y, self.weights)
            if slope.excess > allowed and not jumping:  # a kink may be closer than any step
                sides = (
                    measure(y, self.weights, where, analytic, allowed, stencil=one_sided, steps=steps)
                    for steps in (STEPS[1:], tuple(-step for step in STEPS[1:]))
                )
                slope = min(slope, *sides, key=lambda slope: slope.excess)
            wrong = slope.excess > allowed and isfinite(analytic)
            yield slope, wrong and self._right_beside(name, direction, rtol), jumping

    @cached_property
    def backward_rounding(self) -> dict[str, float]:
        """How far rounding may shift each gradient.

        Backward of 3 w and 3 times that of w differ by nothing else, nor do gradients one unit in the last place away,
        unless there is a kink.
        """
        once, weights = self.gradients(), self.weights
        bases = {name: array.copy() for name, array in self.arrays.items()}
        largest = max(float(np.abs(gradient).max(initial=0.0)) for gradient in once.values())
        shifts = dict.fromkeys(once, 0.0)
        for factor, moved in product((3.0, 5.0, 7.0), (False, True)) if isinstance(self.target, Layer) else ():
            self.weights = factor * weights
            for name, array in self.arrays.items() if moved else ():
                up = np.cos(factor * np.arange(array.size)).reshape(array.shape) > 0.0
                array[...] = np.nextafter(bases[name], np.where(up, inf, -inf))
            try:
                again = self.gradients()
            finally:
                self.weights = weights
                for name, array in self.arrays.items():
                    array[...] = bases[name]
            for name, gradient in once.items():
                shift = float(np.abs(again[name] / factor - gradient).max())
                if isfinite(shift) and not (moved and shift > SMOOTH * largest):
                    shifts[name] = max(shifts[name], UNITS * shift)
        return shifts

    def _along(self, name: str, direction: Array) -> Callable[[float], Array]:
        """How y depends on how far one array is moved along the direction."""
        array, base = self.arrays[name], self.arrays[name].copy()

        def y(t: float) -> Array:
            array[...] = base + t * direction
            try:
                moved = self.evaluate()
            except ContractError as error:
                if isinstance(error.__cause__, DataError):  # outside the domain
                    return np.full(self.weights.shape, np.nan)
                raise
            finally:
                array[...] = base
            if moved.shape != self.weights.shape:
                raise ContractError(
                    f"{self.name}: forward gives y of shape {moved.shape} near a point where its shape is "
                    f"{self.weights.shape}"
                )
            return moved

        return y

    def _right_beside(self, name: str, direction: Array, rtol: float) -> bool:
        """Whether the gradient is right a little off this point, on both sides along the direction."""
        array, base = self.arrays[name], self.arrays[name].copy()
        for shift in (BESIDE, -BESIDE):
            array[...] = base + shift * direction
            try:
                gradient = self.gradients()[name]
                analytic, allowed = float(np.vdot(gradient, direction)), COARSER * _allowed(gradient, rtol)
                slope = measure(self._along(name, direction), self.weights, "", analytic, allowed, steps=STEPS[4:])
            finally:
                array[...] = base
            if slope.excess > allowed:
                return False
        return True

    def _run(self, what: str, call: Callable[[], Any]) -> Any:
        """The result of a call into the target; its exceptions come out as one ContractError."""
        try:
            return call()
        except Exception as error:
            raise ContractError(f"{self.name}: {what} raises {type(error).__name__}: {error}") from error


def _allowed(gradient: Array, rtol: float) -> float:
    """How far one slope may be off."""
    return rtol * max(float(np.linalg.norm(gradient)), 1e-8) / float(max(1, gradient.size) ** 0.5)


def _kind(given: object) -> str:
    """What a call has given, in words."""
    return f"{given.dtype} of shape {given.shape}" if isinstance(given, np.ndarray) else type(given).__name__


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
