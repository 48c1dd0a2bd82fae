"""The formulas of the documentation, differentiated by SymPy, against what the code computes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy

import minidl.layers
import minidl.layers.branches
import minidl.layers.sharing
import minidl.losses
from minidl import (
    BCELoss,
    BCEWithLogitsLoss,
    Beale,
    CubicValley,
    Dense,
    Embedding,
    EmpiricalRisk,
    FunctionObjective,
    Himmelblau,
    Layer,
    Quadratic,
    ReLU,
    Rosenbrock,
    Sequential,
    Sigmoid,
    Tanh,
    Tied,
)
from minidl.batch import arrays_in, several
from minidl.layers.activations import Activation
from minidl.typing import Array
from tests.docs.formulas import LAYERS, LayerFormula, network, slopes
from tests.docs.loss_formulas import LOSSES, LossFormula, bce

TOLERANCE = 1e-10
SEEDS = range(5)


def assert_agree(computed: Array, derived: Array, what: str) -> None:
    error, scale = np.linalg.norm(computed - derived), np.linalg.norm(derived)
    assert computed.shape == derived.shape, what
    assert error <= TOLERANCE * scale, f"{what}: off by {error / scale:.1e}, relative"


@pytest.mark.long
@pytest.mark.parametrize("case", LAYERS, ids=lambda case: case.name)
def test_backward_of_a_layer_is_the_derivative_of_its_formula(case: LayerFormula) -> None:
    for seed in SEEDS:  # in one test, since to derive a formula takes far longer than to evaluate it
        rng = np.random.default_rng(seed)
        layer, x = case.make(), drawn(rng, case.shape)
        parameters = layer.parameters()
        parameters.value, parameters.grad = rng.normal(size=parameters.size), np.full(parameters.size, np.nan)
        y = layer.forward(x)
        g = np.asarray(rng.normal(size=y.shape))
        dx = layer.backward(g)
        derived = slopes(case.formula, [*(parameter.value for parameter in parameters), *arrays_in(x)], g)
        computed = {name: parameter.grad for name, parameter in parameters.items()}
        computed |= {f"x{index}": array for index, array in enumerate(arrays_in(dx))}
        for (name, gradient), derivative in zip(computed.items(), derived, strict=True):
            assert_agree(gradient, derivative, f"d{name} of {case.name}, seed {seed}")


def drawn(rng: np.random.Generator, shape: Any) -> Any:
    """An input of this shape, a tuple for several shapes."""
    return tuple(drawn(rng, each) for each in shape) if several(shape) else rng.normal(size=shape)


IDS = np.array([[2, 0, 2], [0, 2, 0]])  # twice and more in one sample, in both samples, and one of them nowhere


@pytest.mark.parametrize(
    ("make", "formula"),
    [
        (lambda: Embedding(4, 2), lambda W: W[IDS]),
        (lambda: Tied(Embedding(4, 2), Tanh()), lambda W: np.vectorize(sympy.tanh, otypes=[object])(W[IDS]) @ W.T),
    ],
)
def test_backward_of_an_embedding_is_the_derivative_of_its_formula(
    make: Callable[[], Layer], formula: Callable[[Array], Array]
) -> None:
    for seed in SEEDS:
        rng, layer = np.random.default_rng(seed), make()
        parameters = layer.parameters()
        parameters.value, parameters.grad = rng.normal(size=parameters.size), np.full(parameters.size, np.nan)
        g = np.asarray(rng.normal(size=layer.forward(IDS).shape))
        assert not layer.backward(g).any()
        (weight,) = parameters
        assert_agree(weight.grad, slopes(formula, [weight.value], g)[0], f"dW of {layer!r}, seed {seed}")


def test_all_that_branches_and_shares_has_a_formula() -> None:
    inside = {type(part).__name__ for case in LAYERS for _, part in case.make().modules()}
    assert {*minidl.layers.branches.__all__, *minidl.layers.sharing.__all__} <= inside


def test_every_activation_has_a_formula() -> None:
    exported = {name: getattr(minidl.layers, name) for name in minidl.layers.__all__}
    activations = {
        name for name, layer in exported.items() if isinstance(layer, type) and issubclass(layer, Activation)
    }
    assert activations | {"Softmax"} <= {type(case.make()).__name__ for case in LAYERS}


@pytest.mark.parametrize("case", LOSSES, ids=lambda case: case.name)
def test_backward_of_a_loss_is_the_derivative_of_its_formula(case: LossFormula) -> None:
    for seed in SEEDS:
        prediction, target = case.draw(np.random.default_rng(seed))
        loss = case.make()
        loss.forward(prediction, target)
        one_hot = np.eye(prediction.shape[-1])[target] if target.ndim < prediction.ndim else target
        derived, _ = slopes(case.formula, [prediction, one_hot])
        assert_agree(loss.backward(), derived, f"{case.name}, seed {seed}")


def test_every_loss_has_a_formula() -> None:
    assert set(minidl.losses.__all__) == {type(case.make()).__name__ for case in LOSSES}


def valley(x: Any, y: Any) -> Any:
    return (3 - x**3) + 50 * (2 * y**2 - x) ** 2


def beale(x: Any, y: Any) -> Any:
    return sum((c - x * (1 - y**k)) ** 2 for k, c in ((1, 1.5), (2, 2.25), (3, 2.625)))


OBJECTIVES: dict[str, tuple[FunctionObjective, Callable[[Array], Any]]] = {
    "Q2.1": (CubicValley(), lambda theta: valley(*theta)),
    "Himmelblau": (Himmelblau(), lambda t: (t[0] ** 2 + t[1] - 11) ** 2 + (t[0] + t[1] ** 2 - 7) ** 2),
    "Beale": (Beale(), lambda theta: beale(*theta)),
    "Rosenbrock": (
        Rosenbrock([0.0] * 4),
        lambda t: sum(100 * (t[i + 1] - t[i] ** 2) ** 2 + (1 - t[i]) ** 2 for i in range(3)),
    ),
    "Quadratic": (
        Quadratic([[2.0, 1.0], [1.0, 3.0]], linear=[1.0, -1.0]),
        lambda t: (2 * t[0] ** 2 + 2 * t[0] * t[1] + 3 * t[1] ** 2) / 2 - t[0] + t[1],
    ),
}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_gradient_of_an_objective_is_the_derivative_of_its_formula(name: str) -> None:
    objective, formula = OBJECTIVES[name]
    for seed in SEEDS:
        theta = 2 * np.random.default_rng(seed).normal(size=objective.theta.size)
        assert_agree(objective.gradient(theta), slopes(formula, [theta])[0], f"{name}, seed {seed}")


def test_the_valley_is_what_the_pages_say() -> None:
    x, y = sympy.symbols("x y", real=True)
    f = valley(x, y)
    assert sympy.expand(sympy.diff(f, x) - (-3 * x**2 - 100 * (2 * y**2 - x))) == 0
    assert sympy.expand(sympy.diff(f, y) - 400 * y * (2 * y**2 - x)) == 0
    assert sympy.expand(f.subs(x, 2 * y**2)) == 3 - 8 * y**6
    flat = sympy.solve([sympy.diff(f, x), sympy.diff(f, y)], [x, y])
    assert set(flat) == {(0, 0), (sympy.Rational(100, 3), 0)}
    hessian = sympy.hessian(f, (x, y))
    assert hessian.subs({x: 0, y: 0}) == sympy.diag(100, 0)
    floor = hessian.subs(x, 2 * y**2)
    # The largest eigenvalue on the floor is the trace up to det/trace, of the order y⁴.
    assert sympy.expand(floor.trace()) == 100 + 1588 * y**2
    assert sympy.degree(sympy.expand(floor.det()), y) == 4


def test_the_best_settings_on_a_bowl_are_what_the_page_says() -> None:
    low, high, r = sympy.symbols("low high r", positive=True)
    plain = 2 / (low + high)
    assert sympy.simplify((1 - plain * low) + (1 - plain * high)) == 0
    assert sympy.simplify((1 - plain * low) - (high / low - 1) / (high / low + 1)) == 0
    lr = 4 / (sympy.sqrt(low) + sympy.sqrt(high)) ** 2
    factor = (sympy.sqrt(high) - sympy.sqrt(low)) / (sympy.sqrt(high) + sympy.sqrt(low))
    for curvature, sign in ((low, 1), (high, -1)):
        # Both roots are the same at both ends of the spectrum: ± the factor.
        characteristic = r**2 - (1 + factor**2 - lr * curvature) * r + factor**2
        assert sympy.simplify(characteristic - (r - sign * factor) ** 2) == 0


def test_gradient_of_the_network_is_the_derivative_of_its_loss() -> None:
    y = np.array([[1.0], [0.0], [1.0]])

    def risk(W: Array, b: Array, V: Array, c: Array, x: Array) -> Any:
        """Q3.1 of the assignment: the mean loss as a function of all weights and the samples."""
        return bce(network(W, b, V, c, x), y)

    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        x, weights = rng.normal(size=(3, 2)), rng.normal(size=17)
        W, b, V, c = weights[:8].reshape(2, 4), weights[8:12], weights[12:16].reshape(4, 1), weights[16:]
        *derived, _ = slopes(risk, [W, b, V, c, x])
        expected = np.concatenate([d.ravel() for d in derived])
        for loss, last in ((BCELoss(), [Sigmoid()]), (BCEWithLogitsLoss(), [])):
            objective = EmpiricalRisk(Sequential(Dense(2, 4), ReLU(), Dense(4, 1), *last), loss, x, y)
            assert_agree(objective.gradient(weights), expected, f"Q3.1 with {loss!r}, seed {seed}")
