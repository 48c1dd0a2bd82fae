"""Adam and the rules derived from it."""

from __future__ import annotations

from math import sqrt

import numpy as np

from minidl.arguments import hyperparameter
from minidl.optimizers.base import Optimizer
from minidl.optimizers.groups import Parameters
from minidl.typing import Array

__all__ = ["Adam", "AdamW", "NAdam"]


class Adam(Optimizer):
    """``m ← β₁ m + (1 − β₁) g``,  ``s ← β₂ s + (1 − β₂) g²``,  ``θ ← θ − η m̂ / (√ŝ + ε)``   (Kingma and Ba 2015)

    with ``m̂ = m / (1 − β₁ᵗ)`` and ``ŝ = s / (1 − β₂ᵗ)`` at step t. ε stands outside the root, as in PyTorch.

    Where s overflows, in float32 for gradients above 1e19, the step is 0, as in PyTorch. Above
    3e38 (1 − β₁), m / (1 − β₁) overflows as well, and θ becomes NaN. `clip` prevents both.
    In float32, s has a relative error of up to 6e-8 / (1 − β₂), and no longer decays if that is above 1.

    Args:
        parameters: ``model.parameters()``, a list of Parameters, or a list of `Group`.
        lr: learning rate η.
        beta1, beta2: β₁ and β₂, at least 0 and below 1.
        eps: ε.
        weight_decay: λ, adds λ θ to g. `AdamW` decouples the decay from the gradient.

    Raises:
        HyperparameterError: as for `Optimizer`. beta1 or beta2 outside [0, 1), eps that is not above 0, a
            negative weight_decay.

    >>> from minidl import Parameter
    >>> theta = Parameter([1.0])
    >>> optimizer = Adam([theta], lr=0.5)
    >>> theta.grad = [4.0]
    >>> optimizer.step()
    >>> theta.value.round(6)
    array([0.5])
    """

    slots: tuple[str, ...] = ("mean", "squares")
    scalars: tuple[str, ...] = ("mean_beta",)
    beta1: float = hyperparameter(at_least=0.0, below=1.0)
    beta2: float = hyperparameter(at_least=0.0, below=1.0)
    eps: float = hyperparameter(above=0.0)

    def __init__(
        self,
        parameters: Parameters,
        lr: float = 1e-3,
        *,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr, weight_decay=weight_decay)
        self.beta1, self.beta2, self.eps = beta1, beta2, eps
        self.mean_beta = self.beta1  # that of the previous step

    def step(self) -> None:
        super().step()
        self.mean_beta = self.beta1

    def _moments(self, grad: Array, mean: Array, squares: Array) -> tuple[Array, float]:
        """Update m and s, and return √s and c, so that ``√ŝ = √s / c``."""
        # The first slot holds m / (1 − β₁), which saves a pass over memory. A β₁ that has changed since the previous
        # step rescales it. The second holds s itself: s / (1 − β₂) would overflow in float32 for gradients of 1e18.
        mean *= self.beta1 * ((1.0 - self.mean_beta) / (1.0 - self.beta1))
        mean += grad
        squares *= self.beta2
        squares += (1.0 - self.beta2) * grad * grad
        return np.sqrt(squares), sqrt(1.0 - self.beta2**self.steps)

    def update(self, theta: Array, grad: Array, mean: Array, squares: Array) -> None:
        root, correction = self._moments(grad, mean, squares)
        root += self.eps * correction
        change = np.divide(mean, root, out=root)
        change *= self.lr * correction * (1.0 - self.beta1) / (1.0 - self.beta1**self.steps)
        theta -= change


class AdamW(Adam):
    """`Adam` with decoupled weight decay: ``θ ← (1 − η λ) θ`` before each step (Loshchilov and Hutter 2019).

    Args:
        parameters: ``model.parameters()``, a list of Parameters, or a list of `Group`.
        lr: learning rate η.
        beta1, beta2: β₁ and β₂, at least 0 and below 1.
        eps: ε.
        weight_decay: λ.

    Raises:
        HyperparameterError: as for `Optimizer`. beta1 or beta2 outside [0, 1), eps that is not above 0, a
            negative weight_decay.

    >>> from minidl import Parameter
    >>> theta = Parameter([1.0])
    >>> optimizer = AdamW([theta], lr=0.5, weight_decay=0.2)
    >>> theta.grad = [4.0]
    >>> optimizer.step()
    >>> theta.value.round(6)
    array([0.4])
    """

    def __init__(
        self,
        parameters: Parameters,
        lr: float = 1e-3,
        *,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
    ) -> None:
        super().__init__(parameters, lr, beta1=beta1, beta2=beta2, eps=eps, weight_decay=weight_decay)

    def decayed(self, theta: Array, grad: Array) -> Array:
        theta *= 1.0 - self.lr * self.weight_decay
        return grad


class NAdam(Adam):
    """`Adam` that looks ahead along m (Dozat 2016), with the momentum schedule of PyTorch:

    ``μₜ = β₁ (1 − ½ · 0.96^(ψ t))``,  ``θ ← θ − η [μₜ₊₁ m / (1 − Π μ₁…ₜ₊₁) + (1 − μₜ) g / (1 − Π μ₁…ₜ)] / (√ŝ + ε)``.

    Args:
        parameters: ``model.parameters()``, a list of Parameters, or a list of `Group`.
        lr: learning rate η.
        beta1, beta2: β₁ and β₂, at least 0 and below 1.
        eps: ε.
        momentum_decay: ψ.
        weight_decay: λ, adds λ θ to g.

    Raises:
        HyperparameterError: as for `Adam`. A negative momentum_decay.

    >>> from minidl import Parameter
    >>> theta = Parameter([1.0])
    >>> optimizer = NAdam([theta], lr=0.5)
    >>> theta.grad = [4.0]
    >>> optimizer.step()
    >>> theta.value.round(3)
    array([0.472])
    """

    scalars = (*Adam.scalars, "product")
    momentum_decay: float = hyperparameter(at_least=0.0)

    def __init__(
        self,
        parameters: Parameters,
        lr: float = 2e-3,
        *,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
        momentum_decay: float = 4e-3,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr, beta1=beta1, beta2=beta2, eps=eps, weight_decay=weight_decay)
        self.momentum_decay = momentum_decay
        self.product = 1.0

    def _momentum(self, step: int) -> float:
        return self.beta1 * (1.0 - 0.5 * float(0.96 ** (self.momentum_decay * step)))

    def step(self) -> None:
        super().step()
        self.product *= self._momentum(self.steps)

    def update(self, theta: Array, grad: Array, mean: Array, squares: Array) -> None:
        root, correction = self._moments(grad, mean, squares)
        root += self.eps * correction
        now, following = self._momentum(self.steps), self._momentum(self.steps + 1)
        rate, product = self.lr * correction, self.product * now
        ahead = rate * following * (1.0 - self.beta1) / (1.0 - product * following) * mean
        ahead += rate * (1.0 - now) / (1.0 - product) * grad
        ahead /= root
        theta -= ahead
