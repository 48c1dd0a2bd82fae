"""Positions, learned and fixed."""

from math import cos, sin

import numpy as np
import pytest

from minidl import Embedding, HyperparameterError, PositionEmbedding, Sequential, ShapeError, SinusoidalPositions
from minidl.initializers import zeros
from minidl.typing import Array

RNG = np.random.default_rng(0)


def test_each_position_has_a_row_and_those_beyond_the_end_no_gradient() -> None:
    layer, x, grad = PositionEmbedding(5, 3, rng=0), RNG.normal(size=(4, 2, 3)), RNG.normal(size=(4, 2, 3))
    np.testing.assert_array_equal(layer(x), x + layer.weight.value[:2])
    layer.weight.grad = np.full((5, 3), np.nan)
    np.testing.assert_array_equal(layer.backward(grad), grad)
    np.testing.assert_allclose(layer.weight.grad[:2], grad.sum(axis=0), rtol=1e-14)
    assert not layer.weight.grad[2:].any()


@pytest.mark.parametrize("features", [1, 2, 3, 8])
def test_waves_by_the_formula(features: int) -> None:
    def wave(t: int, i: int) -> float:
        angle = t / 10000 ** ((i - i % 2) / features)
        return cos(angle) if i % 2 else sin(angle)

    x = RNG.normal(size=(2, 50, features))
    expected = x + [[wave(t, i) for i in range(features)] for t in range(50)]
    layer = SinusoidalPositions(features)
    np.testing.assert_allclose(layer(x), expected, rtol=0, atol=1e-13)
    np.testing.assert_array_equal(layer.backward(x), x)


def test_far_positions_keep_their_digits_in_float32() -> None:
    x: Array = np.zeros((1, 100_000, 2), np.float32)
    y = SinusoidalPositions(2)(x)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y[0, -1], [sin(99_999), cos(99_999)], atol=1e-7)


def test_longer_sequences_than_positions_are_refused() -> None:
    layer = PositionEmbedding(3, 2)
    words = r"PositionEmbedding\(3, 2\) has 3 positions, got a sequence of 4"
    for call in (layer, layer.forward, layer.predict):
        with pytest.raises(ShapeError, match=words):
            call(np.zeros((1, 4, 2)))
    with pytest.raises(ShapeError, match=words):
        layer.step(np.zeros((1, 2)), 3)
    with pytest.raises(ShapeError, match=words):
        Sequential(Embedding(7, 2), layer).predict([[0, 1, 2, 3]])


@pytest.mark.parametrize("layer", [PositionEmbedding(3, 2), SinusoidalPositions(2)])
def test_steps_count_positions(layer: PositionEmbedding | SinusoidalPositions) -> None:
    x, state = RNG.normal(size=(4, 3, 2)), None
    expected = layer.forward(x)
    for t in range(3):
        y, following = layer.step(x[:, t], state)
        again, _ = layer.step(x[:, t], state)
        np.testing.assert_allclose(y, expected[:, t], rtol=1e-14)
        np.testing.assert_array_equal(y, again)
        state = following


@pytest.mark.parametrize("layer", [PositionEmbedding(3, 2), SinusoidalPositions(2)])
@pytest.mark.parametrize("shape", [(4, 2), (4, 3, 1), (4, 1, 3, 2)])
def test_wrong_shapes(layer: PositionEmbedding | SinusoidalPositions, shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=r"takes samples of shape \(t, 2\)"):
        layer(np.zeros(shape))


def test_arguments() -> None:
    for wrong in ({"length": 0}, {"features": 1.5}, {"initializer": "zeros"}):
        with pytest.raises(HyperparameterError, match=f"PositionEmbedding: {next(iter(wrong))} must be"):
            PositionEmbedding(**{"length": 3, "features": 2, **wrong})  # type: ignore[arg-type]
    with pytest.raises(HyperparameterError, match="SinusoidalPositions: features must be"):
        SinusoidalPositions(0)
    assert not PositionEmbedding(3, 2, initializer=zeros).weight.value.any()
    assert abs(PositionEmbedding(500, 64, rng=0).weight.value.var() * 64 - 1) < 0.03  # as that of Embedding
