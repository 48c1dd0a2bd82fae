"""Layers whose steps do not return what forward returns are found, and layers that step rightly pass."""

from typing import Any

import numpy as np
import pytest

from minidl import GRU, LSTM, ContractError, Dense, Embedding, Layer, SelfAttention, Sequential
from minidl.checking import check_layer
from minidl.typing import Array

X = np.random.default_rng(0).normal(size=(4, 5, 3))
IDS = np.random.default_rng(0).integers(0, 5, (4, 6))


class Sums(Layer):
    """``yₜ = Σ xₛ`` over all time steps s ≤ t. It does not say that it mixes them."""

    def forward(self, x: Array) -> Array:
        return np.cumsum(x, axis=1)

    def backward(self, grad: Array) -> Array:
        return np.cumsum(grad[:, ::-1], axis=1)[:, ::-1]


class Mean(Layer):
    """``y = mean xₜ`` over the time steps."""

    length = 0

    def forward(self, x: Array) -> Array:
        self.length = x.shape[1]
        return np.asarray(x.mean(axis=1))

    def backward(self, grad: Array) -> Array:
        return np.repeat(grad[:, None] / self.length, self.length, axis=1)


class Forgets(Sums):
    """Its step begins again each time."""

    mixes_steps = True

    def step(self, x: Array, state: Any = None) -> tuple[Array, Any]:
        return x, None


class Remembers(Sums):
    mixes_steps = True

    def step(self, x: Array, state: Any = None) -> tuple[Array, Any]:
        y = x if state is None else state + x
        return y, y


class Says(Sums):
    mixes_steps = True


class Vectors(Layer):
    """Counts ids up, which no vector of a single id shows."""

    takes_integers = True

    def __init__(self, layer: Layer) -> None:
        self.layer = layer

    def forward(self, x: Array) -> Array:
        return self.layer.forward(np.cumsum(x, axis=-1) % 5)

    def backward(self, grad: Array) -> Array:
        self.layer.backward(grad)
        return np.zeros(grad.shape[:2], grad.dtype)


@pytest.mark.parametrize(("layer", "x"), [(Sums(), X), (Mean(), X), (Forgets(), X), (Vectors(Embedding(5, 2)), IDS)])
def test_a_step_that_is_not_forward_is_found(layer: Layer, x: Array) -> None:
    with pytest.raises(ContractError, match=r"step returns something else .* set mixes_steps = True in the class"):
        check_layer(layer, x)
    if layer.takes_integers or isinstance(layer, Mean):
        return
    with pytest.raises(ContractError, match="step returns something else"):
        check_layer(Sequential(Dense(3, 3, rng=0), layer), x)


RIGHT: list[tuple[Layer, Array]] = [
    (Remembers(), X),
    (Says(), X),
    (Sums(), X[:, 0]),  # not sequences
    (Sums(), X[..., None]),
    (LSTM(3, 2, rng=0), X),
    (GRU(3, 2, return_sequences=True, rng=0), X),
    (SelfAttention(3, 1, causal=True, rng=0), X),
    (Sequential(Embedding(5, 2), LSTM(2, 2), rng=0), IDS),
]


@pytest.mark.parametrize(("layer", "x"), RIGHT, ids=lambda value: repr(value) if isinstance(value, Layer) else "")
def test_layers_that_step_rightly_pass(layer: Layer, x: Array) -> None:
    check_layer(layer, x)
