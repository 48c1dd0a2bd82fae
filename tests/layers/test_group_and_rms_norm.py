"""GroupNorm and RMSNorm: what comes out, by plain loops, and the shapes that are taken."""

from typing import Any

import numpy as np
import pytest

from minidl import GroupNorm, HyperparameterError, LayerNorm, RMSNorm, ShapeError
from tests.helpers import bits

X = np.random.default_rng(0).normal(5, 3, (4, 3, 2, 6))


@pytest.mark.parametrize("groups", [1, 2, 3, 6])
def test_each_group_of_a_sample_is_normalised(groups: int) -> None:
    layer = GroupNorm(groups, 6, eps=0.5)
    layer.weight.value, layer.bias.value = np.arange(1.0, 7.0), np.arange(6.0)
    y = layer.forward(X)
    size = 6 // groups
    for sample in range(4):
        for group in range(groups):
            part = slice(group * size, (group + 1) * size)
            values = X[sample, :, :, part]
            z = (values - values.mean()) / np.sqrt(values.var() + 0.5)
            np.testing.assert_allclose(
                y[sample, :, :, part], z * layer.weight.value[part] + part_of(part), rtol=1e-12, atol=1e-13
            )


def part_of(part: slice) -> Any:
    return np.arange(6.0)[part]


def test_one_group_of_samples_of_one_axis_is_layer_norm() -> None:
    x, grad = np.random.default_rng(1).normal(size=(2, 5, 4))
    group, layer = GroupNorm(1, 4), LayerNorm(4)
    np.testing.assert_allclose(group.forward(x), layer.forward(x), rtol=1e-12)
    np.testing.assert_allclose(group.backward(grad), layer.backward(grad), rtol=1e-9)


def test_samples_do_not_depend_on_each_other_in_training() -> None:
    layer = GroupNorm(2, 6)
    np.testing.assert_allclose(layer.forward(X)[1:2], layer.forward(X[1:2]), rtol=1e-12)
    assert not layer.mixes_samples


def test_rms_norm_divides_by_the_root_mean_square() -> None:
    layer = RMSNorm(6, eps=0.5)
    layer.weight.value = np.arange(6.0)
    for sample, y in zip(X.reshape(-1, 6), layer.forward(X).reshape(-1, 6), strict=True):
        r = (sum(float(number) ** 2 for number in sample) / 6 + 0.5) ** 0.5
        np.testing.assert_allclose(y, sample / r * np.arange(6.0), rtol=1e-14)


def test_defaults_and_what_decays() -> None:
    assert (GroupNorm(2, 4).eps, RMSNorm(4).eps) == (1e-5, 1e-6)
    assert list(GroupNorm(2, 4).parameters().names) == ["weight", "bias"]
    assert list(RMSNorm(4).parameters().names) == ["weight"]
    assert not any(parameter.decay for layer in (GroupNorm(2, 4), RMSNorm(4)) for parameter in layer.parameters())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("number", [0.1, 1000.1, 12345.6, 1e8])
@pytest.mark.parametrize("shape", [(2, 7, 7, 6), (2, 6), (1, 100, 100, 6)])
def test_a_group_of_equal_numbers_becomes_0(shape: tuple[int, ...], number: float, dtype: Any) -> None:
    y = GroupNorm(2, 6).astype(dtype).forward(np.full(shape, number, dtype))
    np.testing.assert_allclose(y, 0.0, atol=1e-4)


@pytest.mark.parametrize("layer", [GroupNorm(2, 8), RMSNorm(8)])
def test_numbers_far_from_0_in_float32(layer: Any) -> None:
    x = np.random.default_rng(0).normal(1000, 1, (4, 20, 20, 8)).astype(np.float32)
    grad = np.random.default_rng(1).normal(size=x.shape).astype(np.float32)
    exact = layer.forward(x.astype(float))
    narrow = layer.astype(np.float32)
    y = narrow.forward(x)
    assert y.dtype == narrow.backward(grad).dtype == np.float32
    np.testing.assert_allclose(y, exact, rtol=1e-5, atol=1.5e-4)
    layer.astype(np.float64)


@pytest.mark.parametrize("make", [lambda: GroupNorm(1, 3), lambda: RMSNorm(3)])
@pytest.mark.parametrize("shape", [(4, 2), (4, 3, 2), (4,)])
def test_samples_of_other_sizes_are_refused(make: Any, shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=r"Norm\((1, )?3\) takes samples of 3 features on the last axis, got"):
        make()(np.ones(shape))
    assert make().output_shape(None) is None
    assert make().output_shape((5, 3)) == (5, 3)


def test_arguments_are_checked() -> None:
    with pytest.raises(
        HyperparameterError, match="GroupNorm: features must be a multiple of groups, got 5 in 2 groups"
    ):
        GroupNorm(2, 5)
    with pytest.raises(HyperparameterError, match="GroupNorm: groups must be a positive integer, got 0"):
        GroupNorm(0, 4)
    with pytest.raises(HyperparameterError, match="GroupNorm: eps must be a finite number, above 0"):
        GroupNorm(2, 4, eps=0)
    with pytest.raises(HyperparameterError, match="RMSNorm: features must be a positive integer, got 0"):
        RMSNorm(0)
    with pytest.raises(HyperparameterError, match="RMSNorm: eps must be a finite number, above 0"):
        RMSNorm(2, eps=0)


def test_backward_belongs_to_the_forward_before_it() -> None:
    for layer in (GroupNorm(2, 6), RMSNorm(6)):
        layer.forward(X)
        first = bits(layer.backward(np.cos(X)))
        layer.predict(X)
        assert bits(layer.backward(np.cos(X))) == first
