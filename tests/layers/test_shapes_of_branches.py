"""Shapes of nested models: what fits is built and runs, what does not is refused when it is built."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minidl import (
    SGD,
    Add,
    Branches,
    Concatenate,
    Conv1D,
    Dense,
    Embedding,
    Flatten,
    Identity,
    Layer,
    MSELoss,
    Multiply,
    Parallel,
    Reshape,
    Residual,
    Sequential,
    ShapeError,
    Siamese,
    Tanh,
    Tied,
    Trainer,
)
from minidl.batch import arrays_in, mapped, sample_shape
from minidl.checking import check_layer
from minidl.modules import input_shape
from tests.helpers import bits
from tests.user_defined import Doubled, MaskedCenter, MaskedMean, Scale, Scaled, Skip, Sum

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 6, 3))
MASK = np.ones((4, 6), bool)


def conv() -> Layer:
    return Conv1D(3, 3, 3, padding="same")


FIT: list[tuple[Callable[[], Layer], Any, tuple[int, ...]]] = [
    (lambda: Sequential(Sequential(conv(), Dense(3, 5)), Flatten(), Dense(30, 1)), X, (1,)),
    (lambda: Sequential(Sequential(Sequential(conv(), Dense(3, 5))), Flatten(), Dense(30, 1)), X, (1,)),
    (lambda: Sequential(Residual(conv(), Dense(3, 3)), Flatten(), Dense(18, 1)), X, (1,)),
    (
        lambda: Sequential(Tied(Dense(3, 4), Conv1D(4, 4, padding="same"), Dense(4, 4)), Flatten(), Dense(18, 1)),
        X,
        (1,),
    ),
    (lambda: Sequential(Branches(Dense(3, 3), Reshape(6, 3)), Add()), X, (6, 3)),
    (lambda: Sequential(Branches(Dense(3, 3), Reshape(6, 3)), Multiply(), Dense(3, 1)), X, (6, 1)),
    (lambda: Sequential(Branches(Dense(3, 3), Reshape(6, 3)), Concatenate(1)), X, (12, 3)),
    (lambda: Sequential(Branches(Sequential(conv(), Dense(3, 3)), Reshape(6, 3)), Add()), X, (6, 3)),
    (lambda: Sequential(Branches(Dense(3, 3), Reshape(6, 3)), Siamese(Dense(3, 2)), Add()), X, (6, 2)),
    (lambda: Sequential(Branches(Identity(), Dense(3, 3)), Siamese(Dense(3, 2)), Add()), X, (6, 2)),
    (lambda: Sequential(Branches(Dense(3, 3), Dense(3, 3)), Add(), Flatten(), Dense(18, 1)), X, (1,)),
    (lambda: Sequential(Branches(Dense(3, 3), Sequential(Flatten(), Dense(18, 18), Reshape(6, 3))), Add()), X, (6, 3)),
    (
        lambda: Sequential(
            Parallel(Sequential(conv(), Dense(3, 3)), Dense(3, 3)), Concatenate(), Flatten(), Dense(36, 1)
        ),
        (X, X),
        (1,),
    ),
    (
        lambda: Sequential(
            Parallel(Dense(3, 3), conv()),
            Parallel(Flatten(), Dense(3, 18)),
            Parallel(Dense(18, 2), Flatten()),
            Parallel(Dense(2, 2), Dense(108, 2)),
            Add(),
        ),
        (X, X),
        (2,),
    ),
    (lambda: Sequential(Siamese(Sequential(conv(), Dense(3, 3))), Add(), Flatten(), Dense(18, 1)), (X, X), (1,)),
    (lambda: Sequential(Sequential(Dense(3, 4), MaskedCenter()), Flatten(), Dense(24, 1)), (X, MASK), (1,)),
    (
        lambda: Sequential(
            Branches(Sequential(Sum(Dense(3, 3), Dense(3, 3)), Dense(3, 3)), Dense(3, 3)), Add(), Dense(3, 1)
        ),
        X,
        (6, 1),
    ),
]


@pytest.mark.parametrize(("make", "x", "shape"), FIT)
def test_models_that_fit_run(make: Callable[[], Layer], x: Any, shape: tuple[int, ...]) -> None:
    model = make()
    assert model.predict(x).shape == (4, *shape)
    assert model.output_shape(input_shape(model, sample_shape(x))) in (shape, None)
    assert Sequential(make()).predict(x, batch_size=3).shape == (4, *shape)
    y = np.zeros((4, *shape))
    Trainer(model, MSELoss(), SGD(model.parameters(), lr=0.1)).fit(x, y, batch_size=2)


DO_NOT_FIT: list[Callable[[], Layer]] = [
    lambda: Sequential(Sequential(conv(), Dense(3, 5)), Dense(6, 1)),
    lambda: Sequential(Sequential(Flatten(), Dense(6, 4)), Dense(5, 1)),
    lambda: Sequential(Residual(conv(), Dense(3, 3)), Dense(4, 1)),
    lambda: Sequential(Branches(Sequential(conv(), Dense(3, 5)), Dense(3, 4)), Add()),
    lambda: Sequential(Branches(Dense(3, 4), Dense(3, 5)), Parallel(Dense(4, 1), Dense(4, 1))),
    lambda: Sequential(Branches(Flatten(), Reshape(6, 3)), Parallel(Flatten(), Dense(4, 1))),
    lambda: Sequential(Branches(Identity(), Reshape(2, 3), Reshape(3, 2)), Siamese(Flatten())),
]


@pytest.mark.parametrize("make", DO_NOT_FIT)
def test_models_that_cannot_fit_are_refused_when_they_are_built(make: Callable[[], Layer]) -> None:
    with pytest.raises(ShapeError):
        make()


def test_shapes_of_which_one_is_known_or_none() -> None:
    towers = Parallel(Dense(3, 4), Flatten())
    assert towers.output_shape((None, (2, 2))) == (None, (4,))  # a Dense may have more axes in front
    assert towers.output_shape(((5, 3), None)) == ((5, 4), None)
    assert Parallel(Dense(3, 4), Dense(2, 1)).output_shape(None) == ((4,), (1,))
    assert Parallel(Dense(3, 4), Dense(2, 1)).output_shape((None, (2,))) == (None, (1,))
    twins = Siamese(Dense(3, 4))
    assert twins.output_shape(((5, 3), None)) == ((5, 4), (5, 4))
    assert twins.output_shape((None, None)) == (None, None)
    for shape in ((3,), (), (3, 3)):
        with pytest.raises(ShapeError, match="takes several arrays of equal shape"):
            twins.output_shape(shape)


def test_arrays_are_joined_whose_other_axes_are_equal() -> None:
    for axis, shapes in ((1, ((4, 2), (4, 3))), (-1, ((4, 2), (5, 2))), (2, ((4, 2), (5, 2)))):
        with pytest.raises(ShapeError, match="whose shapes are equal but for that axis"):
            Concatenate(axis).output_shape(shapes)
    for axis in (3, -3):
        with pytest.raises(ShapeError, match="whose shapes are equal but for that axis"):
            Concatenate(axis).output_shape(((4, 2), (4, 2)))
    parts = RNG.normal(size=(4, 1, 3)), RNG.normal(size=(4, 2, 3)), RNG.normal(size=(4, 3, 3))
    for axis in (1, -2):
        layer = Concatenate(axis)
        y = layer(parts)
        assert y.shape == (4, 6, 3)
        back = layer.backward(y)  # the gradient of a part is the part of the gradient
        for part, dx in zip(parts, back, strict=True):
            np.testing.assert_array_equal(dx, part)


def test_one_input_is_joined_added_and_multiplied() -> None:
    grad = RNG.normal(size=X.shape)
    for layer in (Concatenate(), Add(), Multiply()):
        assert layer.output_shape(((6, 3),)) == (6, 3)
        np.testing.assert_array_equal(layer((X,)), X)
        assert not np.shares_memory(layer.predict((X,)), X)
        (dx,) = layer.backward(grad)
        np.testing.assert_array_equal(dx, grad)


def test_a_summary_takes_masks_and_shows_shared_layers() -> None:
    masked = Sequential(Dense(3, 4), MaskedMean(), rng=0)
    given = (6, 3), (6,)
    assert [row.shape for row in masked.summary(given).rows] == [(6, 4), (4,)]
    rows = Sequential(Parallel(masked, Dense(2, 4)), Add()).summary((given, (2,))).rows
    assert [(row.path, row.shape) for row in rows] == [("0.0.0", (6, 4)), ("0.0.1", (4,)), ("0.1", (4,)), ("1", (4,))]
    twins = Siamese(Sequential(Dense(3, 4), MaskedMean()))
    assert [(row.path, row.shape) for row in twins.summary((given, given)).rows] == [
        ("layer.0", (6, 4)),
        ("layer.1", (4,)),
    ]
    assert [row.shape for row in twins.summary().rows] == [(4,), None]
    tied = Sequential(Tied(Embedding(9, 2), Tanh()), Dense(9, 1))
    assert [(row.path, row.shape) for row in tied.summary((5,)).rows] == [
        *[("0.0", (5, 2)), ("0.1", (5, 2)), ("0.weight", (5, 9)), ("1", (5, 1))]
    ]
    assert [line.split()[:4] for line in str(tied.summary((5,))).splitlines()[4:5]] == [
        ["0.weight", "transposed", "(n,", "5,"]
    ]
    for model in (twins, tied):
        assert model.summary().parameters == model.parameters().size
        assert model.summary().memory == 2 * 8 * model.parameters().size
    with pytest.raises(ShapeError, match="takes one array, got 3 of shapes"):
        masked.summary((*given, (6,)))
    with pytest.raises(ShapeError, match="takes several arrays of equal shape"):
        Siamese(Dense(3, 1)).summary(((3,), (2,)))


USERS: list[Callable[[], Layer]] = [
    lambda: Scale(3),
    lambda: Skip(Dense(3, 3, rng=0)),
    lambda: Doubled(3, 3, rng=0),
    lambda: Scaled(Dense(3, 3, rng=0)),
    lambda: Sum(Dense(3, 3, rng=0), Dense(3, 3, rng=1)),
]

AROUND: list[tuple[Callable[[Layer], Layer], Any]] = [
    (lambda layer: Sequential(Dense(3, 3, rng=2), layer), X[:, 0]),
    (lambda layer: Residual(layer), X[:, 0]),
    (lambda layer: Parallel(layer, Dense(3, 1, rng=2)), (X[:, 0], X[:, 1])),
    (lambda layer: Branches(layer, Identity()), X[:, 0]),
    (lambda layer: Siamese(layer), (X[:, 0], X[:, 1])),
    (lambda layer: Tied(Dense(3, 3, rng=2), layer), X[:, 0]),
]


@pytest.mark.parametrize(("around", "x"), AROUND)
@pytest.mark.parametrize("make", USERS)
def test_layers_of_a_user_work_in_every_container(
    make: Callable[[], Layer], around: Callable[[Layer], Layer], x: Any
) -> None:
    model = around(make())
    assert check_layer(model, x).error < 1e-8
    assert mapped(np.shape, Sequential(model).predict(x)) == mapped(np.shape, model.predict(x))


@pytest.mark.parametrize(
    ("layer", "x"),
    [
        (Parallel(Flatten(), Identity()), (X, X.copy())),
        (Branches(Flatten(), Identity(), Reshape(3, 6)), X),
        (Siamese(Flatten()), (X, X.copy())),
        (Siamese(Identity()), (X, X.copy())),
        (Add(), (X,)),
    ],
)
def test_what_predict_returns_is_of_its_own_memory(layer: Layer, x: Any) -> None:
    given = mapped(np.copy, x)
    y = layer.predict(given)
    for array in arrays_in(y):
        array[...] = 0
    assert bits(*arrays_in(given)) == bits(*arrays_in(x))
    again = layer.predict(given)
    for array in arrays_in(again):
        assert array.any()
