"""One time step at a time: stepping through a sequence returns what forward returns for the whole of it."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given

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
    DataError,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePool1D,
    GlobalAveragePool2D,
    GroupNorm,
    Identity,
    Layer,
    MaxPool2D,
    Module,
    Multiply,
    Parallel,
    Parameter,
    Reshape,
    Residual,
    SelfAttention,
    Sequential,
    ShapeError,
    Siamese,
    StateError,
    Tanh,
    Tied,
)
from minidl.batch import arrays_in, mapped
from minidl.modules import training_as
from minidl.typing import Array, Batch
from tests.helpers import bits, bits_of, randomise
from tests.tables import LAYERS, LayerCase, batches, seeds, widths
from tests.user_defined import Doubled, MaskedMean, Scale, Scaled, Skip

RNG = np.random.default_rng(0)
SEQUENCES = RNG.normal(size=(3, 4, 2))
FEW = 3


def sequence(case: LayerCase, layer: Layer, rng: np.random.Generator, batch: int, width: int) -> Batch:
    """Sequences for a layer of the table, without a mask, or None if it takes no sequences."""
    x = case.draw(rng, batch, width)
    if layer.takes_mask and not layer.takes_tuple and isinstance(x, tuple):
        x = x[0]
    shapes = {array.ndim for array in arrays_in(x)}
    if shapes == {3} or (shapes == {2} and layer.takes_integers and not layer.takes_tuple):
        return x
    if not layer.takes_leading_axes:
        return None
    return mapped(lambda *steps: np.stack(steps, axis=1), x, *(case.draw(rng, batch, width) for _ in range(FEW - 1)))


def layers_in(layer: Layer) -> list[Layer]:
    return [module for _, module in layer.modules() if isinstance(module, Layer)]


CASES = [case for case in LAYERS if sequence(case, case.make(2), np.random.default_rng(0), 2, 2) is not None]


def steps_of(x: Batch) -> list[Batch]:
    return [mapped(lambda array: array[:, t], x) for t in range(arrays_in(x)[0].shape[1])]  # noqa: B023


def stepped(layer: Layer, x: Batch) -> Batch:
    """The outputs of all time steps, stacked."""
    state, outputs = None, []
    for each in steps_of(x):
        y, state = layer.step(each, state)
        outputs.append(y)
    return mapped(lambda *ys: np.stack(ys, axis=1), *outputs)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
@given(seeds, batches, widths)
def test_steps_are_forward(case: LayerCase, seed: int, batch: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    layer = case.make(width)
    randomise(layer, rng)
    x = sequence(case, layer, rng, batch, width)
    assert x is not None
    with training_as(False):
        expected = layer.forward(x)
    try:
        found = stepped(layer, x)
    except StateError:
        assert any(module.mixes_steps or type(module) is Scaled for module in layers_in(layer))
        return
    for y, whole in zip(arrays_in(found), arrays_in(expected), strict=True):
        # Without sequences, forward returns the last output alone.
        np.testing.assert_allclose(y if y.ndim == whole.ndim else y[:, -1], whole, rtol=1e-12, atol=1e-12)


def recurrent() -> Sequential:
    inner = Residual(GRU(4, 4, return_sequences=True), Dropout(rng=0))
    both = Branches(RNN(4, 3, return_sequences=True), Sequential(BatchNorm(4), LSTM(4, 2, return_sequences=True)))
    return Sequential(Embedding(7, 4), inner, both, Concatenate(), Dense(5, 7), rng=1)


STEPPING: list[tuple[Layer, Batch]] = [
    (recurrent(), RNG.integers(0, 7, (3, 6))),
    (Tied(Embedding(7, 4), LSTM(4, 4, return_sequences=True), rng=0), RNG.integers(0, 7, (3, 6))),
    (Sequential(Parallel(GRU(2, 3, return_sequences=True), Identity()), Concatenate(), rng=0), (SEQUENCES, SEQUENCES)),
    (Sequential(Siamese(RNN(2, 3, return_sequences=True)), Multiply(), rng=0), (SEQUENCES, SEQUENCES[:3] + 1)),
    (Sequential(Siamese(Sequential(LSTM(2, 3, return_sequences=True))), Add(), rng=0), (SEQUENCES, SEQUENCES - 1)),
    (LSTM(2, 3, return_sequences=True, rng=0).astype(np.float32), SEQUENCES.astype(np.float32)),
    (Skip(Sequential(Dense(2, 3, rng=0), Tanh(), Dense(3, 2, rng=0))), SEQUENCES),
    (Scale(2), SEQUENCES),
    (Doubled(2, 3), SEQUENCES),
]


@pytest.mark.parametrize(("layer", "x"), STEPPING)
def test_models_step(layer: Layer, x: Batch) -> None:
    y, expected = stepped(layer, x), layer.predict(x)
    assert y.dtype == expected.dtype
    np.testing.assert_allclose(y, expected, rtol=1e-12 if y.dtype == np.float64 else 1e-5, atol=1e-6)


@pytest.mark.parametrize(("layer", "x"), STEPPING)
def test_a_step_changes_neither_the_layer_nor_a_state(layer: Layer, x: Batch) -> None:
    first, second, *_ = steps_of(x)
    kept = bits_of(layer)
    y, state = layer.step(first)
    y[...] = np.nan  # what is handed out belongs to the caller
    one, after = layer.step(second, state)
    layer.step(first, state)
    layer.step(second, after)
    other, _ = layer.step(second, state)
    assert bits(one) == bits(other)
    assert bits_of(layer) == kept
    assert all(module.training for _, module in layer.modules())


class Shifted(Layer):
    """A layer with a parameter and a layer inside."""

    def __init__(self) -> None:
        self.shift = Parameter([1.0, 2.0])
        self.inner = Dense(2, 2, rng=0)

    def forward(self, x: Array) -> Array:
        return self.inner.forward(x) + self.shift.value

    def backward(self, grad: Array) -> Array:
        self.shift.grad = grad.sum(axis=(0, 1))
        return self.inner.backward(grad)


class Held(Layer):
    """A layer inside a list, a tuple or a dict."""

    def __init__(self, kind: type) -> None:
        inner = Dense(2, 2, rng=0)
        self.held: Any = {"inner": inner} if kind is dict else kind([inner])

    @property
    def inner(self) -> Dense:
        dense: Dense = next(iter(self.held.values() if isinstance(self.held, dict) else self.held))
        return dense

    def forward(self, x: Array) -> Array:
        return self.inner.forward(x)

    def backward(self, grad: Array) -> Array:
        return self.inner.backward(grad)


class Found(Held):
    """A layer inside a set, which only children() of its own finds."""

    def children(self) -> Iterator[tuple[str, Module | Parameter]]:
        yield "inner", self.inner


def test_what_backward_needs_survives_a_step() -> None:
    """In layers of every kind, those a user has written included."""
    held = Held(list), Held(tuple), Held(dict), Found(set)
    for layer in (
        *(Dense(2, 3, rng=0), Shifted(), Skip(Dense(2, 2, rng=0)), Sequential(Tanh(), LSTM(2, 3, rng=0))),
        *held,
    ):
        layer.forward(SEQUENCES)
        grad = np.ones_like(layer.forward(SEQUENCES))
        expected = bits(layer.backward(grad)), bits_of(layer)
        layer.step(SEQUENCES[:, 0] + 1)
        assert (bits(layer.backward(grad)), bits_of(layer)) == expected
    fresh = Sequential(Dense(2, 3), Skip(Tanh()))
    fresh.step(SEQUENCES[:, 0])
    with pytest.raises(StateError, match="backward before forward"):
        fresh.backward(np.ones((3, 3)))


def test_a_step_is_evaluation() -> None:
    layer = Sequential(BatchNorm(2), Dropout(rng=0), Skip(Dropout(rng=0)))
    layer.forward(SEQUENCES)
    before = bits_of(layer)
    expected = layer.predict(SEQUENCES[:, 0])
    y, _ = layer.step(SEQUENCES[:, 0])
    np.testing.assert_array_equal(y, expected)
    assert bits_of(layer) == before


MIXING: list[Layer] = [
    Flatten(),
    Reshape(-1),
    Conv1D(2, 2),
    MaxPool2D(),
    GlobalAveragePool1D(),
    GlobalAveragePool2D(),
    GroupNorm(1, 2),
    Concatenate(1),
    Bidirectional(LSTM(2, 3)),
    MaskedMean(),
    Sequential(Tanh(), Flatten()),
    Residual(Bidirectional(RNN(2, 1, return_sequences=True))),
]


@pytest.mark.parametrize("layer", MIXING, ids=repr)
def test_what_needs_a_whole_sequence_does_not_step(layer: Layer) -> None:
    x: Any = (SEQUENCES[:, 0],) * 2 if layer.takes_tuple else SEQUENCES[:, 0]
    with pytest.raises(StateError, match="needs other time steps as well as this one, so it has no step: call forward"):
        layer.step(x)


class Failing(Layer):
    """A layer that fails."""

    def step(self, x: Array, state: Any = None) -> tuple[Array, Any]:
        raise KeyError


def test_errors_say_where() -> None:
    model = Sequential(Dense(2, 3), Branches(Tanh(), Failing()), Concatenate())
    with pytest.raises(KeyError) as caught:
        model.step(SEQUENCES[:, 0])
    assert [note.partition(",")[0] for note in caught.value.__notes__] == ["layer 1", "layer 1"]
    assert "Failing(), step of a batch (3, 3), float64" in caught.value.__notes__[0]
    with pytest.raises(DataError, match=r"step takes one time step, .* without a mask, got a tuple of 2"):
        model.step((SEQUENCES[:, 0], SEQUENCES[:, 0]))
    with pytest.raises(DataError, match="takes 2 inputs, one for each layer, got 1"):
        Parallel(Tanh(), Tanh()).step((SEQUENCES[:, 0],))


def test_a_state_of_another_model_is_refused() -> None:
    model = Sequential(Dense(2, 3), LSTM(3, 2))
    _, state = model.step(SEQUENCES[:, 0])
    with pytest.raises(StateError, match=r"a state for each of its 3 layers, got 2 states; pass what step returned"):
        Sequential(Dense(2, 3), Tanh(), LSTM(3, 2)).step(SEQUENCES[:, 0], state)
    with pytest.raises(StateError, match="a state for each of its 1 layers, got one of type ndarray"):
        Branches(LSTM(2, 2)).step(SEQUENCES[:, 0], state[1])


def test_several_continuations_begin_with_one_state() -> None:
    model = Sequential(LSTM(2, 3, return_sequences=True), GRU(3, 2), rng=0)
    _, state = model.step(SEQUENCES[:, 0])
    for last in (SEQUENCES[:, 1], SEQUENCES[:, 2]):
        y, _ = model.step(last, state)
        np.testing.assert_allclose(y, model(np.stack([SEQUENCES[:, 0], last], axis=1)), rtol=1e-12)


@pytest.mark.parametrize("layer", [LSTM(3, 4), GRU(3, 4), RNN(3, 4), SelfAttention(3, 1, causal=True)], ids=repr)
@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 1), (3, 2)])
def test_a_state_of_another_number_of_sequences_is_refused(layer: Layer, before: int, after: int) -> None:
    _, state = layer.step(np.ones((before, 3)))
    with pytest.raises(ShapeError, match=f"the state is one of {before} sequences, but x has {after};"):
        layer.step(np.ones((after, 3)), state)
    layer.step(np.ones((before, 3)), state)
