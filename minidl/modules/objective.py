"""The base of objectives."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf, nan

import numpy as np

from minidl.modules.module import Module
from minidl.modules.places import streams_of
from minidl.parameters import ParameterVector
from minidl.typing import Array, ArrayLike

__all__ = ["Objective"]


class Objective(Module):
    """A number to be minimised that depends on its own parameters alone.

    An objective defines `forward() -> float` and `backward()`, which fills the gradients of its parameters for the
    last forward. From these follow the pure functions of a flat vector theta below: afterwards parameters, gradients,
    generators (`numpy.random.Generator`) and attributes of the objective and its modules are what they were, buffers,
    lists and dicts also where forward changes them in place. So a backward still is
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

    def hessian(self, theta: ArrayLike, step: float | None = None) -> Array:
        """The matrix of second derivatives at theta, (P, P), by central differences of the gradient.

        Args:
            theta: where.
            step: to either side, by default ``∛ε max(1, |θᵢ|)`` with the ε of the parameters' type: 6e-6 in float64.
        """
        dtype = self.parameters().dtype
        point, columns = np.array(theta, dtype=dtype), []
        steps = np.cbrt(np.finfo(dtype).eps) * np.maximum(1.0, np.abs(point)) if step is None else point * 0 + step
        for index, size in enumerate(steps):
            low, high = point.copy(), point.copy()
            low[index] -= size
            high[index] += size
            # By the distance that rounding has left of it.
            columns.append((self.gradient(high) - self.gradient(low)) / (high[index] - low[index]))
        matrix = np.array(columns, dtype=np.float64)
        return 0.5 * (matrix + matrix.T)

    @contextmanager
    def _at(self, theta: ArrayLike) -> Iterator[ParameterVector]:
        """Have the parameters theta inside this block; afterwards all is as it was."""
        parameters = self.parameters()
        value, grad = parameters.value.copy(), parameters.grad.copy()
        modules = [module for _, module in self.modules()]
        kept = [vars(module).copy() for module in modules]
        streams = streams_of(self)
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
            for stream, state in streams:
                stream.state = state
