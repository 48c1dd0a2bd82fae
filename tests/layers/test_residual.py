"""Residual, the container that shows that containers compose, and Flatten."""

import numpy as np
import pytest

from minidl import (
    Add,
    Dense,
    Embedding,
    Flatten,
    HyperparameterError,
    ReLU,
    Residual,
    Sequential,
    ShapeError,
    Siamese,
    Sigmoid,
)
from tests.helpers import bits
from tests.user_defined import Scale


def test_by_hand() -> None:
    layer = Residual(Dense(2, 2, rng=0), ReLU())
    x, grad = np.random.default_rng(0).normal(size=(2, 5, 2))
    inner = Sequential(Dense(2, 2, rng=0), ReLU())
    np.testing.assert_allclose(layer.forward(x), x + inner.forward(x))
    np.testing.assert_allclose(layer.backward(grad), grad + inner.backward(grad))
    np.testing.assert_allclose(layer.parameters().grad, inner.parameters().grad)
    assert repr(layer) == "Residual(Dense(2, 2), ReLU())"
    assert layer.parameters().names == ("0.weight", "0.bias")


def test_nested_in_each_other() -> None:
    layer = Residual(Residual(Residual()))
    x = np.ones((2, 3))
    assert layer.forward(x).tolist() == (4 * x).tolist()
    assert layer.backward(x).tolist() == (4 * x).tolist()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda: Sequential(Dense(2, 3), Residual(Dense(3, 2))),
            r"must be equal: got \(3,\) and \(2,\)\nlayer 1, Residual",
        ),
        (lambda: Residual(Dense(3, 2)).output_shape((3,)), r"must be equal: got \(3,\) and \(2,\)$"),
        (lambda: Residual(Dense(3, 1)).forward(np.ones((4, 3))), r"must be equal: got \(4, 3\) and \(4, 1\)$"),
        (lambda: Residual(Dense(2, 3), Dense(2, 2)), r"\nlayer 1, Dense\(2, 2\)"),
        (lambda: Sequential(Residual(Dense(2, 2)), Dense(3, 1)), r"\nlayer 1, Dense\(3, 1\)"),
    ],
)
def test_layers_that_change_the_shape_are_refused(make: type[Residual], words: str) -> None:
    with pytest.raises(ShapeError, match=words):
        make()


def test_a_seed_and_a_type_as_for_sequential() -> None:
    layer, chain = Residual(Dense(2, 2), rng=5, dtype=np.float32), Sequential(Dense(2, 2), rng=5, dtype=np.float32)
    assert layer.dtype == np.float32
    assert bits(layer.parameters().value) == bits(chain.parameters().value)
    assert repr(layer) == "Residual(Dense(2, 2))"


def test_shapes() -> None:
    assert Residual().output_shape((2, 3)) == (2, 3)
    assert Residual(Dense(2, 2)).output_shape(None) == (2,)
    assert Residual(ReLU()).output_shape(None) is None
    assert Residual(Scale(3)).output_shape((3,)) == (3,)  # Scale does not say what it gives; a sum keeps the shape
    assert Flatten().output_shape((2, 3, 4)) == (24,)
    assert Flatten().output_shape(()) == (1,)
    assert Flatten().output_shape(None) is None
    assert Flatten().forward(np.ones((5, 2, 3))).shape == (5, 6)
    assert Flatten().forward(np.ones(5)).shape == (5, 1)


def test_a_flatten_before_dense_chains() -> None:
    model = Sequential(Flatten(), Dense(6, 1))
    assert model.output_shape((2, 3)) == (1,)
    with pytest.raises(ShapeError, match=r"layer 1, Dense\(6, 1\)"):
        model(np.ones((4, 2, 4)))


def test_what_is_added_to_probabilities_is_none() -> None:
    assert Sequential(Dense(2, 2), Sigmoid()).gives_probabilities
    assert not Residual(Dense(2, 2), Sigmoid()).gives_probabilities


def test_x_is_one_array_of_floats() -> None:
    for first, kind in ((Embedding(5, 1), "ids"), (Add(), "several inputs"), (Siamese(Dense(2, 2)), "several inputs")):
        with pytest.raises(
            HyperparameterError, match=rf"^Residual adds its input, one .* takes {kind}; put it in front$"
        ):
            Residual(first, Flatten())
    assert Residual(Dense(2, 2)).parameters().size == 6
