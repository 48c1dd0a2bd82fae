"""Layers side by side, and what makes one array of several."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minidl import (
    Add,
    Branches,
    Concatenate,
    DataError,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    HyperparameterError,
    Identity,
    Layer,
    Multiply,
    Parallel,
    ReLU,
    Residual,
    Sequential,
    ShapeError,
    Siamese,
    StateError,
    Tanh,
    Tied,
)
from minidl.checking import check_layer
from minidl.typing import Array, Shape
from tests.helpers import bits, unchanged

RNG = np.random.default_rng(0)
X, A, B = RNG.normal(size=(5, 3)), RNG.normal(size=(5, 3)), RNG.normal(size=(5, 2))


def test_each_input_has_its_layer() -> None:
    first, second = Dense(3, 4, rng=0), Dense(2, 1, rng=1)
    model = Parallel(first, second)
    y = model((A, B))
    assert bits(y) == bits(first(A), second(B))
    grad = np.ones((5, 4)), np.ones((5, 1))
    dx = model.backward(grad)
    assert isinstance(dx, tuple)
    assert bits(dx) == bits(first.backward(grad[0]), second.backward(grad[1]))
    assert model.parameters().names == ("0.weight", "0.bias", "1.weight", "1.bias")


def test_branches_are_given_the_same_and_their_gradients_add_up() -> None:
    first, second = Dense(3, 4, rng=0), Dense(3, 1, rng=1)
    model = Branches(first, second)
    y = model(X)
    assert bits(y) == bits(first(X), second(X))
    grad = RNG.normal(size=(5, 4)), RNG.normal(size=(5, 1))
    np.testing.assert_array_equal(model.backward(grad), first.backward(grad[0]) + second.backward(grad[1]))


def test_a_residual_is_branches_and_a_sum() -> None:
    inner = Dense(3, 3, rng=0)
    other = Dense(3, 3, rng=0)
    one, two = Residual(inner, Tanh()), Sequential(Branches(Identity(), Sequential(other, Tanh())), Add())
    assert bits(one(X)) == bits(two(X))
    np.testing.assert_allclose(one.backward(X), two.backward(X), rtol=1e-14)
    assert bits(inner.weight.grad) == bits(other.weight.grad)


def test_sums_products_and_rows_by_hand() -> None:
    a, b, c = (RNG.normal(size=(4, 2, 3)) for _ in range(3))
    np.testing.assert_allclose(Add()((a, b, c)), a + b + c, rtol=1e-15)
    np.testing.assert_allclose(Multiply()((a, b, c)), a * b * c, rtol=1e-15)
    for axis in (1, 2, -1, -2):
        np.testing.assert_array_equal(Concatenate(axis)((a, b, c)), np.concatenate((a, b, c), axis=axis))
    np.testing.assert_array_equal(Concatenate()((np.ones(3)[:, None], np.zeros((3, 2)))), [[1, 0, 0]] * 3)


def test_a_product_has_gradients_where_a_factor_is_0() -> None:
    layer = Multiply()
    layer((np.array([[0.0, 0.0]]), np.array([[3.0, 0.0]]), np.array([[2.0, 5.0]])))
    dx = layer.backward(np.ones((1, 2)))
    assert [array.tolist() for array in dx] == [[[6.0, 0.0]], [[0.0, 0.0]], [[0.0, 0.0]]]


SHAPES: list[tuple[Layer, Any, Any]] = [
    (Concatenate(), ((2,), (3,)), (5,)),
    (Concatenate(), ((4, 2), (4, 3)), (4, 5)),
    (Concatenate(1), ((4, 2), (1, 2)), (5, 2)),
    (Concatenate(-2), ((4, 2), (1, 2)), (5, 2)),
    (Concatenate(), ((2,), None), None),
    (Concatenate(), None, None),
    (Add(), ((2, 3), (2, 3)), (2, 3)),
    (Add(), (None, (2, 3)), None),
    (Multiply(), None, None),
    (Branches(Dense(2, 3), Identity()), (2,), ((3,), (2,))),
    (Branches(Dense(2, 3), Identity()), None, ((3,), None)),
    (Parallel(Dense(2, 3), Flatten()), ((4, 2), (4, 2)), ((4, 3), (8,))),
    (Siamese(Dense(2, 3)), ((2,), (2,), (2,)), ((3,), (3,), (3,))),
    (Siamese(Dense(2, 3)), None, None),
    (Tied(Dense(6, 2)), (6,), (6,)),
    (Tied(Embedding(9, 2), Dense(2, 2)), (4,), (4, 9)),
    (Sequential(Branches(Dense(2, 3), Dense(2, 4)), Concatenate(), Dense(7, 1)), (5, 2), (5, 1)),
]


@pytest.mark.parametrize(("layer", "shape", "expected"), SHAPES)
def test_shapes(layer: Layer, shape: Any, expected: Any) -> None:
    assert layer.output_shape(shape) == expected


REFUSED: list[tuple[Callable[[], object], str]] = [
    (
        lambda: Sequential(Branches(Dense(2, 3), Dense(2, 4)), Concatenate(), Dense(8, 1)),
        r"Dense\(8, 1\) takes .*\(7,\)",
    ),
    (
        lambda: Sequential(Branches(Dense(2, 3), Dense(2, 4)), Add()),
        r"^Add\(\) takes arrays of equal shape, ",
    ),
    (
        lambda: Sequential(Branches(Dense(2, 3), Dense(2, 4)), Dense(7, 1)),
        r"one array, got 2 .*put Concatenate\(\)",
    ),
    (lambda: Sequential(Branches(ReLU(), Tanh()), ReLU()), r"^ReLU\(\) takes one array, got 2 of shapes"),
    (
        lambda: Sequential(Dense(2, 3), Add()),
        r"^Add\(\) takes several arrays, got shape \(3,\); pass a tuple",
    ),
    (lambda: Sequential(Dense(2, 3), Concatenate()), r"^Concatenate\(\) takes several arrays, got shape \(3,\)"),
    (lambda: Sequential(Dense(2, 3), Parallel(Dense(3, 1))), r"takes a tuple of 1 shapes, got \(3,\)"),
    (lambda: Sequential(Branches(Dense(2, 3), Dense(2, 3)), Parallel(Dense(3, 1))), r"takes a tuple of 1 shapes"),
    (
        lambda: Sequential(Branches(Dense(2, 3), Dense(2, 4)), Siamese(Dense(3, 1))),
        "takes several arrays of equal shape",
    ),
    (lambda: Branches(Dense(2, 3), Dense(3, 3)).output_shape((2,)), r"^Dense\(3, 3\) takes samples of shape \(3,\)"),
    (lambda: Concatenate(2).output_shape(((2,), (3,))), "whose shapes are equal but for that axis"),
    (lambda: Concatenate().output_shape(((2, 3), (3, 3))), "whose shapes are equal but for that axis"),
    (
        lambda: Tied(Dense(4, 2), Dense(2, 3)),
        r"by Wᵀ \(2, 4\), but its layers return samples of shape \(3,\)",
    ),
]


@pytest.mark.parametrize(("make", "words"), REFUSED)
def test_sizes_that_do_not_match_are_refused_when_the_model_is_made(make: Callable[[], object], words: str) -> None:
    with pytest.raises(ShapeError, match=words):
        make()


GIVEN: list[tuple[Layer, Any, type[Exception], str]] = [
    (Add(), (A, B), ShapeError, r"takes arrays of equal shape, got \(\(3,\), \(2,\)\)"),
    (Add(), (A, A[:1]), ShapeError, "must have equally many samples, their first axis, got 5, 1"),
    (Add(), (A, A[:, :1]), ShapeError, "nothing is broadcast"),
    (Multiply(), A, DataError, r"^Multiply\(\) takes several inputs, a tuple of arrays, got ndarray; pass \(a, b\)"),
    (Concatenate(), [A, B], DataError, r"^Concatenate\(\) takes several inputs, a tuple of arrays, got list"),
    (Add(), (), DataError, "takes several inputs, a tuple of arrays, got an empty one"),
    (Add(), (A.tolist(), (A, A)), DataError, r"^x\[1\] must be one array, got a tuple of 2$"),
    (Concatenate(), ((A, A), (A, A)), DataError, r"^x\[0\] must be one array, got a tuple of 2$"),
    (Sequential(Dense(3, 1)), (), DataError, "takes one array, got a tuple of 0"),
    (Parallel(Dense(3, 1), Dense(2, 1)), (A, B, A), DataError, "takes 2 inputs, one for each layer, got 3"),
    (Parallel(Dense(3, 1), Dense(2, 1)), A, DataError, "takes several inputs"),
    (Parallel(Dense(3, 1), Dense(2, 1)), (A, A), ShapeError, r"Dense\(2, 1\) takes samples of shape \(2,\)"),
    (Parallel(Dense(3, 1), Dense(2, 1)), (A, B[:4]), ShapeError, "must have equally many samples"),
    (Parallel(Dense(3, 1), Dense(2, 1)), (A, B * np.nan), DataError, r"^x\[1\] holds 10 numbers that are NaN"),
    (Branches(Dense(3, 1), Dense(3, 1)), (A, A), DataError, r"takes one array, got a tuple of 2; .*: Parallel"),
    (Sequential(Dense(3, 1)), (A, A), DataError, r"takes one array, got a tuple of 2; .*: Parallel, Concatenate"),
    (ReLU(), (A, A), DataError, r"^ReLU\(\) takes one array, got a tuple of 2"),
    (Residual(Dense(3, 3)), (A, A), DataError, "takes one array, got a tuple of 2"),
    (Siamese(Dense(3, 1)), (A, B), ShapeError, r"takes several arrays of equal shape, got \(\(3,\), \(2,\)\)"),
    (
        Dense(3, 1),
        (A, np.ones((5, 3), bool)),
        DataError,
        "if the second is a mask, the model needs",
    ),
    (Sequential(Dense(3, 1)), (A, np.ones((5, 3), bool)), DataError, "if the second is a mask, the model needs"),
]


@pytest.mark.parametrize(("layer", "x", "error", "words"), GIVEN)
def test_inputs_that_do_not_fit_are_refused(layer: Layer, x: Any, error: type[Exception], words: str) -> None:
    for call in (layer, layer.predict):
        with unchanged(layer), pytest.raises(error, match=words):
            call(x)


def test_forward_itself_never_stacks_or_broadcasts() -> None:
    for layer in (Sequential(ReLU()), Sequential(Sequential(Tanh())), Branches(ReLU()), Residual(Tanh())):
        with pytest.raises(DataError, match="takes one array, got a tuple of 2"):
            layer.forward((A, A))
    for join in (Add(), Multiply()):
        with pytest.raises(ShapeError, match=r"takes arrays of equal shape, got \(5, 3\), \(5, 1\)"):
            join.forward((A, A[:, :1]))
        with pytest.raises(DataError, match="takes several inputs"):
            join.forward(A)


class Pair(Layer):
    """A layer that returns a tuple."""

    def output_shape(self, shape: Shape | None) -> Shape | None:
        return None if shape is None else (shape, shape)

    def forward(self, x: Array) -> Any:
        return x, x

    def backward(self, grad: Any) -> Array:
        total: Array = grad[0] + grad[1]
        return total


def test_a_tuple_in_the_middle_is_refused_by_what_takes_one_array() -> None:
    with pytest.raises(DataError, match=r"^ReLU\(\) takes one array, got a tuple of 2") as caught:
        Sequential(Pair(), ReLU()).forward(A)
    assert caught.value.__notes__ == [
        "layer 1, ReLU(), forward of a batch (5, 3), float64 and (5, 3), float64, from layer 0, Pair()"
    ]
    np.testing.assert_array_equal(Sequential(Pair(), Add()).forward(A), 2 * A)
    assert check_layer(Pair(), A).error < 1e-8


def test_notes_name_the_branch() -> None:
    model = Sequential(Branches(Dense(3, 1), Sequential(Tanh(), Dense(4, 1))), Add())
    with pytest.raises(ShapeError, match=r"Dense\(4, 1\) takes samples of shape \(4,\)") as caught:
        model.forward(X)
    assert [note.partition(", from")[0] for note in caught.value.__notes__] == [
        "layer 1, Dense(4, 1), forward of a batch (5, 3), float64",
        "layer 1, Sequential(Tanh(), Dense(4, 1)), forward of a batch (5, 3), float64",
        "layer 0, Branches(Dense(3, 1), Sequential(Tanh(), Dense(4, 1))), forward of a batch (5, 3), float64",
    ]
    with pytest.raises(StateError, match="backward before forward"):
        model.backward(np.ones((5, 1)))


def test_gradients_mirror_the_outputs() -> None:
    model = Branches(Dense(3, 1), Dense(3, 2))
    model.forward(X)
    for grad in (np.ones((5, 1)), (np.ones((5, 1)),), (np.ones((5, 1)), np.ones((5, 1)))):
        for call in (model.backward, model.backward_parameters):
            with pytest.raises(ShapeError, match="dL/dy must be"):
                call(grad)
    single = model.astype(np.float32)
    single.forward(X.astype(np.float32))
    dx = single.backward((np.ones((5, 1)), np.ones((5, 2), int)))
    assert dx.dtype == np.float32


def test_the_same_layer_in_two_branches_is_refused() -> None:
    shared = Dense(3, 3)
    with pytest.raises(StateError, match="is in two places"):
        Branches(shared, shared)
    with pytest.raises(StateError, match="is in two places"):
        Parallel(Sequential(shared), shared)
    with pytest.raises(HyperparameterError, match="Branches needs at least one layer"):
        Branches()
    for axis in (0, 1.0, None):
        with pytest.raises(HyperparameterError, match="Concatenate: axis must"):
            Concatenate(axis)  # type: ignore[arg-type]


def test_a_seed_draws_the_layers_one_after_the_other() -> None:
    one, other = Sequential(Dense(3, 4), Dense(4, 1), rng=0), Parallel(Dense(3, 4), Dense(4, 1), rng=0)
    assert bits(one.parameters().value) == bits(other.parameters().value)
    assert Branches(Dense(3, 4), rng=0, dtype=np.float32).dtype == np.float32
    assert (len(other), list(other)[1] is other[1], other.mixes_samples) == (2, True, False)


def test_a_summary_shows_the_shapes_of_branches() -> None:
    model = Sequential(Parallel(Sequential(Embedding(9, 2), Flatten()), Dense(5, 3)), Concatenate(), Dense(11, 1))
    rows = model.summary(((4,), (5,))).rows
    assert [(row.path, row.shape) for row in rows] == [
        *[("0.0.0", (4, 2)), ("0.0.1", (8,)), ("0.1", (3,)), ("1", (11,)), ("2", (1,))],
    ]
    text = repr(Sequential(Pair(), Multiply()).summary((2,)))
    assert "(n, 2) (n, 2)" in text
    with pytest.raises(ShapeError, match="takes a tuple of 2 shapes"):
        model.summary((4,))


def test_dropout_of_a_branch_draws_its_own_numbers() -> None:
    model = Sequential(Branches(Dropout(0.5, rng=0), Dropout(0.5, rng=1)), Concatenate())
    y = model(np.ones((4, 10)))
    assert not np.array_equal(y[:, :10], y[:, 10:])
    assert (model.predict(np.ones((4, 10))) == 1).all()
