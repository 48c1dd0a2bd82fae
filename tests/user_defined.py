"""Layers, a loss, two optimizers and two objectives as a user of the package writes them."""

import numpy as np

from minidl import Dense, FunctionObjective, Layer, Loss, Objective, Optimizer, Parameter, Sequential
from minidl.modules import cached
from minidl.optimizers import Parameters
from minidl.typing import Array, Batch, Shape


class Scale(Layer):
    """``y = s x``, one learned factor per feature."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.n = n
        self.scale = Parameter(np.ones(n))

    def forward(self, x: Array) -> Array:
        self.x = x
        return x * self.scale.value

    def backward(self, grad: Array) -> Array:
        self.scale.grad = (grad * self.x).sum(axis=0)
        return grad * self.scale.value


class Skip(Layer):
    """``y = x + f(x)`` around another layer."""

    def __init__(self, inner: Layer) -> None:
        super().__init__()
        self.inner = inner

    def output_shape(self, shape: Shape | None) -> Shape | None:
        return shape

    def forward(self, x: Array) -> Array:
        return x + self.inner.forward(x)

    def backward(self, grad: Array) -> Array:
        return grad + self.inner.backward(grad)


class Doubled(Dense):
    """``y = 2 (x W + b)``. It overrides backward but not backward_parameters."""

    def forward(self, x: Array) -> Array:
        return 2 * super().forward(x)

    def backward(self, grad: Array) -> Array:
        return super().backward(2 * grad)


class Scaled(Sequential):
    """``y = α f(x)``, where f applies the layers in order and α is learned."""

    def __init__(self, *layers: Layer) -> None:
        super().__init__(*layers)
        self.alpha = Parameter(0.5)

    def forward(self, x: Array) -> Array:
        self.inner = inner = super().forward(x)
        return self.alpha.value * inner

    def backward(self, grad: Array) -> Array:
        self.alpha.grad = (grad * self.inner).sum()
        return super().backward(self.alpha.value * grad)


class MaskedMean(Layer):
    """``y = Σₜ m x / Σₜ m``, the mean over those steps of a sequence (n, t, d) where its mask m is True."""

    takes_mask = mixes_steps = True
    weights: Array = cached()
    masked: bool = cached()

    def output_shape(self, shape: Shape | None) -> Shape | None:
        return None if shape is None else shape[-1:]

    def forward(self, x: Batch) -> Array:
        self.masked = masked = isinstance(x, tuple)
        x, mask = x if masked else (x, np.ones(x.shape[:2], bool))
        count = np.maximum(mask.sum(axis=1), 1).astype(x.dtype)  # a sample without data has the mean 0
        self.weights = weights = mask[..., None] / count[:, None, None]
        y: Array = (weights * x).sum(axis=1)
        return y

    def backward(self, grad: Array) -> Batch:
        dx = self.weights * grad[:, None, :]
        return (dx, np.zeros(dx.shape[:2], dx.dtype)) if self.masked else dx


class MaskedCenter(Layer):
    """``y = x − the mean of x``, over those steps of a sequence where its mask is True."""

    takes_mask = True

    def __init__(self) -> None:
        self.mean = MaskedMean()

    def output_shape(self, shape: Shape | None) -> Shape | None:
        return shape

    def forward(self, x: Batch) -> Array:
        mean = self.mean.forward(x)[:, None, :]
        y: Array = (x[0] if isinstance(x, tuple) else x) - mean
        return y

    def backward(self, grad: Array) -> Batch:
        part = self.mean.backward(-grad.sum(axis=1))
        return (grad + part[0], part[1]) if isinstance(part, tuple) else grad + part


class Sum(Layer):
    """``y = a(x) + b(x)``, two layers side by side."""

    def __init__(self, a: Layer, b: Layer) -> None:
        self.a, self.b = a, b

    def forward(self, x: Array) -> Array:
        return self.a.forward(x) + self.b.forward(x)

    def backward(self, grad: Array) -> Array:
        return self.a.backward(grad) + self.b.backward(grad)


class LogCoshLoss(Loss):
    """``L = mean ln cosh(ŷ − y)``."""

    def forward(self, prediction: Array, target: Array) -> float:
        self.difference = prediction - target
        return float(np.log(np.cosh(self.difference)).mean())

    def backward(self) -> Array:
        grad: Array = np.tanh(self.difference) / self.difference.size
        return grad


class Adagrad(Optimizer):
    """``s ← s + g²``, ``θ ← θ − η g / (√s + ε)``."""

    slots = ("squares",)

    def __init__(self, parameters: Parameters, lr: float, epsilon: float = 1e-8) -> None:
        super().__init__(parameters, lr)
        self.epsilon = epsilon

    def update(self, theta: Array, grad: Array, squares: Array) -> None:
        squares += grad * grad
        theta -= self.lr * grad / (np.sqrt(squares) + self.epsilon)


class FadingSGD(Optimizer):
    """``θ ← θ − η r g``, where each step halves r."""

    scalars = ("rate",)

    def __init__(self, parameters: Parameters, lr: float) -> None:
        super().__init__(parameters, lr)
        self.rate = 1.0

    def update(self, theta: Array, grad: Array) -> None:
        theta -= self.lr * self.rate * grad

    def step(self) -> None:
        super().step()
        self.rate *= 0.5


class TwoParts(Objective):
    """``f(a, b) = (a − 1)² + Σᵢ (bᵢ − 2)² + a b₀``, with the minimum at a = 0, b = (2, …, 2)."""

    def __init__(self, n: int) -> None:
        self.n = n
        self.a, self.b = Parameter(0.0), Parameter(np.zeros(n))

    def forward(self) -> float:
        a, b = self.a.value, self.b.value
        return float((a - 1) ** 2 + ((b - 2) ** 2).sum() + a * b[0])

    def backward(self) -> None:
        a, b = self.a.value, self.b.value
        self.a.grad = 2 * (a - 1) + b[0]
        self.b.grad = 2 * (b - 2)
        self.b.grad[0] += a


class Sphere(FunctionObjective):
    """``f(θ) = Σ θᵢ²``."""

    minima = ((0.0, 0.0),)

    def __init__(self) -> None:
        super().__init__(lambda theta: float(theta @ theta), lambda theta: 2 * theta, start=(3.0, 4.0))
