"""Layers that normalise to mean 0 and variance 1, then scale and shift."""

from __future__ import annotations

import numpy as np

from minidl.arguments import number, whole_number
from minidl.constants import ones
from minidl.errors import ShapeError
from minidl.modules import Layer, cached
from minidl.parameters import Parameter
from minidl.typing import Array, Shape

__all__ = ["BatchNorm", "LayerNorm"]


class _Norm(Layer):
    """The base of norms: ``y = w z + b``, with z the normalised x, and w and b of one number per feature."""

    z: Array = cached()
    scale: Array = cached()

    def __init__(self, features: int, eps: float) -> None:
        name = type(self).__name__
        self.features = whole_number(f"{name}: features", features, 1)
        self.eps = number(f"{name}: eps", eps, above=0)
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
        """Write dw and db, and return g z."""
        grad_z = grad * self.z
        rows = grad.reshape(-1, self.features)
        every = ones(len(rows), grad.dtype)
        every.dot(grad_z.reshape(rows.shape), self.weight.grad)
        every.dot(rows, self.bias.grad)
        return grad_z


class BatchNorm(_Norm):
    """``y = w z + b``, ``z = (x − m) / √(v + ε)``, m and v mean and variance of each feature (Ioffe and Szegedy 2015).

    Training uses m and v of the batch, with v divided by the number N of samples. It also updates running averages by
    ``m̄ ← (1 − μ) m̄ + μ m``, likewise v̄ with N − 1 in place of N, which evaluation uses. Conventions and defaults are
    PyTorch's. In a batch of one sample (features,), z is 0, so only b learns.

    Shapes    x and y (n, …, features)   w = weight and b = bias (features,). All axes but the last are averaged over
    Backward  dw = Σ g z   db = Σ g   dx = w / √(v + ε) · (g − mean g − z mean(g z)), in evaluation w g / √(v̄ + ε)

    Args:
        features: the size of the last axis.
        momentum: μ, the weight of the current batch in the running averages, at least 0 and at most 1.
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
        self.momentum = number("BatchNorm: momentum", momentum, at_least=0, at_most=1)
        self.running_mean = np.zeros(self.features)
        self.running_var = np.ones(self.features)

    def forward(self, x: Array) -> Array:
        self.by_batch = by_batch = self.training
        if by_batch:
            z, variance = self._of_batch(x)
        else:
            z, variance = x - self.running_mean, self.running_var
        self.scale = scale = 1 / np.sqrt(variance + self.eps)
        z *= scale
        self.z = z
        return self._scaled(z)

    def _of_batch(self, x: Array) -> tuple[Array, Array]:
        """Return centred x and the variance, and update the running averages."""
        rows = x.reshape(-1, self.features)
        n = len(rows)
        # Sums by products with ones, as in Dense, save a fifth of the step of a small network.
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

    Both are over the last axis, with v divided by its length, as in PyTorch. Training and evaluation are the same.

    Shapes    x and y (n, …, features)   w = weight and b = bias (features,)
    Backward  dw = Σ g z   db = Σ g   dx = (g′ − mean g′ − z mean(g′ z)) / √(v + ε)     with g = dL/dy, g′ = w g

    Args:
        features: the size of the last axis.
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
        # The mean is taken in float64, so that equal numbers far from 0 become 0.
        z = x - x.mean(axis=-1, keepdims=True, dtype=np.float64).astype(x.dtype)
        squares = (z * z).dot(ones(self.features, x.dtype))
        self.scale = scale = 1 / np.sqrt(squares / self.features + self.eps)[..., None]
        z *= scale
        self.z = z
        return self._scaled(z)

    def backward(self, grad: Array) -> Array:
        features, w = self.features, self.weight.value
        grad_z = self._parameters_back(grad)
        grad_x: Array = grad * w
        grad_x -= (grad.dot(w) / features)[..., None]
        grad_x -= self.z * (grad_z.dot(w) / features)[..., None]
        grad_x *= self.scale
        return grad_x
