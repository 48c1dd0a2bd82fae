"""Elementwise layers: values, extremes and the convention at the kink."""

from math import erf, exp, log1p, pi, sqrt, tanh

import numpy as np
import pytest

from minidl import (
    ELU,
    GELU,
    Layer,
    LeakyReLU,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    StateError,
    Tanh,
)
from minidl.batch import arrays_in, as_floats, mapped
from minidl.layers.activations import Activation
from minidl.layers.gelu import erf as erf_of_array
from minidl.layers.gelu import normal_cdf
from tests.helpers import bits, ones_like
from tests.tables import LAYERS, LayerCase

every_layer = pytest.mark.parametrize("case", LAYERS, ids=[case.name for case in LAYERS])


def test_relu_by_hand_and_at_its_kink() -> None:
    layer = ReLU()
    assert layer.forward(np.array([-1.0, -0.0, 0.0, 1e-300, 2.0])).tolist() == [0.0, 0.0, 0.0, 1e-300, 2.0]
    assert layer.backward(np.full(5, 3.0)).tolist() == [0.0, 0.0, 0.0, 3.0, 3.0]


def test_leaky_relu_by_hand_and_at_its_kink() -> None:
    layer = LeakyReLU(0.25)
    assert layer.forward(np.array([-4.0, -0.0, 0.0, 1e-300, 2.0])).tolist() == [-1.0, 0.0, 0.0, 1e-300, 2.0]
    assert layer.backward(np.full(5, 3.0)).tolist() == [0.75, 0.75, 0.75, 3.0, 3.0]
    assert LeakyReLU().forward(np.array([-1.0])).tolist() == [-0.01]
    assert LeakyReLU(0.0).forward(np.array([-1.0])).tolist() == [0.0]


def test_elu_by_hand_and_at_its_kink() -> None:
    layer = ELU(0.5)
    assert layer.forward(np.array([-1e-20, 0.0, 2.0])).tolist() == [-5e-21, 0.0, 2.0]
    assert layer.backward(np.full(3, 3.0)).tolist() == [1.5, 1.5, 3.0]
    assert ELU().forward(np.array([-1.0])).tolist() == [pytest.approx(exp(-1) - 1)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("parameter", [0.0, 0.1, 0.7, 1.0, 3.7, 1e20])
def test_slopes_are_exact_on_both_sides(parameter: float, dtype: type[np.floating]) -> None:
    """Above 0 it is 1 to the last digit, however small or large the other one is, and NaN goes through."""
    x, grad = np.array([-np.inf, -1e-30, 0.0, 1e-30, 5.0, np.nan], dtype), np.array([1, 3, 3, 3, 3, 3], dtype)
    a = dtype(parameter)
    if parameter < 1.0:
        leaky = LeakyReLU(parameter)
        leaky.forward(x[1:])
        assert leaky.backward(grad[1:]).tolist() == [3 * a, 3 * a, 3.0, 3.0, 3 * a]
    if parameter > 0.0:
        elu = ELU(parameter)
        elu.forward(x)
        np.testing.assert_array_equal(elu.backward(grad), [0.0, 3 * a, 3 * a, 3.0, 3.0, np.nan])


def test_sigmoid_by_hand() -> None:
    layer = Sigmoid()
    x = [-3.0, -1.0, -1e-9, 0.0, 1e-9, 0.5, 2.0]
    expected = [1 / (1 + exp(-z)) for z in x]
    np.testing.assert_allclose(layer.forward(np.array(x)), expected, rtol=1e-15)
    np.testing.assert_allclose(layer.backward(np.full(7, 2.0)), [2 * s * (1 - s) for s in expected], rtol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sigmoid_far_out_is_exact_and_silent(dtype: type[np.floating]) -> None:
    layer = Sigmoid()
    y = layer.forward(np.array([-1000.0, -80.0, 80.0, 1000.0], dtype))
    assert y.dtype == dtype
    np.testing.assert_allclose(y, [0.0, exp(-80.0), 1.0, 1.0], rtol=1e-5)
    np.testing.assert_allclose(layer.backward(np.ones(4, dtype)), [0.0, exp(-80.0), 0.0, 0.0], rtol=1e-5)


def test_sigmoid_is_symmetric() -> None:
    x = np.linspace(-40, 40, 101)
    np.testing.assert_allclose(Sigmoid()(x) + Sigmoid()(-x), 1.0, rtol=1e-15)


def test_softplus_keeps_its_digits_on_both_sides() -> None:
    x = np.array([-700.0, -40.0, -1.0, 0.0, 1.0, 25.0, 40.0])
    np.testing.assert_allclose(Softplus().forward(x), [log1p(exp(z)) for z in x], rtol=1e-15)


def test_gelu_and_its_approximation() -> None:
    x = np.linspace(-6, 6, 1001)
    exact, approximate = GELU().forward(x), GELU(approximate=True).forward(x)
    np.testing.assert_allclose(exact, [z * (1 + erf(z / sqrt(2))) / 2 for z in x], atol=1e-15)
    formula = [z * (1 + tanh(sqrt(2 / pi) * (z + 0.044715 * z**3))) / 2 for z in x]
    np.testing.assert_allclose(approximate, formula, atol=1e-14)
    assert 4e-4 < np.abs(exact - approximate).max() < 5e-4


def test_erf_against_the_standard_library() -> None:
    x = np.concatenate([np.linspace(-7, 7, 20_001), [0.46875, -0.46875, np.nextafter(0.46875, 1), 1e-300, 5.9, 6.0]])
    np.testing.assert_allclose(erf_of_array(x), [erf(z) for z in x], rtol=0, atol=1e-15)
    tiny = np.geomspace(1e-12, 0.4, 500)
    np.testing.assert_allclose(erf_of_array(tiny), [erf(z) for z in tiny], rtol=1e-15)
    assert erf_of_array(np.array([-1000.0, -0.0, 1000.0])).tolist() == [-1.0, 0.0, 1.0]


def test_the_normal_distribution_in_float32_is_right_to_the_last_digits() -> None:
    x = np.concatenate([np.linspace(-10, 10, 20_001), np.geomspace(1e-12, 0.5, 500)]).astype(np.float32)
    y = normal_cdf(x)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, [(1 + erf(z / sqrt(2))) / 2 for z in x], rtol=0, atol=1e-7)
    extremes = np.array([-np.inf, -3e38, -1000.0, 0.0, 3e38, np.inf, np.nan], np.float32)
    np.testing.assert_array_equal(normal_cdf(extremes), [0.0, 0.0, 0.0, 0.5, 1.0, 1.0, np.nan])


def test_softmax_gives_probabilities_and_ignores_a_shift() -> None:
    x = np.random.default_rng(0).normal(size=(4, 2, 3))
    y = Softmax().forward(x)
    np.testing.assert_allclose(y.sum(axis=-1), 1, rtol=1e-15)
    np.testing.assert_allclose(y, np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True), rtol=1e-14)
    np.testing.assert_allclose(Softmax().forward(x + 900), y, rtol=1e-12)


def test_sigmoid_and_softmax_give_probabilities_and_the_others_do_not() -> None:
    assert all(layer.gives_probabilities for layer in (Sigmoid(), Softmax()))
    others = (ELU(), GELU(), LeakyReLU(), ReLU(), SiLU(), Softplus(), Tanh())
    assert not any(layer.gives_probabilities for layer in others)


EXTREMES = np.array([[-1000.0, 1000.0], [1000.0, -1000.0], [1000.0, 1000.0], [-1000.0, -1000.0], [0.0, 1000.0]])


@every_layer
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("training", [True, False])
def test_extreme_inputs_are_finite_without_a_warning(case: LayerCase, dtype: type[np.floating], training: bool) -> None:
    layer = case.make(2).astype(dtype)
    layer.training = training
    drawn = as_floats(case.draw(np.random.default_rng(0), 5, 2), dtype)
    x = mapped(lambda array: np.resize(EXTREMES, array.shape).astype(dtype) if array.dtype == dtype else array, drawn)
    y = layer.forward(x)
    grad = layer.backward(ones_like(y))
    for array in arrays_in((y, grad, layer.parameters().grad)):
        assert np.isfinite(array).all()
    assert max(np.abs(array).max() for array in arrays_in(y)) <= 1e8  # of a product of two


@pytest.mark.parametrize("layer", [ReLU(), Sigmoid(), SiLU()])
def test_backward_before_forward_is_an_error(layer: Layer) -> None:
    with pytest.raises(StateError, match=r"backward before forward: .* call forward first"):
        layer.backward(np.ones((1, 1)))


ACTIVATIONS = [case for case in LAYERS if isinstance(case.make(4), Activation)]


@pytest.mark.parametrize("case", ACTIVATIONS, ids=[case.name for case in ACTIVATIONS])
def test_activations_are_elementwise(case: LayerCase) -> None:
    x = np.random.default_rng(0).normal(size=(6, 4))
    layer = case.make(4)
    assert bits(layer(x)) == bits(layer(x.reshape(24, 1)).reshape(6, 4))
