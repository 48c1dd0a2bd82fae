"""Shapes with the batch axis, the names in Python's own errors, and what an augmentation returns."""

from typing import Any

import numpy as np
import pytest

import minidl
from minidl import (
    LSTM,
    SGD,
    Conv1D,
    Conv2D,
    ConvTranspose2D,
    DataError,
    Dense,
    DepthwiseConv2D,
    Flatten,
    Layer,
    MSELoss,
    Parallel,
    Sequential,
    ShapeError,
    Trainer,
)
from minidl.augment import flip, noise, shift
from tests.user_defined import Scale

MODELS: list[tuple[Layer, tuple[int, ...]]] = [
    (Conv2D(1, 2, 3), (8, 8, 1)),
    (Sequential(Conv2D(1, 2, 3), Flatten()), (8, 8, 1)),
    (LSTM(3, 2), (7, 3)),
    (Sequential(Conv1D(3, 4, 3), LSTM(4, 2)), (7, 3)),
]


@pytest.mark.parametrize(("model", "shape"), MODELS)
def test_a_shape_with_the_batch_axis(model: Layer, shape: tuple[int, ...]) -> None:
    for call in (model.summary, model.output_shape):
        with pytest.raises(ShapeError, match=r"one axis too many: if it includes the batch axis, pass x.shape\[1:\]"):
            call((500, *shape))
        call(shape)
    wrong: Any = (None, *shape)
    with pytest.raises(ShapeError, match=r"leave out the batch axis: x.shape\[1:\]$"):
        model.summary(wrong)


def test_unknown_shapes_of_several_inputs_are_no_batch_axis() -> None:
    model = Parallel(Dense(2, 1), Flatten())
    shapes: Any = (None, (2, 3))
    assert [row.shape for row in model.summary(shapes).rows] == [(1,), (6,)]


def test_a_summary_says_what_unknown_shapes_depend_on() -> None:
    model = Sequential(Conv2D(1, 2, 3), Flatten(), Dense(72, 1))
    hint = "? depends on the shape of a sample: call summary(x.shape[1:])"
    assert str(model.summary()).endswith(f"\n{hint}")
    assert hint not in str(model.summary((8, 8, 1)))
    assert hint not in str(Sequential(Dense(2, 1)).summary())
    unknown = str(Sequential(Scale(2)).summary((2,)))  # it does not say, whatever the shape
    assert " ? " in unknown
    assert hint not in unknown


def test_kernel_sizes_are_shown() -> None:
    assert repr(Conv2D(3, 8)) == repr(Conv2D(3, 8, 3)) == "Conv2D(3, 8, 3)"
    assert repr(Conv2D(3, 8, (3, 5), stride=2)) == "Conv2D(3, 8, (3, 5), stride=2)"
    assert repr(Conv1D(3, 8)) == "Conv1D(3, 8, 3)"
    assert repr(DepthwiseConv2D(3, 5)) == "DepthwiseConv2D(3, 5)"
    layers = Conv2D(3, 8), Conv1D(3, 8, 5), ConvTranspose2D(3, 8, 2, stride=2)
    assert all(repr(eval(repr(layer), vars(minidl))) == repr(layer) for layer in layers)


def nothing(x: Any, rng: Any) -> Any:
    return np.where(rng.random(x.shape) < 2, np.nan, x)


def test_an_augmentation_that_returns_nan_is_named() -> None:
    model = Dense(3, 1)
    with pytest.raises(DataError, match=r"^augment returned NaN or infinity, though x has neither$"):
        Trainer(model, MSELoss(), SGD(model.parameters(), 0.1)).fit(np.ones((4, 3)), np.ones((4, 1)), augment=nothing)


def test_an_augmentation_takes_a_seed() -> None:
    x = np.random.default_rng(0).normal(size=(6, 4, 4, 1))
    for function in (flip, shift, noise):
        expected = function(x, np.random.default_rng(3))
        np.testing.assert_array_equal(function(x, 3), expected)
        assert (expected != x).any()
