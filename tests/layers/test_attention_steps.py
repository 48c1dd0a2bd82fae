"""Causal attention one position at a time, transformer blocks in training and in files, and shapes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import (
    Adam,
    Checkpoint,
    CrossAttention,
    CrossEntropyLoss,
    Dense,
    Embedding,
    LayerNorm,
    PositionEmbedding,
    Residual,
    SelfAttention,
    Sequential,
    ShapeError,
    StateError,
    Trainer,
    TransformerBlock,
    load,
    save,
)
from minidl.layers.heads import ROWS
from minidl.typing import Array
from tests.helpers import bits, bits_of, randomise

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_steps_are_forward_in_evaluation(use_bias: bool, dropout: float) -> None:
    layer = SelfAttention(6, 3, causal=True, use_bias=use_bias, dropout=dropout, rng=0)
    randomise(layer, RNG)
    x, state, ys = RNG.normal(size=(2, ROWS + 5, 6)), None, []
    for t in range(x.shape[1]):
        y, state = layer.step(x[:, t], state)  # in training, too, nothing is dropped
        ys.append(y)
    np.testing.assert_allclose(np.stack(ys, axis=1), layer.predict(x), rtol=1e-12, atol=1e-13)


def test_a_state_may_be_continued_twice() -> None:
    layer = SelfAttention(4, 2, causal=True, rng=0)
    x, others = RNG.normal(size=(2, 6, 4)), RNG.normal(size=(2, 3, 4))
    state: Any = None
    for t in range(3):
        _, state = layer.step(x[:, t], state)
    before = bits(*state)
    for tail in (x[:, 3:], others, x[:, 3:]):
        after, ys = state, []
        for t in range(3):
            y, after = layer.step(tail[:, t], after)
            ys.append(y)
        expected = layer(np.concatenate([x[:, :3], tail], axis=1))[:, 3:]
        np.testing.assert_allclose(np.stack(ys, axis=1), expected, rtol=1e-12)
        assert bits(*state) == before


def test_a_step_leaves_what_backward_needs() -> None:
    layer = SelfAttention(4, 2, causal=True, dropout=0.3, rng=0)
    x, grad = RNG.normal(size=(2, 6, 4)), RNG.normal(size=(2, 6, 4))
    layer.forward(x)
    expected = bits(layer.backward(grad)), bits_of(layer)
    _, state = layer.step(x[:, 0])
    layer.step(x[:, 1], state)
    assert (bits(layer.backward(grad)), bits_of(layer)) == expected


def test_what_cannot_step_says_why() -> None:
    with pytest.raises(StateError, match=r"SelfAttention\(4, 2\) looks at later positions, too"):
        SelfAttention(4, 2).step(np.zeros((1, 4)))
    with pytest.raises(StateError, match=r"CrossAttention\(4, 2\) takes no steps, as it needs the whole memory"):
        CrossAttention(4, 2).step(np.zeros((1, 4)))


def gpt(dropout: float = 0.0) -> Sequential:
    blocks = (TransformerBlock(8, 2, causal=True, dropout=dropout, rng=seed) for seed in (0, 1))
    return Sequential(Embedding(5, 8), PositionEmbedding(6, 8), *blocks, LayerNorm(8), Dense(8, 5), rng=0)


def shifted() -> tuple[Array, Array]:
    """Sequences 0, 1, 2, 3, 4, 0, … from a random beginning, and what comes next."""
    starts = RNG.integers(0, 5, 40)
    x = (starts[:, None] + np.arange(6)) % 5
    return x, (x + 1) % 5


def test_a_small_gpt_learns() -> None:
    model, (x, y) = gpt(), shifted()
    trainer = Trainer(model, CrossEntropyLoss(), Adam(model.parameters(), lr=0.01))
    trainer.fit(x, y, epochs=30, batch_size=10, rng=0)
    assert (model.predict(x).argmax(axis=-1) == y).all()


def test_a_saved_gpt_predicts_the_same_bits(tmp_path: Path) -> None:
    model, (x, _) = gpt(0.2), shifted()
    randomise(model, RNG)
    save(model, tmp_path / "gpt.npz")
    again = load(tmp_path / "gpt.npz")
    assert bits(again.predict(x)) == bits(model.predict(x))
    assert bits(again.forward(x)) == bits(model.forward(x))  # with dropout: the generators are in the file


def test_a_run_with_dropout_in_attention_is_resumed_bit_for_bit(tmp_path: Path) -> None:
    x, y = shifted()

    def fit(epochs: int, name: str, resume_from: Path | None = None) -> bytes:
        model = gpt(0.2)
        trainer = Trainer(model, CrossEntropyLoss(), Adam(model.parameters(), lr=0.01))
        trainer.callbacks.append(Checkpoint(tmp_path / name))
        trainer.fit(x, y, epochs=epochs, batch_size=16, rng=0, resume_from=resume_from)
        return model.parameters().value.tobytes()

    whole = fit(4, "whole.npz")
    assert fit(2, "part.npz") != whole
    assert fit(4, "part.npz", tmp_path / "part.npz") == whole
    assert fit(4, "again.npz") == whole


def test_a_block_is_made_of_residuals() -> None:
    block = TransformerBlock(4, 2, causal=True, rng=0)
    x = RNG.normal(size=(2, 3, 4))
    y = block(x)
    (norm, attention), (other, wide, gelu, narrow) = (each.layers for each in block if isinstance(each, Residual))
    h = x + attention(norm(x))
    np.testing.assert_allclose(y, h + narrow(gelu(wide(other(h)))), rtol=1e-14)
    assert repr(block) == "TransformerBlock(4, 2, causal=True)"
    assert wide.output_shape(None) == (16,)
    dropping = TransformerBlock(4, 2, dropout=0.1)
    assert [repr(each.layers[-1]) for each in dropping if isinstance(each, Residual)] == ["Dropout(p=0.1)"] * 2


def test_shapes() -> None:
    layer = CrossAttention(4, 2, memory=3)
    assert layer.output_shape(None) is None
    assert layer.output_shape(((5, 4), (2, 3))) == (5, 4)
    assert layer.output_shape(((5, 4), None)) == (5, 4)
    assert layer.output_shape((None, (2, 3))) is None
    assert layer.output_shape((((5, 4), (2, 3)), (2,))) == (5, 4)
    for shape in ((5, 4), ((5, 4),), (((5, 4), (2, 4)), (2,)), ((5, 4), (2, 4))):
        with pytest.raises(ShapeError):
            layer.output_shape(shape)
    # Blocks between layers of any number of leading axes: what they answer to None lacks the axis of time.
    model = Sequential(Dense(2, 4), TransformerBlock(4, 2), TransformerBlock(4, 2), Dense(4, 1))
    assert model.output_shape((7, 2)) == (7, 1)
    assert [row.shape for row in model.summary((7, 2)).rows][-1] == (7, 1)
    with pytest.raises(ShapeError, match=r"Dense\(3, 1\) takes samples of shape \(3,\)"):
        Sequential(TransformerBlock(4, 2), Dense(3, 1))
