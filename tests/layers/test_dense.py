"""The fully connected layer."""

from typing import Any

import numpy as np
import pytest

from minidl import Dense, HyperparameterError, ShapeError, StateError
from minidl.initializers import glorot_uniform, zeros
from minidl.typing import Array
from tests.helpers import bits, unchanged


def test_forward_and_backward_by_hand() -> None:
    layer = Dense(2, 2)
    layer.weight.value, layer.bias.value = [[1.0, 2.0], [3.0, 4.0]], [10.0, 20.0]
    np.testing.assert_array_equal(layer(np.array([[1.0, 1.0], [2.0, 0.0]])), [[14.0, 26.0], [12.0, 24.0]])
    grad_x = layer.backward(np.array([[1.0, 0.0], [1.0, 10.0]]))
    np.testing.assert_array_equal(grad_x, [[1.0, 3.0], [21.0, 43.0]])
    np.testing.assert_array_equal(layer.weight.grad, [[3.0, 20.0], [1.0, 0.0]])
    np.testing.assert_array_equal(layer.bias.grad, [2.0, 10.0])


def test_batches_of_changing_size_and_type() -> None:
    layer = Dense(2, 1, rng=0)
    for n, dtype in ((3, np.float64), (5, np.float64), (5, np.float32), (1, np.float64)):
        layer.astype(dtype)
        layer.forward(np.ones((n, 2), dtype))
        layer.backward(np.ones((n, 1), dtype))
        assert layer.bias.grad.tolist() == [n]
        assert layer.bias.grad.dtype == dtype


def test_initial_values_come_from_the_seed() -> None:
    assert bits(Dense(2, 3, rng=0).weight.value) == bits(Dense(2, 3, rng=np.random.default_rng(0)).weight.value)
    assert bits(Dense(2, 3, rng=0).weight.value) != bits(Dense(2, 3, rng=1).weight.value)
    assert Dense(2, 3, rng=0).bias.value.tolist() == [0, 0, 0]
    assert not np.any(Dense(2, 3, initializer=zeros, rng=0).weight.value)
    layer = Dense(2, 3, initializer=glorot_uniform, rng=0)
    assert bits(layer.weight.value) == bits(glorot_uniform(np.random.default_rng(0), (2, 3)))
    layer.bias.value = [1.0, 1.0, 1.0]
    layer.initialize(1)
    assert not np.any(layer.bias.value)


def test_global_random_state_is_left_alone() -> None:
    np.random.seed(0)  # noqa: NPY002  (this is the state that must not change)
    before = np.random.get_state()[1].tolist()  # type: ignore[index]  # noqa: NPY002
    Dense(2, 3)
    Dense(2, 3, rng=0)
    assert np.random.get_state()[1].tolist() == before  # type: ignore[index]  # noqa: NPY002


@pytest.mark.parametrize("wrong", [0, -1, 2.5, 2.0, "2", None, True])
def test_sizes_must_be_positive_integers(wrong: Any) -> None:
    with pytest.raises(HyperparameterError, match="inputs must be a positive integer, got"):
        Dense(wrong, 1)
    with pytest.raises(HyperparameterError, match="outputs must be a positive integer, got"):
        Dense(1, wrong)


def test_numpy_integers_are_sizes() -> None:
    layer = Dense(np.int64(2), np.int32(3))  # type: ignore[arg-type]  # what len and shape arithmetic may give
    assert repr(layer) == "Dense(2, 3)"
    assert layer.weight.shape == (2, 3)


def test_without_bias_there_is_no_bias() -> None:
    layer = Dense(2, 3, use_bias=False)
    assert layer.parameters().names == ("weight",)
    assert not np.any(layer.forward(np.zeros((1, 2))))


@pytest.mark.parametrize("shape", [(3,), (4, 3), (4, 2, 3), (4, 2, 1)])
def test_batches_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=r"Dense\(2, 1\) takes samples of shape \(2,\), got"):
        Dense(2, 1)(np.ones(shape))


def test_backward_before_forward_is_an_error() -> None:
    layer = Dense(2, 1)
    for call in (layer.backward, layer.backward_parameters):
        with pytest.raises(StateError, match=r"backward before forward: Dense\(2, 1\)"):
            call(np.ones((1, 1)))


@pytest.mark.parametrize("grad", [np.ones((8, 1)), np.ones(8), np.ones((3, 8)), np.ones((7, 3)), np.full((8, 3), 1j)])
def test_a_gradient_of_another_shape_or_kind_is_an_error_of_numpy_that_changes_nothing(grad: Array) -> None:
    layer = Dense(3, 3, rng=0)
    layer(np.ones((8, 3)))
    for call in (layer.backward, layer.backward_parameters):
        with unchanged(layer), pytest.raises(ValueError, match=r"aligned|output array"):
            call(grad)


def test_a_float64_layer_fed_float32() -> None:
    layer, x = Dense(3, 2, rng=0), np.ones((8, 3))
    layer.forward(x.astype(np.float32))
    layer.backward(np.ones((8, 2)))
    assert layer.weight.grad.dtype == np.float64
    np.testing.assert_array_equal(layer.weight.grad, 8 * np.ones((3, 2)))
