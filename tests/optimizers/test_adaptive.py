"""Optimizers of the Adam family when β₁ and β₂ change during training."""

from collections.abc import Callable
from math import prod, sqrt
from typing import TypeAlias

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import Adam, AdamW, AMSGrad, NAdam, Optimizer, Parameter, RAdam
from minidl.typing import Array
from tests.helpers import bits
from tests.tables import seeds

Betas: TypeAlias = list[tuple[float, float]]
Make: TypeAlias = Callable[[list[Parameter]], Adam]


def plain(theta: Array, grads: Array, betas: Betas, decay: float = 0.0) -> Array:
    """Adam in the order of its formula, with the β of each step."""
    m = s = np.zeros_like(theta)
    for t, (g, (beta1, beta2)) in enumerate(zip(grads, betas, strict=True), start=1):
        theta = theta - 0.1 * decay * theta
        m, s = beta1 * m + (1 - beta1) * g, beta2 * s + (1 - beta2) * g**2
        theta = theta - 0.1 * m / (1 - beta1**t) / (np.sqrt(s / (1 - beta2**t)) + 1e-8)
    return theta


def plain_decayed(theta: Array, grads: Array, betas: Betas) -> Array:
    return plain(theta, grads, betas, decay=0.3)


def plain_nadam(theta: Array, grads: Array, betas: Betas) -> Array:
    m = s = np.zeros_like(theta)
    momenta: list[float] = []
    for t, (g, (beta1, beta2)) in enumerate(zip(grads, betas, strict=True), start=1):
        now, following = (beta1 * (1 - 0.96 ** (0.004 * step) / 2) for step in (t, t + 1))
        momenta.append(now)
        m, s = beta1 * m + (1 - beta1) * g, beta2 * s + (1 - beta2) * g**2
        ahead = following * m / (1 - prod(momenta) * following) + (1 - now) * g / (1 - prod(momenta))
        theta = theta - 0.1 * ahead / (np.sqrt(s) / sqrt(1 - beta2**t) + 1e-8)
    return theta


def plain_amsgrad(theta: Array, grads: Array, betas: Betas) -> Array:
    m = s = largest = np.zeros_like(theta)
    for t, (g, (beta1, beta2)) in enumerate(zip(grads, betas, strict=True), start=1):
        m, s = beta1 * m + (1 - beta1) * g, beta2 * s + (1 - beta2) * g**2
        largest = np.maximum(largest, s)
        theta = theta - 0.1 * m / (1 - beta1**t) / (np.sqrt(largest / (1 - beta2**t)) + 1e-8)
    return theta


def plain_radam(theta: Array, grads: Array, betas: Betas) -> Array:
    m = s = np.zeros_like(theta)
    for t, (g, (beta1, beta2)) in enumerate(zip(grads, betas, strict=True), start=1):
        m, s = beta1 * m + (1 - beta1) * g, beta2 * s + (1 - beta2) * g**2
        end = 2 / (1 - beta2) - 1
        length = end - 2 * t * beta2**t / (1 - beta2**t)
        change = m / (1 - beta1**t)
        if length > 5:
            change = change * sqrt((length - 4) * (length - 2) * end / ((end - 4) * (end - 2) * length))
            change = change * sqrt(1 - beta2**t) / (np.sqrt(s) + 1e-8)
        theta = theta - 0.1 * change
    return theta


FAMILY: list[tuple[Make, Callable[[Array, Array, Betas], Array]]] = [
    (lambda p: Adam(p, lr=0.1), plain),
    (lambda p: AdamW(p, lr=0.1, weight_decay=0.3), plain_decayed),
    (lambda p: NAdam(p, lr=0.1), plain_nadam),
    (lambda p: AMSGrad(p, lr=0.1), plain_amsgrad),
    (lambda p: RAdam(p, lr=0.1), plain_radam),
]
NAMES = ["Adam", "AdamW", "NAdam", "AMSGrad", "RAdam"]
family = pytest.mark.parametrize(("make", "rule"), FAMILY, ids=NAMES)
beta = st.sampled_from([0.0, 0.3, 0.9, 0.999])
schedules = st.lists(st.tuples(beta, beta), min_size=1, max_size=8)


def run(optimizer: Adam, grads: Array, betas: Betas) -> Array:
    """Take a step per gradient with its β₁ and β₂, which are set twice before each step."""
    for grad, (beta1, beta2) in zip(grads, betas, strict=True):
        optimizer.beta1 = optimizer.beta2 = 0.123
        optimizer.beta1, optimizer.beta2 = beta1, beta2
        optimizer.vectors[0].grad = grad
        optimizer.step()
    return optimizer.vectors[0].value.copy()


@family
@given(seeds, schedules)
def test_the_formula_holds(make: Make, rule: Callable[[Array, Array, Betas], Array], seed: int, betas: Betas) -> None:
    rng = np.random.default_rng(seed)
    theta, grads = rng.normal(size=3), rng.normal(size=(len(betas), 3))
    optimizer = make([Parameter(theta)])
    optimizer.cut(2)
    np.testing.assert_allclose(run(optimizer, grads, betas), rule(theta, grads, betas), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("make", [make for make, _ in FAMILY], ids=NAMES)
@given(seeds, schedules, st.integers(0, 7))
def test_resuming_just_before_a_change_is_exact(make: Make, seed: int, betas: Betas, stop: int) -> None:
    rng = np.random.default_rng(seed)
    theta, grads = rng.normal(size=3), rng.normal(size=(len(betas), 3))
    straight = make([Parameter(theta)])
    end = run(straight, grads, betas)
    first = make([Parameter(theta)])
    there = run(first, grads[:stop], betas[:stop])
    if betas[stop:]:
        first.beta1, first.beta2 = betas[stop]
    resumed = make([Parameter(there)])
    resumed.beta1 = 0.4
    resumed.load_state(first.state())
    assert bits(run(resumed, grads[stop:], betas[stop:])) == bits(end)
    assert bits(*resumed.state().values()) == bits(*straight.state().values())


def test_a_subclass_of_adam_with_its_own_rule_keeps_its_slots() -> None:
    class Plain(Adam):
        def update(self, theta: Array, grad: Array, mean: Array, squares: Array) -> None:
            mean += (1.0 - self.beta1) * (grad - mean)
            theta -= self.lr * mean

    optimizer = Plain([Parameter([0.0])], lr=1.0, beta1=0.5)
    run(optimizer, np.array([[1.0], [1.0]]), [(0.5, 0.9), (0.75, 0.5)])
    assert optimizer.state()["mean"].tolist() == [0.75 * 0.5 + 0.25]


@pytest.mark.parametrize(("beta2", "waits"), [(0.999, 5), (0.9, 5), (0.75, 7), (0.5, 10**6), (0.0, 10**6)])
def test_radam_moves_in_proportion_to_the_gradient_until_it_knows_its_variance(beta2: float, waits: int) -> None:
    """Doubling the gradients doubles the steps as long as ρ is at most 5, and then no longer matters."""
    paths = []
    for scale in (1.0, 2.0):
        optimizer = RAdam([Parameter([0.0])], lr=0.1, beta2=beta2)
        paths.append([run(optimizer, np.array([[scale]]), [(0.9, beta2)])[0] for _ in range(20)])
    steps = np.diff(paths, axis=1, prepend=0.0)
    ratios = steps[1] / steps[0]
    np.testing.assert_allclose(ratios[:waits], 2.0, rtol=1e-9)
    np.testing.assert_allclose(ratios[waits:], 1.0, rtol=1e-6)


def test_amsgrad_remembers_the_largest_gradient() -> None:
    """One gradient of 100, then a thousand of 1: Adam has forgotten it, AMSGrad's steps stay 30 times smaller."""
    last = {}
    for make in (Adam, AMSGrad):
        theta = Parameter([0.0])
        optimizer = make([theta], lr=0.1, beta2=0.9)
        for gradient in (100.0, *[1.0] * 1000):
            before = theta.value.item()
            theta.grad = [gradient]
            optimizer.step()
        last[make] = before - theta.value.item()
    assert last[Adam] == pytest.approx(0.1, rel=1e-6)
    assert last[AMSGrad] == pytest.approx(0.1 / sqrt(0.1 * 100**2), rel=1e-6)


def test_agrees_with_pytorch() -> None:
    parameter = Parameter([1.0, 2.0])
    optimizer = Adam([parameter], lr=0.1)
    for step in range(10):
        if step == 5:
            optimizer.beta1, optimizer.beta2 = 0.5, 0.9
        parameter.grad = parameter.value * [1.0, 3.0]
        optimizer.step()
    assert parameter.value.round(4).tolist() == [-0.0378, 0.8441]  # torch 2.13, float64


def test_without_a_change_of_beta_the_result_is_bitwise_the_same() -> None:
    grads = np.random.default_rng(0).normal(size=(5, 3))

    class Without(Adam):
        step = Optimizer.step

    ends = [run_plainly(kind([Parameter(np.ones(3))], beta1=0.7, beta2=0.93), grads) for kind in (Adam, Without)]
    assert bits(ends[0]) == bits(ends[1])


def run_plainly(optimizer: Adam, grads: Array) -> Array:
    return run(optimizer, grads, [(optimizer.beta1, optimizer.beta2)] * len(grads))


def test_only_arguments_are_shown() -> None:
    assert repr(Adam([Parameter([1.0])])) == "Adam(1 parameters, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-08)"
    assert repr(NAdam([Parameter([1.0])], lr=0.1)) == (
        "NAdam(1 parameters, lr=0.1, beta1=0.9, beta2=0.999, eps=1e-08, momentum_decay=0.004)"
    )
