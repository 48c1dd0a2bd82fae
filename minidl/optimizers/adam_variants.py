"""Adam with a denominator that never shrinks, and Adam that waits until its denominator is reliable."""

from __future__ import annotations

from math import sqrt

import numpy as np

from minidl.optimizers.adam import Adam
from minidl.typing import Array

__all__ = ["AMSGrad", "RAdam"]


class AMSGrad(Adam):
    """`Adam` with the largest s so far: ``u ← max(u, s)``,  ``θ ← θ − η m̂ / (√û + ε)``   (Reddi et al. 2018)

    with ``û = u / (1 − β₂ᵗ)``, as PyTorch's ``Adam(amsgrad=True)``. Steps never grow because the gradients have become
    smaller. Where s overflows, as described at `Adam`, the step stays 0 from then on.

    Args:
        parameters: ``model.parameters()``, a list of Parameters, or a list of `Group`.
        lr: learning rate η.
        beta1, beta2: β₁ and β₂, at least 0 and below 1.
        eps: ε.
        weight_decay: λ, adds λ θ to g.

    Raises:
        HyperparameterError: as for `Adam`.

    >>> from minidl import Parameter
    >>> theta = Parameter([1.0])
    >>> optimizer = AMSGrad([theta], lr=0.5)
    >>> theta.grad = [4.0]
    >>> optimizer.step()
    >>> theta.value.round(6)
    array([0.5])
    """

    slots = (*Adam.slots, "largest_root")

    def update(self, theta: Array, grad: Array, mean: Array, squares: Array, *roots: Array) -> None:
        root, correction = self._moments(grad, mean, squares)
        (largest,) = roots
        np.maximum(largest, root, out=largest)  # √max s = max √s
        change = np.add(largest, self.eps * correction, out=root)
        np.divide(mean, change, out=change)
        change *= self.lr * correction * (1.0 - self.beta1) / (1.0 - self.beta1**self.steps)
        theta -= change


class RAdam(Adam):
    """`Adam` that moves by η m̂ until it has seen enough gradients to estimate s (Liu et al. 2020), as in PyTorch:

    ``θ ← θ − η r m̂ √(1 − β₂ᵗ) / (√s + ε)`` if ρ > 5, otherwise ``θ ← θ − η m̂``, with ``ρ∞ = 2 / (1 − β₂) − 1``,
    ``ρ = ρ∞ − 2 t β₂ᵗ / (1 − β₂ᵗ)``, ``r = √((ρ − 4) (ρ − 2) ρ∞ / ((ρ∞ − 4) (ρ∞ − 2) ρ))``.

    The first steps, five for β₂ = 0.999, are proportional to the gradient. After that r rises to 1, like a warm-up.

    Args:
        parameters: ``model.parameters()``, a list of Parameters, or a list of `Group`.
        lr: learning rate η.
        beta1, beta2: β₁ and β₂, at least 0 and below 1.
        eps: ε.
        weight_decay: λ, adds λ θ to g.

    Raises:
        HyperparameterError: as for `Adam`.

    >>> from minidl import Parameter
    >>> theta = Parameter([1.0])
    >>> optimizer = RAdam([theta], lr=0.125)
    >>> theta.grad = [4.0]
    >>> optimizer.step()
    >>> theta.value.round(6)
    array([0.5])
    """

    def update(self, theta: Array, grad: Array, mean: Array, squares: Array) -> None:
        root, correction = self._moments(grad, mean, squares)
        rate = self.lr * (1.0 - self.beta1) / (1.0 - self.beta1**self.steps)
        rectification = self._rectification()
        if rectification is None:
            theta -= np.multiply(mean, rate, out=root)
        else:
            root += self.eps
            change = np.divide(mean, root, out=root)
            change *= rate * rectification * correction
            theta -= change

    def _rectification(self) -> float | None:
        """r, or None while the variance of the step is not finite."""
        decay = self.beta2**self.steps
        end = 2.0 / (1.0 - self.beta2) - 1.0
        length = end - 2.0 * self.steps * decay / (1.0 - decay)
        if length <= 5.0:
            return None
        return sqrt((length - 4.0) * (length - 2.0) * end / ((end - 4.0) * (end - 2.0) * length))
