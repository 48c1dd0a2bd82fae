"""Models of Keras predict the same here, for all layers that both have."""

from collections.abc import Callable
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pytest

from minidl import (
    GRU,
    LSTM,
    RNN,
    Add,
    BatchNorm,
    Bidirectional,
    Branches,
    Concatenate,
    Conv1D,
    Conv2D,
    ConvTranspose2D,
    CrossAttention,
    Dense,
    DepthwiseConv2D,
    Embedding,
    Flatten,
    GlobalAveragePool1D,
    GroupNorm,
    HyperparameterError,
    Identity,
    Layer,
    LayerNorm,
    MaxPool2D,
    PReLU,
    ReLU,
    Residual,
    RMSNorm,
    SelfAttention,
    Sequential,
    ShapeError,
    Standardize,
    StateError,
    Tanh,
)
from minidl.integrations import load_keras
from minidl.typing import Array
from tests.helpers import unchanged
from tests.integrations.packages import real
from tests.user_defined import Scale

keras: Any = real("keras")
L: Any = keras.layers

TOLERANCE = 1e-6
"""Keras computes with float32, and some products even of float64."""


class Case(NamedTuple):
    """Two models that are equal for equal weights, and a batch or its shape."""

    own: Callable[[], Layer]
    other: Callable[[], Any]
    x: tuple[int, ...] | Array
    names: Any = MappingProxyType({})


def chain(shape: tuple[int, ...], *layers: Any, dtype: str = "float32") -> Any:
    return keras.Sequential([keras.Input(shape, dtype=dtype), *layers])


def functional(shape: tuple[int, ...], function: Callable[[Any], Any]) -> Any:
    x = keras.Input(shape)
    return keras.Model(x, function(x))


IDS = np.random.default_rng(0).integers(0, 9, (3, 7))
CASES: dict[str, Case] = {
    "MLP": Case(
        lambda: Sequential(Dense(4, 4), ReLU(), Dense(4, 4), Tanh(), Dense(4, 1)),
        lambda: chain((4,), L.Dense(4, activation="relu"), L.Dense(4, activation="tanh"), L.Dense(1)),
        (6, 4),
    ),
    "CNN with BatchNorm in front of and behind Flatten": Case(
        lambda: Sequential(
            Conv2D(3, 4, (3, 2), padding="same", stride=2),
            BatchNorm(4),
            ReLU(),
            MaxPool2D(2),
            Flatten(),
            BatchNorm(16),
            Dense(16, 2),
        ),
        lambda: chain(
            (8, 8, 3),
            L.Conv2D(4, (3, 2), strides=2, padding="same"),
            L.BatchNormalization(),
            L.ReLU(),
            L.MaxPooling2D(),
            L.Flatten(),
            L.BatchNormalization(scale=False, momentum=0.5),
            L.Dense(2),
        ),
        (6, 8, 8, 3),
    ),
    "LSTM": Case(lambda: Sequential(LSTM(3, 5), Dense(5, 2)), lambda: chain((7, 3), L.LSTM(5), L.Dense(2)), (6, 7, 3)),
    "GRU": Case(
        lambda: Sequential(GRU(3, 5, return_sequences=True), GRU(5, 5)),
        lambda: chain((7, 3), L.GRU(5, return_sequences=True), L.GRU(5, use_bias=False)),
        (6, 7, 3),
    ),
    "embedded ids": Case(
        lambda: Sequential(Embedding(9, 4), RNN(4, 3)),
        lambda: chain((7,), L.Embedding(9, 4), L.SimpleRNN(3), dtype="int32"),
        IDS,
    ),
    "both directions": Case(
        lambda: Sequential(Bidirectional(GRU(3, 5, return_sequences=True)), Bidirectional(LSTM(10, 4))),
        lambda: chain((7, 3), L.Bidirectional(L.GRU(5, return_sequences=True)), L.Bidirectional(L.LSTM(4))),
        (6, 7, 3),
    ),
    "norms": Case(
        lambda: Sequential(
            Conv1D(3, 4, 3, padding="same"), GroupNorm(2, 4), PReLU(4), LayerNorm(4), RMSNorm(4), GlobalAveragePool1D()
        ),
        lambda: chain(
            (7, 3),
            L.Conv1D(4, 3, padding="same"),
            L.GroupNormalization(2),
            L.PReLU(shared_axes=[1]),
            L.LayerNormalization(center=False),
            L.RMSNormalization(),
            L.GlobalAveragePooling1D(),
        ),
        (6, 7, 3),
    ),
    "depthwise and transposed": Case(
        lambda: Sequential(
            DepthwiseConv2D(3, 3, multiplier=2), ConvTranspose2D(6, 4, (3, 2), stride=2, use_bias=False)
        ),
        lambda: chain(
            (7, 6, 3),
            L.DepthwiseConv2D(3, depth_multiplier=2),
            L.Conv2DTranspose(4, (3, 2), strides=2, use_bias=False),
        ),
        (6, 7, 6, 3),
    ),
    "standardized": Case(
        lambda: Sequential(Standardize(4), Dense(4, 1)), lambda: chain((4,), L.Normalization(), L.Dense(1)), (6, 4)
    ),
    "each time step": Case(
        lambda: Sequential(Dense(3, 4), Dense(4, 2)),
        lambda: chain((7, 3), L.TimeDistributed(L.Dense(4)), L.Dense(2)),
        (6, 7, 3),
    ),
    "a model in a model": Case(
        lambda: Sequential(Sequential(Dense(4, 4), Dense(4, 4)), Dense(4, 1)),
        lambda: chain((4,), chain((4,), L.Dense(4), L.Dense(4)), L.Dense(1)),
        (6, 4),
    ),
    "a chain of calls": Case(
        lambda: Sequential(Dense(4, 4), Dense(4, 4)),
        lambda: functional((4,), lambda x: L.Dense(4)(L.Dense(4)(x))),
        (6, 4),
    ),
    "attention": Case(
        lambda: Sequential(Residual(SelfAttention(6, 2)), Dense(6, 2)),
        lambda: functional((5, 6), lambda x: L.Dense(2)(x + L.MultiHeadAttention(2, 3)(x, x))),
        (4, 5, 6),
    ),
    "cross-attention": Case(
        lambda: Sequential(Branches(Identity(), Dense(6, 4)), CrossAttention(6, 2, memory=4, use_bias=False)),
        lambda: functional((5, 6), lambda x: L.MultiHeadAttention(2, 3, use_bias=False)(x, L.Dense(4)(x))),
        (4, 5, 6),
    ),
    "branches, by shape": Case(
        lambda: Sequential(Branches(Dense(4, 3), Dense(4, 2)), Concatenate(), Dense(5, 1)),
        lambda: functional((4,), lambda x: L.Dense(1)(L.Concatenate()([L.Dense(3)(x), L.Dense(2)(x)]))),
        (6, 4),
    ),
    "branches, by name": Case(
        lambda: Sequential(Branches(Dense(4, 3), Sequential(Dense(4, 3), ReLU())), Add()),
        lambda: functional((4,), lambda x: L.Dense(3, activation="relu", name="b")(x) + L.Dense(3, name="a")(x)),
        (6, 4),
        {"0.0": "a", "0.1": "b"},
    ),
}


def shaken(model: Any) -> Any:
    """A model whose weights are all different."""
    rng = np.random.default_rng(0)
    for weight in model.weights:
        value = rng.normal(size=weight.shape)
        if weight.name != "count":
            weight.assign(np.abs(value) + 0.5 if "variance" in weight.path else 0.5 * value)
    return model


@pytest.mark.parametrize("name", CASES)
def test_a_model_of_keras_predicts_the_same_here(name: str) -> None:
    case = CASES[name]
    own, other = case.own(), shaken(case.other())
    load_keras(own, other, names=case.names)
    x = np.random.default_rng(1).normal(size=case.x) if isinstance(case.x, tuple) else case.x
    expected = other(x, training=False).detach().numpy()
    assert np.abs(own.predict(x) - expected).max() <= TOLERANCE * np.abs(expected).max()
    assert np.abs(expected).max() > 0.05


def test_norms_take_over_eps_and_momentum() -> None:
    own: Any = Sequential(BatchNorm(3))
    load_keras(own, chain((3,), L.BatchNormalization(momentum=0.75, epsilon=0.25)))
    assert (own[0].momentum, own[0].eps) == (0.25, 0.25)


def built(layer: Any, shape: tuple[int, ...]) -> Any:
    layer.build((None, *shape))
    return layer


REFUSED: dict[str, tuple[Callable[[], Layer], Callable[[], Any], type[Exception], str]] = {
    "a GRU that resets first": (
        lambda: GRU(3, 4),
        lambda: built(L.GRU(4, reset_after=False), (7, 3)),
        HyperparameterError,
        "reset_after=False",
    ),
    "another activation": (
        lambda: LSTM(3, 4),
        lambda: built(L.LSTM(4, activation="relu"), (7, 3)),
        HyperparameterError,
        "activation='relu'",
    ),
    "a sum of directions": (
        lambda: Bidirectional(LSTM(3, 4)),
        lambda: built(L.Bidirectional(L.LSTM(4), merge_mode="sum"), (7, 3)),
        HyperparameterError,
        "merge_mode='sum'",
    ),
    "another activation backwards": (
        lambda: Bidirectional(LSTM(3, 4)),
        lambda: built(
            L.Bidirectional(L.LSTM(4), backward_layer=L.LSTM(4, activation="relu", go_backwards=True)), (7, 3)
        ),
        HyperparameterError,
        "activation='relu'",
    ),
    "channels first": (
        lambda: Conv2D(3, 4),
        lambda: built(L.Conv2D(4, 3, data_format="channels_first"), (3, 8, 8)),
        HyperparameterError,
        "data_format='channels_first'",
    ),
    "a norm of another axis": (
        lambda: BatchNorm(8),
        lambda: built(L.BatchNormalization(axis=1), (8, 8, 8)),
        HyperparameterError,
        "axis=1",
    ),
    "groups": (
        lambda: GroupNorm(2, 6),
        lambda: built(L.GroupNormalization(3), (5, 6)),
        HyperparameterError,
        "3 groups",
    ),
    "kinds": (
        lambda: Conv2D(3, 2, use_bias=False),
        lambda: built(L.DepthwiseConv2D(3, depth_multiplier=2, use_bias=False), (8, 8, 3)),
        ShapeError,
        "DepthwiseConv2D.* does not fit Conv2D",
    ),
    "shapes": (lambda: Dense(3, 2), lambda: chain((2,), L.Dense(3)), ShapeError, r"kernel \(2, 3\)"),
    "counts": (lambda: Dense(3, 2), lambda: chain((2,), L.Dense(3), L.Dense(2)), StateError, "1 layers .* 2"),
    "not built": (lambda: Dense(3, 2), lambda: keras.Sequential([L.Dense(2)]), StateError, "has no weights yet"),
    "a user's layer": (
        lambda: Scale(3),
        lambda: chain((2,), L.Dense(3)),
        StateError,
        "no counterpart in Keras",
    ),
    "two ways": (
        lambda: Sequential(Branches(Dense(4, 3), Dense(4, 3)), Add()),
        lambda: shaken(functional((4,), lambda x: L.Dense(3)(x) + L.Dense(3)(x))),
        StateError,
        "pass names=",
    ),
    "swapped arguments": (lambda: Dense(1, 1), lambda: Dense(1, 1), TypeError, "and then a Keras model"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_after_an_error_nothing_has_changed(name: str) -> None:
    make, other, error, message = REFUSED[name]
    own = make()
    with unchanged(own), pytest.raises(error, match=message):
        load_keras(own, other())
