"""A frozen layer keeps its values when a container around it draws new ones, and says so in a summary."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from minidl import (
    SGD,
    Add,
    Branches,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Layer,
    MSELoss,
    Parallel,
    Residual,
    Sequential,
    Siamese,
    Tied,
    Trainer,
    load,
    save,
)
from minidl.modules import Row
from minidl.typing import Array, Seed
from tests.helpers import bits

AROUND: list[Callable[[Layer], Layer]] = [
    lambda layer: Sequential(layer, Dense(4, 1), rng=3),
    lambda layer: Sequential(Sequential(layer), Dense(4, 1), rng=3),
    lambda layer: Parallel(Dense(2, 3), layer, rng=3),
    lambda layer: Branches(layer, Dense(4, 4), rng=3),
    lambda layer: Sequential(Siamese(layer), Add(), Dense(4, 1), rng=3),
    lambda layer: Tied(layer, Dense(4, 4), rng=3),
    lambda layer: Residual(layer, Dense(4, 4), rng=3),
]


@pytest.mark.parametrize("around", AROUND)
def test_an_outer_seed_leaves_frozen_layers_alone(around: Callable[[Layer], Layer], tmp_path: Path) -> None:
    save(Dense(4, 4, rng=0), tmp_path / "model.npz")
    trained = load(tmp_path / "model.npz")
    trained.trainable = False
    before = bits(trained.parameters().value)
    model = around(trained)
    assert bits(trained.parameters().value) == before
    others = [p for p in model.parameters() if p.trainable]
    kept = [parameter.value.copy() for parameter in others if len(parameter.shape) == 2]
    model.initialize(4)
    assert bits(trained.parameters().value) == before
    after = [parameter.value for parameter in others if len(parameter.shape) == 2]
    assert all((one != other).any() for one, other in zip(kept, after, strict=True))
    assert len(model.parameters().value) == sum(p.size for p in model.parameters())  # still one vector


def test_an_outer_seed_draws_what_is_trained_and_not_frozen() -> None:
    trained = Dense(4, 4, rng=0)
    before = trained.weight.value.copy()
    Sequential(trained, Dense(4, 1), rng=3)
    assert (trained.weight.value != before).all()


def test_a_single_frozen_parameter_keeps_its_value() -> None:
    layer = Dense(4, 4, rng=0)
    layer.weight.trainable = False
    layer.bias.value = [1.0, 2.0, 3.0, 4.0]
    before = layer.weight.value.copy()
    Sequential(layer, rng=3)
    np.testing.assert_array_equal(layer.weight.value, before)
    assert not layer.bias.value.any()


def test_a_layer_that_is_released_inside_a_frozen_one_is_drawn() -> None:
    inner = Sequential(Dense(4, 4, rng=0), Dense(4, 4, rng=1))
    inner.trainable = False
    inner[1].trainable = True
    before = [layer.parameters().value.copy() for layer in inner]
    Sequential(inner, rng=3)
    assert [bool((layer.parameters().value == old).all()) for layer, old in zip(inner, before, strict=True)] == [
        *[True, False]
    ]


class RandomFeatures(Layer):
    """``y = x R`` with a drawn R that is a buffer."""

    buffers = ("r",)

    def __init__(self, n: int, rng: Seed = None) -> None:
        self.n, self.r = n, np.zeros((n, n))
        self.initialize(rng)

    def initialize(self, rng: Seed) -> None:
        self.r = np.random.default_rng(rng).normal(size=(self.n, self.n))

    def forward(self, x: Array) -> Array:
        y: Array = x @ self.r
        return y


def test_a_frozen_layer_keeps_its_buffers() -> None:
    layer = RandomFeatures(4, rng=0)
    before = layer.r.copy()
    layer.trainable = False
    Sequential(layer, rng=3)
    np.testing.assert_array_equal(layer.r, before)
    layer.trainable = True
    Sequential(layer, rng=3)
    assert (layer.r != before).any()


def test_a_summary_shows_what_is_frozen() -> None:
    trained, partly = Sequential(Conv2D(1, 2, 3), Flatten(), Dropout()), Dense(72, 2)
    trained.trainable = partly.bias.trainable = False
    model = Sequential(trained, partly)
    summary = model.summary((8, 8, 1))
    assert (summary.parameters, summary.trainable) == (20 + 146, 144)
    assert summary.rows[0] == Row("0.0", "Conv2D(1, 2, 3)", (6, 6, 2), 20, 320, frozen=20, trainable=False)
    lines = str(summary).splitlines()
    marks = [
        "0.0   Conv2D(1, 2, 3), frozen ",
        "Flatten(), frozen ",
        "Dropout(), frozen ",
        "Dense(72, 2), partly frozen ",
    ]
    assert all(mark in line for mark, line in zip(marks, lines[2:], strict=False))
    assert lines[-1].split() == ["trainable", "144"]
    model.trainable = True
    assert "rozen" not in str(model.summary((8, 8, 1)))
    assert "trainable" not in str(model.summary((8, 8, 1)))


@pytest.mark.parametrize("frozen", [False, True])
def test_a_fit_that_cannot_change_anything_warns(frozen: bool, recwarn: pytest.WarningsRecorder) -> None:
    model = Sequential(Dense(2, 2), Dense(2, 1))
    model[0].trainable = False
    optimizer = SGD(model[0].parameters() if frozen else model.parameters(), 0.1)
    Trainer(model, MSELoss(), optimizer).fit(np.ones((3, 2)), np.ones((3, 1)))
    assert ["all parameters are frozen" in str(each.message) for each in recwarn] == [True] * frozen
