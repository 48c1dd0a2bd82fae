"""The base of objectives."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from minidl.modules.module import Module
from minidl.parameters import ParameterVector
from minidl.typing import Array, ArrayLike

__all__ = ["Objective"]


class Objective(Module):
    """A number to be minimised that depends on its own parameters alone.

    An objective defines `forward() -> float` and `backward()`, which fills the gradients of its parameters for the
    last forward. From these follow the pure functions of a flat vector theta below: afterwards, parameters and
    gradients are what they were.
    """

    def forward(self) -> float:
        """Give the value at the present parameters."""
        raise NotImplementedError(f"{type(self).__name__} must define forward()")

    def backward(self) -> None:
        """Fill the gradients of all parameters for the last forward."""
        raise NotImplementedError(f"{type(self).__name__} must define backward()")

    def value(self, theta: ArrayLike) -> float:
        """The value at theta (P,)."""
        with self._at(theta):
            return float(self.forward())

    def gradient(self, theta: ArrayLike) -> Array:
        """The gradient at theta (P,), of the same shape."""
        return self.value_and_gradient(theta)[1]

    def value_and_gradient(self, theta: ArrayLike) -> tuple[float, Array]:
        """Value and gradient at theta (P,), as SciPy's ``minimize(..., jac=True)`` takes them."""
        with self._at(theta) as parameters:
            value = float(self.forward())
            self.backward()
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
        parameters = self.parameters()
        value, grad = parameters.value.copy(), parameters.grad.copy()
        owners = [(module, name) for _, module in self.modules() for name in module.buffers]
        # Copies, since a forward may change a buffer in place.
        buffers = [(module, name, copy.copy(getattr(module, name))) for module, name in owners]
        parameters.value = theta
        try:
            with np.errstate(all="ignore"):  # far away, a value that is not finite is an answer
                yield parameters
        finally:
            parameters.value, parameters.grad = value, grad
            for module, name, buffer in buffers:
                setattr(module, name, buffer)
