"""The gradient check: what it measures, what it samples, and where there is no derivative."""

import numpy as np
import pytest

from minidl import BCELoss, BCEWithLogitsLoss, CubicValley, Dense, FunctionObjective, MSELoss, ReLU, Sequential
from minidl.checking import check_gradients
from minidl.checking.differences import five_point, kink, measure
from minidl.errors import GradientError

RNG = np.random.default_rng(3)


def test_five_point_is_exact_for_polynomials_of_degree_four() -> None:
    slope = five_point(lambda t: np.array([1 + 2 * t + 3 * t**2 + 4 * t**3 + 5 * t**4]), np.ones(1), step=0.5)
    assert slope == pytest.approx(2.0, abs=1e-14)


def test_a_kink_within_the_first_steps_is_measured_again_with_smaller_ones() -> None:
    def y(t: float) -> np.ndarray:
        return np.array([abs(t - 5e-4)])

    assert measure(y, np.ones(1), "", analytic=-1.0, allowed=1e-9).gap < 1e-9
    assert measure(y, np.ones(1), "", analytic=1.0, allowed=1e-9).gap > 1.0


@pytest.mark.parametrize(("analytic", "found"), [(-1.0, True), (0.3, True), (1.0, True), (1.01, False), (-1.01, False)])
def test_kink_takes_slopes_between_the_two_sides(analytic: float, found: bool) -> None:
    assert kink(lambda t: np.array([abs(t)]), np.ones(1), analytic) is found


def test_a_strong_bend_is_no_kink() -> None:
    assert not kink(lambda t: np.array([1e3 * t * t]), np.ones(1), analytic=0.0)


def test_relu_at_zero_is_reported_not_failed() -> None:
    report = check_gradients(ReLU(), [[0.0, 1.0], [-1.0, 0.0]])
    assert report.kinks == ["x[0, 0]", "x[1, 1]"]
    assert report.error < 1e-8
    assert "not differentiable at x[0, 0]" in str(report)


def test_loss_and_objective_report_their_arrays() -> None:
    assert list(check_gradients(MSELoss(), [[1.0]], [[3.0]]).errors) == ["prediction"]
    assert list(check_gradients(CubicValley()).errors) == ["theta"]


def test_one_wrong_entry_of_many_is_found_and_named() -> None:
    def wrong(theta: np.ndarray) -> np.ndarray:
        grad = 2 * theta
        grad[7] += 1e-6
        return grad

    objective = FunctionObjective(lambda theta: float(theta @ theta), wrong, start=np.linspace(1, 2, 20))
    with pytest.raises(GradientError, match=r"worst at theta\[7\]"):
        check_gradients(objective)


def test_a_large_array_is_sampled_and_its_errors_found() -> None:
    def wrong(theta: np.ndarray) -> np.ndarray:
        return 2 * theta * np.where(np.arange(theta.size) == 500, 1.5, 1.0)

    right = FunctionObjective(lambda theta: float(theta @ theta), lambda theta: 2 * theta, start=np.ones(1000))
    report = check_gradients(right)
    assert len(report.slopes["theta"]) == 25
    assert report.error < 1e-8
    with pytest.raises(GradientError, match="6 of 25 disagree"):
        check_gradients(FunctionObjective(lambda theta: float(theta @ theta), wrong, start=np.ones(1000)))


def test_all_zero_gradient_has_no_division_by_zero() -> None:
    constant = FunctionObjective(lambda theta: 0 * theta[0] + 1, lambda theta: 0 * theta, start=[1.0])
    assert check_gradients(constant).error == 0.0


def test_outside_the_domain_says_so() -> None:
    with pytest.raises(GradientError, match="not finite around this point"):
        check_gradients(BCELoss(), [[0.0]], [[1.0]])


def test_the_target_is_left_as_it_is() -> None:
    model = Sequential(Dense(2, 3), ReLU(), Dense(3, 1), rng=0, dtype=np.float32)
    before, grads = model.parameters().value.copy(), model.parameters().grad.copy()
    x = RNG.normal(size=(4, 2))
    kept = x.copy()
    report = check_gradients(model, x)
    assert report.error < 1e-8
    assert model.dtype == np.float32
    assert model.parameters().value.tobytes() == before.tobytes()
    assert model.parameters().grad.tobytes() == grads.tobytes()
    assert x.tobytes() == kept.tobytes()


@pytest.mark.parametrize("inputs", [(), ([[1.0]],), ([[1.0]], [[1.0]], [[1.0]])])
def test_wrong_number_of_inputs(inputs: tuple[object, ...]) -> None:
    with pytest.raises(TypeError, match="BCEWithLogitsLoss is checked with 2 inputs"):
        check_gradients(BCEWithLogitsLoss(), *inputs)


def test_other_things_are_refused() -> None:
    with pytest.raises(TypeError, match="a layer, a loss or an objective, got dict"):
        check_gradients({})  # type: ignore[arg-type]  # this is the slip
