"""PReLU: values, slopes and the convention at the kink."""

from typing import Any

import numpy as np
import pytest

from minidl import HyperparameterError, LeakyReLU, PReLU, ShapeError
from tests.helpers import bits


def test_by_hand_and_at_its_kink() -> None:
    layer = PReLU(slope=0.5)
    assert layer.forward(np.array([[-4.0, -0.0, 0.0, 1e-300, 2.0]])).tolist() == [[-2.0, 0.0, 0.0, 1e-300, 2.0]]
    assert layer.backward(np.full((1, 5), 3.0)).tolist() == [[1.5, 1.5, 1.5, 3.0, 3.0]]
    assert layer.weight.grad.tolist() == [-12.0]


def test_each_feature_has_its_slope() -> None:
    layer = PReLU(2)
    layer.weight.value = [-1.0, 3.0]
    x = np.array([[[-1.0, -2.0], [-3.0, 4.0]]])
    assert layer.forward(x).tolist() == [[[1.0, -6.0], [3.0, 4.0]]]
    assert layer.backward(np.full(x.shape, 10.0)).tolist() == [[[-10.0, 30.0], [-10.0, 10.0]]]
    assert layer.weight.grad.tolist() == [-40.0, -20.0]


def test_defaults() -> None:
    x = np.random.default_rng(0).normal(size=(5, 3))
    assert bits(PReLU().forward(x)) == bits(LeakyReLU(0.25).forward(x))
    assert PReLU(3).weight.value.tolist() == [0.25] * 3
    assert not PReLU().weight.decay  # a slope that decays turns the layer into a ReLU


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("slope", [0.0, 0.1, 3.7, 1e20, -2.0])
def test_slopes_are_exact_on_both_sides(slope: float, dtype: Any) -> None:
    x, grad = np.array([[-1e-30, 0.0, 1e-30, 5.0, np.inf, np.nan]], dtype), np.full((1, 6), 3.0, dtype)
    layer, a = PReLU(slope=slope).astype(dtype), dtype(slope)
    np.testing.assert_array_equal(layer.forward(x), [[a * x[0, 0], 0.0, *x[0, 2:]]])
    assert layer.backward(grad).tolist() == [[3 * a, 3 * a, 3.0, 3.0, 3.0, 3 * a]]


def test_arguments_and_shapes_are_checked() -> None:
    wrong: Any
    for wrong in (0, 1.5):
        with pytest.raises(HyperparameterError, match="PReLU: features must be a positive integer"):
            PReLU(wrong)
    for wrong in (np.inf, "a"):
        with pytest.raises(HyperparameterError, match="PReLU: slope must be a finite number"):
            PReLU(slope=wrong)
    words = r"PReLU\(features=3\) takes samples of 3 features on the last axis, got shape \(2,\)"
    with pytest.raises(ShapeError, match=words):
        PReLU(3)(np.ones((4, 2)))
    assert PReLU(3).output_shape((5, 3)) == (5, 3)
    assert PReLU(3).output_shape(None) is None
    assert PReLU().output_shape((5, 2)) == (5, 2)
