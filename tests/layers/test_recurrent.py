"""Recurrent layers: what they compute, masks, initial values, and both directions."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minidl import (
    GRU,
    LSTM,
    RNN,
    Adam,
    BCEWithLogitsLoss,
    Bidirectional,
    Dense,
    HyperparameterError,
    Layer,
    Sequential,
    ShapeError,
    StateError,
    Tanh,
    Trainer,
)
from minidl.layers.recurrence import Recurrent
from minidl.typing import Array
from tests.helpers import bits, bits_of, randomise

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 6, 3))
MASK = np.array([[1, 1, 1, 1, 1, 1], [1, 1, 1, 0, 0, 0], [0, 0, 1, 1, 1, 1], [0, 1, 0, 0, 1, 0]], bool)
KINDS: list[type[Recurrent]] = [RNN, LSTM, GRU]

every_kind = pytest.mark.parametrize("kind", KINDS)


def made(kind: type[Recurrent], *, every: bool = False) -> Recurrent:
    layer = kind(3, 5, return_sequences=every)
    randomise(layer, np.random.default_rng(1))
    return layer


def sigma(a: Array) -> Array:
    y: Array = 1 / (1 + np.exp(-a))
    return y


def by_hand(layer: Recurrent, x: Array) -> Array:
    """Every h of one sequence (t, inputs), by the formulas of the literature."""
    W, U, b = (np.split(p.value, p.value.shape[-1] // 5, axis=-1) for _, p in layer.named_parameters())
    h, c, hs = np.zeros(5), np.zeros(5), []
    for each in x:
        if isinstance(layer, GRU):
            r, z = (sigma(each @ W[k] + h @ U[k] + b[k]) for k in (0, 1))
            n = np.tanh(each @ W[2] + b[2] + r * (h @ U[2] + b[3]))
            h = (1 - z) * n + z * h
        elif isinstance(layer, LSTM):
            i, f, g, o = (each @ W[k] + h @ U[k] + b[k] for k in range(4))
            c = sigma(f) * c + sigma(i) * np.tanh(g)
            h = sigma(o) * np.tanh(c)
        else:
            h = np.tanh(each @ W[0] + h @ U[0] + b[0])
        hs.append(h)
    return np.array(hs)


@every_kind
def test_formulas(kind: type[Recurrent]) -> None:
    every, last = made(kind, every=True), made(kind)
    expected = np.array([by_hand(every, x) for x in X])
    np.testing.assert_allclose(every(X), expected, rtol=1e-12)
    np.testing.assert_allclose(last(X), expected[:, -1], rtol=1e-12)


@every_kind
def test_a_mask_takes_time_steps_out(kind: type[Recurrent]) -> None:
    layer, last = made(kind, every=True), made(kind)
    y, ends = layer((X, MASK)), last((X, MASK))
    for row, (x, mask) in enumerate(zip(X, MASK, strict=True)):
        expected = by_hand(layer, x[mask])
        np.testing.assert_allclose(y[row, mask], expected, rtol=1e-12)
        np.testing.assert_allclose(ends[row], expected[-1], rtol=1e-12)
        for t in np.flatnonzero(~mask):  # the output before, or the state at the beginning
            np.testing.assert_array_equal(y[row, t], y[row, t - 1] if t > 0 else np.zeros(5))


@every_kind
@pytest.mark.parametrize("every", [False, True])
def test_gradients_of_masked_sequences_are_those_of_shorter_ones(kind: type[Recurrent], every: bool) -> None:
    layer = made(kind, every=every)
    grad = np.asarray(np.random.default_rng(2).normal(size=layer((X, MASK)).shape))
    if every:
        grad *= MASK[..., None]
    dx, none = layer.backward(grad)
    total, found = np.zeros(layer.parameters().size), layer.parameters().grad.copy()
    assert not none.any()
    assert not dx[~MASK].any()
    for row, mask in enumerate(MASK):
        y = layer(X[row : row + 1, mask])
        own = layer.backward(grad[row : row + 1, mask] if every else grad[row : row + 1])
        assert y.shape[0] == 1
        np.testing.assert_allclose(dx[row, mask], own[0], rtol=1e-11, atol=1e-14)
        total += layer.parameters().grad
    np.testing.assert_allclose(found, total, rtol=1e-11, atol=1e-13)


BOTH: list[Callable[[bool], Layer]] = [
    *(lambda every, kind=kind: made(kind, every=every) for kind in KINDS),
    lambda every: Bidirectional(made(LSTM, every=every), made(GRU, every=every)),
    lambda every: Sequential(made(GRU, every=True), Tanh(), LSTM(5, 2, return_sequences=every, rng=0)),
]


@pytest.mark.parametrize("make", BOTH)
@pytest.mark.parametrize("every", [False, True])
def test_what_is_masked_cannot_leak(make: Callable[[bool], Layer], every: bool) -> None:
    layer = make(every)
    results = []
    for wrong in (0.0, 1e300, np.inf, np.nan):
        y = layer.forward((np.where(MASK[..., None], X, wrong), MASK))  # type: ignore[arg-type]
        grad = np.asarray(np.random.default_rng(3).normal(size=y.shape))
        results.append(bits(y, layer.backward(grad)) + bits_of(layer))
    assert results[0] == results[1] == results[2] == results[3]
    assert np.isfinite(layer.parameters().grad).all()


@pytest.mark.parametrize("make", BOTH[:4])
def test_without_any_data_output_and_gradient_are_0(make: Callable[[bool], Layer]) -> None:
    for every in (False, True):
        layer = make(every)
        y = layer((X, np.zeros_like(MASK)))
        assert not y.any()
        assert not layer.backward(np.ones_like(y))[0].any()
        assert not layer.parameters().grad.any()
        plain = layer(X)
        np.testing.assert_array_equal(plain, layer((X, np.ones_like(MASK))))
        assert layer(X).shape == plain.shape
        assert layer.backward(np.ones_like(plain)).shape == X.shape


@every_kind
def test_large_numbers_saturate(kind: type[Recurrent]) -> None:
    for dtype in (np.float64, np.float32):
        layer = made(kind).astype(dtype)
        y = layer((1e6 * X).astype(dtype))
        assert np.isfinite(layer.backward(np.ones_like(y))).all()
        assert (np.abs(y) <= 1).all()


@every_kind
def test_initial_values(kind: type[Recurrent]) -> None:
    layer = kind(300, 200, rng=0)
    for gate in np.split(layer.weight.value, layer.gates, axis=1):
        assert abs(gate.var() * (300 + 200) / 2 - 1) < 0.02
    for gate in np.split(layer.recurrent_weight.value, layer.gates, axis=1):
        np.testing.assert_allclose(gate.T @ gate, np.eye(200), atol=1e-12)
    drawn = [block for name in ("weight", "recurrent_weight") for block in np.split(vars(layer)[name].value, 200, 1)]
    assert len({block.tobytes() for block in drawn}) == len(drawn)
    expected = np.zeros(layer.bias.size)
    if kind is LSTM:
        expected[200:400] = 1
    np.testing.assert_array_equal(layer.bias.value, expected)
    other = kind(3, 2)
    other.parameters().value = np.ones(other.parameters().size)
    again = Sequential(other, rng=5).parameters().value  # everything is drawn again, and b begins again
    np.testing.assert_array_equal(again, kind(3, 2, rng=5).parameters().value)


@every_kind
def test_copies_drop_the_data(kind: type[Recurrent]) -> None:
    layer = made(kind)
    layer((X, MASK))
    fresh = vars(made(kind)).keys()
    assert vars(layer).keys() > fresh
    assert vars(copy.deepcopy(layer)).keys() == fresh


def test_the_forget_bias_is_drawn_and_never_added() -> None:
    layer = LSTM(3, 2, rng=0)
    layer.bias.value = np.arange(8.0)
    other = LSTM(3, 2)
    other.load_state(layer.state())
    np.testing.assert_array_equal(other.bias.value, np.arange(8.0))


@every_kind
def test_shapes(kind: type[Recurrent]) -> None:
    layer, every = kind(3, 5), kind(3, 5, return_sequences=True)
    assert (layer.output_shape((6, 3)), layer.output_shape(None)) == ((5,), (5,))
    assert (every.output_shape((6, 3)), every.output_shape(None)) == ((6, 5), None)
    name = kind.__name__
    for wrong in ((4, 3), (4, 6, 2), (4, 6, 6, 3)):
        with pytest.raises(ShapeError, match=rf"^{name}\(3, 5\) takes sequences, samples of shape \(t, 3\), got \("):
            layer(np.ones(wrong))
    with pytest.raises(ShapeError, match=r"Dense\(4, 1\) takes samples of shape \(4,\), got \(5,\)"):
        Sequential(kind(3, 5), Dense(4, 1))
    with pytest.raises(ShapeError, match=r"the mask of x must have shape \(n, t\)"):
        layer((X, MASK[:, :5]))
    rows = Sequential(every, kind(5, 2), Dense(2, 1)).summary((6, 3)).rows
    assert [row.shape for row in rows] == [(6, 5), (2,), (1,)]


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"inputs": 0}, "inputs must be a positive integer, got 0"),
    ({"units": 2.5}, "units must be a positive integer, got 2.5"),
    ({"return_sequences": "no"}, "return_sequences must be True or False, got 'no'"),
    ({"rng": -1}, "rng must be None, an integer of at least 0"),
]


@every_kind
@pytest.mark.parametrize(("wrong", "words"), WRONG)
def test_wrong_arguments(kind: type[Recurrent], wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(HyperparameterError, match=words):
        kind(**{"inputs": 3, "units": 2, **wrong})


@pytest.mark.parametrize("mask", [None, MASK])
def test_bidirectional_reads_from_both_ends(mask: Array | None) -> None:
    for every in (True, False):
        ahead, back = made(LSTM, every=every), made(GRU, every=every)
        y = Bidirectional(ahead, back)(X if mask is None else (X, mask))
        assert y.shape == ((4, 6, 10) if every else (4, 10))
        for row, x in enumerate(X):
            kept = slice(None) if mask is None else mask[row]
            one, other = by_hand(ahead, x[kept]), by_hand(back, x[kept][::-1])[::-1]
            # The last step that b processes is the first one.
            expected = np.hstack([one, other]) if every else np.append(one[-1], other[0])
            np.testing.assert_allclose(y[row, kept] if every else y[row], expected, rtol=1e-12)


def test_bidirectional_copies_and_draws_again() -> None:
    layer = LSTM(3, 2, rng=0)
    before = bits_of(layer)
    model = Bidirectional(layer, rng=4)
    assert bits_of(layer) == before
    assert model.layer is layer
    np.testing.assert_array_equal(model.backward_layer.parameters().value, LSTM(3, 2, rng=4).parameters().value)
    assert list(model.parameters().names) == [
        f"{side}.{name}" for side in ("layer", "backward_layer") for name in ("weight", "recurrent_weight", "bias")
    ]
    assert Bidirectional(LSTM(3, 2), GRU(3, 4)).output_shape((7, 3)) == (6,)
    assert Bidirectional(RNN(3, 2, return_sequences=True)).output_shape((7, 3)) == (7, 4)
    assert Bidirectional(RNN(3, 2, return_sequences=True)).output_shape(None) is None


def test_bidirectional_without_dx() -> None:
    model = Bidirectional(LSTM(3, 2), GRU(3, 4), rng=0)
    y = model((X, MASK))
    model.backward(np.ones_like(y))
    expected = bits_of(model)
    model.parameters().grad = np.full(model.parameters().size, np.nan)
    model.backward_parameters(np.ones_like(y))
    assert bits_of(model) == expected
    assert "mask" not in vars(copy.deepcopy(model))


def test_bidirectional_refuses() -> None:
    layer = LSTM(3, 2)
    with pytest.raises(TypeError, match="Bidirectional: layer must be of type Recurrent, got Dense"):
        Bidirectional(Dense(3, 2))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="Bidirectional: backward_layer must be of type Recurrent, got Tanh"):
        Bidirectional(layer, Tanh())  # type: ignore[arg-type]
    with pytest.raises(StateError, match=r"two places|twice"):
        Bidirectional(layer, layer)
    with pytest.raises(HyperparameterError, match=r"Bidirectional: inputs must be equal, got LSTM\(3, 2\) and"):
        Bidirectional(layer, LSTM(4, 2))
    with pytest.raises(HyperparameterError, match="Bidirectional: return_sequences must be equal"):
        Bidirectional(layer, LSTM(3, 2, return_sequences=True))
    with pytest.raises(ShapeError, match=r"LSTM\(3, 2\) takes sequences"):
        Bidirectional(layer)(np.ones((4, 3)))


@every_kind
def test_a_recurrent_layer_learns_to_remember(kind: type[Recurrent]) -> None:
    """The class is the sign of the first number, which 9 others follow."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 10, 1))
    y = (x[:, 0] > 0).astype(float)
    model = Sequential(kind(1, 8), Dense(8, 1), rng=0)
    history = Trainer(model, BCEWithLogitsLoss(), Adam(model.parameters(), lr=0.02)).fit(
        x, y, epochs=60, batch_size=50, rng=0
    )
    assert history.epochs["loss"][-1] < 0.4 < 0.6 < history.epochs["loss"][0]
