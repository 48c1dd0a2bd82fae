"""What the page *Sequences and attention* derives, counts and quotes, against symbolic derivatives and the layers."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sympy import log

from minidl import (
    GRU,
    LSTM,
    RNN,
    Adam,
    CrossEntropyLoss,
    Dense,
    Embedding,
    Layer,
    MinidlError,
    PositionEmbedding,
    SelfAttention,
    Sequential,
    SinusoidalPositions,
    Trainer,
)
from minidl.typing import Array
from tests.docs.attention_formulas import one_head, softmax_rows
from tests.docs.conftest import ROOT
from tests.docs.formulas import slopes
from tests.docs.recurrent_formulas import sigma, tanh

PAGE = (ROOT / "docs" / "learn" / "sequences.md").read_text(encoding="utf-8")


def close(computed: Any, derived: Any) -> None:
    np.testing.assert_allclose(computed, derived, rtol=1e-10, atol=1e-12)


def of_numbers(formula: Callable[..., Any], *arrays: Array) -> Array:
    """What a formula of symbols gives for numbers."""
    return np.asarray(formula(*arrays)).astype(float)


def lstm_step(a: Array, c: Array) -> Array:
    """The two states after one time step, from the four sums and the cell before."""
    cell = sigma(a[1]) * c + sigma(a[0]) * tanh(a[2])
    return np.stack([sigma(a[3]) * tanh(cell), cell])


def test_the_gradients_of_the_gates_of_an_lstm() -> None:
    rng = np.random.default_rng(0)
    a, old, (dh, passed) = rng.normal(size=(4, 3)), rng.normal(size=3), rng.normal(size=(2, 3))
    i, f, o = (1 / (1 + np.exp(-a[k])) for k in (0, 1, 3))
    g, c = np.tanh(a[2]), of_numbers(lstm_step, a, old)[1]
    dc = dh * o * (1 - np.tanh(c) ** 2) + passed  # what the next step hands back is dc f of that step
    da = [
        dc * g * i * (1 - i),
        dc * old * f * (1 - f),
        dc * i * (1 - g**2),
        dh * np.tanh(c) * o * (1 - o),
    ]
    by_a, by_cell = slopes(lstm_step, [a, old], np.stack([dh, passed]))
    close(da, by_a)
    close(dc * f, by_cell)


def gru_step(r: Array, z: Array, x: Array, m: Array, h: Array) -> Any:
    """The state after one time step, with a_r, a_z, ``x W_n + b_n``, m, and the state before."""
    new = tanh(x + sigma(r) * m)
    return (1 - sigma(z)) * new + sigma(z) * h


def test_the_gradients_of_the_gates_of_a_gru() -> None:
    rng = np.random.default_rng(0)
    a_r, a_z, x, m, old = inputs = list(rng.normal(size=(5, 3)))
    dh = rng.normal(size=3)
    r, z = 1 / (1 + np.exp(-a_r)), 1 / (1 + np.exp(-a_z))
    n = np.tanh(x + r * m)
    da_n = dh * (1 - z) * (1 - n**2)
    by_hand = [da_n * m * r * (1 - r), dh * (old - n) * z * (1 - z), da_n, da_n * r, dh * z]
    close(by_hand, slopes(gru_step, inputs, dh))


@pytest.mark.parametrize("factor", [0.5, 1.0, 2.0])
def test_the_gradient_of_a_state_is_a_product_of_matrices_and_bounded(factor: float) -> None:
    rng, layer = np.random.default_rng(0), RNN(3, 5, return_sequences=True, rng=0)
    layer.recurrent_weight.value *= factor
    U = layer.recurrent_weight.value
    h = layer.forward(rng.normal(size=(1, 9, 3)))[0]
    g = np.zeros((1, 9, 5))
    g[0, -1] = rng.normal(size=5)
    dx = layer.backward(g)[0]
    dh = g[0, -1]
    for t in reversed(range(9)):
        close((dh * (1 - h[t] ** 2)) @ layer.weight.value.T, dx[t])
        assert np.linalg.norm(dh) <= factor ** (8 - t) * np.linalg.norm(g) * (1 + 1e-12)
        dh = dh @ np.diag(1 - h[t] ** 2) @ U.T


def test_layers_begin_as_the_page_says() -> None:
    U = RNN(3, 5, rng=0).recurrent_weight.value
    close(U @ U.T, np.eye(5))
    assert LSTM(3, 5, rng=0).bias.value[5:10].tolist() == [1] * 5
    assert not GRU(3, 5, rng=0).bias.value.any()


def test_the_numbers_of_parameters() -> None:
    for kind in (RNN, LSTM, GRU):
        quoted = re.findall(rf"^\| `{kind.__name__}` \| \$.*\$ \| ([\d,]+) \|$", PAGE, re.MULTILINE)
        assert quoted == [f"{kind(64, 128).parameters().size:,}"], kind
    for d, u in ((2, 3), (7, 1)):
        sizes = [kind(d, u).parameters().size for kind in (RNN, LSTM, GRU)]
        assert sizes == [u * (d + u + 1), 4 * u * (d + u + 1), 3 * u * (d + u) + 4 * u]


def test_a_masked_step_passes_the_gradient_by() -> None:
    mask = np.array([[True, False, True], [True, True, False]])

    def formula(W: Array, U: Array, b: Array, x: Array) -> Any:
        h = 0 * b[None]
        for t, m in enumerate(mask.T[:, :, None].astype(int)):
            h = m * tanh(x[:, t] @ W + h @ U + b) + (1 - m) * h
        return h

    rng, layer = np.random.default_rng(0), RNN(1, 2, rng=0)
    x = rng.normal(size=(2, 3, 1))
    g = np.asarray(rng.normal(size=layer((x, mask)).shape))
    dx, none = layer.backward(g)
    derived = slopes(formula, [*(parameter.value for parameter in layer.parameters()), x], g)
    for computed, by_formula in zip([*(p.grad for p in layer.parameters()), dx], derived, strict=True):
        close(computed, by_formula)
    assert not none.any()


def test_the_gradient_of_targets_that_do_not_count_is_0() -> None:
    def formula(z: Array) -> Any:
        p = softmax_rows(z)
        return -(log(p[0, 2]) + log(p[2, 0])) / 2

    loss, z = CrossEntropyLoss(ignore_index=-1), np.random.default_rng(0).normal(size=(3, 3))
    loss.forward(z, np.array([2, -1, 0]))
    close(loss.backward(), slopes(formula, [z])[0])


def test_the_derivative_of_attention() -> None:
    rng = np.random.default_rng(0)
    Q, K, V = rng.normal(size=(2, 2)), rng.normal(size=(3, 2)), rng.normal(size=(3, 2))
    g = rng.normal(size=(2, 2))
    S = Q @ K.T / np.sqrt(2)
    A = np.exp(S) / np.exp(S).sum(axis=1, keepdims=True)
    dA = g @ V.T
    sums = (dA * A).sum(axis=1, keepdims=True)
    dS = A * (dA - sums)
    close(dS, slopes(softmax_rows, [S], dA)[0])
    close(sums[:, 0], (g * (A @ V)).sum(axis=1))  # the shortcut
    for by_hand, derived in zip(
        (dS @ K / np.sqrt(2), dS.T @ Q / np.sqrt(2), A.T @ g), slopes(one_head, [Q, K, V], g), strict=True
    ):
        close(by_hand, derived)


def test_the_variance_of_scores() -> None:
    rng, k = np.random.default_rng(0), 50
    scores = (rng.normal(size=(20_000, k)) * rng.normal(size=(20_000, k))).sum(axis=1)
    assert scores.var() == pytest.approx(k, rel=0.05)


@pytest.mark.parametrize("features", [2, 8])
def test_products_of_waves_depend_on_the_distance_alone(features: int) -> None:
    p = SinusoidalPositions(features)(np.zeros((1, 9, features)))[0]
    omega = 10000.0 ** (-2 * np.arange(features // 2) / features)
    distance = np.arange(9)[:, None] - np.arange(9)
    close(p @ p.T, np.cos(omega * distance[..., None]).sum(axis=-1))


def test_a_causal_position_has_no_gradient_from_the_past() -> None:
    layer, rng = SelfAttention(4, 2, causal=True, rng=0), np.random.default_rng(0)
    g = np.zeros_like(layer.forward(rng.normal(size=(2, 6, 4))))
    g[:, 2] = 1
    assert layer.backward(g).any(axis=(0, 2)).tolist() == [True] * 3 + [False] * 3


def fit(y: Array, *layers: Layer) -> None:
    model = Sequential(*layers, rng=0)
    Trainer(model, CrossEntropyLoss(), Adam(model.parameters())).fit(IDS, y, epochs=1)


IDS = np.zeros((4, 6), int)
MISTAKES: list[Callable[[], object]] = [
    lambda: Embedding(75, 8).predict(np.zeros((4, 6))),
    lambda: Embedding(75, 8).predict(np.full((4, 6), 75)),
    lambda: LSTM(3, 5).predict(np.zeros((4, 3))),
    lambda: Sequential(Embedding(75, 8), LSTM(8, 5), LSTM(5, 5)).predict(IDS),
    lambda: fit(IDS, Embedding(75, 8), LSTM(8, 5), Dense(5, 75)),
    lambda: fit(IDS[:, 0], Embedding(75, 8), LSTM(8, 5, return_sequences=True), Dense(5, 75)),
    lambda: fit(IDS - 1, Embedding(75, 8), Dense(8, 75)),
    lambda: PositionEmbedding(64, 8).predict(np.zeros((2, 65, 8))),
    lambda: SelfAttention(8, 2).step(np.zeros((2, 8))),
]
"""What leads to each message in the page's table, in its order."""


def test_messages_in_the_table_are_those_that_a_reader_gets() -> None:
    table = PAGE.partition("## Frequent errors")[2].partition("\n## ")[0]
    rows = [row for row in re.findall(r"^\| (.+?) \|", table, re.MULTILINE) if row != "message"]
    for quoted, mistake in zip(rows, MISTAKES, strict=True):
        parts = [re.escape(part.strip()) for part in quoted.split("…") if part.strip()]
        with pytest.raises(MinidlError, match=".*".join(parts)):
            mistake()
