"""Weights that are used more than once: their gradients add up."""

import numpy as np
import pytest

from minidl import (
    BatchNorm,
    DataError,
    Dense,
    Embedding,
    HyperparameterError,
    Sequential,
    ShapeError,
    Siamese,
    Softmax,
    Tanh,
    Tied,
)

RNG = np.random.default_rng(0)
X, A, B = RNG.normal(size=(5, 3)), RNG.normal(size=(5, 3)), RNG.normal(size=(5, 2))


def test_one_layer_for_several_inputs() -> None:
    inner = Sequential(Dense(3, 4), Tanh(), rng=0)
    other = Sequential(Dense(3, 4), Tanh(), rng=0)
    model = Siamese(inner)
    a, _ = model((A, X))
    np.testing.assert_allclose(a, other(A), rtol=1e-14)
    grads = RNG.normal(size=(5, 4)), RNG.normal(size=(5, 4))
    dx = model.backward(grads)
    total = np.zeros(other.parameters().size)
    for x, grad, part in zip((A, X), grads, dx, strict=True):
        other(x)
        np.testing.assert_allclose(part, other.backward(grad), rtol=1e-13)
        total += other.parameters().grad
    np.testing.assert_allclose(inner.parameters().grad, total, rtol=1e-13)
    assert model.parameters().names == ("layer.0.weight", "layer.0.bias")
    assert Siamese(Softmax()).gives_probabilities
    with pytest.raises(TypeError, match="layer must be of type Layer"):
        Siamese(3)  # type: ignore[arg-type]


def test_tied_weights_are_used_twice() -> None:
    first = Dense(6, 2, rng=0)
    model = Tied(first, Tanh())
    x = RNG.normal(size=(5, 6))
    h = np.tanh(x @ first.weight.value + first.bias.value)
    np.testing.assert_allclose(model(x), h @ first.weight.value.T, rtol=1e-13)
    assert model.parameters().names == ("0.weight", "0.bias")
    grad = RNG.normal(size=(5, 6))
    model.backward(grad)
    da = (grad @ first.weight.value) * (1 - h**2)
    np.testing.assert_allclose(first.weight.grad, x.T @ da + grad.T @ h, rtol=1e-12)
    with pytest.raises(HyperparameterError, match="the first layer must have a matrix as its weight"):
        Tied(Tanh(), Dense(2, 2))
    for wrong in ((), (BatchNorm(6),)):
        with pytest.raises(HyperparameterError, match="the first layer must have a matrix"):
            Tied(*wrong)
    with pytest.raises(ShapeError, match=r"dL/dy must be an array of y's shape \(5, 6\)"):
        model.backward(np.ones((5, 2)))


def test_tied_scores_are_no_probabilities_whatever_the_layers_return() -> None:
    assert Sequential(Embedding(5, 2), Softmax()).gives_probabilities
    assert Tied(Embedding(5, 2), Softmax()).gives_probabilities is False


def test_weights_that_are_tied_twice_have_the_gradient_of_all_three_uses() -> None:
    first = Dense(3, 3, use_bias=False, rng=0)
    model = Tied(Tied(first))
    x, grad = RNG.normal(size=(2, 5, 3))
    w = first.weight.value
    np.testing.assert_allclose(model(x), x @ w @ w.T @ w.T, rtol=1e-13)
    np.testing.assert_allclose(model.backward(grad), grad @ w @ w @ w.T, rtol=1e-12)
    expected = x.T @ (grad @ w @ w) + (grad @ w).T @ (x @ w) + grad.T @ (x @ w @ w.T)
    np.testing.assert_allclose(first.weight.grad, expected, rtol=1e-12)
    assert model.parameters().size == 9


def test_entries_of_twins_must_be_alike() -> None:
    with pytest.raises(ShapeError, match="must have equally many samples, their first axis, got 5, 2"):
        Siamese(Dense(3, 4))((A, A[:2]))
    with pytest.raises(DataError, match="takes several inputs, a tuple of arrays, got ndarray"):
        Siamese(Dense(3, 4))(A)
