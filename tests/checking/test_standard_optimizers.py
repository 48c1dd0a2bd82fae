"""Rules from the literature, written as a user writes them, pass the check. What each of them lacks here is refused."""

from collections.abc import Callable
from typing import ClassVar

import numpy as np
import pytest

from minidl import ContractError, Optimizer
from minidl.checking import check_optimizer
from minidl.optimizers import Parameters
from minidl.typing import Array, Seed


class Rule(Optimizer):
    """A rule with some settings of its own."""

    settings: ClassVar[dict[str, float]] = {}

    def __init__(self, parameters: Parameters, lr: float, *, weight_decay: float = 0.0) -> None:
        super().__init__(parameters, lr, weight_decay=weight_decay)
        vars(self).update(self.settings)


class SignSGD(Rule):
    """``θ ← θ − η sign g``   (Bernstein et al. 2018)"""

    def update(self, theta: Array, grad: Array) -> None:
        theta -= self.lr * np.sign(grad)


class HeavyBall(Rule):
    """The learning rate inside the velocity, as in Polyak (1964)."""

    slots = ("velocity",)

    def update(self, theta: Array, grad: Array, velocity: Array) -> None:
        velocity *= 0.9
        velocity -= self.lr * grad
        theta += velocity


class AMSGrad(Rule):
    """Adam with the largest ŝ so far   (Reddi et al. 2018)"""

    slots = ("mean", "squares", "top")

    def update(self, theta: Array, grad: Array, mean: Array, squares: Array, top: Array) -> None:
        mean *= 0.9
        mean += 0.1 * grad
        squares *= 0.999
        squares += 0.001 * grad * grad
        np.maximum(top, squares, out=top)
        rate = self.lr / (1 - 0.9**self.steps)
        theta -= rate * mean / (np.sqrt(top / (1 - 0.999**self.steps)) + 1e-8)


class AdaMax(Rule):
    """Adam with the maximum norm   (Kingma and Ba 2015)"""

    slots = ("mean", "top")

    def update(self, theta: Array, grad: Array, mean: Array, top: Array) -> None:
        mean *= 0.9
        mean += 0.1 * grad
        np.maximum(0.999 * top, np.abs(grad) + 1e-8, out=top)
        theta -= self.lr / (1 - 0.9**self.steps) * mean / top


class AdaDelta(Rule):
    """Zeiler (2012), as in PyTorch."""

    slots = ("squares", "steps_taken")

    def update(self, theta: Array, grad: Array, squares: Array, steps_taken: Array) -> None:
        squares *= 0.9
        squares += 0.1 * grad * grad
        move = np.sqrt(steps_taken + 1e-6) / np.sqrt(squares + 1e-6) * grad
        steps_taken *= 0.9
        steps_taken += 0.1 * move * move
        theta -= self.lr * move


class AdaGradFromAccumulator(Rule):
    """AdaGrad that begins with 0.1 in the accumulator, as in TensorFlow."""

    slots = ("squares",)

    def update(self, theta: Array, grad: Array, squares: Array) -> None:
        if self.steps == 1:
            squares += 0.1
        squares += grad * grad
        theta -= self.lr * grad / np.sqrt(squares)


class AdaGradAddedLater(Rule):
    """The same with the accumulator added where it is read."""

    slots = ("squares",)

    def update(self, theta: Array, grad: Array, squares: Array) -> None:
        squares += grad * grad
        theta -= self.lr * grad / np.sqrt(squares + 0.1)


class CenteredRMSProp(Rule):
    """Graves (2013), with momentum, as in PyTorch."""

    slots = ("mean", "squares", "velocity")

    def update(self, theta: Array, grad: Array, mean: Array, squares: Array, velocity: Array) -> None:
        mean *= 0.99
        mean += 0.01 * grad
        squares *= 0.99
        squares += 0.01 * grad * grad
        velocity *= 0.9
        velocity += grad / (np.sqrt(squares - mean * mean) + 1e-8)
        theta -= self.lr * velocity


class Rprop(Rule):
    """Riedmiller and Braun (1993), without backtracking."""

    slots = ("previous", "size")

    def update(self, theta: Array, grad: Array, previous: Array, size: Array) -> None:
        if self.steps == 1:
            size += self.lr
        agreement = np.sign(grad * previous)
        size *= np.where(agreement > 0, 1.2, np.where(agreement < 0, 0.5, 1.0))
        np.clip(size, 1e-6, 50.0, out=size)
        now = np.where(agreement < 0, 0.0, grad)
        previous[...] = now
        theta -= np.sign(now) * size


class Adafactor(Rule):
    """The elementwise part of Shazeer and Stern (2018), with a decay that grows."""

    slots = ("squares",)

    def update(self, theta: Array, grad: Array, squares: Array) -> None:
        decay = 1.0 - self.steps**-0.8
        squares *= decay
        squares += (1.0 - decay) * (grad * grad + 1e-30)
        theta -= self.lr * grad / np.sqrt(squares)


class AdaBelief(Rule):
    """Zhuang et al. (2020)."""

    slots = ("mean", "spread")

    def update(self, theta: Array, grad: Array, mean: Array, spread: Array) -> None:
        mean *= 0.9
        mean += 0.1 * grad
        spread *= 0.999
        spread += 0.001 * (grad - mean) ** 2 + 1e-16
        rate = self.lr / (1 - 0.9**self.steps)
        theta -= rate * mean / (np.sqrt(spread / (1 - 0.999**self.steps)) + 1e-8)


class Yogi(Rule):
    """Zaheer et al. (2018)."""

    slots = ("mean", "squares")

    def update(self, theta: Array, grad: Array, mean: Array, squares: Array) -> None:
        mean *= 0.9
        mean += 0.1 * grad
        squares -= 0.001 * np.sign(squares - grad * grad) * grad * grad
        theta -= self.lr * mean / (np.sqrt(squares) + 1e-3)


class RAdam(Rule):
    """Liu et al. (2020): plain momentum while the variance of the step size is unknown."""

    slots = ("mean", "squares")

    def update(self, theta: Array, grad: Array, mean: Array, squares: Array) -> None:
        mean *= 0.9
        mean += 0.1 * grad
        squares *= 0.999
        squares += 0.001 * grad * grad
        most, beta = 2 / 0.001 - 1, 0.999**self.steps
        length = most - 2 * self.steps * beta / (1 - beta)
        step = mean / (1 - 0.9**self.steps)
        if length > 5:
            step *= np.sqrt((length - 4) * (length - 2) * most / ((most - 4) * (most - 2) * length))
            step /= (np.sqrt(squares) + 1e-8) / np.sqrt(1 - beta)
        theta -= self.lr * step


class DecoupledMomentum(Rule):
    """SGDW of Loshchilov and Hutter (2019)."""

    slots = ("velocity",)

    def decayed(self, theta: Array, grad: Array) -> Array:
        theta *= 1.0 - self.lr * self.weight_decay
        return grad

    def update(self, theta: Array, grad: Array, velocity: Array) -> None:
        velocity *= 0.9
        velocity += grad
        theta -= self.lr * velocity


class Normalized(Rule):
    """``θ ← θ − η g / ‖g‖``: a rule on the whole vector, whose norm is computed in step."""

    def step(self) -> None:
        self._length = float(np.linalg.norm(np.concatenate([vector.grad for vector in self.vectors])))
        super().step()

    def update(self, theta: Array, grad: Array) -> None:
        theta -= self.lr * grad / (self._length + 1e-12)


class Lookahead(Rule):
    """SGD that returns half of the way every fifth step   (Zhang et al. 2019)"""

    slots = ("slow",)

    def update(self, theta: Array, grad: Array, slow: Array) -> None:
        if self.steps == 1:
            slow[...] = theta
        theta -= self.lr * grad
        if self.steps % 5 == 0:
            slow += 0.5 * (theta - slow)
            theta[...] = slow


class Proximal(Rule):
    """ISTA: gradient descent, then every number is drawn to 0 by a constant."""

    def update(self, theta: Array, grad: Array) -> None:
        theta -= self.lr * grad
        theta[...] = np.sign(theta) * np.maximum(np.abs(theta) - self.lr * 1e-4, 0.0)


class Langevin(Rule):
    """Gradient descent with noise of a variance that fades, drawn in step from a seeded generator."""

    def __init__(self, parameters: Parameters, lr: float, rng: Seed = 0) -> None:
        super().__init__(parameters, lr)
        self.rng = np.random.default_rng(rng)

    def step(self) -> None:
        self._noise = 1e-3 * self.rng.normal()
        super().step()

    def update(self, theta: Array, grad: Array) -> None:
        theta -= self.lr * (grad + self._noise / self.steps * (1.0 + np.abs(grad)))


class DrawsInUpdate(Langevin):
    def step(self) -> None:
        Optimizer.step(self)

    def update(self, theta: Array, grad: Array) -> None:
        theta -= self.lr * (grad + 1e-3 * self.rng.normal(size=theta.size))


STANDARD: list[tuple[type[Optimizer], float]] = [
    (SignSGD, 0.01),
    (HeavyBall, 0.1),
    (AMSGrad, 0.05),
    (AdaMax, 0.05),
    (AdaDelta, 1.0),
    (AdaGradFromAccumulator, 0.5),
    (AdaGradAddedLater, 0.5),
    (CenteredRMSProp, 0.001),
    (Rprop, 0.01),
    (Adafactor, 0.01),
    (AdaBelief, 0.05),
    (Yogi, 0.05),
    (RAdam, 0.05),
    (DecoupledMomentum, 0.1),
    (Normalized, 0.02),
    (Lookahead, 0.5),
    (Proximal, 0.5),
    (Langevin, 0.5),
]


@pytest.mark.parametrize(("rule", "lr"), STANDARD, ids=lambda value: getattr(value, "__name__", ""))
def test_standard_rules_pass(rule: Callable[..., Optimizer], lr: float) -> None:
    check_optimizer(lambda parameters: rule(parameters, lr))


def test_a_generator_in_step_may_be_shared_by_all_optimizers() -> None:
    rng = np.random.default_rng(0)
    check_optimizer(lambda parameters: Langevin(parameters, 0.5, rng))


def test_random_numbers_drawn_in_update_are_refused_and_the_message_says_where_they_belong() -> None:
    with pytest.raises(ContractError, match=r"without drawing random numbers; these, .* belong in step"):
        check_optimizer(lambda parameters: DrawsInUpdate(parameters, 0.5))
