"""Weights that are used more than once: their gradients add up."""

import numpy as np
import pytest

from minidl import (
    Dense,
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
    with pytest.raises(HyperparameterError, match="the first layer must have a matrix"):
        Tied()
    with pytest.raises(ShapeError, match=r"dL/dy must be an array of y's shape \(5, 6\)"):
        model.backward(np.ones((5, 2)))
