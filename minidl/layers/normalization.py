"""Layers that bring numbers to mean 0 and variance 1, then scale and shift them."""

from __future__ import annotations

import numpy as np

from minidl.arguments import whole_number
from minidl.constants import ones
from minidl.errors import HyperparameterError, ShapeError
from minidl.modules import Layer, cached
from minidl.parameters import Parameter
from minidl.typing import Array, Shape

__all__ = ["BatchNorm", "LayerNorm"]


class _Norm(Layer):
    """What both have: ``y = w z + b`` with z the normalised x, w and b one number a feature, on the last axis."""

    z: Array = cached()
    scale: Array = cached()

    def __init__(self, features: int, eps: float) -> None:
        name = type(self).__name__
        self.features = whole_number(f"{name}: features", features, 1)
        if not 0.0 < eps < float("inf"):
            raise HyperparameterError(f"{name}: eps must be above 0 and finite, got {eps}")
        self.eps = float(eps)
        self.weight = Parameter(np.ones(self.features), decay=False)
        self.bias = Parameter(np.zeros(self.features), decay=False)

    def output_shape(self, shape: Shape | None) -> Shape | None:
        if shape is not None and shape[-1:] != (self.features,):
            raise ShapeError(f"{self!r} takes samples of {self.features} features on the last axis, got shape {shape}")
        return shape

    def _scaled(self, z: Array) -> Array:
        y: Array = z * self.weight.value
        y += self.bias.value
        return y

    def _parameters_back(self, grad: Array) -> Array:
        """Write dw and db, and give g z."""
        grad_z = grad * self.z
        rows = grad.reshape(-1, self.features)
        every = ones(len(rows), grad.dtype)
        every.dot(grad_z.reshape(rows.shape), self.weight.grad)
        every.dot(rows, self.bias.grad)
        return grad_z


class BatchNorm(_Norm):
    """``y = w z + b``, ``z = (x − m) / √(v + ε)``, m and v mean and variance of each feature (Ioffe and Szegedy 2015).

    In training they are those of the batch, v divided by the number N of samples; the running averages follow as
    ``m̄ ← (1 − μ) m̄ + μ m``, with N − 1 in place of N in v, and are what evaluation takes. Conventions and defaults are
    PyTorch's. One number alone is its own mean: of a batch of one sample (features,) z is 0, and only b learns.

    Shapes    x and y (n, …, features)   w = weight and b = bias (features,); all axes but the last are averaged over
    Backward  dw = Σ g z   db = Σ g   dx = w / √(v + ε) · (g − mean g − z mean(g z)), in evaluation w g / √(v̄ + ε)

    Args:
        features: numbers on the last axis.
        momentum: μ, the weight of the newest batch in the running averages, from 0 to 1.
        eps: ε.

    Raises:
        HyperparameterError: arguments out of range.
        ShapeError: samples with another number of features.

    >>> layer = BatchNorm(1)
    >>> layer(np.array([[1.0], [3.0]])).round(3)
    array([[-1.],
           [ 1.]])
    >>> layer.running_mean, layer.running_var.round(3)
    (array([0.2]), array([1.1]))
    """

    buffers = ("running_mean", "running_var")
    by_batch: bool = cached()

    def __init__(self, features: int, *, momentum: float = 0.1, eps: float = 1e-5) -> None:
        super().__init__(features, eps)
        if not 0.0 <= momentum <= 1.0:
            raise HyperparameterError(f"BatchNorm: momentum must be from 0 to 1, got {momentum}")
        self.momentum = float(momentum)
        self.running_mean = np.zeros(self.features)
        self.running_var = np.ones(self.features)

    def forward(self, x: Array) -> Array:
        self.by_batch = self.training
        if self.by_batch:
            self.z, variance = self._of_batch(x)
        else:
            self.z, variance = x - self.running_mean, self.running_var
        self.scale = 1 / np.sqrt(variance + self.eps)
        self.z *= self.scale
        return self._scaled(self.z)

    def _of_batch(self, x: Array) -> tuple[Array, Array]:
        """Centred x and the variance; the running averages follow."""
        rows = x.reshape(-1, self.features)
        n = len(rows)
        # Sums by products with ones, as in Dense: a fifth off the step of a small network.
        mean = ones(n, x.dtype).dot(rows) / n
        centred = rows - mean
        variance = ones(n, x.dtype).dot(centred * centred) / n
        unbiased = n / max(n - 1, 1)
        self.running_mean = (1 - self.momentum) * self.running_mean + self.momentum * mean
        self.running_var = (1 - self.momentum) * self.running_var + self.momentum * unbiased * variance
        return centred.reshape(x.shape), variance

    def backward(self, grad: Array) -> Array:
        self._parameters_back(grad)
        w = self.weight.value * self.scale
        grad_x: Array = grad * w
        if self.by_batch:
            # db and dw are the sums of g and of g z.
            share = w / (grad.size // self.features)
            grad_x -= share * self.bias.grad
            grad_x -= self.z * (share * self.weight.grad)
        return grad_x


class LayerNorm(_Norm):
    """``y = w z + b``, ``z = (x − m) / √(v + ε)``, m and v mean and variance of each sample (Ba et al. 2016).

    The last axis is averaged over, v divided by its length, as in PyTorch; training and evaluation are alike.

    Shapes    x and y (n, …, features)   w = weight and b = bias (features,)
    Backward  dw = Σ g z   db = Σ g   dx = (g′ − mean g′ − z mean(g′ z)) / √(v + ε)     with g = dL/dy, g′ = w g

    Args:
        features: numbers on the last axis.
        eps: ε.

    Raises:
        HyperparameterError: arguments out of range.
        ShapeError: samples with another number of features.

    >>> LayerNorm(2)(np.array([[1.0, 3.0], [10.0, 30.0]])).round(3)
    array([[-1.,  1.],
           [-1.,  1.]])
    """

    def __init__(self, features: int, *, eps: float = 1e-5) -> None:
        super().__init__(features, eps)

    def forward(self, x: Array) -> Array:
        # In float64, so that numbers far from 0 that are all the same become 0.
        self.z = x - x.mean(axis=-1, keepdims=True, dtype=np.float64).astype(x.dtype)
        squares = (self.z * self.z).dot(ones(self.features, x.dtype))
        self.scale = 1 / np.sqrt(squares / self.features + self.eps)[..., None]
        self.z *= self.scale
        return self._scaled(self.z)

    def backward(self, grad: Array) -> Array:
        features, w = self.features, self.weight.value
        grad_z = self._parameters_back(grad)
        grad_x: Array = grad * w
        grad_x -= (grad.dot(w) / features)[..., None]
        grad_x -= self.z * (grad_z.dot(w) / features)[..., None]
        grad_x *= self.scale
        return grad_x
