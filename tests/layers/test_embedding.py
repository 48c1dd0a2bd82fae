"""Vectors for ids, and ids on their way to them: they are never cast."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minidl import (
    SGD,
    Concatenate,
    DataError,
    Dense,
    Embedding,
    EmpiricalRisk,
    Flatten,
    HyperparameterError,
    Identity,
    Layer,
    MSELoss,
    Parallel,
    Residual,
    Sequential,
    ShapeError,
    Siamese,
    Tied,
    Trainer,
)
from minidl.batch import arrays_in
from minidl.checking import check_layer
from minidl.initializers import zeros
from minidl.typing import Array, ArrayLike, Batch, Shape

BIG = 2**24 + 1
"""The first integer that float32 cannot represent."""


def test_each_id_has_a_row() -> None:
    layer = Embedding(5, 3, rng=0)
    ids = np.array([[4, 0, 4], [1, 2, 3]])
    y = layer(ids)
    assert y.shape == (2, 3, 3)
    for place in np.ndindex(ids.shape):
        np.testing.assert_array_equal(y[place], layer.weight.value[ids[place]])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("shape", [(6,), (6, 4), (6, 2, 2), (300, 50)])
def test_gradients_of_repeated_ids_add_up(shape: tuple[int, ...], dtype: type) -> None:
    rng = np.random.default_rng(0)
    layer = Embedding(7, 3, rng=0).astype(dtype)
    ids = rng.integers(0, 6, shape)  # never the last one
    grad: Array = rng.normal(size=(*shape, 3)).astype(dtype)
    layer(ids)
    layer.weight.grad = np.full((7, 3), np.nan)
    dx = layer.backward(grad)
    expected = np.zeros((7, 3))
    np.add.at(expected, ids, grad)
    np.testing.assert_allclose(layer.weight.grad, expected, rtol=1e-4 if dtype == np.float32 else 1e-12, atol=1e-4)
    assert not layer.weight.grad[6].any()
    assert dx.shape == ids.shape
    assert not dx.any()


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int32, np.int64, np.uint64])
def test_ids_of_any_integer_type_are_taken_as_they_are(kind: type) -> None:
    layer = Embedding(5, 2, rng=0)
    ids: Array = np.array([[4, 0]], kind)
    assert layer.check_input(ids) is ids
    np.testing.assert_array_equal(layer(ids), layer([[4, 0]]))


class Ids(Layer):
    """A stand-in for an `Embedding` of very many ids: it remembers the ids that it is given."""

    takes_integers = True

    def forward(self, x: Array) -> Array:
        self.seen = x
        return np.zeros((len(x), 1), np.float32)

    def backward(self, grad: Array) -> Array:
        return np.zeros(self.seen.shape, grad.dtype)


def single(*layers: Layer) -> Sequential:
    return Sequential(*layers, Dense(1, 1), rng=0, dtype=np.float32)


WAYS: dict[str, Callable[[Layer, Array, Array], object]] = {
    "call": lambda model, x, _: model(x),
    "predict": lambda model, x, _: model.predict(x),
    "predict in parts": lambda model, x, _: model.predict(x, batch_size=1),
    "predict a list": lambda model, x, _: model.predict(x.tolist(), batch_size=1),
    "fit": lambda model, x, y: trainer(model).fit(x, y, batch_size=1, validation=(x, y)),
    "evaluate": lambda model, x, y: trainer(model).evaluate(x, y),
    "risk": lambda model, x, y: EmpiricalRisk(model, MSELoss(), x, y).forward(),
}


def trainer(model: Layer) -> Trainer:
    return Trainer(model, MSELoss(), SGD(model.parameters(), lr=0.1))


@pytest.mark.parametrize("way", [pytest.param(way, id=name) for name, way in WAYS.items()])
@pytest.mark.parametrize("wrap", [lambda ids: ids, Sequential, lambda ids: Sequential(Sequential(ids, Identity()))])
def test_ids_are_never_cast(way: Callable[..., object], wrap: Callable[[Layer], Layer]) -> None:
    ids = Ids()
    way(single(wrap(ids)), np.array([[BIG], [BIG]]), np.ones((2, 1)))
    assert ids.seen.dtype.kind == "i"
    assert (ids.seen == BIG).all()


def test_ids_beside_floats_are_never_cast() -> None:
    ids = Ids()
    model = single(Parallel(ids, Identity()), Concatenate(), Dense(3, 1))
    x = np.array([[BIG], [BIG]]), np.ones((2, 2))
    for way in (WAYS[name] for name in ("call", "predict", "fit", "evaluate", "risk")):
        way(model, x, np.ones((2, 1)))  # type: ignore[arg-type]
        assert (ids.seen == BIG).all()
    assert [array.dtype for array in arrays_in(model.check_input(x))] == [np.int64, np.float32]


CONTAINERS: list[tuple[Callable[[Layer], Layer], Callable[[ArrayLike], Any]]] = [
    (lambda layer: layer, lambda x: x),
    (lambda layer: Sequential(layer, Flatten()), lambda x: x),
    (lambda layer: Tied(layer, Residual()), lambda x: x),
    (lambda layer: Sequential(Parallel(Dense(2, 1), layer)), lambda x: (np.ones((1, 2)), x)),
    (lambda layer: Siamese(layer), lambda x: ([[0, 1]], x)),
]

WRONG: list[tuple[ArrayLike, str]] = [
    ([[0, -1]], r"must hold ids from 0 to 4, but there is -1 at index \(0, 1\)$"),
    ([[5, 0]], r"must hold ids from 0 to 4, but there is 5 at index \(0, 0\)$"),
    ([[0.5, 1.0]], r"must hold ids, which are integers, got float64; make them with astype\(int\)$"),
    ([[1.0, 2.0]], r"must hold ids, which are integers, got float64"),
    (np.array([[1, 0]], np.float32), r"must hold ids, which are integers, got float32"),
    ([[True, False]], r"must hold ids, which are integers, got bool"),
    ([["a", "b"]], "must hold ids, which are integers, got text"),
    (np.empty((1, 0), int), "is empty"),
]


@pytest.mark.parametrize(("wrap", "given"), CONTAINERS)
@pytest.mark.parametrize(("x", "words"), WRONG)
def test_what_is_not_an_id_is_refused(
    wrap: Callable[[Layer], Layer], given: Callable[[ArrayLike], Any], x: ArrayLike, words: str
) -> None:
    model = wrap(Embedding(5, 2))
    for size in (None, 1):
        with pytest.raises(DataError, match=words):
            model.predict(given(x), batch_size=size)
    with pytest.raises(DataError, match=words):
        model(given(x))


def test_a_single_number_and_a_tuple_are_refused() -> None:
    with pytest.raises(ShapeError, match="must have the batch as its first axis"):
        Embedding(5, 2)(3)
    with pytest.raises(DataError, match=r"^Embedding\(5, 2\) takes one array, got a tuple of 2"):
        Embedding(5, 2)(([[1]], [[2]]))


@pytest.mark.parametrize("wrong", [{"size": 0}, {"size": 2.0}, {"features": 0}, {"initializer": "zeros"}])
def test_wrong_arguments(wrong: dict[str, Any]) -> None:
    with pytest.raises(HyperparameterError, match=f"Embedding: {next(iter(wrong))} must be"):
        Embedding(**{"size": 3, "features": 2, **wrong})
    assert Embedding(1, 1)([[0, 0]]).shape == (1, 2, 1)  # the smallest


def test_initial_values() -> None:
    weight = Embedding(1000, 64, rng=0).weight.value
    assert abs(weight.var() * 64 - 1) < 0.02  # so rows have a length near 1
    assert not Embedding(3, 2, initializer=zeros).weight.value.any()
    drawn = Sequential(Embedding(9, 2), rng=3).parameters()["0.weight"]
    np.testing.assert_array_equal(drawn.value, Embedding(9, 2, rng=3).weight.value)


def test_shapes() -> None:
    layer = Embedding(5, 2)
    assert (layer.output_shape((3,)), layer.output_shape(()), layer.output_shape(None)) == ((3, 2), (2,), (2,))
    with pytest.raises(ShapeError, match=r"Dense\(3, 1\) takes samples of shape \(3,\)"):
        Sequential(Embedding(5, 2), Dense(3, 1))
    rows = Sequential(Embedding(5, 2), Flatten(), Dense(6, 1)).summary((3,)).rows
    assert [row.shape for row in rows] == [(3, 2), (6,), (1,)]


class Leaky(Embedding):
    """A mistake: ids have no gradient."""

    def backward(self, grad: Array) -> Array:
        return super().backward(grad) + 1


class Once(Embedding):
    """A mistake: of the same id twice, only the last counts."""

    def backward(self, grad: Array) -> Array:
        dx = super().backward(grad)
        self.weight.grad = np.zeros(self.weight.shape)
        self.weight.grad[self.x] = grad
        return dx


class Unchecked(Layer):
    """A layer for ids whose samples have two of them."""

    takes_integers = True

    def output_shape(self, shape: Shape | None) -> Shape | None:
        return (2,)

    def forward(self, x: Batch) -> Array:
        self.shape = x.shape
        y: Array = x.astype(float)
        return y

    def backward(self, grad: Array) -> Array:
        return np.zeros(self.shape)


def test_check_layer_neither_moves_nor_differentiates_ids() -> None:
    ids = [[0, 1, 1], [2, 4, 1]]
    assert list(check_layer(Embedding(5, 2, rng=0), ids).errors) == ["weight"]
    assert check_layer(Unchecked(), [[BIG, 1], [2, 3]]).errors == {}
    with pytest.raises(AssertionError, match="has no derivative: backward must return zeros"):
        check_layer(Leaky(5, 2, rng=0), ids)
    with pytest.raises(AssertionError, match="the gradient of weight is off"):
        check_layer(Once(5, 2, rng=0), ids)
