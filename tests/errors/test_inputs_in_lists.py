"""Several inputs, or x and its mask, in a list: the message says that they are a tuple, and that advice works."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minidl import (
    LSTM,
    SGD,
    Add,
    Conv2D,
    DataError,
    Dense,
    Embedding,
    Layer,
    MSELoss,
    Parallel,
    SelfAttention,
    Sequential,
    ShapeError,
    Trainer,
)

RNG = np.random.default_rng(0)
IDS, MASK, Y = RNG.integers(0, 9, (5, 7)), np.ones((5, 7), bool), RNG.normal(size=(5, 1))
A, B = RNG.normal(size=(5, 3)), RNG.normal(size=(5, 2))


def trainer(model: Layer) -> Trainer:
    return Trainer(model, MSELoss(), SGD(model.parameters(), 0.1))


def words(error: BaseException) -> str:
    """A message as Python shows it, notes included."""
    return "\n".join([str(error), *getattr(error, "__notes__", [])])


WITH_MASK: list[Callable[[], Layer]] = [
    lambda: Sequential(Embedding(9, 3), LSTM(3, 1)),
    lambda: Sequential(Embedding(9, 3), SelfAttention(3, 1), LSTM(3, 1)),
]


@pytest.mark.parametrize("make", WITH_MASK)
def test_x_and_its_mask_in_a_list(make: Callable[[], Layer]) -> None:
    model, x = make(), [IDS, MASK]
    calls: list[Callable[[Any], Any]] = [
        model.predict,
        lambda x: trainer(model).fit(x, Y),
        lambda x: trainer(model).evaluate(x, Y),
    ]
    for call in calls:
        with pytest.raises(ShapeError) as caught:
            call(x)
        assert words(caught.value).endswith("; x and its mask are a tuple: (x[0], x[1])")
        call((x[0], x[1]))


def test_several_inputs_in_a_list() -> None:
    model = Sequential(Parallel(Dense(3, 1), Dense(2, 1)), Add())
    with pytest.raises(DataError, match=r"takes several inputs, a tuple of arrays, got list; pass \(a, b\)"):
        model.predict([A, B])
    with pytest.raises(DataError, match=r"several inputs, or x and its mask, are a tuple: \(x\[0\], x\[1\]\)"):
        Dense(3, 1).predict([A, B])
    with pytest.raises(ShapeError) as caught:  # the layer takes it for two samples of 5 rows each
        trainer(Dense(3, 1)).fit([A, A], Y)
    assert "several inputs, or x and its mask, are a tuple: (x[0], x[1])" in words(caught.value)


def test_a_list_of_samples_is_not_several_inputs() -> None:
    for samples, targets in (([A] * 5, RNG.normal(size=(5, 1))), ([A] * 4, RNG.normal(size=(6, 1)))):
        with pytest.raises(ShapeError) as caught:
            trainer(Dense(3, 1)).fit(samples, targets)
        assert "tuple" not in words(caught.value)


@pytest.mark.parametrize("shapes", [((8, 8, 1), (8, 9, 1)), ((8, 8, 1), (9, 8, 1)), ((9, 8), (8, 8))])
def test_images_of_different_shapes(shapes: tuple[tuple[int, ...], ...]) -> None:
    with pytest.raises(DataError) as caught:
        Conv2D(1, 2, 3).predict([np.zeros(shape) for shape in shapes])
    assert str(caught.value).endswith("all samples must have the same shape, so cut or pad")


def test_several_targets() -> None:
    for y, join in (((Y, Y), "np.column_stack(y)"), ((Y[..., None],) * 2, "np.concatenate(y, axis=-1)")):
        with pytest.raises(ShapeError) as caught:
            trainer(Dense(3, 1)).fit(A, y)
        note = "each of which is one sample; a loss takes one array of targets, so join several, e.g. " + join
        assert note in words(caught.value)
        assert len(eval(join, {"y": y, "np": np})) == len(A)


def test_a_single_number_as_the_targets() -> None:
    with pytest.raises(ShapeError, match="y must have the batch as its first axis, got a single number"):
        trainer(Dense(3, 1)).fit(A, 3.0)
