"""Badly conditioned layers pass in float32, and wrong results are found."""

import numpy as np
import pytest

from minidl import Dense, Layer, LayerNorm, Sequential
from minidl.checking import check_layer
from minidl.errors import ContractError
from minidl.typing import Array

X = np.random.default_rng(0).normal(size=(6, 3))


class Sine(Layer):
    """``y = sin(c x)``."""

    def __init__(self, c: float, wrong: float = 0.0) -> None:
        self.c, self.wrong = c, wrong

    def forward(self, x: Array) -> Array:
        self.x = x
        single = self.wrong if x.dtype == np.float32 else 0.0
        y: Array = np.sin(x.dtype.type(self.c) * x) + x.dtype.type(single)
        return y

    def backward(self, grad: Array) -> Array:
        c = grad.dtype.type(self.c)
        dx: Array = grad * c * np.cos(c * self.x)
        return dx


class SteepSoftmax(Layer):
    """Softmax of 100 x."""

    def forward(self, x: Array) -> Array:
        e = np.exp(100 * (x - x.max(axis=-1, keepdims=True)))
        y: Array = e / e.sum(axis=-1, keepdims=True)
        self.y = y
        return y

    def backward(self, grad: Array) -> Array:
        dx: Array = 100 * self.y * (grad - (grad * self.y).sum(axis=-1, keepdims=True))
        return dx


@pytest.mark.parametrize("layer", [Sine(1e2), Sine(1e4), SteepSoftmax(), Sequential(Dense(3, 3, rng=0), Sine(1e4))])
def test_badly_conditioned_layers_pass_in_float32(layer: Layer) -> None:
    check_layer(layer, X)


@pytest.mark.parametrize("size", [0.1, 1.0, 100.0])
@pytest.mark.parametrize("seed", range(5))
def test_gradients_of_terms_that_cancel_pass_in_float32(size: float, seed: int) -> None:
    """Of two features, LayerNorm returns ±1 whatever they are, so dL/dx is almost 0."""
    check_layer(LayerNorm(2), size * np.random.default_rng(seed).normal(size=(4, 2)))


@pytest.mark.parametrize("wrong", [1e-3, 0.1])
def test_a_wrong_float32_result_is_found(wrong: float) -> None:
    with pytest.raises(ContractError, match="a float32 batch has another result"):
        check_layer(Sine(1.0, wrong), X)
