"""Elementwise layers: values, extremes and the convention at the kink."""

from math import exp

import numpy as np
import pytest

from minidl import Layer, ReLU, Sigmoid, StateError


def test_relu_by_hand_and_at_its_kink() -> None:
    layer = ReLU()
    assert layer.forward(np.array([-1.0, -0.0, 0.0, 1e-300, 2.0])).tolist() == [0.0, 0.0, 0.0, 1e-300, 2.0]
    assert layer.backward(np.full(5, 3.0)).tolist() == [0.0, 0.0, 0.0, 3.0, 3.0]


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


@pytest.mark.parametrize("layer", [ReLU(), Sigmoid()])
def test_backward_before_forward_is_an_error(layer: Layer) -> None:
    with pytest.raises(StateError, match=r"backward before forward: .* call forward first"):
        layer.backward(np.ones((1, 1)))
