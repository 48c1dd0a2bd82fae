"""The gradient check: what it measures, what it samples, and where there is no derivative."""

import numpy as np
import pytest

from minidl import BCELoss, BCEWithLogitsLoss, CubicValley, Dense, FunctionObjective, MSELoss, ReLU, Sequential
from minidl.checking import check_gradients
from minidl.errors import GradientError


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
    x = np.random.default_rng(3).normal(size=(4, 2))
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
        check_gradients({})  # type: ignore[arg-type]  # this is the mistake


class OtherParametersOnly(Dense):
    """A mistake that shows in training only, which calls backward_parameters: that forgets the factor."""

    def forward(self, x: np.ndarray) -> np.ndarray:
        return 2 * super().forward(x)

    def backward(self, grad: np.ndarray) -> np.ndarray:
        super().backward_parameters(2 * grad)
        dx: np.ndarray = 2 * grad @ self.weight.value.T
        return dx

    def backward_parameters(self, grad: np.ndarray) -> None:
        super().backward_parameters(grad)


class NoParametersWritten(OtherParametersOnly):
    def backward_parameters(self, grad: np.ndarray) -> None:
        pass


@pytest.mark.parametrize("broken", [OtherParametersOnly, NoParametersWritten])
def test_backward_parameters_must_agree_with_backward(broken: type[Dense]) -> None:
    layer = broken(3, 2, rng=0)
    for model in (layer, Sequential(ReLU(), layer, Dense(2, 1, rng=0))):
        with pytest.raises(GradientError, match=r"backward_parameters, which training calls, .*weight, .*bias"):
            check_gradients(model, np.random.default_rng(3).normal(size=(4, 3)))
