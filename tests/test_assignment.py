"""The assignment's numbers and formulas: Q1 by hand, Q2's gradient, Q3's back-propagation and XOR."""

import numpy as np
import pytest
from hypothesis import given

from minidl import (
    BCELoss,
    BCEWithLogitsLoss,
    CubicValley,
    Dense,
    EmpiricalRisk,
    Momentum,
    ReLU,
    Sequential,
    Sigmoid,
    Trainer,
    make_xor,
)
from minidl.typing import Array
from tests.reference import TOLERANCE, gradient_error
from tests.tables import batches, seeds

W = [[1, -1, 0, 1], [0, 0, 0.5, 1]]
B = [0, 0, 1, 0]
V = [[1], [0], [-1], [1]]
C = [1]
X = np.array([[1.0, -1.0], [0.0, -1.0], [0.0, 1.0]])


def network() -> Sequential:
    return Sequential(Dense(2, 4), ReLU(), Dense(4, 1), Sigmoid(), rng=0)


def test_q1_class_probabilities() -> None:
    model = network()
    model.parameters().value = np.concatenate([np.ravel(np.array(rows)) for rows in (W, B, V, C)])
    np.testing.assert_array_equal(model[:2](X), [[1, 0, 0.5, 0], [0, 0, 0.5, 0], [0, 0, 1.5, 1]])
    np.testing.assert_array_equal(model[:3](X), [[1.5], [0.5], [0.5]])
    expected = [[0.8175744761936437], [0.6224593312018546], [0.6224593312018546]]
    np.testing.assert_allclose(model(X), expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(model.predict(X.tolist()), expected, rtol=0, atol=1e-12)


@given(seeds)
def test_q2_value_and_gradient(seed: int) -> None:
    x, y = np.random.default_rng(seed).normal(scale=3, size=2).tolist()
    value, grad = CubicValley().value_and_gradient([x, y])
    assert value == pytest.approx((3 - x**3) + 50 * (2 * y**2 - x) ** 2, rel=1e-12)
    expected = [-3 * x**2 - 100 * (2 * y**2 - x), 400 * y * (2 * y**2 - x)]
    np.testing.assert_allclose(grad, expected, rtol=1e-12)


def plain_gradient(theta: Array, x: Array, y: Array) -> tuple[float, Array]:
    """Loss and gradient of Q3.1, written out in NumPy."""
    weight, b, v, c = theta[:8].reshape(2, 4), theta[8:12], theta[12:16].reshape(4, 1), theta[16:]
    a = x @ weight + b
    h = np.where(a > 0, a, 0)
    p = 1 / (1 + np.exp(-(h @ v + c)))
    delta = (p - y) / len(x)
    epsilon = (delta @ v.T) * (a > 0)
    loss = -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))
    parts = (x.T @ epsilon, epsilon.sum(axis=0), h.T @ delta, delta.sum(axis=0))
    return float(loss), np.concatenate([part.ravel() for part in parts])


@given(seeds, batches)
def test_q3_gradient_formulas(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    x, y, theta = rng.normal(size=(n, 2)), rng.integers(0, 2, (n, 1)).astype(float), rng.normal(size=17)
    loss, grad = plain_gradient(theta, x, y)
    scale = np.abs(grad).max()
    for risk in (EmpiricalRisk(network(), BCELoss(), x, y), EmpiricalRisk(network()[:3], BCEWithLogitsLoss(), x, y)):
        got = risk.value_and_gradient(theta)
        assert got[0] == pytest.approx(loss, rel=1e-11)
        np.testing.assert_allclose(got[1], grad, rtol=1e-10, atol=1e-12 * scale)


def test_q3_gradient_against_finite_differences_at_100_weight_vectors() -> None:
    rng = np.random.default_rng(0)
    x, y = make_xor(20, rng=1)
    risk = EmpiricalRisk(network(), BCELoss(), x, y)
    for _ in range(100):
        theta = rng.normal(size=17)
        grad = risk.gradient(theta)
        assert gradient_error(lambda theta=theta: risk.value(theta), theta, grad) <= TOLERANCE  # type: ignore[misc]


def test_q3_eight_units_solve_xor_from_nearly_every_seed() -> None:
    x, y = make_xor(200, rng=0)
    solved = 0
    for seed in range(100):
        model = Sequential(Dense(2, 8), ReLU(), Dense(8, 1), rng=seed)
        history = Trainer(model, BCEWithLogitsLoss(), Momentum(model.parameters(), lr=0.3)).fit(x, y, epochs=300)
        assert len(history.loss) == 300
        solved += int(np.mean((model.predict(x) > 0) == (y == 1)) >= 0.99)
    assert solved >= 95
