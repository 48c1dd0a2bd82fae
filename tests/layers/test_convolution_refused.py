"""Arguments, samples and gradients that convolutions refuse."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from minidl import (
    Conv1D,
    Conv2D,
    ConvTranspose2D,
    DepthwiseConv2D,
    HyperparameterError,
    Layer,
    Sequential,
    ShapeError,
    StateError,
)
from tests.helpers import unchanged


@pytest.mark.parametrize("wrong", [0, 2.5, "2", None, (1, 2, 3), (0, 1)])
@pytest.mark.parametrize("name", ["kernel_size", "stride", "dilation"])
def test_sizes_out_of_range(name: str, wrong: Any) -> None:
    with pytest.raises(
        HyperparameterError, match=rf"^Conv2D: {name} must be an integer, at least 1, or a tuple of 2, got"
    ):
        Conv2D(1, 1, **{name: wrong})
    with pytest.raises(HyperparameterError, match=rf"^DepthwiseConv2D: {name} must be"):
        DepthwiseConv2D(1, **{"kernel_size": 2, name: wrong})
    with pytest.raises(HyperparameterError, match=rf"^ConvTranspose2D: {name} must be"):
        ConvTranspose2D(1, 1, **{"kernel_size": 2, name: wrong})


def test_other_arguments_out_of_range() -> None:
    with pytest.raises(HyperparameterError, match="Conv2D: channels must be a positive integer, got 0"):
        Conv2D(0, 1)
    with pytest.raises(HyperparameterError, match="Conv1D: filters must be a positive integer, got 0"):
        Conv1D(1, 0)
    with pytest.raises(HyperparameterError, match="ConvTranspose2D: filters must be a positive integer, got 0"):
        ConvTranspose2D(1, 0, 2)
    with pytest.raises(HyperparameterError, match="DepthwiseConv2D: multiplier must be a positive integer, got 0"):
        DepthwiseConv2D(1, 2, multiplier=0)
    with pytest.raises(HyperparameterError, match="Conv2D: padding must be an integer, at least 0, or a tuple of 2"):
        Conv2D(1, 1, padding=-1)
    with pytest.raises(HyperparameterError, match="Conv1D: stride must be an integer, at least 1, or a tuple of 1"):
        Conv1D(1, 1, stride=(1, 2))
    with pytest.raises(HyperparameterError, match="Conv2D: initializer must be a function such as"):
        Conv2D(1, 1, initializer="he_normal")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("output_padding", "padding"), [(2, 0), ((0, 2), 0), (1, "same"), ((2, 1), 1), ((1, 0), "same")]
)
def test_output_padding_out_of_range(output_padding: Any, padding: Any) -> None:
    with pytest.raises(HyperparameterError, match="output_padding must be less than the stride, and 0 with"):
        ConvTranspose2D(1, 1, 3, stride=2, padding=padding, output_padding=output_padding)


def test_a_kernel_larger_than_its_input() -> None:
    message = r"Conv2D\(1, 1, 5\) cannot take samples of shape \(6, 4, 1\): a window that reaches over 5 does"
    with pytest.raises(ShapeError, match=message + r' not fit into 4 with 0 of padding; use .*padding="same"'):
        Conv2D(1, 1, 5)(np.ones((2, 6, 4, 1)))
    with pytest.raises(ShapeError, match="reaches over 7 does not fit into 4 with 2 of padding"):
        Conv2D(1, 1, 3, dilation=3, padding=1)(np.ones((2, 7, 4, 1)))
    with pytest.raises(ShapeError, match="does not fit"):
        Sequential(Conv2D(1, 2), Conv2D(2, 1))(np.ones((1, 4, 4, 1)))
    for shape in ((1, 3, 3, 1), (1, 3, 6, 1), (1, 6, 3, 1)):
        with pytest.raises(ShapeError, match="leaves nothing of samples of shape"):
            ConvTranspose2D(1, 1, 2, stride=1, padding=2)(np.ones(shape))


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (
            Conv2D(3, 2),
            (2, 8, 8, 1),
            r"\(height, width, 3\), got \(8, 8, 1\); channels, the first argument, must be 1$",
        ),
        (
            Conv2D(8, 1, 3),
            (2, 28, 28, 1),
            r"\(height, width, 8\), got \(28, 28, 1\); channels, .*, must be 1; were channels and filters swapped\?",
        ),
        (
            Conv2D(3, 1),
            (2, 3, 8, 8),
            r"\(height, width, 3\), got \(3, 8, 8\); the channels come last, as in np.moveaxis\(x, 1, -1\)$",
        ),
        (Conv2D(1, 8), (2, 1, 28, 28), r"got \(1, 28, 28\); the channels come last, as in np.moveaxis\(x, 1, -1\)$"),
        (Conv2D(1, 8), (2, 28, 28), r"got \(28, 28\); is the axis of the channels missing, as in x\[..., None\]\?$"),
        (Conv2D(1, 8), (28, 28, 1), r"got \(28, 1\); is the axis of the batch missing, as in x\[None\]\?$"),
        (Conv2D(3, 8), (28, 28, 3), r"got \(28, 3\); is the axis of the batch missing, as in x\[None\]\?$"),
        (Conv1D(1, 8), (2, 28), r"got \(28,\); is the axis of the channels missing, as in x\[..., None\]\?$"),
        (
            Conv2D(3, 1),
            (2, 8, 8),
            r"got \(8, 8\); .* batch or the channels missing, as in x\[None\] or x\[..., None\]\?$",
        ),
        (Conv2D(3, 1), (2, 8), r"got \(8,\); change one of the two"),
        (Conv2D(3, 1), (2, 3), r"got \(3,\); change one of the two"),
        (Conv1D(3, 1), (2, 8, 8, 3), r"\(time, 3\), got \(8, 8, 3\); that is one axis too many"),
        (DepthwiseConv2D(3, 2), (2, 8, 8, 1), r"\(height, width, 3\), got \(8, 8, 1\); channels"),
        (ConvTranspose2D(3, 1, 2), (2, 8, 8, 1), r"\(height, width, 3\), got \(8, 8, 1\); channels"),
    ],
)
def test_samples_of_another_shape(layer: Layer, shape: tuple[int, ...], message: str) -> None:
    for call in (layer, layer.forward):
        with pytest.raises(ShapeError, match=message):
            call(np.ones(shape))
    assert layer.output_shape(None) is None


@pytest.mark.parametrize("layer", [Conv2D(1, 1), Conv1D(1, 1), ConvTranspose2D(1, 1, 2), DepthwiseConv2D(1, 2)])
def test_backward_before_forward(layer: Layer) -> None:
    for call in (layer.backward, layer.backward_parameters):
        with pytest.raises(StateError, match="backward before forward"):
            call(np.ones((1, 1, 1, 1)))


@pytest.mark.parametrize("layer", [Conv2D(1, 1), Conv1D(1, 1), ConvTranspose2D(1, 1, 2), DepthwiseConv2D(1, 2)])
def test_a_convolution_needs_more_than_one_time_step(layer: Layer) -> None:
    with pytest.raises(StateError, match="needs other time steps as well as this one"):
        layer.step(np.ones((1, 4, 4, 1)))


@pytest.mark.parametrize("shape", [(3, 6, 6, 2), (2, 5, 6, 2), (2, 6, 6, 1), (2, 6, 6)])
def test_a_gradient_of_another_shape_changes_nothing(shape: tuple[int, ...]) -> None:
    layer = Conv2D(1, 2, padding=1, rng=0)
    layer(np.ones((2, 6, 6, 1)))
    for call in (layer.backward, layer.backward_parameters):
        with unchanged(layer), pytest.raises(ValueError, match=r"shape|size|mismatch|broadcast"):
            call(np.ones(shape))


@pytest.mark.parametrize("make", [partial(Conv2D, 1, 1), partial(ConvTranspose2D, 1, 1, 2)])
def test_flags_and_seeds_are_checked(make: Callable[..., Layer]) -> None:
    with pytest.raises(HyperparameterError, match=r"use_bias must be True or False, got 'no'"):
        make(use_bias="no")
    with pytest.raises(HyperparameterError, match=r"'3'"):
        make(rng="3")
