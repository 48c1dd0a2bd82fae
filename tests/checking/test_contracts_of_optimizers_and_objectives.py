"""Broken optimizers and objectives, one row each."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minidl import (
    SGD,
    Dense,
    Dropout,
    EmpiricalRisk,
    MinidlError,
    Momentum,
    MSELoss,
    Optimizer,
    Parameter,
    Sequential,
)
from minidl.checking import check_objective, check_optimizer
from minidl.errors import ContractError, GradientError
from minidl.modules import Objective
from minidl.optimizers import Parameters
from minidl.typing import Array


class Uphill(Optimizer):
    def update(self, theta: Array, grad: Array) -> None:
        theta += self.lr * grad


class TooSlow(Optimizer):
    def update(self, theta: Array, grad: Array) -> None:
        theta -= 1e-6 * self.lr * grad


class CountsInUpdate(Optimizer):
    scalars = ("calls",)

    def __init__(self, parameters: Parameters, lr: float) -> None:
        super().__init__(parameters, lr)
        self.calls = 0

    def update(self, theta: Array, grad: Array) -> None:
        self.calls += 1
        theta -= self.lr * grad / (1 + 0.1 * self.calls)


class HiddenSlot(Optimizer):
    def __init__(self, parameters: Parameters, lr: float) -> None:
        super().__init__(parameters, lr)
        self.velocity = 0.0 * self.vectors[0].value

    def update(self, theta: Array, grad: Array) -> None:
        self.velocity = 0.9 * self.velocity + grad
        theta -= self.lr * self.velocity


class WholeVectorRule(Optimizer):
    def update(self, theta: Array, grad: Array) -> None:
        theta -= self.lr * grad / np.linalg.norm(grad)


class WritesToGradient(Optimizer):
    def update(self, theta: Array, grad: Array) -> None:
        grad *= self.lr
        theta -= grad


class Unseeded(Optimizer):
    def update(self, theta: Array, grad: Array) -> None:
        theta -= self.lr * grad * np.random.default_rng().uniform(0.9, 1.1)


class UncheckedRate(SGD):
    lr = 0.1

    def __init__(self, parameters: Parameters, lr: float) -> None:
        super().__init__(parameters, lr)
        self.lr = lr


class HalfTheParameters(Optimizer):
    def update(self, theta: Array, grad: Array) -> None:
        theta[::2] -= self.lr * grad[::2]


class ReboundSlot(Optimizer):
    slots = ("velocity",)

    def update(self, theta: Array, grad: Array, velocity: Array) -> None:
        velocity = 0.9 * velocity + grad
        theta -= self.lr * velocity


class OwnRate(Optimizer):
    def __init__(self, parameters: Parameters, lr: float) -> None:
        super().__init__(parameters, lr)
        self.rate = lr

    def update(self, theta: Array, grad: Array) -> None:
        theta -= self.rate * grad


class UncountedStep(Optimizer):
    def step(self) -> None:
        for vector in self.vectors:
            vector.value -= self.lr * vector.grad


class FirstGroupOnly(Optimizer):
    def step(self) -> None:
        self.steps += 1
        self.vectors[0].value -= self.lr * self.vectors[0].grad


class NoFactors(Optimizer):
    def step(self) -> None:
        self.steps += 1
        for vector in self.vectors:
            vector.value -= self.lr * vector.grad


class UnusedSlot(Optimizer):
    """Is right: it does not read its slot, so the slot need not change."""

    slots = ("largest",)

    def update(self, theta: Array, grad: Array, largest: Array) -> None:
        theta -= self.lr * grad


class Crashes(Optimizer):
    def update(self, theta: Array, grad: Array) -> None:
        raise KeyError("no such thing")


OPTIMIZERS: list[tuple[type[Optimizer], str]] = [
    (Uphill, "is the sign of the step right"),
    (TooSlow, "is the sign of the step right, the learning rate too small"),
    (CountsInUpdate, "without advancing any state of its own"),
    (HiddenSlot, "name what it remembers in slots"),
    (WholeVectorRule, "must be elementwise"),
    (WritesToGradient, "writes to the gradients"),
    (Unseeded, "without a seed"),
    (UncheckedRate, "lr = nan is accepted"),
    (HalfTheParameters, "does not change some parameters|took its value from"),
    (ReboundSlot, "reads the slot 'velocity' but does not change it"),
    (OwnRate, "takes the same steps: read self.lr in update"),
    (UncountedStep, r"two steps are not counted: .* super\(\).step"),
    (FirstGroupOnly, "move only some of two groups"),
    (NoFactors, "a group with half the learning rate takes the same steps"),
    (Crashes, "raises KeyError"),
]


@pytest.mark.parametrize(
    "make", [lambda p: SGD(p, lr=0.5), lambda p: Momentum(p, lr=0.1, nesterov=True), lambda p: UnusedSlot(p, lr=0.1)]
)
def test_unbroken_optimizers_pass(make: Callable[[Parameters], Optimizer]) -> None:
    check_optimizer(make)


@pytest.mark.parametrize(("broken", "words"), OPTIMIZERS, ids=lambda value: getattr(value, "__name__", ""))
def test_broken_optimizer(broken: Callable[[Parameters, float], Optimizer], words: str) -> None:
    with pytest.raises(ContractError, match=words):
        check_optimizer(lambda parameters: broken(parameters, 0.1))


def test_make_must_return_an_optimizer() -> None:
    with pytest.raises(ContractError, match="make must return an Optimizer"):
        check_optimizer(lambda parameters: len(parameters))  # type: ignore[arg-type, return-value]  # this is the mistake


class Bowl(Objective):
    """``Σ θ⁴``. It is right."""

    def __init__(self) -> None:
        self.theta = Parameter([1.0, -2.0])

    def forward(self) -> float:
        return float((self.theta.value**4).sum())

    def backward(self) -> None:
        self.theta.grad = 4 * self.theta.value**3


class WrongFactor(Bowl):
    def backward(self) -> None:
        self.theta.grad = 3 * self.theta.value**3


class NumpyNumber(Bowl):
    def forward(self) -> float:
        return np.float64(super().forward())


class Unwritten(Bowl):
    def backward(self) -> None:
        pass


class AddsUp(Bowl):
    def backward(self) -> None:
        self.theta.grad = self.theta.grad + 4 * self.theta.value**3


class MovesItself(Bowl):
    def forward(self) -> float:
        value = super().forward()
        self.theta.value += 1e-3
        return value


class Noisy(Bowl):
    def forward(self) -> float:
        return super().forward() + float(np.random.default_rng().normal())


class Dropping(Bowl):
    """Is right: its generator is in a list."""

    def __init__(self) -> None:
        super().__init__()
        self.rngs = [np.random.default_rng(0)]

    def forward(self) -> float:
        self.factor = float(self.rngs[0].random())
        return self.factor * super().forward()

    def backward(self) -> None:
        self.theta.grad = 4 * self.factor * self.theta.value**3


class NoParameters(Objective):
    def forward(self) -> float:
        return 1.0

    def backward(self) -> None:
        pass


class CrashingBowl(Bowl):
    def backward(self) -> None:
        raise KeyError("no such thing")


OBJECTIVES: list[tuple[type[Objective], type[MinidlError], str]] = [
    (WrongFactor, GradientError, "theta is off .* All are 0.75 times"),
    (NumpyNumber, ContractError, "Python float, got float64"),
    (Unwritten, GradientError, "must overwrite the gradient of theta"),
    (AddsUp, ContractError, "must overwrite, not add"),
    (MovesItself, ContractError, "different values|changes the parameters"),
    (Noisy, ContractError, "different values"),
    (NoParameters, ContractError, "no parameters"),
    (CrashingBowl, ContractError, r"CrashingBowl\(\) raises KeyError"),
]


@pytest.mark.parametrize("make", [Bowl, Dropping])
def test_unbroken_objectives_pass(make: type[Objective]) -> None:
    assert check_objective(make()).error < 1e-8


def test_the_risk_of_a_model_with_dropout_passes() -> None:
    model = Sequential(Dropout(0.5, rng=0), Dense(3, 1, rng=1))
    assert check_objective(EmpiricalRisk(model, MSELoss(), np.eye(3), np.ones((3, 1)))).error < 1e-8


@pytest.mark.parametrize(("broken", "error", "words"), OBJECTIVES, ids=lambda value: getattr(value, "__name__", ""))
def test_broken_objective(broken: type[Objective], error: type[MinidlError], words: str) -> None:
    with pytest.raises(error, match=words):
        check_objective(broken())


@pytest.mark.parametrize("check", [check_objective])
def test_other_things_are_refused(check: Callable[[Any], object]) -> None:
    with pytest.raises(ContractError, match="expected an Objective"):
        check(3)
