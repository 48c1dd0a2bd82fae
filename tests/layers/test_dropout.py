"""Dropout: its masks in training, nothing in evaluation."""

from typing import Any

import numpy as np
import pytest

from minidl import Dense, Dropout, Sequential
from tests.helpers import bits


@pytest.mark.parametrize("p", [0.0, 0.2, 0.5, 0.9])
def test_masks_drop_the_share_and_keep_the_mean(p: float) -> None:
    y = Dropout(p, rng=0).forward(np.full((200, 500), 3.0))
    assert set(np.unique(y)) <= {0.0, 3.0 * (1 / (1 - p))}
    assert np.mean(y == 0) == pytest.approx(p, abs=0.005)
    assert y.mean() == pytest.approx(3.0, rel=0.03)


class Lowest(np.random.Generator):
    """Draws nothing but the least number that there is, 0."""

    def random(self, size: Any = None, dtype: Any = np.float64, out: Any = None) -> Any:
        return np.zeros(size, dtype)


@pytest.mark.parametrize(("p", "kept"), [(0.0, True), (1e-9, False)])
def test_a_number_is_kept_from_p_on(p: float, kept: bool) -> None:
    """The least number of 2²⁴ stands for one of so many: probability 0 drops not even that."""
    y = Dropout(p, rng=Lowest(np.random.PCG64(0))).forward(np.ones((2, 3)))
    assert (y > 0).tolist() == [[kept] * 3] * 2


def test_numbers_are_dropped_independently() -> None:
    kept = Dropout(0.5, rng=0).forward(np.ones((2000, 2, 3))) > 0
    shares = np.corrcoef(kept.reshape(2000, 6).T)
    np.testing.assert_allclose(shares, np.eye(6), atol=0.1)


def test_backward_lets_the_same_numbers_through() -> None:
    layer = Dropout(0.4, rng=0)
    y = layer.forward(np.ones((5, 7)))
    np.testing.assert_array_equal(layer.backward(np.full((5, 7), 2.0)), 2 * y)


def test_each_forward_draws_a_new_mask_from_the_seed() -> None:
    x = np.ones((4, 50))
    layer, twin = Dropout(rng=3), Dropout(rng=np.random.default_rng(3))
    first, second = layer.forward(x), layer.forward(x)
    assert bits(first) != bits(second)
    assert bits(first, second) == bits(twin.forward(x), twin.forward(x))
    assert bits(Dropout(rng=4).forward(x)) != bits(first)
    assert np.mean(first > 0) == pytest.approx(0.5, abs=0.1)


def test_evaluation_is_the_identity_and_draws_nothing() -> None:
    layer, twin, x = Dropout(rng=0), Dropout(rng=0), np.ones((2, 9))
    assert bits(layer.predict(x)) == bits(x)
    assert bits(layer.forward(x)) == bits(twin.forward(x))
    layer.training = False
    layer.forward(x)
    assert bits(layer.backward(3 * x)) == bits(3 * x)


def test_a_seed_of_the_model_leaves_the_masks_of_the_layer() -> None:
    x = np.ones((3, 4))
    models = [Sequential(Dense(4, 4), Dropout(rng=1), rng=seed) for seed in (0, 5)]
    masks = [model.forward(x) == 0 for model in models]
    assert bits(masks[0]) == bits(masks[1])
