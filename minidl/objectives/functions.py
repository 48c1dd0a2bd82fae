"""Functions of a few numbers, for watching how optimizers descend."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

import numpy as np

from minidl.arguments import number, real_numbers
from minidl.errors import HyperparameterError, ShapeError
from minidl.objectives.plain import FunctionObjective
from minidl.typing import Array, ArrayLike

__all__ = ["Beale", "CubicValley", "Himmelblau", "Quadratic", "Rosenbrock"]


class CubicValley(FunctionObjective):
    """``f(x, y) = (3 − x³) + 50 (2y² − x)²``, a curved valley that descends forever.

    Gradient  ∂f/∂x = −3x² − 100 (2y² − x)   ∂f/∂y = 400 y (2y² − x)

    There is no minimum: along the valley x = 2y², f = 3 − 8y⁶. The critical points are a degenerate saddle at (0, 0),
    where f = 3 and the Hessian is diag(100, 0), and a local maximum at (100/3, 0).

    Args:
        x, y: the initial θ = (x, y).

    >>> CubicValley().value([2.0, 1.0]), CubicValley().gradient([1.0, 1.0])
    (-5.0, array([-103.,  400.]))
    """

    def __init__(self, x: float = 0.5, y: float = 0.5) -> None:
        self.x, self.y = x, y
        super().__init__(self.f, self.df, start=(number("x", x), number("y", y)))

    @staticmethod
    def f(theta: Array) -> float:
        """The value."""
        x, y = theta.tolist()
        wall = 2.0 * y * y - x
        value = (3.0 - x * x * x) + 50.0 * wall * wall
        if not isfinite(value) and x != 0.0:  # the difference of two infinite terms, unless x² is factored out
            ratio = 2.0 * y * (y / x) - 1.0
            value = x * (x * (50.0 * ratio * ratio - x))
        return float(value)

    @staticmethod
    def df(theta: Array) -> tuple[float, float]:
        """The gradient."""
        x, y = theta.tolist()
        wall = 2.0 * y * y - x
        return -3.0 * x * x - 100.0 * wall, 400.0 * y * wall


class Rosenbrock(FunctionObjective):
    """``f(θ) = Σᵢ 100 (θᵢ₊₁ − θᵢ²)² + (1 − θᵢ)²``, the banana valley (Rosenbrock 1960).

    Gradient  ∂f/∂θᵢ = −400 θᵢ (θᵢ₊₁ − θᵢ²) − 2 (1 − θᵢ) + 200 (θᵢ − θᵢ₋₁²), first two terms for i < n, last for i > 1

    The minimum, 0, is at (1, …, 1).

    Args:
        start: the initial θ, n ≥ 2 numbers.

    Raises:
        ShapeError: a start of fewer than two numbers.

    >>> Rosenbrock().value([1.0, 1.0]), Rosenbrock().gradient([0.0, 1.0])
    (0.0, array([ -2., 200.]))
    """

    minima: tuple[tuple[float, ...], ...] = ((1.0, 1.0),)

    def __init__(self, start: Sequence[float] = (-1.2, 1.0)) -> None:
        size = real_numbers(start, "start").size
        if size < 2:
            raise ShapeError(f"Rosenbrock: start needs at least two numbers, got {size}")
        super().__init__(self.f, self.df, start)
        self.minima = ((1.0,) * size,)

    @staticmethod
    def f(theta: Array) -> float:
        """The value."""
        if theta.size == 2:  # as two floats, in a tenth of the time
            x, y = theta.tolist()
            return float(100.0 * (y - x * x) * (y - x * x) + (1.0 - x) * (1.0 - x))
        x, y = theta[:-1], theta[1:]
        wall, rest = y - x * x, 1.0 - x
        return float(100.0 * wall.dot(wall) + rest.dot(rest))

    @staticmethod
    def df(theta: Array) -> Array | tuple[float, float]:
        """The gradient."""
        if theta.size == 2:
            x, y = theta.tolist()
            steep = 200.0 * (y - x * x)
            return -2.0 * (x * steep + 1.0 - x), steep
        x, y = theta[:-1], theta[1:]
        steep = 200.0 * (y - x * x)
        grad = np.zeros(theta.shape, theta.dtype)
        grad[1:] = steep
        grad[:-1] -= 2.0 * (x * steep + 1.0 - x)
        return grad


class Himmelblau(FunctionObjective):
    """``f(x, y) = (x² + y − 11)² + (x + y² − 7)²``, four minima, all 0 (Himmelblau 1972).

    Gradient  ∂f/∂x = 4x (x² + y − 11) + 2 (x + y² − 7)   ∂f/∂y = 2 (x² + y − 11) + 4y (x + y² − 7)

    Args:
        x, y: the initial θ = (x, y).

    >>> Himmelblau().value([3.0, 2.0]), Himmelblau().gradient([0.0, 0.0])
    (0.0, array([-14., -22.]))
    """

    minima = (
        (3.0, 2.0),
        (-2.805118086952745, 3.131312518250573),
        (-3.779310253377747, -3.283185991286170),
        (3.584428340330492, -1.848126526964404),
    )

    def __init__(self, x: float = 0.0, y: float = 0.0) -> None:
        self.x, self.y = x, y
        super().__init__(self.f, self.df, start=(number("x", x), number("y", y)))

    @staticmethod
    def f(theta: Array) -> float:
        """The value."""
        x, y = theta.tolist()
        first, second = x * x + y - 11.0, x + y * y - 7.0
        return float(first * first + second * second)

    @staticmethod
    def df(theta: Array) -> tuple[float, float]:
        """The gradient."""
        x, y = theta.tolist()
        first, second = x * x + y - 11.0, x + y * y - 7.0
        return 4.0 * x * first + 2.0 * second, 2.0 * first + 4.0 * y * second


class Beale(FunctionObjective):
    """``f(x, y) = Σₖ (cₖ − x (1 − yᵏ))²`` for k = 1, 2, 3 and c = 1.5, 2.25, 2.625 (Beale 1958).

    The minimum, 0, is at (3, ½) in a narrow curved valley.

    Gradient  with rₖ = cₖ − x (1 − yᵏ): ∂f/∂x = −2 Σₖ rₖ (1 − yᵏ)   ∂f/∂y = 2x Σₖ k rₖ yᵏ⁻¹

    Args:
        x, y: the initial θ = (x, y).

    >>> Beale().value([3.0, 0.5]), Beale().gradient([0.0, 0.0])
    (0.0, array([-12.75,   0.  ]))
    """

    minima = ((3.0, 0.5),)

    def __init__(self, x: float = 1.0, y: float = 1.0) -> None:
        self.x, self.y = x, y
        super().__init__(self.f, self.df, start=(number("x", x), number("y", y)))

    @staticmethod
    def f(theta: Array) -> float:
        """The value."""
        x, y = theta.tolist()
        # x is multiplied first: 0 times an infinite y³ would be NaN.
        r1, r2, r3 = 1.5 - (x - x * y), 2.25 - (x - x * y * y), 2.625 - (x - x * y * y * y)
        return float(r1 * r1 + r2 * r2 + r3 * r3)

    @staticmethod
    def df(theta: Array) -> tuple[float, float]:
        """The gradient."""
        x, y = theta.tolist()
        r1, r2, r3 = 1.5 - (x - x * y), 2.25 - (x - x * y * y), 2.625 - (x - x * y * y * y)
        by_x = -2.0 * (r1 * (1.0 - y) + r2 * (1.0 - y * y) + r3 * (1.0 - y * y * y))
        return by_x, 2.0 * x * (r1 + 2.0 * r2 * y + 3.0 * r3 * y * y)


class Quadratic(FunctionObjective):
    """``f(θ) = ½ θᵀ A θ − bᵀ θ``, a bowl with the minimum where A θ = b.

    Gradient  A θ − b

    Gradient descent with learning rate η converges from any start if and only if η < 2 / λ, where λ is the largest
    eigenvalue of A.

    Args:
        matrix: A, symmetric and positive definite, (n, n). A difference of 1e-12 from its transpose is rounding, and
            evened out.
        linear: b, (n,). The default is zeros.
        start: the initial θ, (n,). The default is ones.

    Raises:
        ShapeError: sizes that differ.
        HyperparameterError: a matrix that is not symmetric and positive definite.

    >>> Quadratic([[2.0, 0.0], [0.0, 10.0]], linear=[2.0, 10.0]).gradient([0.0, 0.0])
    array([ -2., -10.])
    """

    def __init__(self, matrix: ArrayLike, linear: ArrayLike = None, start: ArrayLike = None) -> None:
        self.matrix = real_numbers(matrix, "matrix", np.float64)
        if self.matrix.ndim != 2 or self.matrix.shape[0] != self.matrix.shape[1]:
            raise ShapeError(f"matrix must be square, got shape {self.matrix.shape}")
        n = len(self.matrix)
        self.linear = np.zeros(n) if linear is None else real_numbers(linear, "linear", np.float64)
        begin = np.ones(n) if start is None else real_numbers(start, "start", np.float64)
        if self.linear.shape != (n,) or begin.shape != (n,):
            raise ShapeError(f"linear and start must have shape ({n},), got {self.linear.shape} and {begin.shape}")
        largest, difference = np.abs(self.matrix).max(), np.abs(self.matrix - self.matrix.T).max()
        self.matrix = 0.5 * self.matrix + 0.5 * self.matrix.T
        if not difference <= 1e-12 * largest or np.linalg.eigvalsh(self.matrix)[0] <= 0:
            raise HyperparameterError(
                "matrix must be symmetric with positive eigenvalues, else there is no minimum; it differs from its "
                f"transpose by {difference:g}, which (A + A.T) / 2 does not"
            )
        super().__init__(self.f, self.df, start=begin)
        self.minima = (tuple(np.linalg.solve(self.matrix, self.linear).tolist()),)

    def f(self, theta: Array) -> float:
        """The value."""
        return float(theta.dot(0.5 * self.matrix.dot(theta) - self.linear))

    def df(self, theta: Array) -> Array:
        """The gradient."""
        grad: Array = self.matrix.dot(theta) - self.linear
        return grad
