"""Pooling: ties, NaN, padding, rows left over, and what is refused."""

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from minidl import (
    AveragePool2D,
    GlobalAveragePool1D,
    GlobalAveragePool2D,
    HyperparameterError,
    Layer,
    MaxPool2D,
    ShapeError,
    StateError,
)
from minidl.layers import windows
from minidl.typing import Array
from tests.tables import seeds

few = st.integers(1, 3)
pairs = st.one_of(few, st.tuples(few, few))
images = st.tuples(few, st.integers(1, 7), st.integers(1, 7), few)


def per_axis(value: Any) -> tuple[Any, Any]:
    return value if isinstance(value, tuple) else (value, value)


def by_loops(layer: Any, x: Array, g: Array | None = None) -> Array:
    """The definition of both poolings: y, or dx for a gradient g."""
    n, height, width, channels = x.shape
    rows, columns, _ = layer.output_shape(x.shape[1:])
    (k, m), (s, t) = per_axis(layer.pool_size), per_axis(layer.stride or layer.pool_size)
    p, q = (0, 0) if layer.padding == "same" else per_axis(layer.padding)
    if layer.padding == "same":
        p, q = max((rows - 1) * s + k - height, 0) // 2, max((columns - 1) * t + m - width, 0) // 2
    y, dx = np.zeros((n, rows, columns, channels)), np.zeros(x.shape)
    for sample, i, j, channel in np.ndindex(y.shape):
        top, left = i * s - p, j * t - q
        inside = [
            (a, b) for a in range(max(top, 0), min(top + k, height)) for b in range(max(left, 0), min(left + m, width))
        ]
        numbers = [x[sample, a, b, channel] for a, b in inside]
        chosen = [inside[int(np.argmax(numbers))]] if isinstance(layer, MaxPool2D) else inside
        y[sample, i, j, channel] = np.mean([x[sample, a, b, channel] for a, b in chosen])
        for a, b in chosen if g is not None else []:
            dx[sample, a, b, channel] += g[sample, i, j, channel] / len(chosen)  # type: ignore[index]
    return y if g is None else dx


@pytest.mark.parametrize("kind", [MaxPool2D, AveragePool2D])
@given(pairs, st.one_of(st.none(), pairs), st.sampled_from([0, 1, (0, 1), "same"]), images, seeds)
def test_pooling_is_its_definition(kind: Any, size: Any, stride: Any, padding: Any, shape: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    try:
        layer = kind(size, stride=stride, padding=padding)
        layer.output_shape(shape[1:])
    except (HyperparameterError, ShapeError):
        assume(False)
    x = rng.integers(-2, 2, shape).astype(float)  # with many ties
    y = layer.forward(x)
    np.testing.assert_allclose(y, by_loops(layer, x), atol=1e-14)
    g = rng.normal(size=y.shape)
    np.testing.assert_allclose(layer.backward(g), by_loops(layer, x, g), atol=1e-14)


def test_the_first_of_several_maxima_gets_the_gradient() -> None:
    layer = MaxPool2D((2, 2))
    layer(np.zeros((1, 2, 4, 1)))
    assert layer.backward(np.full((1, 1, 2, 1), 3.0))[0, :, :, 0].tolist() == [[3, 0, 3, 0], [0, 0, 0, 0]]


@pytest.mark.parametrize("place", [0, 1, 2, 3])
@pytest.mark.parametrize("stride", [1, 2])
def test_a_nan_stays_a_nan_in_backward_too(place: int, stride: int) -> None:
    x = np.arange(18.0).reshape(1, 3, 6, 1)
    x[0, place // 2, place % 2] = np.nan
    layer = MaxPool2D(2, stride=stride)
    y = layer.forward(x)
    touched = np.isnan(by_loops(layer, x))
    np.testing.assert_array_equal(np.isnan(y), touched)
    assert touched.any()
    grad_x = layer.backward(np.ones(y.shape))
    assert np.isnan(grad_x[np.isnan(x)]).all()
    assert np.isfinite(grad_x[:, :, 4:]).all()
    assert grad_x[:, :, 4:].any()


def test_infinite_numbers_are_ordinary_ones() -> None:
    layer = MaxPool2D(2)
    x = np.array([[-np.inf, np.inf], [1.0, np.inf]]).reshape(1, 2, 2, 1)
    assert layer.forward(x).item() == np.inf
    assert layer.backward(np.ones((1, 1, 1, 1))).ravel().tolist() == [0, 1, 0, 0]


def test_windows_of_more_numbers_than_a_byte_counts() -> None:
    layer, x = MaxPool2D(17), np.zeros((1, 17, 17, 1))
    x[0, 16, 15] = 1.0
    layer.forward(x)
    np.testing.assert_array_equal(layer.backward(np.ones((1, 1, 1, 1))), x)


@pytest.mark.parametrize("kind", [MaxPool2D, AveragePool2D])
def test_rows_left_over_have_no_gradient(kind: Any) -> None:
    layer, x = kind(2), np.ones((2, 5, 3, 1))
    assert layer(x).shape == (2, 2, 1, 1)
    grad_x = layer.backward(np.ones((2, 2, 1, 1)))
    assert grad_x.shape == x.shape
    assert not grad_x[:, 4].any()
    assert not grad_x[:, :, 2].any()
    assert grad_x.sum() == 4


def test_padding_does_not_count() -> None:
    x = -np.ones((1, 3, 3, 1))
    assert (MaxPool2D(2, padding=1)(x) == -1).all()
    assert (AveragePool2D(2, padding=1)(x) == -1).all()
    assert (AveragePool2D(3, stride=2, padding="same")(x) == -1).all()


@pytest.mark.parametrize("kind", [MaxPool2D, AveragePool2D])
def test_a_few_samples_at_a_time_make_no_difference(kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    layer, rng = kind(3, stride=2, padding=1), np.random.default_rng(0)
    x = rng.normal(size=(5, 6, 6, 2))
    y = layer.forward(x)
    g = rng.normal(size=y.shape)
    expected = layer.backward(g)
    monkeypatch.setattr(windows, "BLOCK", 150)
    np.testing.assert_array_equal(layer.forward(x), y)
    np.testing.assert_array_equal(layer.backward(g), expected)


def test_global_average() -> None:
    layer, x = GlobalAveragePool2D(), np.arange(12.0).reshape(1, 2, 3, 2)
    assert layer(x).tolist() == [[5.0, 6.0]]
    grad_x = layer.backward(np.array([[6.0, 12.0]]))
    assert grad_x.shape == x.shape
    assert (grad_x == [1.0, 2.0]).all()
    assert layer.output_shape((5, 4, 3)) == (3,)
    assert layer.output_shape(None) is None


@pytest.mark.parametrize("layer", [MaxPool2D(), AveragePool2D(), GlobalAveragePool2D()])
@pytest.mark.parametrize(("shape", "fix"), [((8, 8), "is the axis of the batch or"), ((8,), "change one of the two")])
def test_samples_that_are_no_images(layer: Layer, shape: tuple[int, ...], fix: str) -> None:
    with pytest.raises(
        ShapeError, match=rf"{type(layer).__name__}\(\) takes samples of .*\(height, width, channels\).*{fix}"
    ):
        layer(np.ones((2, *shape)))


def test_a_window_larger_than_its_input() -> None:
    with pytest.raises(
        ShapeError, match=r"MaxPool2D\(\) cannot take samples of shape \(1, 4, 1\): a window that reaches"
    ):
        MaxPool2D()(np.ones((2, 1, 4, 1)))


def test_arguments_out_of_range() -> None:
    with pytest.raises(
        HyperparameterError, match="MaxPool2D: pool_size must be an integer, at least 1, or a tuple of 2"
    ):
        MaxPool2D(0)
    with pytest.raises(HyperparameterError, match="AveragePool2D: stride must be an integer, at least 1"):
        AveragePool2D(stride=0)
    with pytest.raises(HyperparameterError, match='MaxPool2D: padding must be "same" or a number'):
        MaxPool2D(padding="full")
    for size, padding in ((2, 2), ((3, 1), 1), ((3, 2), (2, 2))):
        with pytest.raises(HyperparameterError, match=r"padding must be below pool_size .*, or windows would be empty"):
            MaxPool2D(size, padding=padding)
    assert repr(MaxPool2D(3, stride=[1, 2])) == "MaxPool2D(pool_size=3, stride=(1, 2))"  # type: ignore[arg-type]


@pytest.mark.parametrize("layer", [MaxPool2D(), AveragePool2D(), GlobalAveragePool2D()])
def test_backward_before_forward(layer: Layer) -> None:
    with pytest.raises(StateError, match="backward before forward"):
        layer.backward(np.ones((1, 1, 1, 1)))


@pytest.mark.parametrize("layer", [MaxPool2D(), AveragePool2D(), GlobalAveragePool2D()], ids=repr)
def test_pooling_needs_more_than_one_time_step(layer: Layer) -> None:
    with pytest.raises(StateError, match="needs other time steps as well as this one"):
        layer.step(np.ones((1, 4, 4, 1)))


def test_output_shapes() -> None:
    assert MaxPool2D().output_shape((8, 6, 5)) == (4, 3, 5)
    assert AveragePool2D(3, stride=(1, 2), padding=1).output_shape((8, 6, 5)) == (8, 3, 5)
    assert MaxPool2D().output_shape(None) is None


def test_the_mean_over_the_steps_that_hold_data() -> None:
    """The numbers are those of Keras 3.15: ``GlobalAveragePooling1D()(x, mask=mask)``."""
    x = np.array([[[1.0, 2], [3, 5], [7, -4]], [[2, 0], [9, 9], [4, 1]], [[1, 1], [1, 1], [1, 1]]])
    mask = np.array([[1, 1, 0], [1, 0, 1], [0, 0, 0]], bool)
    layer = GlobalAveragePool1D()
    y = layer((x, mask))
    assert y[:2].tolist() == [[2.0, 3.5], [3.0, 0.5]]
    assert y[2].tolist() == [0.0, 0.0]  # NaN in Keras: nothing to average
    hidden = np.where(mask[..., None], x, np.nan)
    np.testing.assert_array_equal(layer.forward((hidden, mask)), y)
    dx, of_mask = layer.backward(np.array([[4.0, 2.0]] * 3))
    assert dx.tolist() == [[[2, 1], [2, 1], [0, 0]], [[2, 1], [0, 0], [2, 1]], [[0, 0]] * 3]
    assert of_mask.shape == mask.shape
    assert not of_mask.any()
    np.testing.assert_allclose(layer(x)[:2], [[11 / 3, 1], [5, 10 / 3]], rtol=1e-15)
    assert (layer.output_shape((5, 4)), layer.output_shape(None)) == ((4,), None)
    with pytest.raises(ShapeError, match=r"takes samples of shape \(time, channels\), got \(5, 4, 3\)"):
        layer(np.ones((2, 5, 4, 3)))
    assert layer.forward(x.astype(np.float32)).dtype == np.float32
    assert layer.forward((x.astype(np.float32), mask)).dtype == np.float32
