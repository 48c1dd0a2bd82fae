"""Objectives are checked at several points, not at their start alone."""

from collections.abc import Callable
from math import exp, inf, log, sqrt

import numpy as np
import pytest

from minidl import FunctionObjective, Objective, Parameter
from minidl.checking import check_gradients, check_objective
from minidl.errors import ContractError, GradientError
from minidl.typing import Array

Check = Callable[[Objective], object]
CHECKS = pytest.mark.parametrize("check", [check_gradients, check_objective])


def valley(theta: Array) -> float:
    x, y = theta
    return float((x - 1) ** 2 + (y - 2) ** 2 + 3 * x * y)


def slope_of_valley(theta: Array) -> Array:
    x, y = theta
    return np.array([2 * (x - 1) + 3 * y, 2 * (y - 2) + 3 * x])


def slope_without_its_last_term(theta: Array) -> Array:
    x, y = theta
    return np.array([2 * (x - 1), 2 * (y - 2)])


@CHECKS
@pytest.mark.parametrize("start", [[0.0, 0.0], [1e-6, 1e-6], [1e6, -1e6], [0.0, 1.0]])
def test_a_term_whose_slope_is_0_at_the_start_is_not_forgotten(check: Check, start: list[float]) -> None:
    check(FunctionObjective(valley, slope_of_valley, start=start))
    with pytest.raises(GradientError, match="the gradient of theta is off"):
        check(FunctionObjective(valley, slope_without_its_last_term, start=start))


def test_the_message_names_the_other_point() -> None:
    with pytest.raises(GradientError, match=r"This is at another point, \[ ?-?\d"):
        check_objective(FunctionObjective(valley, slope_without_its_last_term, start=[0.0, 0.0]))


WRONG: dict[str, tuple[Callable[[Array], float], Callable[[Array], Array], list[float]]] = {
    "cubic at 0": (lambda t: float(t[0] ** 2 + t[0] ** 3), lambda t: 2 * t, [0.0]),
    "sine at 0": (lambda t: float(np.sin(t).sum()), np.ones_like, [0.0, 0.0]),
    "a constant slope": (lambda t: float((t**2).sum()), lambda _: np.array([2.0]), [1.0]),
    "a second branch": (lambda t: float((t**2 + np.maximum(t - 0.5, 0) ** 2).sum()), lambda t: 2 * t, [0.1, 0.0]),
}


@CHECKS
@pytest.mark.parametrize(("f", "slope", "start"), WRONG.values(), ids=WRONG)
def test_what_is_right_at_the_start_only_fails(
    check: Check, f: Callable[[Array], float], slope: Callable[[Array], Array], start: list[float]
) -> None:
    with pytest.raises(GradientError, match="at another point"):
        check(FunctionObjective(f, slope, start=start))


@pytest.mark.parametrize("seed", range(40))
def test_a_branch_on_one_side_of_the_start_is_not_forgotten(seed: int) -> None:
    objective = FunctionObjective(lambda t: float(max(t[0] - 1, 0) ** 3), lambda t: 3 * (t - 1) ** 2, start=[1.0])
    with pytest.raises(GradientError, match="at another point"):
        check_objective(objective, rng=seed)


RIGHT: dict[str, tuple[Callable[[Array], float], Callable[[Array], Array], list[float]]] = {
    "logarithm": (lambda t: log(t[0]), lambda t: 1 / t, [1e-3]),
    "logarithm of a tiny number": (lambda t: log(t[0]), lambda t: 1 / t, [1e-12]),
    "root": (lambda t: sqrt(t[0]) + t[1], lambda t: np.array([0.5 / sqrt(t[0]), 1.0]), [1e-5, 1.0]),
    "exponential": (lambda t: exp(t[0]), np.exp, [300.0]),
    "steep": (lambda t: exp(1000 * t[0]), lambda t: 1000 * np.exp(1000 * t), [0.0]),
    "barrier": (lambda t: -log(1 - t[0]) if t[0] < 1 else inf, lambda t: 1 / (1 - t), [0.999]),
    "kink": (lambda t: float(np.abs(t).sum()), np.sign, [0.0, 1.0]),
    "angle": (lambda t: float(np.arctan2(t[1], t[0])), lambda t: np.array([-t[1], t[0]]) / (t @ t), [1.0, 1.0]),
}


@CHECKS
@pytest.mark.parametrize(("f", "slope", "start"), RIGHT.values(), ids=RIGHT)
@pytest.mark.parametrize("seed", range(5))
def test_points_are_drawn_where_the_function_is_finite(
    check: Callable[..., object],
    f: Callable[[Array], float],
    slope: Callable[[Array], Array],
    start: list[float],
    seed: int,
) -> None:
    check(FunctionObjective(f, slope, start=start), rng=seed)


class Shared(Objective):
    """What forward caches is in the class."""

    cache: dict[str, Array] = {}  # noqa: RUF012  (this is the mistake)

    def __init__(self) -> None:
        self.theta = Parameter([1.0, -2.0])
        self.count = 0

    def forward(self) -> float:
        self.count += 1
        self.cache["slope"] = 4 * self.theta.value**3 * (1.0 + 0.0 * self.count)
        return float((self.theta.value**4).sum())

    def backward(self) -> None:
        self.theta.grad = self.cache["slope"]


def test_instances_must_not_share_what_forward_caches() -> None:
    with pytest.raises(ContractError, match="another instance is used between its forward and its backward"):
        check_objective(Shared())


def test_finite_differences_are_not_compared_with_themselves() -> None:
    objective = FunctionObjective(lambda x, y: x * y, start=[1.0, 2.0])
    for check in (check_objective, check_gradients):
        with pytest.raises(ContractError, match=r"it has no derivative, .* compared with themselves; pass derivative="):
            check(objective)
