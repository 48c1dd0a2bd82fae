"""predict in parts: the same as the whole, in constant memory, and errors that name the right rows."""

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minidl import (
    BatchNorm,
    DataError,
    Dense,
    Dropout,
    Flatten,
    HyperparameterError,
    Identity,
    Layer,
    Parameter,
    ReLU,
    Sequential,
    ShapeError,
)
from minidl.batch import arrays_in
from minidl.typing import Array, Shape
from tests.helpers import bits, bits_of
from tests.tables.layers import LAYERS, LayerCase

X = np.random.default_rng(0).normal(size=(11, 4))


@pytest.mark.parametrize("size", [1, 3, 11, 12, np.int64(4)])
@pytest.mark.parametrize("case", LAYERS, ids=lambda case: case.name)
def test_in_parts_it_is_the_same(case: LayerCase, size: int) -> None:
    layer = case.make(4)
    x = case.draw(np.random.default_rng(0), 11, 4)
    before = bits_of(layer)
    whole, parts = layer.predict(x), layer.predict(x, batch_size=size)
    for part, array in zip(arrays_in(parts), arrays_in(whole), strict=True):
        assert part.shape == array.shape
        assert part.dtype == array.dtype
        # Where sums are made in another order, the last digits may differ.
        np.testing.assert_allclose(part, array, rtol=1e-13, atol=1e-14)
    assert bits_of(layer) == before
    assert layer.training


@pytest.mark.parametrize("training", [True, False])
def test_in_parts_it_is_in_evaluation_and_leaves_the_mode(training: bool) -> None:
    model = Sequential(Dense(4, 3), BatchNorm(3), Dropout(rng=0), rng=0)
    model[1].training, model[2].training = training, not training
    first = model.predict(X, batch_size=2)
    assert bits(model.predict(X, batch_size=2)) == bits(first)
    assert [module.training for _, module in model.modules()][2:] == [training, not training]
    with pytest.raises(DataError):
        model.predict(np.full((5, 4), np.nan), batch_size=2)
    assert [module.training for _, module in model.modules()][2:] == [training, not training]


def test_float32_and_lists_and_whole_numbers() -> None:
    model = Sequential(Dense(4, 3), rng=0, dtype=np.float32)
    assert model.predict(X, batch_size=3).dtype == np.float32
    for given in (X.tolist(), np.round(X).astype(int), X > 0):
        np.testing.assert_allclose(model.predict(given, batch_size=3), model.predict(given), rtol=1e-6)


class Sees(Identity):
    """Notes the size of each batch."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def forward(self, x: Array) -> Array:
        self.sizes.append(len(x))
        return x


@pytest.mark.parametrize(("size", "sizes"), [(4, [4, 4, 3]), (5, [5, 5, 1]), (11, [11]), (99, [11]), (None, [11])])
def test_so_many_go_through_at_once(size: int | None, sizes: list[int]) -> None:
    sees = Sees()
    given = sees.predict(X, batch_size=size)
    assert sees.sizes == sizes
    assert bits(given) == bits(X)


def test_what_is_given_is_not_written_to_and_not_shared_with_the_next() -> None:
    before = bits(X)
    first = Flatten().predict(X, batch_size=4)
    first[...] = 0.0
    assert bits(X) == before


def test_memory_does_not_grow_with_the_samples() -> None:
    model = Sequential(Dense(4, 200), ReLU(), Dense(200, 200), ReLU(), Dense(200, 1), rng=0)

    def peak(samples: int, size: int | None) -> int:
        x = np.zeros((samples, 4))
        model.predict(x[:10])
        tracemalloc.start()
        model.predict(x, batch_size=size)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    # What is left that grows is the prediction itself, 8 bytes a sample.
    assert peak(40_000, 100) - peak(4_000, 100) < 36_000 * 8 + 100_000
    assert peak(4_000, None) > 4 * peak(4_000, 100)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (1, r"^x holds 1 number .*, the first at index \(1, 2\)"),
        (4, r"^x\[4:\] holds 1 number .*, the first at index \(0, 2\)"),
        (10, r"^x\[8:\] holds 1 number .*, the first at index \(2, 2\)"),
    ],
)
def test_an_error_names_the_rows(row: int, words: str) -> None:
    x = X.copy()
    x[row, 2] = np.inf
    with pytest.raises(DataError, match=words):
        Sequential(Dense(4, 3), rng=0).predict(x, batch_size=4)
    with pytest.raises(DataError, match=rf"^x holds 1 number .*, the first at index \({row}, 2\)"):
        Sequential(Dense(4, 3), rng=0).predict(x.tolist(), batch_size=4)


BAD: list[tuple[Any, Any, type[Exception], str]] = [
    (X, 0, HyperparameterError, "batch_size must be a positive integer, got 0"),
    (X, -3, HyperparameterError, "got -3"),
    (X, 2.0, HyperparameterError, "got 2.0"),
    (X, True, HyperparameterError, "got True"),
    (X, "2", HyperparameterError, "got '2'"),
    (X[:0], 2, DataError, "x is empty"),
    (X[:, :3], 2, ShapeError, "takes samples of shape"),
    (X.astype(str), 2, DataError, "x must hold real numbers"),
    ([[1.0], [1.0, 2.0]], 2, DataError, "x is not an array of numbers"),
    (np.ma.masked_array(X, X > 1), 99, DataError, "x has masked entries"),
    (3.0, 2, ShapeError, "x must have the batch as its first axis"),
    (np.array(3.0), 2, ShapeError, "x must have the batch as its first axis"),
]


@pytest.mark.parametrize(("x", "size", "error", "words"), BAD)
def test_what_cannot_be_predicted(x: Any, size: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        Sequential(Dense(4, 3), rng=0).predict(x, batch_size=size)


class Table(Layer):
    """Returns a view of its parameter, whatever it is given."""

    def __init__(self) -> None:
        self.table = Parameter(np.ones((4, 2)))

    def forward(self, x: Array) -> Array:
        return self.table.value[: len(x)]

    def backward(self, grad: Array) -> Array:
        self.table.grad = grad
        return np.zeros_like(grad)


@pytest.mark.parametrize("size", [None, 2])
def test_what_a_layer_returns_may_be_changed_without_changing_the_layer(size: int | None) -> None:
    layer = Table()
    y = layer.predict(X[:4], batch_size=size)
    y += 1.0
    assert (layer.table.value == 1.0).all()


class Pairs(Identity):
    """Takes samples of two numbers, which forward itself does not look at."""

    def output_shape(self, shape: Shape | None) -> Shape | None:
        if shape not in (None, (2,)):
            raise ShapeError(f"Pairs takes samples of shape (2,), got {shape}")
        return shape


def test_a_layer_is_asked_whether_it_takes_samples_of_that_shape() -> None:
    calls: list[Callable[[Array], Array]] = [Pairs(), Pairs().predict, lambda x: Pairs().predict(x, batch_size=2)]
    for call in calls:
        assert bits(call(X[:, :2])) == bits(X[:, :2])
        with pytest.raises(ShapeError, match=r"of shape \(2,\), got \(4,\)"):
            call(X)


def test_a_layer_that_is_not_finished_says_so() -> None:
    with pytest.raises(NotImplementedError, match="Layer must define forward"):
        Layer().predict(X, batch_size=2)


PASSING: list[Layer] = [
    Identity(),
    Dropout(0.5, rng=0),
    Flatten(),
    Sequential(),
    Sequential(Identity(), Dropout(rng=0)),
    Sequential(Flatten(), Sequential()),
]


@pytest.mark.parametrize("layer", PASSING, ids=repr)
@pytest.mark.parametrize("size", [None, 1, 3, 9])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("strided", [False, True])
def test_the_result_is_not_the_memory_of_the_caller(layer: Layer, size: int | None, dtype: Any, strided: bool) -> None:
    x = np.ones((3, 4), dtype)[:, :: 2 if strided else 1]
    y = layer.predict(x, batch_size=size)
    assert not np.shares_memory(x, y)
    y -= 5.0
    assert x.tolist() == np.ones_like(x).tolist()


def test_the_result_is_not_the_memory_of_what_merely_holds_an_array() -> None:
    class Frame:
        def __init__(self) -> None:
            self.values = np.ones((3, 2))

        def __array__(self, dtype: Any = None, copy: Any = None) -> Array:
            return self.values

        def __len__(self) -> int:
            return 3

    for size in (None, 2, 3):
        frame = Frame()
        y = Identity().predict(frame, batch_size=size)
        y -= 5.0
        assert (frame.values == 1.0).all()


def test_one_sample_is_predicted_in_parts_of_one() -> None:
    layer = Dense(2, 3, rng=0)
    np.testing.assert_array_equal(layer.predict([[1.0, 2.0]], batch_size=1), layer.predict([[1.0, 2.0]]))
