"""Finite differences: functions whose derivatives are known, at points of every kind."""

import inspect
from typing import Any

import numpy as np
import pytest

from minidl import CubicValley, DataError, FunctionObjective, checking
from minidl.checking import numerical_gradient, numerical_jacobian
from minidl.typing import Array


def test_the_gradient_of_a_polynomial_of_degree_four_is_exact() -> None:
    theta = np.array([0.5, -2.0, 0.0])
    np.testing.assert_allclose(numerical_gradient(lambda t: (t**4).sum(), theta), 4 * theta**3, rtol=1e-11, atol=1e-12)
    assert numerical_gradient(lambda t: float(t @ t), [0.5, 2.0], step=0.25).tolist() == [1.0, 4.0]


def test_the_error_is_of_fourth_order() -> None:
    def error(step: float) -> float:
        return abs(float(numerical_gradient(np.exp, 0.0, step)) - 1.0)

    # h⁴/30 f⁽⁵⁾ is the textbook's remainder.
    assert error(0.1) == pytest.approx(0.1**4 / 30, rel=0.01)
    assert error(0.1) / error(0.05) == pytest.approx(16, rel=0.01)


@pytest.mark.parametrize("theta", [2.0, [2.0, -1.0], [[1.0, 2.0, 3.0]], np.ones((2, 1, 2)), [3, -4], np.float32(0.5)])
def test_theta_may_have_any_shape_and_type(theta: Any) -> None:
    expected = np.cos(np.asarray(theta, dtype=np.float64))
    gradient = numerical_gradient(lambda t: np.sin(t).sum(), theta)
    assert gradient.dtype == np.float64
    np.testing.assert_allclose(gradient, expected, rtol=1e-10)
    jacobian = numerical_jacobian(np.sin, theta)
    assert jacobian.shape == expected.shape * 2
    np.testing.assert_allclose(jacobian.reshape(expected.size, -1), np.diag(expected.ravel()), rtol=1e-10, atol=1e-13)


def test_nothing_to_differentiate_has_an_empty_gradient() -> None:
    assert numerical_gradient(lambda _: 1.0, []).shape == (0,)
    assert numerical_jacobian(lambda _: [1.0, 2.0], []).shape == (2, 0)


def test_the_jacobian_has_the_shape_of_f_first() -> None:
    matrix = np.arange(6.0).reshape(2, 3)
    np.testing.assert_allclose(numerical_jacobian(lambda t: matrix @ t, [1.0, 2.0, 3.0]), matrix, atol=1e-11)
    assert numerical_jacobian(lambda t: [[t.sum()]], np.ones((2, 3))).shape == (1, 1, 2, 3)


def test_neither_theta_nor_the_function_is_trusted_to_leave_arrays_alone() -> None:
    theta, buffer = np.array([1.0, 2.0]), np.empty(2)

    def doubles_in_place(t: Array) -> Array:
        t *= 2
        buffer[...] = t
        return buffer

    np.testing.assert_allclose(numerical_jacobian(doubles_in_place, theta), 2 * np.eye(2), atol=1e-11)
    assert theta.tolist() == [1.0, 2.0]


def test_steps_grow_with_theta_and_may_be_one_for_each_entry() -> None:
    far = np.array([1e9, -1e6, 0.1])
    np.testing.assert_allclose(np.diag(numerical_jacobian(np.square, far)), 2 * far, rtol=1e-9)
    seen: list[list[float]] = []

    def f(t: Array) -> float:
        seen.append(t.tolist())
        return 0.0

    numerical_gradient(f, [1.0, 2.0], step=[0.25, 0.5])
    assert {t[0] for t in seen} == {0.5, 0.75, 1.0, 1.25, 1.5}
    assert {t[1] for t in seen} == {1.0, 1.5, 2.0, 2.5, 3.0}
    seen.clear()
    numerical_gradient(f, [0.0, -8.0])
    assert {round(1000 * t[0], 9) for t in seen} == {-2.0, -1.0, 0.0, 1.0, 2.0}
    assert {round(1000 * t[1], 9) for t in seen} == {-8016.0, -8008.0, -8000.0, -7992.0, -7984.0}


def test_what_does_not_depend_on_theta_has_a_slope_of_exactly_0() -> None:
    assert numerical_jacobian(lambda t: [1.1, t[0]], [0.3])[0, 0] == 0.0


def test_a_value_that_is_not_finite_yields_nan_without_a_warning() -> None:
    assert np.isnan(numerical_gradient(lambda _: float("inf"), [1.0])).all()
    assert np.isnan(numerical_jacobian(lambda _: [float("inf"), 1.0], [1.0])).tolist() == [[True], [False]]


def test_other_things_are_refused() -> None:
    with pytest.raises(DataError, match="theta must hold real numbers, got <U1"):
        numerical_gradient(lambda _: 0.0, ["a"])
    with pytest.raises(TypeError):
        numerical_gradient(lambda t: t, [1.0, 2.0])  # type: ignore[arg-type, return-value]  # an array is not a number


@pytest.mark.parametrize("name", ["numerical_gradient", "numerical_jacobian"])
def test_they_are_public(name: str) -> None:
    assert name in checking.__all__
    assert inspect.getmodule(getattr(checking, name)).__name__ == "minidl.differences"  # type: ignore[union-attr]


def test_a_function_without_its_gradient_is_an_objective() -> None:
    start = np.array([0.3, -0.7])
    objective = FunctionObjective(CubicValley.f, start=start)
    np.testing.assert_allclose(objective.gradient(start), CubicValley().gradient(start), rtol=1e-10)
    np.testing.assert_allclose(objective.hessian(start), CubicValley().hessian(start), rtol=1e-6)
    assert repr(FunctionObjective(CubicValley.f, None, start).derivative) == "None"
