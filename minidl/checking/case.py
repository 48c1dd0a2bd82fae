"""What is differentiated: a private copy of a layer, loss or objective."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from numbers import Real
from typing import Any

import numpy as np

from minidl.batch import arrays_in, mapped
from minidl.checking.contract import near, require, same_bits
from minidl.checking.noise import EPS
from minidl.errors import ContractError, GradientError
from minidl.modules import Layer, Loss, Module, Objective, Snapshot, backward_without_dx
from minidl.typing import Array, ArrayLike, Batch

__all__ = ["NO_FUNCTION", "Case"]

NO_FUNCTION = (
    "forward returns another y for the same input when it is called again, so it has no gradient; is there state that "
    "evolves, or a generator that is not NumPy's or not held in an attribute?"
)


class Case:
    """A private copy of a target as a function y of some arrays, and the gradients of ``Σ w y`` by backward.

    Args:
        target: a layer, a loss or an objective.
        inputs: x (n, …) for a layer; the prediction and the target for a loss; nothing for an objective.
        rng: draws the weights w. They are 1 where y is a number.

    Raises:
        ContractError: forward returns something of the wrong kind, or another y for the same input.

    Attributes:
        arrays: name -> each array that y depends on, the parameters included.
        size: the size of the terms of Σ w y. Each y counts as at least 1, as backward rounds even where y is 0.
        unit: one unit in the last place of a number of that size.
    """

    def __init__(self, target: Module, inputs: tuple[ArrayLike, ...], rng: np.random.Generator) -> None:
        self.target = copy.deepcopy(target).astype(np.float64)
        self.start = Snapshot([self.target])
        self.arrays = {name: parameter.value for name, parameter in self.target.named_parameters()}
        match self.target:
            case Layer() as layer:
                self.given = x = mapped(lambda array: np.array(array, order="C"), inputs[0])
                self.arrays |= dict(_floats("x", x, x))
                self.forward: Callable[[], Any] = lambda: layer.forward(x)
                self.backward: Callable[[], Any] = lambda: layer.backward(self.gradient_like(self.weights))
            case Loss() as loss:
                self.arrays["prediction"] = self.given = prediction = np.array(inputs[0], order="C")
                wanted = loss.check_target(inputs[1], prediction.shape[1:], np.float64)
                self.forward, self.backward = lambda: loss.forward(prediction, wanted), loss.backward
            case Objective() as objective:
                self.forward, self.backward = objective.forward, objective.backward
        self.y = self.evaluate()
        self.weights: Array = np.asarray(rng.normal(size=self.y.shape) if isinstance(target, Layer) else 1.0)
        self.size = float(np.linalg.norm(self.weights * np.maximum(np.abs(self.y), 1.0)))
        self.unit = EPS * self.size
        require(
            same_bits(self.y, self.evaluate()),
            NO_FUNCTION,
        )

    def evaluate(self) -> Array:
        """Return y, with the same random numbers in each call."""
        self.start.rewind()
        y = self.outputs = self.forward()
        if isinstance(self.target, Layer):
            arrays = arrays_in(y)
            expected = "an array of float64"
            right = all(isinstance(array, np.ndarray) and array.dtype == np.float64 for array in arrays)
            y = np.concatenate([array.ravel() for array in arrays]) if right and isinstance(y, tuple) else y
        else:
            expected, right = "a number", isinstance(y, Real)
        if not right:  # not by require: to write the message costs as much as a small layer
            raise ContractError(f"forward must return {expected}, got {_kind(y)}")
        return np.array(y, dtype=np.float64)  # a copy: a layer may return its very input, which is about to change

    def gradient_like(self, vector: Array) -> Batch:
        """dL/dy in the structure of y, from an array of the shape of what `evaluate` returns."""
        if not isinstance(self.outputs, tuple):
            return vector.copy()
        ends = np.cumsum([array.size for array in arrays_in(self.outputs)])
        parts = iter(np.split(vector, ends[:-1]))
        return mapped(lambda array: next(parts).reshape(array.shape).copy(), self.outputs)

    def gradients(self) -> dict[str, Array]:
        """The gradients by backward: array name -> array of the same shape.

        Raises:
            GradientError: a gradient that is missing, of the wrong kind, or another one by backward_parameters.
        """
        given, found = self._run_backward(self.backward)
        for name, gradient in found.items():
            require(
                not np.isnan(gradient).all(),
                f"backward must overwrite the gradient of {name}, not leave it or add to it",
                GradientError,
            )
        if isinstance(layer := self.target, Layer) and found:
            backward = getattr(layer, backward_without_dx(type(layer)))
            _, again = self._run_backward(lambda: backward(self.gradient_like(self.weights)))
            wrong = [name for name in found if not near(again[name], found[name])]
            require(
                not wrong,
                "backward_parameters, which training calls, writes another gradient of "
                f"{', '.join(wrong)} than backward",
                GradientError,
            )
        if not isinstance(self.target, Objective):
            name = "x" if isinstance(self.target, Layer) else "prediction"
            found |= {part: np.array(array, np.float64) for part, array in _floats(name, self.given, given)}
        return found

    def answers(self, method: str, grad: Array) -> dict[str, Array]:
        """What a layer's backward, or its backward_parameters, returns and writes for a gradient dL/dy."""
        given, found = self._run_backward(lambda: getattr(self.target, method)(self.gradient_like(grad)))
        return {**found, **dict(_floats("x", self.given, given))} if method == "backward" else found

    def _run_backward(self, backward: Callable[[], Any]) -> tuple[Any, dict[str, Array]]:
        """What backward returns, and the parameter gradients it writes. They are NaN where it writes none."""
        for _, parameter in self.target.named_parameters():
            parameter.grad = np.full(parameter.shape, np.nan)
        self.evaluate()
        given = backward()
        return given, {name: parameter.grad.copy() for name, parameter in self.target.named_parameters()}

    def along(self, name: str, direction: Array) -> Callable[[float], float]:
        """How much ``Σ w y`` changes as one array moves along a direction: a function of the distance.

        y is subtracted number by number before the sum, so that what does not depend on the array cancels exactly.
        """

        def change(t: float) -> float:
            with self.moved({name: t * direction}):
                try:
                    y = self.evaluate()
                except ContractError:
                    raise
                except (ArithmeticError, ValueError):  # outside the domain, as math.log(0) or data that is refused
                    return float("nan")
            if y.shape != self.y.shape:
                raise ContractError(f"forward returns y of shape {y.shape} near a point where it is {self.y.shape}")
            return float(np.vdot(self.weights, y - self.y))

        return change

    @contextmanager
    def moved(self, shifts: dict[str, Array]) -> Iterator[None]:
        """Add a shift to each of some arrays inside a ``with`` block."""
        before = {name: self.arrays[name].copy() for name in shifts}
        try:
            for name, shift in shifts.items():
                self.arrays[name][...] += shift
            yield
        finally:
            for name, array in before.items():
                self.arrays[name][...] = array


def _floats(name: str, batch: Batch, values: Any) -> Iterator[tuple[str, Array]]:
    """Pairs (name, value) for the arrays of floats in a batch, from values that must have its structure.

    Raises:
        GradientError: they do not.
    """
    if isinstance(batch, tuple):
        right = isinstance(values, tuple) and len(values) == len(batch)
        what = f"backward must return the gradient of {name}, a tuple of {len(batch)}, got {_kind(values)}"
        require(right, what, GradientError)
        for index, pair in enumerate(zip(batch, values, strict=True)):
            yield from _floats(f"{name}[{index}]", *pair)
    elif batch.dtype.kind == "f":
        right = isinstance(values, np.ndarray) and values.shape == batch.shape and values.dtype.kind == "f"
        what = f"backward must return the gradient of {name}, an array of floats of shape {batch.shape}"
        require(right, f"{what}, got {_kind(values)}", GradientError)
        yield name, values


def _kind(given: object) -> str:
    """The kind of a returned value, in words."""
    return f"{given.dtype} of shape {given.shape}" if isinstance(given, np.ndarray) else type(given).__name__
