"""What every objective must do: each test runs over the whole table."""

import copy

import numpy as np
import pytest
from hypothesis import given

from minidl import Objective
from minidl.typing import Array
from tests.helpers import bits, randomise, unchanged
from tests.reference import TOLERANCE, gradient_error, worst
from tests.tables import OBJECTIVES, ObjectiveCase, seeds, widths

every_objective = pytest.mark.parametrize("case", OBJECTIVES, ids=[case.name for case in OBJECTIVES])


def draw(case: ObjectiveCase, seed: int, width: int) -> tuple[Objective, Array]:
    """An objective at random parameters, and another random point."""
    rng = np.random.default_rng(seed)
    objective = case.make(width)
    randomise(objective, rng)
    return objective, case.spread * rng.normal(size=objective.parameters().size)


@every_objective
@given(seeds, widths)
def test_gradient_agrees_with_finite_differences(case: ObjectiveCase, seed: int, width: int) -> None:
    objective, theta = draw(case, seed, width)
    grad = objective.gradient(theta)
    assert worst(case.name, gradient_error(lambda: objective.value(theta), theta, grad)) <= TOLERANCE


@every_objective
@given(seeds, widths)
def test_pure_functions_agree_with_forward_and_backward(case: ObjectiveCase, seed: int, width: int) -> None:
    objective, theta = draw(case, seed, width)
    value, grad = objective.value_and_gradient(theta)
    assert bits(value, grad) == bits(objective.value(theta), objective.gradient(theta))
    objective.parameters().value = theta
    assert objective.forward() == value
    objective.backward()
    assert bits(objective.parameters().grad) == bits(grad)


@every_objective
@given(seeds, widths)
def test_pure_functions_leave_parameters_gradients_and_theta(case: ObjectiveCase, seed: int, width: int) -> None:
    objective, theta = draw(case, seed, width)
    before = bits(theta)
    with unchanged(objective):
        value = objective.value(theta)
        grad = objective.gradient(theta)
        both = objective.value_and_gradient(theta)
        objective.hessian(theta)
    assert bits(theta) == before
    assert type(value) is type(both[0]) is float
    assert not np.shares_memory(grad, objective.parameters().grad)


@every_objective
@given(seeds, widths)
def test_backward_belongs_to_the_forward_before_a_pure_call(case: ObjectiveCase, seed: int, width: int) -> None:
    objective, theta = draw(case, seed, width)
    objective.forward()
    objective.backward()
    expected = bits(objective.parameters().grad)
    objective.forward()
    objective.value_and_gradient(theta)
    objective.value(2 * theta)
    objective.backward()
    assert bits(objective.parameters().grad) == expected


@every_objective
def test_the_gradient_is_zero_at_known_critical_points(case: ObjectiveCase) -> None:
    objective = case.make(3)
    for point in [*case.flat(3), *getattr(objective, "minima", ())]:
        assert np.linalg.norm(objective.gradient(point)) < 1e-4 * (1 + abs(objective.value(point)))


@every_objective
@given(seeds, widths)
def test_known_minima_are_lower_than_their_surroundings(case: ObjectiveCase, seed: int, width: int) -> None:
    objective = case.make(width)
    around = np.random.default_rng(seed).normal(scale=0.1, size=objective.parameters().size)
    for minimum in getattr(objective, "minima", ()):
        assert objective.value(minimum + around) > objective.value(minimum)
        assert np.linalg.norm(objective.gradient(minimum)) < 1e-10


@every_objective
@given(seeds, widths)
def test_hessian_is_symmetric_and_right(case: ObjectiveCase, seed: int, width: int) -> None:
    objective, theta = draw(case, seed, width)
    matrix = objective.hessian(theta)
    assert matrix.shape == (len(theta), len(theta))
    np.testing.assert_array_equal(matrix, matrix.T)
    if case.hessian is not None:
        expected = case.hessian(theta)
        np.testing.assert_allclose(matrix, expected, rtol=1e-6, atol=1e-6 * np.abs(expected).max())


@every_objective
def test_a_copy_is_independent(case: ObjectiveCase) -> None:
    objective, theta = draw(case, 1, 2)
    other = copy.deepcopy(objective)
    assert bits(*other.value_and_gradient(theta)) == bits(*objective.value_and_gradient(theta))
    with unchanged(objective):
        other.parameters().value = theta
        other.parameters().grad = theta
