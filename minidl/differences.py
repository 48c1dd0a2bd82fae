"""Derivatives by finite differences, from values of a function alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.arguments import real_numbers
from minidl.errors import ShapeError
from minidl.typing import Array, ArrayLike

__all__ = ["five_point", "numerical_gradient", "numerical_jacobian"]


def five_point(y: Callable[[float], Any], h: float) -> Any:
    """``y′(0) ≈ [y(−2h) − 8 y(−h) + 8 y(h) − y(2h)] / 12h``, with an error of order h⁴.

    >>> five_point(lambda t: 3 * t + t**4, 0.5)
    3.0
    """
    # In this order, what does not depend on t cancels exactly.
    return (8.0 * (y(h) - y(-h)) - (y(2.0 * h) - y(-2.0 * h))) / (12.0 * h)


def numerical_gradient(f: Callable[[Array], float], theta: ArrayLike, step: ArrayLike | None = None) -> Array:
    """``∂f/∂θᵢ ≈ [f(θ − 2h eᵢ) − 8 f(θ − h eᵢ) + 8 f(θ + h eᵢ) − f(θ + 2h eᵢ)] / 12h``, computed in float64.

    Five-point central differences have an error of order h⁴. Where f is smooth over a distance of 2h, the default step
    yields about 11 correct digits. At a kink within that distance, such as that of ReLU, none is correct.

    Args:
        f: a function that takes an array of theta's shape and returns a number.
        theta: the point, of any shape. It is not changed.
        step: h, one number or one for each θᵢ. The default is ``0.001 max(1, |θᵢ|)``.

    Returns:
        The gradient, of theta's shape.

    Raises:
        DataError: theta is not made of real numbers.

    >>> numerical_gradient(lambda theta: theta[0] ** 2 * theta[1], [3.0, 1.0]).round(9)
    array([6., 9.])
    """
    return numerical_jacobian(lambda point: float(f(point)), theta, step)


def numerical_jacobian(f: Callable[[Array], ArrayLike], theta: ArrayLike, step: ArrayLike | None = None) -> Array:
    """``Jⱼᵢ = ∂fⱼ/∂θᵢ``, each column by the five-point differences of `numerical_gradient`.

    Args:
        f: a function that takes an array of theta's shape and returns an array, always of the same shape.
        theta, step: the point and h, as in `numerical_gradient`.

    Returns:
        The Jacobian, of shape ``f(theta).shape + theta.shape``.

    Raises:
        DataError: theta is not made of real numbers.

    >>> numerical_jacobian(lambda theta: [theta[0] * theta[1], theta[1] ** 2], [2.0, 3.0]).round(9)
    array([[3., 2.],
           [0., 6.]])
    """
    point = real_numbers(theta, "theta", np.float64)
    steps = 1e-3 * np.maximum(1.0, np.abs(point)) if step is None else real_numbers(step, "step")
    if steps.ndim and steps.shape != point.shape:
        raise ShapeError(f"step must be one number or have theta's shape {point.shape}, got {steps.shape}")
    steps = np.broadcast_to(steps, point.shape)
    jacobian = np.empty(np.shape(f(point.copy())) + point.shape)
    for index in np.ndindex(point.shape):

        def y(t: float, index: tuple[int, ...] = index) -> Array:
            moved = point.copy()
            moved[index] += t
            return np.array(f(moved), dtype=np.float64)  # a copy: f may return the same buffer each time

        with np.errstate(invalid="ignore"):  # ∞ − ∞ is NaN
            jacobian[(..., *index)] = five_point(y, float(steps[index]))
    return jacobian
