"""Layers that bring numbers to mean 0 and variance 1, then scale and shift them."""

from __future__ import annotations

import numpy as np

from minidl.errors import HyperparameterError, ShapeError
from minidl.modules import Layer, saved
from minidl.parameters import Parameter
from minidl.typing import Array, Shape

__all__ = ["BatchNorm", "LayerNorm"]


class _Norm(Layer):
    """What both have: ``y = w z + b`` with z the normalised x, w and b one number a feature, on the last axis."""

    z: Array = saved()
    scale: Array = saved()

    def __init__(self, features: int, eps: float) -> None:
        name = type(self).__name__
        if isinstance(features, bool) or not isinstance(features, int | np.integer) or features < 1:
            raise HyperparameterError(f"{name}: features must be a positive integer, got {features!r}")
        if not 0.0 < eps < float("inf"):
            raise HyperparameterError(f"{name}: eps must be above 0 and finite, got {eps}")
        self.features, self.eps = int(features), float(eps)
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
        """Write dw and db, and give dz."""
        features = self.features
        self.weight.grad = (grad * self.z).reshape(-1, features).sum(axis=0)
        self.bias.grad = grad.reshape(-1, features).sum(axis=0)
        grad_z: Array = grad * self.weight.value
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
    by_batch: bool = saved()

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
            mean, variance = self._of_batch(x)
        else:
            mean, variance = self.running_mean, self.running_var
        self.scale = 1 / np.sqrt(variance + self.eps)
        self.z = (x - mean) * self.scale
        return self._scaled(self.z)

    def _of_batch(self, x: Array) -> tuple[Array, Array]:
        rows = x.reshape(-1, self.features)
        mean, variance = rows.mean(axis=0), rows.var(axis=0)
        unbiased = len(rows) / max(len(rows) - 1, 1)
        self.running_mean = (1 - self.momentum) * self.running_mean + self.momentum * mean
        self.running_var = (1 - self.momentum) * self.running_var + self.momentum * unbiased * variance
        return mean, variance

    def backward(self, grad: Array) -> Array:
        g = self._parameters_back(grad)
        if self.by_batch:
            axes = tuple(range(g.ndim - 1))
            g = g - g.mean(axis=axes) - self.z * (g * self.z).mean(axis=axes)
        grad_x: Array = g * self.scale
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
        centred = x - x.mean(axis=-1, keepdims=True)
        self.scale = 1 / np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + self.eps)
        self.z = centred * self.scale
        return self._scaled(self.z)

    def backward(self, grad: Array) -> Array:
        g = self._parameters_back(grad)
        centred = g - g.mean(axis=-1, keepdims=True) - self.z * (g * self.z).mean(axis=-1, keepdims=True)
        grad_x: Array = centred * self.scale
        return grad_x
