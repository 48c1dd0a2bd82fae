"""Held-out samples: of each class its share, the same in every fit."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import (
    SGD,
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    Dense,
    FocalLoss,
    HingeLoss,
    HyperparameterError,
    Layer,
    Loss,
    MSELoss,
    Sequential,
    Sigmoid,
    Trainer,
)
from minidl.typing import Array
from tests.helpers import bits, held_out
from tests.tables import seeds


@given(seeds, st.lists(st.integers(1, 40), min_size=1, max_size=6), st.floats(0.01, 0.99))
def test_each_class_has_its_share(seed: int, sizes: list[int], share: float) -> None:
    y = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    x = np.arange(len(y))
    eligible = sum(size for size in sizes if size > 1)
    try:
        (x_rest, rest), (x_held, held) = held_out(x, y, share, classes=y, seed=seed)
    except HyperparameterError:
        # Nothing is left to hold out: a class of two keeps at least one.
        assert share * eligible <= 0.5
        return
    assert sorted([*x_rest, *x_held]) == x.tolist()
    assert bits(rest, held) == bits(y[x_rest], y[x_held])
    of_each = np.bincount(held, minlength=len(sizes))
    for size, count in zip(sizes, of_each, strict=True):
        assert count < size
        if size == 1:
            assert count == 0
        else:
            assert abs(count - share * size) <= 1 + 1e-9
    capped = any(share * size > size - 1 for size in sizes if size > 1)
    assert abs(len(held) - share * eligible) <= 0.5 + 1e-9 or capped


def test_classes_of_one_sample_do_not_raise_the_share_of_others() -> None:
    y = np.concatenate([np.repeat([0, 1], [30, 20]), np.arange(2, 52)])
    _, (_, held) = held_out(y, y, 0.2, classes=y)
    assert np.bincount(held).tolist() == [6, 4]


def test_rounding_favours_no_class() -> None:
    y = np.repeat(np.arange(8), 5)
    total = sum(np.bincount(held_out(y, y, 0.1, classes=y, seed=seed)[1][1], minlength=8) for seed in range(400))
    assert np.abs(total - 200).max() < 60  # 4 of 8 in each: a deviation of 10


def test_the_samples_of_a_class_are_drawn_at_random() -> None:
    y = np.repeat([0, 1], 50)
    total = np.zeros(100)
    for seed in range(300):
        total[held_out(np.arange(100), y, 0.2, classes=y, seed=seed)[1][0]] += 1
    assert 25 < total.min() < total.max() < 100


def test_classes_of_one_sample_alone_cannot_be_held_out() -> None:
    y = np.arange(10)
    with pytest.raises(HyperparameterError, match=r"0.5 of 10 samples leaves nothing .* one sample of each class"):
        held_out(y, y, 0.5, classes=y)


def held_by(model: Layer, loss: Loss, y: Any, **options: Any) -> Array:
    """The samples that a fit holds out, by number."""
    x = np.column_stack([np.arange(float(len(y))), np.zeros(len(y))])
    seen: list[Array] = []
    watched = Watched(model, seen)
    Trainer(watched, loss, SGD(watched.parameters(), lr=1e-9)).fit(x, y, validation=0.25, **options)
    return np.concatenate(seen)


class Watched(Sequential):
    """Notes the first feature of what it is given in evaluation."""

    def __init__(self, model: Layer, seen: list[Array]) -> None:
        super().__init__(model)
        self.seen = seen

    def forward(self, x: Any) -> Any:
        if not self.training:
            self.seen.append(x[:, 0].astype(int))
        return super().forward(x)


RARE = np.arange(40) % 10 == 0
"""Four samples of one class, 36 of the other."""

TWO = RARE[:, None].astype(float)

CLASSIFIERS: list[tuple[Layer, Loss, Any]] = [
    (Dense(2, 2, rng=0), CrossEntropyLoss(), RARE.astype(int)),
    (Dense(2, 2, rng=0), CrossEntropyLoss(), RARE.astype(float)),
    (Sequential(Dense(2, 1), Sigmoid(), rng=0), BCELoss(), TWO),
    (Dense(2, 1, rng=0), BCEWithLogitsLoss(), TWO),
    (Dense(2, 1, rng=0), FocalLoss(), TWO),
    (Dense(2, 1, rng=0), HingeLoss(), 2 * TWO - 1),
]


@pytest.mark.parametrize(("model", "loss", "y"), CLASSIFIERS)
def test_a_fit_holds_out_a_share_of_each_class(model: Layer, loss: Loss, y: Any) -> None:
    for seed in range(8):
        held = held_by(model, loss, y, validation_seed=seed)
        assert len(held) == 10
        assert RARE[held].sum() == 1


SOFT = np.linspace(0, 1, 40)[:, None]


@pytest.mark.parametrize(
    ("loss", "y"),
    [
        (MSELoss(), TWO),
        (BCEWithLogitsLoss(), SOFT),
        (BCEWithLogitsLoss(), np.column_stack([TWO, 1 - TWO])),
        (CrossEntropyLoss(), np.column_stack([SOFT, 1 - SOFT])),
    ],
)
def test_targets_that_are_not_classes_are_held_out_as_one(loss: Loss, y: Array) -> None:
    expected = held_out(np.arange(40), y, 0.25)[1][0]
    assert held_by(Dense(2, y.shape[1], rng=0), loss, y).tolist() == expected.tolist()


def test_sequences_of_classes_have_no_class_of_their_own() -> None:
    assert CrossEntropyLoss().classes(np.zeros((4, 3), int)) is None


@pytest.mark.parametrize(("model", "loss", "y"), [CLASSIFIERS[0], (Dense(2, 1, rng=0), MSELoss(), SOFT)])
def test_the_seed_is_apart_from_that_of_the_orders(model: Layer, loss: Loss, y: Any) -> None:
    first = held_by(model, loss, y).tolist()
    for rng in (1, None, np.random.default_rng(0)):
        assert held_by(model, loss, y, rng=rng, batch_size=7).tolist() == first
    assert held_by(model, loss, y, validation_seed=0).tolist() == first
    assert held_by(model, loss, y, validation_seed=1).tolist() != first


@pytest.mark.parametrize("seed", [-1, 1.5, None, "0", np.random.default_rng(0)])
def test_the_seed_is_an_integer(seed: Any) -> None:
    with pytest.raises(HyperparameterError, match="validation_seed must be an integer, at least 0"):
        held_by(Dense(2, 1), MSELoss(), SOFT, validation_seed=seed)
