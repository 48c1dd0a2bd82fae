"""The finite differences themselves, on functions whose gradient is known."""

import numpy as np
import pytest

from minidl.typing import Array
from tests.reference import TOLERANCE, gradient_error, numeric_gradient


def test_stencil_is_exact_for_polynomials_of_degree_four() -> None:
    x = np.array([0.5, -2.0])
    np.testing.assert_allclose(numeric_gradient(lambda: float((x**4).sum()), x), 4 * x**3, rtol=1e-11)
    np.testing.assert_array_equal(x, [0.5, -2.0])


def test_weights_sum_the_outputs() -> None:
    x = np.array([[1.0, 2.0]])
    np.testing.assert_allclose(numeric_gradient(lambda: 3 * x, x, np.array([[1.0, 10.0]])), [[3.0, 30.0]], rtol=1e-11)


def test_true_gradient_passes_and_a_slightly_wrong_one_fails() -> None:
    x = np.array([0.3, 0.7])
    assert gradient_error(lambda: float(np.exp(x).sum()), x, np.exp(x)) <= TOLERANCE
    assert gradient_error(lambda: float(np.exp(x).sum()), x, np.exp(x) * (1 + 1e-7)) > TOLERANCE


def test_kink_near_the_point_is_measured_again() -> None:
    x = np.array([5e-4])
    assert abs(numeric_gradient(lambda: np.maximum(x, 0), x)[0] - 1) > 0.01
    assert gradient_error(lambda: np.maximum(x, 0), x, np.ones(1)) <= TOLERANCE


@pytest.mark.parametrize("place", [1.5e-6, -1.5e-6, 1e-7])
def test_a_kink_closer_than_any_step_is_seen_from_one_side(place: float) -> None:
    x = np.array([0.3, 0.7])
    kink = 0.7 + place
    slope = np.array([1.0, -np.sign(place)])

    def function() -> Array:
        return np.array([x[0], abs(x[1] - kink)])

    assert gradient_error(function, x, slope) <= TOLERANCE
    assert gradient_error(function, x, 0.9 * slope) > TOLERANCE
    assert gradient_error(function, x, -slope) > TOLERANCE
