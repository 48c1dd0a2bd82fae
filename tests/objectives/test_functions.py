"""Functions of a few numbers: values by hand, and what each function is known for."""

from fractions import Fraction
from math import inf

import numpy as np
import pytest

from minidl import (
    SGD,
    Beale,
    CubicValley,
    FunctionObjective,
    Himmelblau,
    HyperparameterError,
    Objective,
    Quadratic,
    Rosenbrock,
    ShapeError,
    minimize,
)
from minidl.typing import Array
from tests.helpers import unchanged

VALUES = [
    (CubicValley(), [1.0, 1.0], 52.0),
    (CubicValley(), [-1.0, 2.0], 3 + 1 + 50 * 81),
    (CubicValley(), [100 / 3, 0.0], 3 + 1e6 / 54),
    (Rosenbrock(), [-1.2, 1.0], 24.2),
    (Rosenbrock([0.0] * 3), [2.0, 3.0, 5.0], 100 + 1 + 1600 + 4),
    (Himmelblau(), [0.0, 0.0], 170.0),
    (Himmelblau(), [1.0, 2.0], 68.0),
    (Beale(), [0.0, 0.0], 14.203125),
    (Beale(), [1.0, 2.0], 2.5**2 + 5.25**2 + 9.625**2),
    (Quadratic([[2.0, 1.0], [1.0, 3.0]], linear=[1.0, 0.0]), [1.0, 2.0], 9.0 - 1.0),
    (Quadratic([[2.0, 1.0], [1.0, 3.0]]), [1.0, 2.0], 9.0),
    (FunctionObjective(lambda t: float(t.prod()), lambda t: t[::-1], [1, 2]), [3.0, 4.0], 12.0),
]


@pytest.mark.parametrize(("objective", "point", "value"), VALUES)
def test_values_by_hand(objective: Objective, point: list[float], value: float) -> None:
    assert objective.value(point) == pytest.approx(value, rel=1e-14)


@pytest.mark.parametrize(
    ("objective", "start"),
    [
        (CubicValley(1.0, 2.0), [1, 2]),
        (CubicValley(x=3.0, y=-1.0), [3, -1]),
        (Rosenbrock(), [-1.2, 1]),
        (Rosenbrock([1, 2, 3]), [1, 2, 3]),
        (Himmelblau(1.0, 2.0), [1, 2]),
        (Beale(1.0, 2.0), [1, 2]),
        (Quadratic(np.eye(2)), [1, 1]),
        (Quadratic(np.eye(2), start=[3, 4]), [3, 4]),
    ],
)
def test_the_start_is_the_one_passed(objective: Objective, start: list[float]) -> None:
    np.testing.assert_array_equal(objective.parameters().value, start)


def test_minima() -> None:
    assert Rosenbrock([0.0] * 4).minima == ((1.0,) * 4,)
    assert Beale.minima == ((3.0, 0.5),)
    assert len(Himmelblau.minima) == 4
    assert CubicValley.minima == ()
    np.testing.assert_allclose(Quadratic([[2, 0], [0, 4]], linear=[2, 12]).minima, [(1, 3)])
    for objective in (Rosenbrock(), Beale(), Himmelblau()):
        for minimum in objective.minima:
            assert objective.value(minimum) == pytest.approx(0, abs=1e-20)


def test_the_valley_descends_forever() -> None:
    valley = CubicValley()
    for y in (1.0, 2.0, 10.0):
        assert valley.value([2 * y**2, y]) == pytest.approx(3 - 8 * y**6, rel=1e-12)
        assert valley.value([2 * y**2, -y]) == valley.value([2 * y**2, y])
    np.testing.assert_allclose(valley.hessian([0, 0]), np.diag([100, 0]), atol=1e-3)
    eigenvalues = np.linalg.eigvalsh(valley.hessian([100 / 3, 0]))
    assert (eigenvalues < 0).all()


def test_a_function_may_have_any_number_of_parameters() -> None:
    objective = FunctionObjective(lambda t: float(t.sum()), np.ones_like, np.zeros(7))
    assert objective.parameters().size == 7
    np.testing.assert_array_equal(objective.gradient(np.arange(7)), np.ones(7))


def test_without_a_derivative_the_gradient_is_by_finite_differences() -> None:
    objective = FunctionObjective(lambda t: float(np.sin(t[0]) * t[1]), start=np.array([0.5, 2.0], dtype=np.float32))
    objective.forward()
    objective.backward()
    np.testing.assert_allclose(objective.theta.grad, [2 * np.cos(0.5), np.sin(0.5)], rtol=1e-6)
    assert repr(FunctionObjective(max, start=[1.0])) == "FunctionObjective(<built-in function max>, start=[1.0])"


def test_a_function_without_a_derivative_can_be_minimized() -> None:
    bowl = FunctionObjective(lambda t: float((t - 3) @ (t - 3)), start=[0.0, 1.0])
    descent = minimize(bowl, SGD(bowl.parameters(), lr=0.1), steps=500)
    np.testing.assert_allclose(descent.theta, [3, 3], atol=1e-6)


class UserError(Exception):
    """Raised by a user's function below."""


def test_parameters_are_restored_when_the_function_or_its_derivative_raises() -> None:
    def fails(_: Array) -> float:
        raise UserError

    bad_value = FunctionObjective(fails, lambda t: t, [1.0, 2.0])
    bad_gradient = FunctionObjective(lambda _: 1.0, fails, [1.0, 2.0])
    for call in (bad_value.value, bad_value.gradient, bad_gradient.value_and_gradient, bad_gradient.hessian):
        with unchanged(bad_value, bad_gradient), pytest.raises(UserError):
            call([5.0, 6.0])


@pytest.mark.parametrize("wrong", [[1.0], [1.0, 2.0, 3.0], [[1.0, 2.0]], 1.0])
def test_theta_of_another_shape_is_refused(wrong: object) -> None:
    valley = CubicValley()
    for call in (valley.value, valley.gradient, valley.value_and_gradient):
        with unchanged(valley), pytest.raises(ShapeError, match=r"\(2,\)"):
            call(wrong)


@pytest.mark.parametrize(
    ("theta", "value"),
    [
        ((1e200, 0.0), -inf),
        ((1e120, 1e10), -inf),
        ((1.7e308, 1.7e308), inf),
        ((1e200, 1e200), inf),
        ((-1e200, 0.0), inf),
        ((1e103, 1e60), -inf),
        ((1e103, 1e80), inf),
        ((6e102, 1e51), -inf),
        ((0.0, 1e200), inf),
    ],
)
def test_cubic_valley_far_out_is_infinite_with_the_right_sign(theta: tuple[float, float], value: float) -> None:
    x, y = map(Fraction, theta)
    exact = 3 - x**3 + 50 * (2 * y * y - x) ** 2
    assert abs(exact) > Fraction(1.7e308)
    assert (value > 0) == (exact > 0)
    assert CubicValley().value(theta) == value


def test_other_objectives_far_out_have_the_value_of_their_formula() -> None:
    c = 1.5**2 + 2.25**2 + 2.625**2
    assert Beale().value([0.0, 1e200]) == Beale().value([0.0, -1e200]) == c
    for far in (1e80, 1e110, 1e200, 1.7e308):
        for x, y in ((far, far), (far, -far), (-far, far), (-far, -far), (far, 0.0), (far, 1.0), (1.0, far)):
            for objective in (Himmelblau(), Rosenbrock(), Quadratic(np.eye(2), [10.0, 10.0])):
                assert objective.value([x, y]) > 1e100
            assert Beale().value([x, y]) > 1e100 or y == 1.0
    assert Quadratic([[1.0]], linear=[10.0]).value([1.7e308]) == inf
    assert Beale().gradient([0.0, 1e120]).tolist() == [inf, 0.0]


def test_a_matrix_that_is_nearly_symmetric_is_evened_out_or_refused() -> None:
    for matrix in ([[1.0, 1e-6], [0.0, 1.0]], [[1e-9, 5e-10], [0.0, 1e-9]], [[1e9, 1.0], [2.0, 1e9]]):
        with pytest.raises(HyperparameterError, match=r"differs from its transpose by .*, which \(A \+ A.T\) / 2"):
            Quadratic(matrix)
        Quadratic((np.array(matrix) + np.transpose(matrix)) / 2)
    a = np.array([[2.0, 1 / 3], [1 / 3 + 1e-15, 1.0]])
    bowl = Quadratic(a)
    assert np.array_equal(bowl.matrix, bowl.matrix.T)
    for theta in ([1.0, 0.0], [0.0, 1.0]):
        np.testing.assert_array_equal(bowl.gradient(theta), bowl.matrix @ theta)
    symmetric = np.array([[3.0, 0.1], [0.1, 0.7]])
    assert np.array_equal(Quadratic(symmetric).matrix, symmetric)


def test_arguments_are_checked() -> None:
    with pytest.raises(ShapeError, match=r"square.*\(2, 3\)"):
        Quadratic(np.ones((2, 3)))
    with pytest.raises(ShapeError, match=r"shape \(2,\), got \(3,\)"):
        Quadratic(np.eye(2), linear=[1, 2, 3])
    with pytest.raises(ShapeError, match=r"got \(2,\) and \(1,\)"):
        Quadratic(np.eye(2), start=[1])
    for matrix in ([[1, 2], [0, 1]], [[1, 0], [0, -1]], [[1, 0], [0, 0]]):
        with pytest.raises(HyperparameterError, match="symmetric with positive"):
            Quadratic(matrix)
    with pytest.raises(ShapeError, match="at least two"):
        Rosenbrock([1.0])
    for start in ([], 1.0, [[1.0]]):
        with pytest.raises(ShapeError, match="list of at least one number"):
            FunctionObjective(lambda _: 0.0, lambda t: t, start)
    with pytest.raises(ShapeError, match=r"list of at least one number, got shape \(0,\)"):
        FunctionObjective(lambda _: 0.0)
