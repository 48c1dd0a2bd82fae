"""Convolutions: what they compute, in which shapes, and what they refuse."""

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from minidl import Conv1D, Conv2D, ConvTranspose2D, DepthwiseConv2D, Layer, ShapeError
from minidl.initializers import glorot_uniform
from minidl.layers import windows
from minidl.typing import Array
from tests.helpers import bits
from tests.tables import seeds

few = st.integers(1, 3)
pairs = st.one_of(few, st.tuples(few, few))
paddings = st.one_of(st.integers(0, 4), st.tuples(st.integers(0, 2), st.integers(0, 2)), st.just("same"))
settings = st.fixed_dictionaries({"kernel_size": pairs, "stride": pairs, "dilation": pairs, "padding": paddings})


def per_axis(value: Any) -> tuple[Any, Any]:
    return value if isinstance(value, tuple) else (value, value)


def by_loops(layer: Conv2D, x: Array) -> Array:
    """The definition: a sum over every place of the kernel, for every place of the output."""
    n, height, width, _ = x.shape
    rows, columns, filters = layer.output_shape(x.shape[1:])  # type: ignore[misc]
    (s, t), (d, e) = per_axis(layer.stride), per_axis(layer.dilation)
    kernel = layer.weight.value
    p, q = per_axis(layer.padding)
    if layer.padding == "same":
        p = max((rows - 1) * s + (kernel.shape[0] - 1) * d + 1 - height, 0) // 2
        q = max((columns - 1) * t + (kernel.shape[1] - 1) * e + 1 - width, 0) // 2
    y = np.zeros((n, rows, columns, filters)) + layer.bias.value
    for i, j, u, v in np.ndindex(rows, columns, *kernel.shape[:2]):
        a, b = i * s + u * d - p, j * t + v * e - q
        if 0 <= a < height and 0 <= b < width:
            y[:, i, j] += x[:, a, b] @ kernel[u, v]
    return y


def is_adjoint(layer: Layer, x: Array, rng: np.random.Generator) -> None:
    """Without a bias, y is linear in x and in W. Then ⟨y, g⟩ must be ⟨x, dx⟩ for any x, and ⟨W, dW⟩ for any W."""
    weight = layer.weight  # type: ignore[attr-defined]
    weight.value = rng.normal(size=weight.shape)
    g = np.asarray(rng.normal(size=layer.forward(x).shape))
    dx = layer.backward(g)
    assert dx.shape == x.shape
    dw = weight.grad.copy()
    size = float(np.linalg.norm(g) * np.linalg.norm(x) * np.linalg.norm(weight.value))
    other = np.asarray(rng.normal(size=x.shape))
    np.testing.assert_allclose((layer.forward(other) * g).sum(), (other * dx).sum(), atol=1e-13 * (1 + size))
    weight.value = rng.normal(size=weight.shape)
    np.testing.assert_allclose((layer.forward(x) * g).sum(), (weight.value * dw).sum(), atol=1e-13 * (1 + size))


images = st.one_of(
    st.tuples(few, st.integers(1, 7), st.integers(1, 7), few),
    st.tuples(few, st.integers(10, 13), st.integers(10, 13), few),  # copied in another way
)


@given(settings, images, few, seeds)
def test_conv2d_is_its_definition(kwargs: Any, shape: Any, filters: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    layer, x = Conv2D(shape[-1], filters, rng=rng, **kwargs), np.asarray(rng.normal(size=shape))
    layer.bias.value = rng.normal(size=filters)
    try:
        layer.output_shape(shape[1:])
    except ShapeError:
        assume(False)
    np.testing.assert_allclose(layer.forward(x), by_loops(layer, x), atol=1e-12)
    is_adjoint(Conv2D(shape[-1], filters, use_bias=False, **kwargs), x, rng)


@given(settings, images, few, seeds)
def test_depthwise_is_a_convolution_of_each_channel(kwargs: Any, shape: Any, multiplier: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    layer = DepthwiseConv2D(shape[-1], multiplier=multiplier, use_bias=False, rng=rng, **kwargs)
    x = np.asarray(rng.normal(size=shape))
    try:
        layer.output_shape(shape[1:])
    except ShapeError:
        assume(False)
    one = Conv2D(1, multiplier, use_bias=False, **kwargs)
    expected = []
    for channel in range(shape[-1]):
        one.weight.value = layer.weight.value[:, :, channel : channel + 1]
        expected.append(one.forward(np.asarray(x[..., channel : channel + 1])))
    np.testing.assert_allclose(layer.forward(x), np.concatenate(expected, axis=-1), atol=1e-12)
    is_adjoint(layer, x, rng)


@given(settings, images, few, st.integers(0, 2), seeds)
def test_transposed_is_conv2d_from_y_to_x(kwargs: Any, shape: Any, filters: int, extra: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    extra = 0 if kwargs["padding"] == "same" else min(extra, *(stride - 1 for stride in per_axis(kwargs["stride"])))
    layer = ConvTranspose2D(shape[-1], filters, output_padding=extra, use_bias=False, rng=rng, **kwargs)
    x = np.asarray(rng.normal(size=shape))
    try:
        layer.output_shape(shape[1:])
    except ShapeError:
        assume(False)
    back = Conv2D(filters, shape[-1], use_bias=False, **kwargs)
    back.weight.value = layer.weight.value.swapaxes(-1, -2)
    y = layer.forward(x)
    assert back.output_shape(y.shape[1:]) == shape[1:]
    g = np.asarray(rng.normal(size=y.shape))
    np.testing.assert_allclose((y * g).sum(), (x * back.forward(g)).sum(), atol=1e-11)
    is_adjoint(layer, x, rng)


@given(few, few, few, st.integers(0, 3), st.one_of(st.integers(1, 9), st.integers(70, 80)), few, seeds)
def test_conv1d_is_conv2d_with_one_row(
    size: int, stride: int, dilation: int, p: int, n: int, c: int, seed: int
) -> None:
    rng, kwargs = np.random.default_rng(seed), {"stride": stride, "dilation": dilation}
    line = Conv1D(c, 2, size, padding=p, rng=rng, **kwargs)  # type: ignore[arg-type]
    image = Conv2D(c, 2, (1, size), padding=(0, p), stride=(1, stride), dilation=(1, dilation))
    image.weight.value = line.weight.value[None]
    x = rng.normal(size=(2, n, c))
    if dilation * (size - 1) + 1 > n + 2 * p:
        with pytest.raises(ShapeError, match="does not fit"):
            line(x)
        return
    y = line(x)
    np.testing.assert_allclose(y, image(x[:, None])[:, 0], atol=1e-13)
    np.testing.assert_allclose(line.backward(y), image.backward(y[:, None])[:, 0], atol=1e-12)
    np.testing.assert_allclose(line.weight.grad, image.weight.grad[0], atol=1e-12)


MAKERS = [
    lambda **kwargs: Conv2D(2, 3, padding=1, **kwargs),
    lambda **kwargs: Conv2D(1, 3, stride=2, **kwargs),
    lambda **kwargs: ConvTranspose2D(2, 3, 3, stride=2, padding=1, **kwargs),
    lambda **kwargs: DepthwiseConv2D(2, 3, multiplier=2, **kwargs),
]


@pytest.mark.parametrize("make", MAKERS)
def test_a_few_samples_at_a_time_make_no_difference(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    layer, results = make(rng=0), []
    rng = np.random.default_rng(0)
    x = rng.normal(size=(5, 6, 5, layer.channels))
    g = rng.normal(size=layer(x).shape)
    for size in (windows.BLOCK, 400, 1):
        monkeypatch.setattr(windows, "BLOCK", size)
        results.append([layer.forward(x), layer.backward(g), layer.weight.grad.copy(), layer.bias.grad.copy()])
    for result in results[1:]:
        for one, other in zip(result, results[0], strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("n", [7, 8, 16])
@pytest.mark.parametrize("size", [3, 9])
@pytest.mark.parametrize("make", MAKERS)
def test_a_batch_is_its_samples_one_by_one(make: Any, size: int, n: int) -> None:
    layer, rng = make(rng=0), np.random.default_rng(0)
    x = rng.normal(size=(n, size, size, layer.channels))
    y = layer.forward(x)
    g = rng.normal(size=y.shape)
    whole = [y, layer.backward(g), layer.weight.grad.copy(), layer.bias.grad.copy()]
    ys, grads_x, grads_w, grads_b = [], [], [], []
    for i in range(n):
        ys.append(layer.forward(x[i : i + 1]))
        grads_x.append(layer.backward(g[i : i + 1]))
        grads_w.append(layer.weight.grad.copy())
        grads_b.append(layer.bias.grad.copy())
    single = [np.concatenate(ys), np.concatenate(grads_x), np.sum(grads_w, axis=0), np.sum(grads_b, axis=0)]
    for one, other in zip(whole, single, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("make", MAKERS)
def test_float32_is_near_float64(make: Any) -> None:
    layer, rng = make(rng=0), np.random.default_rng(0)
    x = rng.normal(1, 1, (40, 28, 28, layer.channels))
    g = rng.normal(1, 1, layer(x).shape)
    exact = layer.forward(x), layer.backward(g), layer.weight.grad.copy(), layer.bias.grad.copy()
    layer.astype(np.float32)
    near = layer.forward(x.astype(np.float32)), layer.backward(g.astype(np.float32)), layer.weight.grad, layer.bias.grad
    for one, other in zip(near, exact, strict=True):
        assert one.dtype == np.float32
        assert np.abs(one - other).max() <= 2e-6 * np.abs(other).max()


def test_rows_left_over_have_no_gradient() -> None:
    layer = Conv2D(1, 1, 2, stride=2, rng=0)
    x = np.ones((1, 5, 7, 1))
    assert layer(x).shape == (1, 2, 3, 1)
    grad_x = layer.backward(np.ones((1, 2, 3, 1)))
    assert grad_x.shape == x.shape
    assert not grad_x[:, 4:].any()
    assert not grad_x[:, :, 6:].any()
    assert grad_x[:, :4, :6].all()


def test_initial_values() -> None:
    for layer, inputs in (
        (Conv2D(16, 200, rng=0), 144),
        (Conv1D(16, 200, 5, rng=0), 80),
        (DepthwiseConv2D(100, 5, multiplier=2, rng=0), 25),
        (ConvTranspose2D(16, 200, 2, stride=2, padding=0, rng=0), 64),
    ):
        np.testing.assert_allclose(layer.weight.value.std(), np.sqrt(2 / inputs), rtol=0.05)
        assert not layer.bias.value.any()
        before = bits(layer.weight.value)
        layer.bias.value = np.ones(layer.bias.shape)
        layer.initialize(0)
        assert bits(layer.weight.value) == before
        assert not layer.bias.value.any()
    drawn = glorot_uniform(np.random.default_rng(3), (8, 5))
    np.testing.assert_array_equal(Conv2D(2, 5, 2, initializer=glorot_uniform, rng=3).weight.value.reshape(8, 5), drawn)


def test_shapes_of_transposed_convolutions() -> None:
    assert ConvTranspose2D(1, 1, 3, stride=3, padding=0, output_padding=2).output_shape((2, 1, 1)) == (8, 5, 1)
    assert ConvTranspose2D(1, 1, 1, stride=1, padding=0)(np.ones((1, 1, 1, 1))).shape == (1, 1, 1, 1)


def test_shapes_of_weights() -> None:
    assert Conv2D(2, 3, (4, 5)).weight.shape == (4, 5, 2, 3)
    assert Conv1D(2, 3, 4).weight.shape == (4, 2, 3)
    assert ConvTranspose2D(2, 3, (4, 5), stride=1, padding=0).weight.shape == (4, 5, 2, 3)
    assert DepthwiseConv2D(2, (4, 5), multiplier=3).weight.shape == (4, 5, 2, 3)
    assert DepthwiseConv2D(2, 4, multiplier=3).bias.shape == (6,)
    assert Conv2D(2, 3, use_bias=False).parameters().names == ("weight",)


def test_reprs() -> None:
    assert repr(Conv2D(1, 2, stride=(2, 1), padding="same")) == "Conv2D(1, 2, 3, stride=(2, 1), padding='same')"
    assert repr(Conv1D(1, 2, 5, use_bias=False)) == "Conv1D(1, 2, 5, use_bias=False)"
    assert repr(DepthwiseConv2D(1, [2, 3])) == "DepthwiseConv2D(1, (2, 3))"  # type: ignore[arg-type]


def test_a_float64_layer_fed_float32() -> None:
    layer = Conv2D(1, 2, 1, rng=0)
    y = layer.forward(np.ones((2, 3, 3, 1), np.float32))
    assert y.dtype == np.float64
    layer.backward(np.ones_like(y))
    np.testing.assert_array_equal(layer.weight.grad, np.full((1, 1, 1, 2), 18.0))


def test_backward_parameters_of_a_subclass_may_call_its_backward() -> None:
    class Doubled(Conv2D):
        def forward(self, x: Array) -> Array:
            return 2 * super().forward(x)

        def backward(self, grad: Array) -> Array:
            return super().backward(2 * grad)

        def backward_parameters(self, grad: Array) -> None:
            self.backward(grad)

    layer, x = Doubled(1, 1, 2, rng=0), np.ones((1, 3, 3, 1))
    layer.forward(x)
    layer.backward(np.ones((1, 2, 2, 1)))
    assert layer.bias.grad.tolist() == [8.0]
