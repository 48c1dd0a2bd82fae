"""Right gradients pass, and wrong ones fail, at kinks and where rounding is large."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from minidl import BatchNorm, BCELoss, Dense, Layer, LayerNorm, LeakyReLU, MSELoss, ReLU, Sequential
from minidl.checking import check_gradients, check_layer, check_loss
from minidl.checking.strategies import architectures, batches
from minidl.errors import ContractError, GradientError
from minidl.typing import Array

XOR = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
SEEDS = range(20)


class WrongReLU(ReLU):
    """A ReLU whose gradient is wrong wherever it is not 0."""

    def backward(self, grad: Array) -> Array:
        return 0.9 * super().backward(grad)


AT_KINKS: dict[str, Callable[[type[ReLU]], Sequential]] = {
    "one": lambda relu: Sequential(Dense(2, 4), relu(), Dense(4, 1)),
    "two": lambda relu: Sequential(Dense(2, 4), relu(), Dense(4, 4), LeakyReLU(), Dense(4, 2)),
    "dead": lambda relu: Sequential(Dense(2, 1), relu(), Dense(1, 1), Dense(1, 2), relu()),
    "after a norm": lambda relu: Sequential(Dense(2, 1), LayerNorm(1), relu(), Dense(1, 3), relu(), Dense(3, 1)),
}
"""Networks with biases of 0, so a sample of zeros is at several kinks at once."""


@pytest.mark.parametrize("make", AT_KINKS.values(), ids=AT_KINKS)
@pytest.mark.parametrize("seed", SEEDS)
def test_right_gradients_at_several_kinks_pass_and_say_so(make: Callable[[type[ReLU]], Sequential], seed: int) -> None:
    model = make(ReLU)
    model.initialize(seed)
    report = check_gradients(model, XOR)
    assert report.error <= 1e-8
    assert report.kinks


@pytest.mark.long
@pytest.mark.parametrize("x", [XOR, XOR[:1]], ids=["among others", "alone"])
@pytest.mark.parametrize("seed", SEEDS)
def test_wrong_gradients_at_several_kinks_fail(x: Array, seed: int) -> None:
    model = AT_KINKS["one"](WrongReLU)
    model.initialize(seed)
    with pytest.raises(GradientError):
        check_gradients(model, x)


def test_kinks_that_cancel_count_where_others_do_not() -> None:
    model = Sequential(Dense(1, 1), LeakyReLU(), Dense(1, 1), LeakyReLU())
    model.parameters().value = [1.0, 0.0, -1.0, 0.0]  # y = −0.01 x on both sides, to backward −0.0001 x at 0
    report = check_gradients(model, [[0.0], [2.0]])
    assert report.error <= 1e-8
    assert "x[0, 0]" in report.kinks


def test_a_smooth_function_has_no_kink_where_backward_is_wrong_at_one_point() -> None:
    class Cubic(Layer):
        def forward(self, x: Array) -> Array:
            self.x = x
            return x**3 + x

        def backward(self, grad: Array) -> Array:
            dx: Array = grad * np.where(self.x == 0, 2.0, 3 * self.x**2 + 1)
            return dx

    with pytest.raises(GradientError, match="1 of 2 disagree"):
        check_gradients(Cubic(), [[0.0, 1.0]])


def test_a_gradient_that_is_not_finite_at_a_kink_fails() -> None:
    class NotFinite(ReLU):
        def backward(self, grad: Array) -> Array:
            return np.where(self.y == 0, np.nan, super().backward(grad))

    with pytest.raises(GradientError, match="not finite"):
        check_gradients(NotFinite(), [[0.0, 1.0]])


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(architectures(2), batches(2))
def test_random_architectures_pass(model: Sequential, x: Array) -> None:
    assert check_gradients(model, x).error <= 1e-8


@pytest.mark.long
@pytest.mark.parametrize("norms", [[BatchNorm], [LayerNorm, BatchNorm], [BatchNorm, LayerNorm, BatchNorm]])
@pytest.mark.parametrize("seed", SEEDS)
def test_networks_that_amplify_rounding_pass(norms: list[Callable[[int], Layer]], seed: int) -> None:
    layers = [layer for norm in norms for layer in (Dense(3, 3), norm(3))]
    model = Sequential(*layers, Dense(3, 2), rng=seed)
    x = 1.0 + 1e-3 * np.random.default_rng(seed).normal(size=(4, 3))
    report = check_gradients(model, x)
    assert report.error <= 1e-7
    assert all(error <= 1e-8 or name in report.rounding for name, error in report.errors.items())


class Shifted(Layer):
    """``y = x + c``. Rounding hides x if c is large."""

    def __init__(self, shift: float, slope: float = 1.0) -> None:
        self.shift, self.slope = shift, slope

    def forward(self, x: Array) -> Array:
        return x + self.shift

    def backward(self, grad: Array) -> Array:
        return self.slope * grad


class WrongMSE(MSELoss):
    def backward(self) -> Array:
        return 1.1 * super().backward()


@pytest.mark.parametrize("shift", 10.0 ** np.arange(0, 8))
def test_a_shift_is_not_mistaken_for_a_kink(shift: float) -> None:
    report = check_gradients(Shifted(shift), np.random.default_rng(3).normal(size=(6, 2)))
    assert report.error <= 1e-8
    assert not report.kinks


@pytest.mark.parametrize("shift", 10.0 ** np.arange(8, 17))
def test_wrong_gradients_do_not_hide_behind_rounding(shift: float) -> None:
    with pytest.raises(GradientError, match=r"times too large|disagree|too coarse"):
        check_gradients(Shifted(shift, 1.5), np.random.default_rng(3).normal(size=(6, 2)))


def test_if_rounding_hides_the_slope_the_message_says_so() -> None:
    with pytest.raises(GradientError, match=r"rounding may shift the slope at x\[\d, \d\] by .* scale the data"):
        check_gradients(Shifted(1e14), np.random.default_rng(3).normal(size=(6, 2)))


@pytest.mark.parametrize("scale", 10.0 ** np.arange(0, 12))
def test_losses_of_large_numbers(scale: float) -> None:
    prediction, target = (
        scale * np.random.default_rng(3).normal(size=(5, 1)),
        np.random.default_rng(4).normal(size=(5, 1)),
    )
    if scale <= 1e6:
        report = check_loss(MSELoss(), prediction, target)
        assert report.error <= 1e-8
        assert not report.kinks
    with pytest.raises(GradientError, match=r"times too large|disagree|too coarse"):
        check_loss(WrongMSE(), prediction, target)


def test_a_backward_that_is_not_linear_fails() -> None:
    class Squares(Shifted):
        def backward(self, grad: Array) -> Array:
            return grad * np.abs(grad)

    with pytest.raises(GradientError, match=r"disagree|too coarse"):
        check_gradients(Squares(0.0), np.random.default_rng(3).normal(size=(6, 2)))


@pytest.mark.long
@pytest.mark.parametrize("seed", SEEDS)
def test_gradients_that_are_nothing_but_rounding_pass(seed: int) -> None:
    model = Sequential(Dense(2, 1), LayerNorm(1), Dense(1, 4), BatchNorm(4), Dense(4, 3), BatchNorm(3), rng=seed)
    assert check_gradients(model, np.random.default_rng(3).normal(size=(6, 2))).error <= 1e-8


def test_a_function_that_is_constant_up_to_rounding_passes() -> None:
    class One(Layer):
        def forward(self, x: Array) -> Array:
            y: Array = np.sin(x) ** 2 + np.cos(x) ** 2
            return y

        def backward(self, grad: Array) -> Array:
            return 0.0 * grad

    assert check_gradients(One(), np.random.default_rng(3).normal(size=(5, 2))).error <= 1e-8


def test_float32_inside_is_not_float64() -> None:
    class Halved(Layer):
        def forward(self, x: Array) -> Array:
            self.x = x
            y: Array = (x.astype(np.float32) ** 2).astype(x.dtype)
            return y

        def backward(self, grad: Array) -> Array:
            return 2 * self.x * grad

    with pytest.raises(GradientError, match=r"too coarse|disagree"):
        check_gradients(Halved(), np.random.default_rng(3).normal(size=(5, 2)))


def test_the_edge_of_the_domain_is_named_where_the_function_is_not_finite_beside_it() -> None:
    p, y = np.array([[1e-9], [1.0 - 1e-9], [0.5]]), np.array([[0.0], [1.0], [1.0]])
    for check in (check_gradients, check_loss):
        with pytest.raises(GradientError, match="not finite around this point; check it at another one"):
            check(BCELoss(), p, y)


class Drifts(Layer):
    """``y = (1 + k/1000) x`` in training, with k the number of calls."""

    def __init__(self) -> None:
        self.calls = 0

    def forward(self, x: Array) -> Array:
        self.calls += self.training
        self.factor = 1.0 + 1e-3 * self.calls if self.training else 1.0
        y: Array = x * x.dtype.type(self.factor)
        return y

    def backward(self, grad: Array) -> Array:
        dx: Array = grad * grad.dtype.type(self.factor)
        return dx


@pytest.mark.parametrize("check", [check_gradients, check_layer])
def test_what_returns_another_y_each_time_has_no_gradient(check: Callable[[Layer, Array], object]) -> None:
    with pytest.raises(ContractError, match="another y for the same input"):
        check(Drifts(), np.random.default_rng(3).normal(size=(4, 2)))


def test_what_drifts_in_training_only_can_be_checked_in_evaluation() -> None:
    layer = Drifts()
    layer.training = False
    assert check_gradients(layer, np.random.default_rng(3).normal(size=(4, 2))).error <= 1e-8
