"""Optimizers that fail for gradients of 0, small or large ones, with weight decay or clipping, or two at a time."""

from typing import ClassVar

import numpy as np
import pytest

from minidl import SGD, AdamW, ContractError, Lion, Momentum, Optimizer
from minidl.checking import check_optimizer
from minidl.optimizers import Parameters
from minidl.typing import Array, Seed


class ZeroByZero(Optimizer):
    """RMSProp without ε."""

    slots = ("squares",)

    def update(self, theta: Array, grad: Array, squares: Array) -> None:
        squares *= 0.9
        squares += 0.1 * grad * grad
        theta -= self.lr * grad / np.sqrt(squares)


class ZeroByLargest(Optimizer):
    """AdaMax without ε."""

    slots = ("mean", "top")

    def update(self, theta: Array, grad: Array, mean: Array, top: Array) -> None:
        mean *= 0.9
        mean += 0.1 * grad
        np.maximum(0.999 * top, np.abs(grad), out=top)
        theta -= self.lr * mean / top


class ZeroByLength(Optimizer):
    """Normalized descent without ε: NaN only if all gradients are 0."""

    def step(self) -> None:
        self._length = np.linalg.norm(np.concatenate([vector.grad for vector in self.vectors]))
        super().step()

    def update(self, theta: Array, grad: Array) -> None:
        theta -= self.lr * grad / self._length


class SkipsSmallBlocks(Optimizer):
    least: ClassVar[float] = 1e-6

    def update(self, theta: Array, grad: Array) -> None:
        if np.abs(grad).max() > self.least:
            theta -= self.lr * grad


class SkipsLessSmallBlocks(SkipsSmallBlocks):
    least = 5e-3


class SkipsLargeBlocks(Optimizer):
    def update(self, theta: Array, grad: Array) -> None:
        if np.abs(grad).max() < 1e4:
            theta -= self.lr * grad


class DropsSmallNumbers(Optimizer):
    def update(self, theta: Array, grad: Array) -> None:
        theta -= self.lr * np.where(np.abs(grad) < 1e-8, 0.0, grad)


class RoundsGradients(Optimizer):
    def update(self, theta: Array, grad: Array) -> None:
        theta -= self.lr * np.round(grad, 8)


class DecaysAll(Optimizer):
    """An overridden step that does not look at decay=False."""

    def step(self) -> None:
        self.steps += 1
        for arrays, factor, _ in self._blocks:
            with self._rate(factor):
                self.update(*arrays)

    def update(self, theta: Array, grad: Array) -> None:
        theta -= self.lr * (grad + self.weight_decay * theta)


class OwnDecay(Optimizer):
    """A decay of another name, which Optimizer does not know."""

    def __init__(self, parameters: Parameters, lr: float) -> None:
        super().__init__(parameters, lr)
        self.shrink = 0.1

    def update(self, theta: Array, grad: Array) -> None:
        theta -= self.lr * (grad + self.shrink * theta)


class NoDecay(DecaysAll):
    def update(self, theta: Array, grad: Array) -> None:
        theta -= self.lr * grad


class NoClipping(Optimizer):
    """An overridden step that decays as it should, and does not clip."""

    def clipped(self, grad: Array) -> Array:
        return grad

    def step(self) -> None:
        self.steps += 1
        for (theta, grad), factor, decay in self._blocks:
            with self._rate(factor):
                self.update(theta, self.clipped(grad) + (self.weight_decay if decay else 0.0) * theta)

    def update(self, theta: Array, grad: Array) -> None:
        theta -= self.lr * grad


class ClipsNormOnly(NoClipping):
    def clipped(self, grad: Array) -> Array:
        length = float(np.linalg.norm(np.concatenate([vector.grad for vector in self.vectors])))
        return grad * min(1.0, self.max_norm / (length + 1e-6))


class SharedInTheClass(Optimizer):
    velocities: dict[int, Array] = {}  # noqa: RUF012  (this is the mistake)

    def update(self, theta: Array, grad: Array) -> None:
        velocity = self.velocities.setdefault(theta.size, np.zeros_like(theta))
        velocity *= 0.9
        velocity += grad
        theta -= self.lr * velocity


class CountsInTheClass(Optimizer):
    """Begins from 1 in each new instance, but two count together."""

    count: ClassVar[int] = 0

    def __init__(self, parameters: Parameters, lr: float) -> None:
        super().__init__(parameters, lr)
        CountsInTheClass.count = 0

    def step(self) -> None:
        CountsInTheClass.count += 1
        super().step()

    def update(self, theta: Array, grad: Array) -> None:
        theta -= self.lr / (1 + 0.01 * CountsInTheClass.count) * grad


class RateOfTheFirstStep(Optimizer):
    def step(self) -> None:
        self._rate_kept = getattr(self, "_rate_kept", self.lr)
        super().step()

    def update(self, theta: Array, grad: Array) -> None:
        theta -= self._rate_kept * grad


class GainsANumber(Optimizer):
    def step(self) -> None:
        self.factor = 1.0 + 0.1 / (1 + self.steps)
        super().step()

    def update(self, theta: Array, grad: Array) -> None:
        theta -= self.lr * self.factor * grad


class WithoutSeed(Optimizer):
    """Draws in step, from a generator that has no seed."""

    def __init__(self, parameters: Parameters, lr: float, rng: Seed = None) -> None:
        super().__init__(parameters, lr)
        self.rng = np.random.default_rng(rng)

    def step(self) -> None:
        self._factor = 1.0 + 0.1 * self.rng.random()
        super().step()

    def update(self, theta: Array, grad: Array) -> None:
        theta -= self.lr * self._factor * grad


class RandomCoordinates(Optimizer):
    """Is right: each step moves half of the parameters."""

    slots = ("chosen",)

    def __init__(self, parameters: Parameters, lr: float) -> None:
        super().__init__(parameters, lr)
        self.rng = np.random.default_rng(0)

    def step(self) -> None:
        chosen = self._slots["chosen"]
        chosen[...] = self.rng.random(chosen.size) < 0.5
        super().step()

    def update(self, theta: Array, grad: Array, chosen: Array) -> None:
        theta -= self.lr * chosen * grad


class Accumulates(Optimizer):
    """Is right: every fourth step moves by the mean of four gradients."""

    slots = ("total",)

    def update(self, theta: Array, grad: Array, total: Array) -> None:
        total += grad / 4
        if self.steps % 4 == 0:
            theta -= self.lr * total
            total[...] = 0.0


class WarmsUpFromZero(Optimizer):
    """Is right: its first step is 0."""

    def update(self, theta: Array, grad: Array) -> None:
        theta -= self.lr * min(1.0, (self.steps - 1) / 10) * grad


class WaitsForGradients(Optimizer):
    """Is right: it does nothing while all gradients are 0."""

    def step(self) -> None:
        self._any = any(vector.grad.any() for vector in self.vectors)
        super().step()

    def update(self, theta: Array, grad: Array) -> None:
        if self._any:
            theta -= self.lr * grad


class DrawsToZero(Optimizer):
    """Is right: gradient descent, then every number is drawn to 0 by a constant."""

    def update(self, theta: Array, grad: Array) -> None:
        theta -= self.lr * grad
        theta[...] = np.sign(theta) * np.maximum(np.abs(theta) - self.lr * 1e-2, 0.0)


RIGHT: list[type[Optimizer]] = [RandomCoordinates, Accumulates, WarmsUpFromZero, WaitsForGradients, DrawsToZero]


@pytest.mark.parametrize("rule", RIGHT)
def test_some_steps_may_leave_parameters_alone(rule: type[Optimizer]) -> None:
    check_optimizer(lambda parameters: rule(parameters, 0.4))


BROKEN: list[tuple[type[Optimizer], str]] = [
    (ZeroByZero, "not finite: is there a division by 0"),
    (ZeroByLargest, "not finite: is there a division by 0"),
    (ZeroByLength, "gradients of exactly 0 .* not finite: is there a division by 0"),
    (SkipsSmallBlocks, "gradients of 1e-10 do not change some parameters"),
    (SkipsLessSmallBlocks, "gradients of 1e-10 do not change some parameters"),
    (SkipsLargeBlocks, r"gradients of 1e\+06 do not change some parameters"),
    (DropsSmallNumbers, "gradients of 1e-10 do not change some parameters"),
    (RoundsGradients, "gradients of 1e-10 do not change some parameters"),
    (DecaysAll, "weight decay acts on parameters with decay=False"),
    (OwnDecay, "weight decay acts on parameters with decay=False"),
    (NoDecay, r"weight_decay has no effect: .* super\(\).step"),
    (NoClipping, r"clip\(norm=0.25\) has no effect: .* super\(\).step"),
    (ClipsNormOnly, r"clip\(value=0.25\) has no effect"),
    (SharedInTheClass, "keep something in the class"),
    (CountsInTheClass, "a copy ends elsewhere than the original: .* not of the class"),
    (RateOfTheFirstStep, "read self.lr in update"),
    (GainsANumber, "has gained factor in its steps, .* set it in __init__"),
    (WithoutSeed, "does it draw without a seed"),
]


@pytest.mark.parametrize(("broken", "words"), BROKEN, ids=lambda value: getattr(value, "__name__", ""))
def test_broken_optimizer(broken: type[Optimizer], words: str) -> None:
    with pytest.raises(ContractError, match=words):
        check_optimizer(lambda parameters: broken(parameters, 0.1))


@pytest.mark.parametrize(
    "make",
    [
        lambda p: AdamW(p, lr=0.1, weight_decay=1e-2),
        lambda p: SGD(p, lr=0.1, weight_decay=1e-3),
        lambda p: Momentum(p, lr=0.1).clip(norm=1.0),
        lambda p: SGD(p, lr=0.5).clip(value=0.1),
        lambda p: Lion(p, lr=0.01).clip(norm=0.3, value=0.1),
        lambda p: WithoutSeed(p, 0.1, rng=3),
    ],
    ids=["AdamW", "decay", "clipped norm", "clipped value", "both", "seeded"],
)
def test_decay_clipping_and_seeded_generators_pass(make: object) -> None:
    check_optimizer(make)  # type: ignore[arg-type]  # the lambdas above
