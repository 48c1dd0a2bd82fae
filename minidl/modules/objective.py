"""The base of objectives."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf, nan

import numpy as np

from minidl.modules.module import Module
from minidl.modules.places import places_of
from minidl.parameters import ParameterVector
from minidl.typing import Array, ArrayLike

__all__ = ["Objective"]


class Objective(Module):
    """A number to be minimised that depends on its own parameters alone.

    An objective defines `forward() -> float` and `backward()`, which fills the gradients of its parameters for the
    last forward. From these follow the pure functions of a flat vector theta below: afterwards parameters, gradients,
    random generators and all else that the objective and its modules hold are what they were. So a backward still is
    that of the last forward, and dropout drops the same numbers in each call.
    """

    def forward(self) -> float:
        """Give the value at the present parameters."""
        raise NotImplementedError(f"{type(self).__name__} must define forward()")

    def backward(self) -> None:
        """Fill the gradients of all parameters for the last forward."""
        raise NotImplementedError(f"{type(self).__name__} must define backward()")

    def value(self, theta: ArrayLike) -> float:
        """The value at theta (P,), infinite where Python's numbers overflow."""
        with self._at(theta):
            try:
                return float(self.forward())
            except OverflowError:
                return inf

    def gradient(self, theta: ArrayLike) -> Array:
        """The gradient at theta (P,), of the same shape, nan where Python's numbers overflow."""
        return self.value_and_gradient(theta)[1]

    def value_and_gradient(self, theta: ArrayLike) -> tuple[float, Array]:
        """Value and gradient at theta (P,), as SciPy's ``minimize(..., jac=True)`` takes them."""
        with self._at(theta) as parameters:
            value = inf
            try:
                value = float(self.forward())
                self.backward()
            except OverflowError:
                parameters.grad = np.full(parameters.size, nan)
            return value, parameters.grad.copy()

    def hessian(self, theta: ArrayLike, step: float = 1e-5) -> Array:
        """The matrix of second derivatives at theta, (P, P), by central differences of the gradient."""
        point = np.array(theta, dtype=np.float64)
        shifts = step * np.eye(len(point))
        columns = [(self.gradient(point + shift) - self.gradient(point - shift)) / (2 * step) for shift in shifts]
        matrix = np.array(columns)
        return 0.5 * (matrix + matrix.T)

    @contextmanager
    def _at(self, theta: ArrayLike) -> Iterator[ParameterVector]:
        """Have the parameters theta inside this block; afterwards all is as it was."""
        parameters = self.parameters()
        value, grad = parameters.value.copy(), parameters.grad.copy()
        modules = [module for _, module in self.modules()]
        kept = [vars(module).copy() for module in modules]
        generators = [place.generator for place in places_of(self).values()]
        streams = [each.bit_generator for each in generators if isinstance(each, np.random.Generator)]
        states = [(stream, stream.state) for stream in streams]
        try:
            # A forward may change these in place, so that it gets copies.
            for module, before in zip(modules, kept, strict=True):
                for name, thing in before.items():
                    if name in module.buffers or isinstance(thing, list | dict):
                        vars(module)[name] = copy.copy(thing)
            parameters.value = theta
            with np.errstate(all="ignore"):  # far away, a value that is not finite is an answer
                yield parameters
        finally:
            parameters.value, parameters.grad = value, grad
            for module, before in zip(modules, kept, strict=True):
                for name in vars(module).keys() - before.keys():
                    del vars(module)[name]
                vars(module).update(before)
            for stream, state in states:
                stream.state = state
