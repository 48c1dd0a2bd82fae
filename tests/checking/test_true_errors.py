"""Errors of backward are not taken for rounding, the report shows the true ones, and backward must be linear."""

from collections.abc import Callable
from itertools import count

import numpy as np
import pytest

from minidl import BatchNorm, Dense, Layer, Parameter, Sequential
from minidl.checking import check_gradients, check_layer
from minidl.errors import GradientError
from minidl.typing import Array

X = np.random.default_rng(0).normal(size=(6, 3))

NUMBERS = count()

Forward = Callable[[Array], Array]
Backward = Callable[[Array, Array], Array]


class Made(Layer):
    """A layer of two functions: y of x, and dx of x and g."""

    f: Forward
    b: Backward

    def forward(self, x: Array) -> Array:
        self.x = x
        return type(self).f(x)

    def backward(self, grad: Array) -> Array:
        return type(self).b(self.x, grad)


def made(f: Forward, b: Backward) -> Layer:
    parts = {"f": staticmethod(f), "b": staticmethod(b)}
    layer: Layer = type(f"Made{next(NUMBERS)}", (Made,), parts)()  # files find a type by its name
    return layer


def shifted(shift: float) -> Layer:
    return made(lambda x: x + 0.0, lambda _, g: g + g.dtype.type(shift))


@pytest.mark.parametrize("shift", [1e-7, 1e-6, 1e-5, 1e-4, 1e-3])
@pytest.mark.parametrize("check", [check_gradients, check_layer])
def test_a_shifted_gradient_is_wrong_by_its_true_size(check: Callable[..., object], shift: float) -> None:
    with pytest.raises(GradientError, match="the gradient of x is off by a relative error of") as caught:
        check(shifted(shift), X)
    found = float(str(caught.value).split("relative error of ")[1].split(",")[0])
    assert 0.3 * shift < found < 3 * shift
    assert "coarse" not in str(caught.value)


@pytest.mark.parametrize("digits", [3, 5, 6])
def test_rounding_in_backward_is_an_error_of_its_true_size(digits: int) -> None:
    layer = made(np.exp, lambda x, g: np.round(g * np.exp(x), digits))
    with pytest.raises(GradientError, match="off by a relative error of") as caught:
        check_layer(layer, X)
    found = float(str(caught.value).split("relative error of ")[1].split(",")[0])
    assert 0.02 < found / 10.0**-digits < 2


ROUGH: dict[str, Backward] = {
    "float32": lambda x, g: (g * np.exp(x)).astype(np.float32).astype(g.dtype),
    "roughness": lambda x, g: g * np.exp(x) * (1 + 1e-6 * np.sin(1e9 * x)),
    "another function": lambda x, g: g * np.exp(x) * (1 + 1e-7),
}


@pytest.mark.parametrize("backward", ROUGH.values(), ids=ROUGH)
def test_rough_backward_fails(backward: Backward) -> None:
    with pytest.raises(GradientError, match="off by a relative error"):
        check_gradients(made(np.exp, backward), X)


def test_what_is_excused_is_named_and_shown_with_its_true_error() -> None:
    model = Sequential(Dense(3, 3), BatchNorm(3), Dense(3, 1), rng=0)
    report = check_gradients(model, X)
    assert report.rounding == ["0.bias"]  # the mean that BatchNorm subtracts takes it away
    assert 0.0 < report.errors["0.bias"] < 1e-8
    assert "which rounding in forward explains" in str(report)


@pytest.mark.parametrize("size", [1.0, 1e-3, 1e-5, 1e-8, 1e-12, 1e-30])
@pytest.mark.parametrize("wrong", [False, True])
def test_roots_and_logarithms_near_zero(size: float, wrong: bool) -> None:
    factor = 0.999 if wrong else 1.0
    for layer in (
        made(np.sqrt, lambda x, g: factor * g / (2 * np.sqrt(x))),
        made(np.log, lambda x, g: factor * g / x),
    ):
        if wrong:
            with pytest.raises(GradientError):
                check_gradients(layer, size * np.abs(X))
        else:
            assert check_layer(layer, size * np.abs(X)).error <= 1e-8


def test_roots_of_numbers_of_all_sizes() -> None:
    x = np.abs(X) * 10.0 ** -np.arange(18).reshape(6, 3)
    assert check_layer(made(np.sqrt, lambda x, g: g / (2 * np.sqrt(x))), x).error <= 1e-8


LINEAR: dict[str, Backward] = {
    "clipped at 5": lambda x, g: np.clip(g, -5, 5) * 2 * x,
    "clipped at 1e6": lambda x, g: np.clip(g, -1e6, 1e6) * 2 * x,
    "clipped norm": lambda x, g: g / max(1.0, np.abs(g).max() / 50) * 2 * x,
    "small ones dropped": lambda x, g: np.where(np.abs(g) < 1e-12, 0, g) * 2 * x,
    "clipped at 1e25": lambda x, g: np.clip(g, -1e25, 1e25) * 2 * x,
    "tiny ones dropped": lambda x, g: np.where(np.abs(g) < 1e-29, 0, g) * 2 * x,
    "rounded": lambda x, g: np.round(g * 2 * x, 10),
    "shifted": lambda x, g: g * 2 * x + 1e-12,
    "no zero": lambda x, g: (g + 1e-300) / (g + 1e-300) * g * 2 * x if g.any() else np.full_like(g, np.nan),
}


@pytest.mark.parametrize("backward", LINEAR.values(), ids=LINEAR)
def test_backward_must_be_linear_where_only_other_gradients_show_it(backward: Backward) -> None:
    layer = made(np.square, backward)
    for check in (check_gradients, check_layer):
        with pytest.raises(GradientError, match=r"by backward\(grad\) must be linear in grad: .* for x|that of x"):
            check(layer, X)


NOT_LINEAR: dict[str, Backward] = {
    "sign": lambda x, g: np.sign(g) * 2 * x,
    "g |g|": lambda x, g: g * np.abs(g) * 2 * x,
    "positive part": lambda x, g: np.maximum(g, 0) * 2 * x,
}


@pytest.mark.parametrize("backward", NOT_LINEAR.values(), ids=NOT_LINEAR)
def test_backward_that_is_not_linear_at_all_fails(backward: Backward) -> None:
    with pytest.raises(GradientError):
        check_gradients(made(np.square, backward), X)


class Scale(Layer):
    def __init__(self) -> None:
        self.scale = Parameter(np.ones(3))

    def forward(self, x: Array) -> Array:
        self.x = x
        y: Array = x * self.scale.value
        return y

    def backward(self, grad: Array) -> Array:
        self.backward_parameters(grad)
        dx: Array = grad * self.scale.value
        return dx

    def backward_parameters(self, grad: Array) -> None:
        self.scale.grad = (grad * self.x).sum(axis=0)


class ClipsItsGradient(Scale):
    def backward(self, grad: Array) -> Array:
        dx = super().backward(grad)
        self.scale.grad = np.clip(self.scale.grad, -30, 30)
        return dx

    def backward_parameters(self, grad: Array) -> None:
        super().backward_parameters(grad)
        self.scale.grad = np.clip(self.scale.grad, -30, 30)


class ClipsInTraining(Scale):
    """Only backward_parameters, which training calls, clips."""

    def backward(self, grad: Array) -> Array:
        Scale.backward_parameters(self, grad)
        dx: Array = grad * self.scale.value
        return dx

    def backward_parameters(self, grad: Array) -> None:
        super().backward_parameters(np.clip(grad, -30, 30))


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (ClipsItsGradient, r"backward\(grad\) must be linear .* that of (0.)?scale"),
        (ClipsInTraining, r"backward_parameters\(grad\) must be linear .* that of (0.)?scale"),
    ],
)
def test_parameter_gradients_must_be_linear(broken: type[Scale], words: str) -> None:
    check_layer(Scale(), X)
    for layer in (broken(), Sequential(broken(), Dense(3, 3, rng=0))):
        with pytest.raises(GradientError, match=words):
            check_layer(layer, X)


class MeanOverTheBatch(Scale):
    def backward_parameters(self, grad: Array) -> None:
        super().backward_parameters(grad / len(grad))


def test_a_mean_over_the_batch_is_named_with_its_factor() -> None:
    with pytest.raises(GradientError, match=r"the gradient of scale is off .* All are 0.166667 times as large as they"):
        check_layer(MeanOverTheBatch(), X)
