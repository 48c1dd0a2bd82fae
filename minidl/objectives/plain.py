"""A plain function as an objective."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.arguments import got, real_numbers
from minidl.differences import numerical_gradient
from minidl.errors import ContractError, HyperparameterError, ShapeError
from minidl.modules import Objective
from minidl.parameters import Parameter
from minidl.typing import Array, ArrayLike

__all__ = ["FunctionObjective"]


class FunctionObjective(Objective):
    """``f(θ)``, a plain function of n numbers, with or without its gradient.

    Args:
        function: f, a function that returns a number. It takes θ (n,), or n numbers as in f(x, y) if its signature
            requires them.
        derivative: ∇f, a function that takes the same and returns n numbers. Without it, the gradient is
            `minidl.checking.numerical_gradient`, which calls f 4n + 1 times. It has about 11 correct digits where f is
            smooth, and may be wrong within ``0.002 max(1, |θᵢ|)`` of a kink.
        start: the initial θ, n numbers.

    Raises:
        ShapeError: a start that is not a list of n ≥ 1 numbers, or a derivative of another length.
        HyperparameterError: a function or derivative that is not callable, or that takes another number of arguments.
        ContractError: when it is evaluated, a function that does not return one number.

    >>> bowl = FunctionObjective(lambda theta: theta @ theta, lambda theta: 2 * theta, start=[3.0, 4.0])
    >>> bowl.forward(), bowl.gradient([1.0, 2.0])
    (25.0, array([2., 4.]))
    >>> FunctionObjective(lambda theta: theta @ theta, start=[3.0, 4.0]).gradient([1.0, 2.0]).round(9)
    array([2., 4.])
    >>> FunctionObjective(lambda x, y: x**2 + 3 * y, lambda x, y: (2 * x, 3), start=[3.0, 4.0]).gradient([1.0, 2.0])
    array([2., 3.])
    """

    minima: tuple[tuple[float, ...], ...] = ()
    """The points where the function is smallest, if they are known."""

    def __init__(
        self,
        function: Callable[..., float],
        derivative: Callable[..., ArrayLike] | None = None,
        start: ArrayLike = (),
    ) -> None:
        for name, value in (("function", function), ("derivative", derivative)):
            if not (callable(value) or value is derivative is None):
                raise HyperparameterError(f"{name} must be a function, {got(value)}; pass the start as start=[1.0]")
        self.function, self.derivative, self.start = function, derivative, start
        self.theta = Parameter(real_numbers(start, "start"))
        if self.theta.value.ndim != 1 or self.theta.size == 0:
            raise ShapeError(f"start must be a list of at least one number, got shape {self.theta.shape}")
        n = self.theta.size
        self._spread = _takes_numbers("function", function, n)
        self._spread_derivative = derivative is not None and _takes_numbers("derivative", derivative, n)

    def _f(self, theta: Array) -> float:
        value: Any = self.function(*theta) if self._spread else self.function(theta)
        try:
            return value if type(value) is float else float(value.item() if isinstance(value, np.ndarray) else value)
        except (TypeError, ValueError) as error:
            raise ContractError(f"{self!r}: the function must return one number, {got(value)}") from error

    def forward(self) -> float:
        return self._f(self.theta.value)

    def backward(self) -> None:
        theta = self.theta.value
        if self.derivative is None:
            self.theta.grad = numerical_gradient(self._f, theta)
        else:
            self.theta.grad = self.derivative(*theta) if self._spread_derivative else self.derivative(theta)


def _takes_numbers(name: str, function: Callable[..., Any], n: int) -> bool:
    """Whether a function takes n numbers one by one, instead of one array.

    A function that can be called with one argument takes the array, even if it has others with a default.

    Raises:
        HyperparameterError: it takes neither.
    """
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some functions in C have none
        return getattr(function, "nin", 1) == n > 1
    for count in (1, n):
        try:
            signature.bind(*range(count))
        except TypeError:
            continue
        return count > 1
    takes = f"it has the signature {signature}, but start has {n} number{'s' * (n > 1)}"
    raise HyperparameterError(f"{name} must take θ as one array or as {n} numbers one by one: {takes}")
