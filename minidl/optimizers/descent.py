"""Gradient descent, plain and with momentum."""

from __future__ import annotations

from minidl.arguments import flag, hyperparameter
from minidl.optimizers.base import Optimizer
from minidl.optimizers.groups import Parameters
from minidl.typing import Array

__all__ = ["SGD", "Momentum"]


class SGD(Optimizer):
    """``θ ← θ − η g``, gradient descent. It is stochastic when g comes from a batch.

    Args:
        parameters: ``model.parameters()``, a list of Parameters, or a list of `Group`.
        lr: learning rate η.
        weight_decay: λ, adds λ θ to g.

    Raises:
        HyperparameterError: as for `Optimizer`. A negative weight_decay.

    >>> from minidl import Parameter
    >>> theta = Parameter([1.0, 2.0])
    >>> descent = SGD([theta], lr=0.1)
    >>> theta.grad = [1.0, 1.0]
    >>> descent.step()
    >>> theta.value
    array([0.9, 1.9])
    """

    def __init__(self, parameters: Parameters, lr: float, *, weight_decay: float = 0.0) -> None:
        super().__init__(parameters, lr, weight_decay=weight_decay)  # so that Python's own errors name SGD

    def update(self, theta: Array, grad: Array) -> None:
        theta -= self.lr * grad


class Momentum(Optimizer):
    """``v ← μ v + g``,  ``θ ← θ − η v``: the heavy ball of Polyak (1964).

    With ``nesterov=True`` the step is ``θ ← θ − η (g + μ v)``, which looks ahead along the new v (Nesterov 1983, in the
    form of Sutskever et al. 2013). The learning rate stays outside the velocity, as in PyTorch. In Polyak's paper it is
    inside, so that a change of η affects future gradients only. With a constant g, steps approach η g / (1 − μ).

    Args:
        parameters: ``model.parameters()``, a list of Parameters, or a list of `Group`.
        lr: learning rate η.
        momentum: μ, at least 0 (plain gradient descent) and below 1.
        nesterov: whether to look ahead.
        weight_decay: λ, adds λ θ to g.

    Raises:
        HyperparameterError: as for `Optimizer`. A momentum outside [0, 1).

    >>> from minidl import Parameter
    >>> theta = Parameter([1.0])
    >>> ball = Momentum([theta], lr=0.1, momentum=0.5)
    >>> theta.grad = [1.0]
    >>> ball.step(); ball.step()
    >>> theta.value
    array([0.75])
    """

    slots = ("velocity",)  # v, kept by Optimizer and passed to update
    momentum: float = hyperparameter(at_least=0.0, below=1.0)

    def __init__(
        self,
        parameters: Parameters,
        lr: float,
        momentum: float = 0.9,
        *,
        nesterov: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr, weight_decay=weight_decay)
        self.momentum = momentum
        self.nesterov = flag("Momentum: nesterov", nesterov)

    def update(self, theta: Array, grad: Array, velocity: Array) -> None:
        velocity *= self.momentum
        velocity += grad
        theta -= self.lr * (grad + self.momentum * velocity if self.nesterov else velocity)
