"""Layers at the edges of their types: long sums, numbers far from 0, squares that overflow, infinity."""

from typing import Any

import numpy as np
import pytest

from minidl import (
    ELU,
    GELU,
    SGD,
    BatchNorm,
    Dense,
    Dropout,
    Layer,
    LayerNorm,
    LeakyReLU,
    MSELoss,
    ReLU,
    Sequential,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
    Trainer,
)
from minidl.typing import Array

TYPES = [np.float32, np.float64]


@pytest.mark.parametrize("n", [60_000, 10**6])
@pytest.mark.parametrize("make", [BatchNorm, LayerNorm, lambda d: Dense(d, d, rng=0)])
def test_gradients_of_parameters_are_exact_over_many_rows_in_float32(make: Any, n: int) -> None:
    """All rows are equal, so each gradient is n times that of one row."""
    layer: Layer = make(10).astype(np.float32)
    x = np.tile(np.linspace(-1, 2, 10, dtype=np.float32), (n, 1))
    grad = np.full((n, 10), 0.1, np.float32)
    layer.training = False  # BatchNorm of equal rows has no scale in training
    layer.forward(x)
    layer.backward(grad)
    whole = layer.parameters().grad.astype(float)
    layer.astype(np.float64)
    layer.forward(x[:1].astype(float))
    layer.backward(grad[:1].astype(float))
    np.testing.assert_allclose(whole, n * layer.parameters().grad, rtol=5e-6, atol=n * 1e-8)
    bias = np.full(10, n * float(np.float32(0.1)))
    np.testing.assert_allclose(whole[-10:], bias, rtol=5e-7)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("make", [BatchNorm, LayerNorm])
@pytest.mark.parametrize("offset", [1.0, -1.0, 0.3])
def test_two_neighbouring_numbers_far_from_0_become_plus_and_minus_1(make: Any, dtype: Any, offset: float) -> None:
    start = dtype(offset * (1e7 if dtype == np.float32 else 1e15))
    x = np.array([[start, start + 1]], dtype)
    x = x.T if make is BatchNorm else x
    y = make(x.shape[1], eps=1e-12).astype(dtype).forward(x)
    np.testing.assert_allclose(y.ravel(), [-1, 1], atol=1e-6)


@pytest.mark.parametrize("make", [BatchNorm, LayerNorm])
@pytest.mark.parametrize("shape", [(300, 40), (2000, 3), (3, 2000)])
def test_normalised_numbers_far_from_0_agree_with_float64(make: Any, shape: tuple[int, int]) -> None:
    x = np.random.default_rng(0).normal(1e5, 1, shape).astype(np.float32)
    single, double = make(shape[1]).astype(np.float32), make(shape[1])
    np.testing.assert_allclose(single.forward(x), double.forward(x.astype(float)), atol=3e-6)
    if make is BatchNorm:
        np.testing.assert_allclose(single.running_var, double.running_var, rtol=1e-6)
        np.testing.assert_allclose(single.running_mean, double.running_mean, rtol=1e-6)


@pytest.mark.parametrize("make", [BatchNorm, LayerNorm])
@pytest.mark.parametrize(("dtype", "large"), [(np.float32, 1e20), (np.float32, 1e38), (np.float64, 1e200)])
def test_normalisation_of_numbers_whose_squares_overflow(make: Any, dtype: Any, large: float) -> None:
    x, grad = np.random.default_rng(0).normal(size=(2, 5, 5))
    small, big = make(5, eps=1e-30), make(5).astype(dtype)
    # Only some features, or samples, are large. The others keep their values.
    sizes = np.array([1.0, large, 1.0, large / 4, 1.0])
    scaled = x * (sizes if make is BatchNorm else sizes[:, None])
    y, expected = big.forward(scaled.astype(dtype)), small.forward(x)
    np.testing.assert_allclose(y, expected, atol=2e-4)
    back = big.backward(grad.astype(dtype)) * (sizes if make is BatchNorm else sizes[:, None])
    np.testing.assert_allclose(back, small.backward(grad), atol=2e-3)


@pytest.mark.parametrize("make", [BatchNorm, LayerNorm])
def test_normalisation_of_the_largest_numbers_and_of_infinity(make: Any) -> None:
    x = np.array([[-1.7e308, 1.7e308], [1.7e308, -1.7e308]])
    np.testing.assert_allclose(make(2).forward(x), np.sign(x))
    with np.errstate(all="ignore"):
        assert np.isnan(make(2).forward(np.array([[np.inf, 1.0], [1.0, 2.0]]))).any()


def test_one_sample_is_no_estimate_of_the_variance() -> None:
    layer = BatchNorm(2, momentum=0.5)
    layer.forward(np.array([[4.0, 6.0]]))
    assert layer.running_mean.tolist() == [2.0, 3.0]
    assert layer.running_var.tolist() == [1.0, 1.0]
    layer.forward(np.array([[[4.0, 6.0], [6.0, 6.0]]]))  # one sample, but two places to average over
    assert layer.running_var.tolist() == [1.5, 0.5]


@pytest.mark.parametrize("batch_size", [1, 16])
def test_a_last_batch_of_one_leaves_evaluation_as_good_as_training(batch_size: int) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(0, 5, (17, 3))
    model = Sequential(BatchNorm(3, momentum=0.5), Dense(3, 1), rng=0)
    trainer = Trainer(model, MSELoss(), SGD(model.parameters(), 1e-9))
    trainer.fit(x, x[:, :1], epochs=50, batch_size=batch_size, shuffle=False)
    variance: Any = model[0].running_var  # type: ignore[attr-defined]
    expected = x[:16].var(axis=0, ddof=1) if batch_size == 16 else np.ones(3)
    np.testing.assert_allclose(variance, expected, rtol=1e-10)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("approximate", [True, False])
def test_gelu_is_linear_or_0_far_out(dtype: Any, approximate: bool) -> None:
    large = np.array([50.0, 1e13, 1e20, 1e38, *([1e103, 1e155, 1e300] if dtype == np.float64 else [])], dtype)
    x = np.concatenate([large, -large])[:, None]
    layer = GELU(approximate=approximate)
    np.testing.assert_array_equal(layer.forward(x), np.maximum(x, 0))
    np.testing.assert_array_equal(layer.backward(np.ones_like(x)), (x > 0).astype(dtype))


SMOOTH: list[tuple[Layer, Any]] = [
    (ReLU(), lambda x: (x > 0, np.maximum(x, 0))),
    (LeakyReLU(0), lambda x: (x > 0, np.maximum(x, 0))),
    (ELU(), lambda x: (x > 0, np.where(x > 0, x, -1.0))),
    (SiLU(), lambda x: (x > 0, np.maximum(x, 0))),
    (Softplus(), lambda x: (x > 0, np.maximum(x, 0))),
    (Sigmoid(), lambda x: (np.zeros_like(x), x > 0)),
    (Tanh(), lambda x: (np.zeros_like(x), np.sign(x))),
]


@pytest.mark.parametrize(("layer", "right"), SMOOTH, ids=[repr(layer) for layer, _ in SMOOTH])
@pytest.mark.parametrize(("dtype", "large"), [(np.float32, 3e38), (np.float64, 1.7e308)])
def test_activations_at_the_largest_numbers(layer: Layer, right: Any, dtype: Any, large: float) -> None:
    x = np.array([[large, -large]], dtype)
    slope, y = right(x)
    np.testing.assert_array_equal(layer.forward(x), y)
    np.testing.assert_array_equal(layer.backward(np.ones_like(x)), slope)


@pytest.mark.parametrize("layer", [LeakyReLU(0), LeakyReLU(0.1), ReLU(), ELU(), Softplus()], ids=repr)
@pytest.mark.parametrize("dtype", TYPES)
def test_infinity_passes(layer: Layer, dtype: Any) -> None:
    x = np.array([[np.inf, -np.inf]], dtype)
    y = layer.forward(x)
    assert y.dtype == dtype
    assert y[0, 0] == np.inf
    assert y[0, 1] in (0.0, -1.0) or (y[0, 1] == -np.inf and layer.negative_slope)  # type: ignore[attr-defined]
    assert layer.backward(np.ones_like(x))[0, 0] == 1.0


def test_softmax_of_scores_that_are_far_apart() -> None:
    x = np.array([[1e308, -1e308, 0.0], [-np.inf, 0.0, 0.0]])
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(Softmax().forward(x), [[1, 0, 0], [0, 0.5, 0.5]])


class Drawn(np.random.Generator):
    """Draws one number from [0, 1), rounded down to the resolution of the type."""

    number: float

    def random(self, size: Any = None, dtype: Any = np.float64, out: Any = None) -> Any:
        digits = 2.0 ** (24 if dtype == np.float32 else 53)
        return np.full(size, np.floor(self.number * digits) / digits, dtype)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("p", [1e-12, 1e-8, 1e-3, 0.5, 0.999, 0.99999999, 1 - 1e-12])
def test_dropout_keeps_the_right_share_for_extreme_p(p: float, dtype: Any) -> None:
    generator = Drawn(np.random.PCG64(0))
    x: Array = np.ones((1, 2), dtype)
    for number, kept in ((p * 0.999, False), (p + 1e-3 * (1 - p), True)):
        generator.number = number
        y = Dropout(p, rng=generator).forward(x)
        assert y.dtype == dtype
        np.testing.assert_allclose(y, kept / (1 - p), rtol=1e-6)
