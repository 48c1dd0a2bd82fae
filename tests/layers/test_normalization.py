"""Normalisation: what comes out, the running averages, and the shapes that are taken."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import SGD, BatchNorm, Dense, LayerNorm, MSELoss, Sequential, ShapeError, Tanh, Trainer
from minidl.typing import Array
from tests.helpers import bits
from tests.tables import seeds


@given(seeds, st.integers(2, 9), st.integers(2, 5))
def test_outputs_have_mean_0_and_variance_1(seed: int, n: int, features: int) -> None:
    x = np.random.default_rng(seed).normal(5, 3, (n, 3, features))
    for layer, axes in ((BatchNorm(features, eps=1e-12), (0, 1)), (LayerNorm(features, eps=1e-12), (2,))):
        y = layer.forward(x)
        variance = x.var(axis=axes)
        # Numbers that are nearly equal are spread out, and their rounding with them.
        rounding = 1e-15 * np.abs(x).max() / np.sqrt(variance.min())
        np.testing.assert_allclose(y.mean(axis=axes), 0, atol=1e-12 + rounding)
        np.testing.assert_allclose(y.var(axis=axes), variance / (variance + 1e-12), rtol=1e-9)
        layer.weight.value, layer.bias.value = np.full(features, 2.0), np.arange(features)
        np.testing.assert_allclose(layer.forward(x), 2 * y + np.arange(features), atol=1e-12)


def test_epsilon_stands_under_the_root() -> None:
    x = np.array([[-1.0, 1.0], [1.0, -1.0]])
    for layer in (BatchNorm(2, eps=3.0), LayerNorm(2, eps=3.0)):
        np.testing.assert_allclose(layer.forward(x), x / 2)


@pytest.mark.parametrize(
    ("make", "axis", "shape", "rounding"),
    [(LayerNorm, 1, (16, 4096), 1.5e-4), (LayerNorm, 1, (500, 64), 1.5e-4), (BatchNorm, 0, (2000, 64), 1e-3)],
)
def test_numbers_far_from_0_in_float32(make: Any, axis: int, shape: tuple[int, int], rounding: float) -> None:
    """A thousand from 0, one unit in the last place is 6e-5: the mean is off by a few of them at most."""
    x = np.random.default_rng(0).normal(1000, 1, shape).astype(np.float32)
    layer = make(shape[1]).astype(np.float32)
    wide = x.astype(float)
    exact = (wide - wide.mean(axis, keepdims=True)) / np.sqrt(wide.var(axis, keepdims=True) + 1e-5)
    y = layer.forward(x)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, exact, rtol=1e-5, atol=rounding)


@pytest.mark.parametrize("momentum", [0.0, 0.1, 0.4, 1.0])
def test_running_averages_by_a_plain_loop(momentum: float) -> None:
    rng, layer = np.random.default_rng(0), BatchNorm(2, momentum=momentum)
    mean, variance = np.zeros(2), np.ones(2)
    for n in (5, 3, 1):
        x = rng.normal(3, 2, (n, 2))
        layer.forward(x)
        middle = x.sum(axis=0) / n
        mean = (1 - momentum) * mean + momentum * middle
        if n > 1:
            spread = ((x - middle) ** 2).sum(axis=0) / (n - 1)
            variance = (1 - momentum) * variance + momentum * spread
        np.testing.assert_allclose(layer.running_mean, mean, rtol=1e-14)
        np.testing.assert_allclose(layer.running_var, variance, rtol=1e-14)
    x = rng.normal(size=(4, 2))
    kept = bits(layer.running_mean, layer.running_var)
    np.testing.assert_allclose(layer.predict(x), (x - mean) / np.sqrt(variance + 1e-5), rtol=1e-13)
    assert bits(layer.running_mean, layer.running_var) == kept


def test_backward_belongs_to_the_forward_before_it() -> None:
    """Turned to evaluation in between, backward still goes back through the batch."""
    x, grad = np.random.default_rng(0).normal(size=(2, 6, 3))
    layer = BatchNorm(3)
    layer.forward(x)
    expected = layer.backward(grad)
    layer.training = False
    assert bits(layer.backward(grad)) == bits(expected)


def test_running_averages_are_saved_but_not_trained() -> None:
    model = Sequential(Dense(2, 3), BatchNorm(3), Dense(3, 1), rng=0)
    assert model.parameters().names == ("0.weight", "0.bias", "1.weight", "1.bias", "2.weight", "2.bias")
    rng = np.random.default_rng(0)
    Trainer(model, MSELoss(), SGD(model.parameters(), 0.1)).fit(rng.normal(size=(9, 2)), rng.normal(size=(9, 1)))
    state = model.state()
    assert {"1.running_mean", "1.running_var"} <= state.keys()
    again = Sequential(Dense(2, 3), BatchNorm(3), Dense(3, 1), rng=5)
    again.load_state(state)
    x = rng.normal(size=(4, 2))
    assert bits(again.predict(x)) == bits(model.predict(x))


def test_running_averages_turn_with_the_model() -> None:
    model = Sequential(BatchNorm(2), dtype=np.float32)
    model.forward(np.ones((3, 2), np.float32))
    norm: Any = model[0]
    assert {norm.running_mean.dtype, norm.running_var.dtype} == {np.dtype(np.float32)}


def test_weight_decay_leaves_normalisation_alone() -> None:
    assert not any(parameter.decay for layer in (BatchNorm(2), LayerNorm(2)) for parameter in layer.parameters())


@pytest.mark.parametrize("make", [BatchNorm, LayerNorm])
@pytest.mark.parametrize("shape", [(4, 2), (4, 3, 2), (4,)])
def test_samples_of_other_sizes_are_refused(make: Any, shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=rf"{make.__name__}\(3\) takes samples of 3 features on the last axis, got"):
        make(3)(np.ones(shape))
    assert make(3).output_shape(None) is None
    assert make(3).output_shape((5, 3)) == (5, 3)


def one_feature(values: list[float]) -> Array:
    return np.array(values)[:, None]


def test_defaults_are_those_of_pytorch() -> None:
    norm = BatchNorm(1)
    norm.forward(one_feature([1.0, 3.0]))
    assert (norm.momentum, norm.eps, LayerNorm(1).eps) == (0.1, 1e-5, 1e-5)
    assert [norm.running_mean[0], norm.running_var[0]] == pytest.approx([0.2, 1.1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("number", [0.1, 1000.1, 12345.6, 1e8])
@pytest.mark.parametrize("features", [3, 7, 100])
def test_a_sample_of_equal_numbers_becomes_0(features: int, number: float, dtype: Any) -> None:
    y = LayerNorm(features).astype(dtype).forward(np.full((2, features), number, dtype))
    np.testing.assert_allclose(y, 0.0, atol=1e-4)


@pytest.mark.parametrize("norm", [BatchNorm, LayerNorm])
@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize(("model_type", "loss_type"), [(np.float32, np.float64), (np.float64, np.float32)])
def test_gradients_of_the_other_float_type_are_cast(norm: Any, last: bool, model_type: Any, loss_type: Any) -> None:
    layers = [Dense(3, 4, rng=0), norm(4)] if last else [Dense(3, 4, rng=0), norm(4), Tanh(), Dense(4, 2, rng=1)]
    model = Sequential(*layers, dtype=model_type)
    y = model.forward(np.eye(3, dtype=model_type))
    grad = np.cos(np.arange(y.size)).reshape(y.shape).astype(np.float32)
    assert model.backward(grad.astype(loss_type)).dtype == model_type
    cast = model.parameters().grad.copy()
    model.backward(grad.astype(model_type))
    assert bits(cast) == bits(model.parameters().grad)
