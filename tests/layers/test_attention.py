"""Attention: what it computes, what it must not look at, and its dropout."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minidl import (
    Branches,
    CrossAttention,
    DataError,
    Dense,
    HyperparameterError,
    Identity,
    Layer,
    SelfAttention,
    Sequential,
    ShapeError,
    TransformerBlock,
)
from minidl.layers.heads import ROWS, SCORES, attend, attend_backward
from minidl.typing import Array, Batch
from tests.helpers import bits, bits_of, randomise

RNG = np.random.default_rng(0)


def by_loops(layer: SelfAttention, x: Array, mask: Array) -> Array:
    """What a layer returns for one sequence x (t, features), with one softmax at a time."""
    t, size = len(x), layer.features // layer.heads
    qkv = x @ layer.input.weight.value + layer.input.bias.value
    mixed = np.zeros((t, layer.features))
    for head in range(layer.heads):
        q, k, v = (qkv[:, part * layer.features + head * size :][:, :size] for part in range(3))
        for i in range(t):
            seen = [j for j in range(t) if mask[j] and (j <= i or not layer.causal)]
            if seen:
                e = np.exp(k[seen] @ q[i] / size**0.5)
                mixed[i, head * size : (head + 1) * size] = e @ v[seen] / e.sum()
    y: Array = mixed @ layer.output.weight.value + layer.output.bias.value
    return np.where(mask[:, None], y, 0)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("t", [1, 5, 2 * ROWS + 3])
def test_attention_by_loops(t: int, causal: bool) -> None:
    layer = SelfAttention(6, 3, causal=causal)
    randomise(layer, RNG)
    x, mask = RNG.normal(size=(3, t, 6)), RNG.random((3, t)) < 0.7
    mask[0] = False
    for seen in (np.ones_like(mask), mask):
        expected = [by_loops(layer, *pair) for pair in zip(x, seen, strict=True)]
        np.testing.assert_allclose(layer((x, seen)), expected, rtol=1e-10, atol=1e-13)
    expected = [by_loops(layer, each, np.ones(t, bool)) for each in x]
    np.testing.assert_allclose(layer(x), expected, rtol=1e-10, atol=1e-13)


def whole(q: Array, k: Array, v: Array, allowed: Array, factor: Array, g: Array) -> tuple[Array, ...]:
    """Attention and its gradients in one piece: y, P, dq, dk and dv, all (n, heads, …)."""
    scale = q.shape[-1] ** -0.5
    scores = np.where(allowed, q @ k.swapaxes(-1, -2) * scale, -np.inf)
    p = np.exp(scores - scores.max(axis=-1, keepdims=True))
    p /= p.sum(axis=-1, keepdims=True)
    dp = g @ v.swapaxes(-1, -2) * factor
    ds = p * (dp - (dp * p).sum(axis=-1, keepdims=True)) * scale
    return (p * factor) @ v, p, ds @ k, ds.swapaxes(-1, -2) @ q, (p * factor).swapaxes(-1, -2) @ g


def joined(heads: Array) -> Array:
    """(n, heads, t, k) as (n, t, heads · k)."""
    n, _, t, _ = heads.shape
    return heads.swapaxes(1, 2).reshape(n, t, -1)


LENGTHS = [
    (3, 2, 7, 7),
    (2, 3, ROWS, ROWS),
    (2, 2, ROWS + 1, ROWS + 1),
    (2, 2, 3 * ROWS - 5, 3 * ROWS - 5),
    (5, 3, 200, 200),  # some samples, or some heads, at a time
    (1, 2, 500, 500),  # some queries of a head
    (2, 2, 9, SCORES // 4),
]


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("shape", LENGTHS)
@pytest.mark.parametrize("dropped", [False, True])
def test_blocks_make_no_difference(shape: tuple[int, int, int, int], causal: bool, dropped: bool) -> None:
    n, heads, t, s = shape
    if causal and t != s:
        return
    q, g = RNG.normal(size=(2, n, heads, t, 3))
    k, v = RNG.normal(size=(2, n, heads, s, 3))
    mask = RNG.random((n, s)) < 0.8
    mask[:, 0] = True
    factor = (RNG.random((n, heads, t, s)) < 0.7) / 0.7 if dropped else None
    allowed = mask[:, None, None, :] & (np.tri(t, s, dtype=bool) if causal else True)
    expected = whole(q, k, v, allowed, np.ones(1) if factor is None else factor, g)
    y, p = attend(q, k, v, mask=mask, causal=causal, factor=factor)
    grads = [np.full_like(array, np.nan) for array in (q, k, v)]
    attend_backward(joined(g), y, p, (q, k, v), grads, causal=causal, factor=factor)
    for found, right in zip((y, p, *grads), (joined(expected[0]), *expected[1:]), strict=True):
        np.testing.assert_allclose(found, right, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_scores_overflow_nowhere(dtype: type) -> None:
    layer = SelfAttention(4, 2, rng=0).astype(dtype)
    y = layer.forward((1e6 * RNG.normal(size=(2, 5, 4))).astype(dtype))
    dx = layer.backward(np.ones_like(y))
    assert np.isfinite(y).all()
    assert np.isfinite(dx).all()
    np.testing.assert_allclose(layer.attention.sum(axis=-1), 1, rtol=1e-6)


def test_what_is_later_makes_no_difference_to_causal_attention() -> None:
    x = RNG.normal(size=(2, 2 * ROWS, 4))
    for layer in (SelfAttention(4, 2, causal=True, rng=0), TransformerBlock(4, 2, causal=True, rng=0)):
        before = layer(x)
        for t in (1, ROWS // 2, ROWS, ROWS + 7):
            other = x.copy()
            other[:, t:] = RNG.normal(size=other[:, t:].shape)
            np.testing.assert_allclose(layer(other)[:, :t], before[:, :t], rtol=1e-12)
            assert not np.allclose(layer(other)[:, t:], before[:, t:])


def with_nan(x: Array, mask: Array) -> Array:
    return np.where(mask[..., None], x, np.nan)


MASKS = {
    "right": [[True, True, True, False], [True, False, False, False]],
    "left": [[False, True, True, True], [False, False, False, True]],
    "holes": [[True, False, True, False], [False, True, False, True]],
    "nothing": [[False, False, False, False], [True, True, True, True]],
}


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("name", MASKS)
def test_what_is_masked_cannot_leak(name: str, causal: bool) -> None:
    mask, layer = np.array(MASKS[name]), SelfAttention(4, 2, causal=causal, dropout=0.2, rng=0)
    randomise(layer, RNG)
    layer.training = False
    x, grad = RNG.normal(size=(2, 4, 4)), RNG.normal(size=(2, 4, 4))
    y = layer.forward((x, mask))
    dx, none = layer.backward(grad)
    assert not y[~mask].any()
    assert not dx[~mask].any()
    assert not none.any()
    assert y[mask].all()
    expected = bits(y, dx), bits_of(layer)
    layer.parameters().grad = np.full(layer.parameters().size, np.nan)
    y = layer.forward((with_nan(x, mask), mask))
    dx, _ = layer.backward(with_nan(grad, mask))
    assert (bits(y, dx), bits_of(layer)) == expected


def test_masked_positions_might_as_well_not_be_there() -> None:
    layer, x = SelfAttention(4, 2, causal=True, rng=0), RNG.normal(size=(1, 5, 4))
    mask = np.array([[True, False, True, True, False]])
    np.testing.assert_allclose(layer((x, mask))[mask], layer(x[:, mask[0]])[0], rtol=1e-12)


def test_a_masked_memory_cannot_leak() -> None:
    mask = np.array([[True, False, True], [False, False, False]])
    layer = CrossAttention(4, 2, memory=3)
    randomise(layer, RNG)
    queries, memory, grad = RNG.normal(size=(2, 5, 4)), RNG.normal(size=(2, 3, 3)), RNG.normal(size=(2, 5, 4))
    y = layer.forward(((queries, memory), mask))
    (dq, dm), none = layer.backward(grad)
    np.testing.assert_array_equal(y[1], np.broadcast_to(layer.output.bias.value, (5, 4)))  # it has seen nothing
    assert not layer.attention[1].any()
    assert not dq[1].any()
    assert not dm[~mask].any()
    assert dm[mask].all()
    assert (none.shape, none.any()) == (mask.shape, False)
    expected = bits(y, dq, dm), bits_of(layer)
    y = layer.forward(((queries, with_nan(memory, mask)), mask))
    (dq, dm), _ = layer.backward(grad)
    assert (bits(y, dq, dm), bits_of(layer)) == expected
    shorter = layer((queries[:1], memory[:1, mask[0]]))
    np.testing.assert_allclose(y[:1], shorter, rtol=1e-12)


def test_a_container_passes_its_mask_to_the_memory() -> None:
    mask, x = np.array(MASKS["holes"]), RNG.normal(size=(2, 4, 4))
    cross = CrossAttention(4, 2, rng=0)
    model = Sequential(Branches(Identity(), Identity()), cross)
    np.testing.assert_array_equal(model((x, mask)), cross(((x, x), mask)))
    assert not np.allclose(model((x, mask)), model(x))
    pooled = Sequential(Branches(Identity(), Sequential(Dense(4, 4), Skipping())), cross)
    with pytest.raises(ShapeError, match=r"the mask must be \(n, s\) for the memory \(2, 2, 4\), got \(2, 4\)"):
        pooled((x, mask))


class Skipping(Layer):
    """Every second step of a sequence."""

    def forward(self, x: Array) -> Array:
        return x[:, ::2]


def test_dropout_drops_attention_in_training_only() -> None:
    layer, x = SelfAttention(4, 2, dropout=0.5, rng=3), RNG.normal(size=(2, 5, 4))
    plain = SelfAttention(4, 2)
    plain.load_state(layer.state())
    expected = plain.forward(x)
    np.testing.assert_array_equal(layer.predict(x), expected)
    runs = [layer.forward(x) for _ in range(4000)]
    assert np.abs(runs[0] - runs[1]).max() > 0.01
    np.testing.assert_allclose(layer.attention, plain.attention, rtol=1e-12)  # as before dropout
    error = np.std(runs, axis=0) / len(runs) ** 0.5
    assert (np.abs(np.mean(runs, axis=0) - expected) <= 5 * error).all()
    again = SelfAttention(4, 2, dropout=0.5, rng=3)
    np.testing.assert_array_equal(again.forward(x), runs[0])


def test_dropout_drops_attention_to_a_memory() -> None:
    layer, x = CrossAttention(4, 2, memory=3, dropout=0.5, rng=0), (RNG.normal(size=(2, 5, 4)), np.ones((2, 7, 3)))
    means = np.mean([layer.forward(x) for _ in range(2000)], axis=0)
    np.testing.assert_allclose(means, layer.predict(x), atol=0.05)  # all of the memory is equal
    assert np.ptp(layer.forward(x), axis=1).max() > 0.1
    assert np.ptp(layer.predict(x), axis=1).max() < 1e-12


def test_heads_do_not_mix() -> None:
    layer = SelfAttention(6, 3, rng=0)
    x = RNG.normal(size=(1, 4, 6))
    layer.forward(x)
    before = layer.attention
    layer.input.weight.value[:, 2:4] += RNG.normal(size=(6, 2))  # the queries of the second head
    layer.forward(x)
    np.testing.assert_array_equal(layer.attention[:, ::2], before[:, ::2])
    assert not np.allclose(layer.attention[:, 1], before[:, 1])


WRONG: list[tuple[Callable[..., Layer], dict[str, Any], str]] = [
    (SelfAttention, {"features": 0, "heads": 1}, "SelfAttention: features must be a positive integer, got 0"),
    (SelfAttention, {"features": 4, "heads": 0}, "SelfAttention: heads must be a positive integer, got 0"),
    (SelfAttention, {"features": 4, "heads": 3}, "features must be a multiple of heads, got 4 for 3 heads"),
    (SelfAttention, {"features": 4, "heads": 2, "causal": 1}, "SelfAttention: causal must be True or False"),
    (SelfAttention, {"features": 4, "heads": 2, "use_bias": 1}, "SelfAttention: use_bias must be True or False"),
    (SelfAttention, {"features": 4, "heads": 2, "dropout": 1.0}, "SelfAttention: dropout must be a finite number"),
    (CrossAttention, {"features": 4, "heads": 3}, "CrossAttention: features must be a multiple of heads"),
    (CrossAttention, {"features": 4, "heads": 2, "memory": 0}, "CrossAttention: memory must be a positive integer"),
    (CrossAttention, {"features": 4, "heads": 2, "dropout": -1}, "CrossAttention: dropout must be"),
    (CrossAttention, {"features": 4, "heads": 2, "use_bias": 0}, "CrossAttention: use_bias must be"),
    (TransformerBlock, {"features": 4, "heads": 2, "hidden": 0}, "TransformerBlock: hidden must be a positive"),
    (TransformerBlock, {"features": 4, "heads": 3}, "features must be a multiple of heads"),
]


@pytest.mark.parametrize(("make", "arguments", "words"), WRONG)
def test_wrong_arguments(make: Callable[..., Layer], arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(HyperparameterError, match=words):
        make(**arguments)


def ones(*shape: int) -> Array:
    return np.ones(shape)


REFUSED: list[tuple[Layer, Batch, type[Exception], str]] = [
    (SelfAttention(4, 2), ones(3, 4), ShapeError, r"takes samples of shape \(t, 4\), got \(4,\)"),
    (SelfAttention(4, 2), ones(3, 5, 3), ShapeError, r"takes samples of shape \(t, 4\), got \(5, 3\)"),
    (SelfAttention(4, 2), (ones(3, 5, 4), ones(3, 4) > 0), ShapeError, r"the mask of x must have shape \(n, t\)"),
    (SelfAttention(4, 2), (ones(3, 5, 4), ones(3, 5)), DataError, "the mask of x must be Boolean"),
    (CrossAttention(4, 2), ones(3, 5, 4), DataError, r"CrossAttention\(4, 2\) takes several inputs"),
    (CrossAttention(4, 2), (ones(3, 5, 4),), DataError, "takes two inputs, queries and a memory, got a tuple of 1"),
    (CrossAttention(4, 2), (ones(3, 5, 4), ones(2, 5, 4)), ShapeError, "must have equally many samples"),
    (CrossAttention(4, 2), (ones(3, 5, 4), ones(3, 5, 3)), ShapeError, r"memory of shape \(t, 4\), got \(5, 3\)"),
    (CrossAttention(4, 2), (ones(3, 5, 2), ones(3, 5, 4)), ShapeError, r"queries of shape \(t, 4\), got \(5, 2\)"),
    (
        CrossAttention(4, 2),
        ((ones(3, 5, 4), ones(3, 2, 4)), ones(3, 5) > 0),
        ShapeError,
        "the mask of x must have shape",
    ),
]


@pytest.mark.parametrize(("layer", "x", "kind", "words"), REFUSED)
def test_wrong_batches(layer: Layer, x: Batch, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        layer.predict(x)
