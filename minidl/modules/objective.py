"""The base of objectives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from math import inf, nan

import numpy as np

from minidl.arguments import check_type, copy_into, got
from minidl.differences import numerical_jacobian
from minidl.modules.layer import Layer
from minidl.modules.module import Module
from minidl.modules.snapshot import Snapshot
from minidl.modules.threads import changing
from minidl.parameters import ParameterVector
from minidl.typing import Array, ArrayLike

__all__ = ["Objective", "check_is_objective"]


class Objective(Module):
    """A number to be minimized that depends on its own parameters alone.

    An objective defines ``forward() -> float`` and ``backward() -> None``, which writes the gradients for the last
    forward. From these follow `value`, `gradient` and the other functions of a flat vector theta. They are pure:
    afterwards parameters, gradients, attributes and generators are as before, so dropout drops the same numbers in each
    call, and backward still belongs to the last forward.
    """

    def forward(self) -> float:
        """Return the value at the current parameters."""
        raise NotImplementedError(f"{type(self).__name__} must define forward()")

    def backward(self) -> None:
        """Write the gradients of all parameters for the last forward."""
        raise NotImplementedError(f"{type(self).__name__} must define backward()")

    def value(self, theta: ArrayLike) -> float:
        """The value at theta (P,). It is infinite where Python's floats overflow."""
        return float(self.values_at([theta])[0])

    def values_at(self, thetas: Sequence[ArrayLike] | Array) -> Array:
        """The values at n points, of shape (n,). This is faster than calling `value` n times."""
        values = np.full(len(thetas), inf)
        with self._unchanged() as (parameters, before):
            for i, theta in enumerate(thetas):
                copy_into(parameters.value, theta, "point theta")
                with suppress(OverflowError):
                    values[i] = float(self.forward())
                before.restore()
        return values

    def gradient(self, theta: ArrayLike) -> Array:
        """The gradient at theta (P,), of the same shape. It is NaN where Python's floats overflow."""
        return self.value_and_gradient(theta)[1]

    def value_and_gradient(self, theta: ArrayLike) -> tuple[float, Array]:
        """Value and gradient at theta (P,), as SciPy's ``minimize(..., jac=True)`` takes them."""
        value = inf
        with self._unchanged() as (parameters, _):
            copy_into(parameters.value, theta, "point theta")
            parameters.grad = np.full(parameters.size, nan)  # what is left where Python's floats overflow
            with suppress(OverflowError):
                value = float(self.forward())
                self.backward()
            return value, parameters.grad.copy()

    def hessian(self, theta: ArrayLike, step: ArrayLike | None = None) -> Array:
        """The matrix of second derivatives at theta, (P, P): the Jacobian of the gradient, made symmetric.

        Args:
            theta: the point (P,).
            step: h of the five-point differences, one number or one for each θᵢ. The default is ``∛ε max(1, |θᵢ|)``
                with the ε of the parameters' type, 6e-6 in float64.
        """
        if step is None:
            step = np.cbrt(np.finfo(self.parameters().dtype).eps) * np.maximum(1.0, np.abs(theta))
        matrix = numerical_jacobian(self.gradient, theta, step)
        return 0.5 * (matrix + matrix.T)

    @contextmanager
    def _unchanged(self) -> Iterator[tuple[ParameterVector, Snapshot]]:
        """Yield the parameters to set inside a ``with`` block. Afterwards everything is as before."""
        # Far from any minimum, a value that is not finite is an answer.
        with changing(self), Snapshot([self]) as before, np.errstate(all="ignore"):
            parameters = self.parameters()
            value, grad = parameters.value.copy(), parameters.grad.copy()
            try:
                yield parameters, before
            finally:
                parameters.value, parameters.grad = value, grad


def check_is_objective(objective: object) -> None:
    """Raise `TypeError` unless it is an `Objective`, and say how a model or a function becomes one."""
    fix = ""
    if isinstance(objective, Layer):
        fix = "with a loss and data a model becomes one: EmpiricalRisk(model, loss, x, y)"
    elif callable(objective) and not isinstance(objective, type | Module):
        fix = "with a start a function becomes one: FunctionObjective(f, start=[1.0, 2.0])"
    if fix:
        raise TypeError(f"objective must be an Objective, {got(objective)}; {fix}")
    check_type("objective", objective, Objective)
