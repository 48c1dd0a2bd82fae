"""The functions that the assignment asks for by name, and what is under the demos."""

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

DEMOS = Path(__file__).parents[2] / "demos"


def load(name: str) -> ModuleType:
    """A demo as a module, as its neighbours import it."""
    if str(DEMOS) not in sys.path:
        sys.path.insert(0, str(DEMOS))
    return import_module(name)


def test_forward_pass() -> None:
    demo = load("feedforward")
    expected = [[0.8175744761936437], [0.6224593312018546], [0.6224593312018546]]
    np.testing.assert_allclose(demo.ff_nn__ReLu(demo.SAMPLES, demo.W, demo.B, demo.V, demo.C), expected, atol=1e-12)
    # Any sizes, and plain lists.
    np.testing.assert_allclose(demo.ff_nn__ReLu([[2.0]], [[3.0]], [-6.0], [[1.0]], [0.0]), [[0.5]])


def test_grad_f_is_pure_and_follows_the_formulas() -> None:
    demo = load("xor")
    rng = np.random.default_rng(5)
    for _ in range(20):
        weights = rng.normal(size=17)
        before = weights.copy()
        gradient = demo.grad_f(weights)
        _, *by_formula = demo.by_formula(
            demo.X, demo.Y, weights[:8].reshape(2, 4), weights[8:12], weights[12:16].reshape(4, 1), weights[16:]
        )
        np.testing.assert_allclose(gradient, np.concatenate([array.ravel() for array in by_formula]), atol=1e-14)
        np.testing.assert_array_equal(weights, before)


def test_the_gradient_check_notices_a_wrong_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    demo = load("xor")
    weights = np.random.default_rng(0).uniform(-1.0, 1.0, 17)
    right = demo.grad_f
    assert demo.gradient_error(weights) < 1e-8
    monkeypatch.setattr(demo, "grad_f", lambda w: right(w) * np.where(np.arange(17) == 3, 1.001, 1.0))
    assert demo.gradient_error(weights) > 1e-6


def test_a_run_of_the_study_counts_steps_and_gives_up() -> None:
    study = load("study")
    steps, solved = study.train(0, "plain", 1.0)
    assert solved
    model, loss = study.make_network(seed=0), study.BCEWithLogitsLoss()
    optimizer = study.SGD(model.parameters(), 1.0)
    losses = []
    for _ in range(steps + 1):
        losses.append(loss(model(study.X), study.Y))
        model.backward_parameters(loss.backward())
        optimizer.step()
    assert [value < 0.1 for value in losses] == [False] * steps + [True]
    assert study.train(2, "plain", 1.0) == (study.BUDGET, False)


def test_intervals() -> None:
    study = load("study")
    np.testing.assert_allclose(study.share_interval(0.9, 100), (0.8256, 0.9448), atol=1e-3)  # Wilson's formula
    assert study.share_interval(1.0, 100)[1] == pytest.approx(1.0)
    values = np.random.default_rng(0).normal(10.0, 1.0, 400)
    low, high = study.interval(np.mean, values)
    assert low < values.mean() < high
    assert high - low == pytest.approx(4 * values.std() / 20, rel=0.1)
