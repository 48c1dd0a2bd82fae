"""Layers that normalise, then scale and shift."""

from __future__ import annotations

import numpy as np

from minidl.arguments import number, whole_number
from minidl.constants import ones
from minidl.errors import HyperparameterError
from minidl.layers.features import check_features
from minidl.modules import Layer, cached
from minidl.parameters import Parameter
from minidl.sums import column_sums, row_sums
from minidl.typing import Array, Shape

__all__ = ["BatchNorm", "GroupNorm", "LayerNorm", "RMSNorm"]


class _Norm(Layer):
    """The base of norms: ``y = w z + b``, with z the normalised x, and w and b of one number per feature."""

    takes_leading_axes = True
    z: Array = cached()
    scale: Array = cached()

    def __init__(self, features: int, eps: float) -> None:
        name = type(self).__name__
        self.features = whole_number(f"{name}: features", features, 1)
        self.eps = number(f"{name}: eps", eps, above=0)
        self.weight = Parameter(np.ones(self.features), decay=False)
        self.bias = Parameter(np.zeros(self.features), decay=False)

    def output_shape(self, shape: Shape | None) -> Shape | None:
        check_features(self, shape, self.features)
        return shape

    def _scaled(self, z: Array) -> Array:
        y: Array = z * self.weight.value
        y += self.bias.value
        return y

    def _parameters_back(self, grad: Array) -> Array:
        """Write dw and db, and return g z."""
        grad_z = grad * self.z
        column_sums(grad_z.reshape(-1, self.features), self.weight.grad)
        column_sums(grad.reshape(-1, self.features), self.bias.grad)
        return grad_z


def _normalise(x: Array, axis: int, eps: float | Array) -> tuple[Array, Array, Array, Array]:
    """Return z, ``1 / √(v + ε)``, mean and variance along the first or the last axis, which stays with length 1."""
    with np.errstate(over="ignore", invalid="ignore"):
        mean = _mean(x, axis)
        z = x - mean
        rest = _mean(z, axis)  # The mean is rounded: 1e7 + 0.5 becomes 1e7 in float32.
        z -= rest
        variance = _mean(z * z, axis)
    if not np.isfinite(variance).all():
        size = np.maximum(np.abs(x).max(axis=axis, keepdims=True), 1)
        if np.isfinite(size).all():  # Squares overflow, but not those of numbers up to 1.
            scaled_eps = np.maximum(eps / size / size, np.finfo(x.dtype).tiny)
            z, scale, mean, variance = _normalise(x / size, axis, scaled_eps)
            with np.errstate(over="ignore"):
                return z, scale / size, mean * size, variance * size * size
    scale = 1 / np.sqrt(variance + eps)
    z *= scale
    return z, scale, mean + rest, variance


def _mean(x: Array, axis: int) -> Array:
    sums = column_sums(x)[None] if axis == 0 else row_sums(x)[..., None]
    mean: Array = sums / x.shape[axis]
    return mean


class BatchNorm(_Norm):
    """``y = w z + b``, ``z = (x − m) / √(v + ε)``, m and v mean and variance of each feature (Ioffe and Szegedy 2015).

    Training uses m and v of the batch, with v divided by the number N of samples. It also updates running averages by
    ``m̄ ← (1 − μ) m̄ + μ m``, likewise v̄ with N − 1 in place of N, which evaluation uses. Conventions and defaults are
    PyTorch's. In a batch of one sample (features,), z is 0, so only b learns. One sample is no estimate of the
    variance, so v̄ stays as it is. In float32, m̄ and v̄ have a relative error of up to 6e-8 / μ, and below μ = 6e-8
    they no longer move.

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
            z, scale = self._of_batch(x.reshape(-1, self.features))
            z = z.reshape(x.shape)
        else:
            scale = 1 / np.sqrt(self.running_var + self.eps)
            z = (x - self.running_mean) * scale
        self.z, self.scale = z, scale
        return self._scaled(z)

    def _of_batch(self, rows: Array) -> tuple[Array, Array]:
        """Update the running averages, and return z and its scale."""
        z, scale, mean, variance = _normalise(rows, 0, self.eps)
        self.track(len(rows), mean[0], variance[0])
        return z, scale

    def track(self, n: int, mean: Array, variance: Array) -> None:
        """Update the running averages with mean and variance of n samples."""
        self.running_mean = (1 - self.momentum) * self.running_mean + self.momentum * mean
        if n > 1:  # one sample is no estimate of the variance
            unbiased = n / (n - 1) * variance
            self.running_var = (1 - self.momentum) * self.running_var + self.momentum * unbiased

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
        z, scale, _, _ = _normalise(x, -1, self.eps)
        self.z, self.scale = z, scale
        return self._scaled(z)

    def backward(self, grad: Array) -> Array:
        w = self.weight.value
        grad_z = self._parameters_back(grad)
        grad_z *= w
        grad_x: Array = grad * w
        grad_x -= _mean(grad_x, -1)
        grad_x -= self.z * _mean(grad_z, -1)
        grad_x *= self.scale
        return grad_x


class GroupNorm(_Norm):
    """``y = w z + b``, ``z = (x − m) / √(v + ε)``, m and v mean and variance of each group (Wu and He 2018).

    A group is features / groups neighbouring features at all positions, such as the pixels of an image. Training and
    evaluation are the same, and do not depend on the batch. One group per feature is instance normalization.

    Shapes    x and y (n, …, features)   w = weight and b = bias (features,)   m and v (n, groups)
    Backward  dw = Σ g z   db = Σ g   dx = (g′ − mean g′ − z mean(g′ z)) / √(v + ε)     with g = dL/dy, g′ = w g, and
              each mean over a group

    Args:
        groups: the number of groups.
        features: the size of the last axis, a multiple of groups.
        eps: ε.

    Raises:
        HyperparameterError: arguments out of range.
        ShapeError: samples with another number of features.

    >>> layer = GroupNorm(2, 4)
    >>> layer(np.array([[1.0, 3.0, 10.0, 30.0]])).round(3)
    array([[-1.,  1., -1.,  1.]])
    """

    mixes_steps = True

    def __init__(self, groups: int, features: int, eps: float = 1e-5) -> None:
        super().__init__(features, eps)
        self.groups = whole_number("GroupNorm: groups", groups, 1)
        if self.features % self.groups:
            raise HyperparameterError(
                f"GroupNorm: features must be a multiple of groups, got {self.features} in {self.groups} groups"
            )

    def _means(self, values: Array) -> Array:
        """Return the mean of each group of values (n, positions, features), repeated for its features."""
        # With means over two axes instead, forward and backward of 64 images of 28 × 28 × 32 take four times as long.
        sums = np.matmul(ones(values.shape[1], values.dtype), values).reshape(len(values), self.groups, -1)
        means: Array = sums.mean(axis=-1) / values.shape[1]
        return means.repeat(sums.shape[-1], axis=-1)[:, None]

    def forward(self, x: Array) -> Array:
        rows = x.reshape(len(x), -1, self.features)
        z = rows - self._means(rows)
        z -= self._means(z)  # what rounding left of the mean, so that equal numbers far from 0 become 0
        scale = 1 / np.sqrt(self._means(z * z) + self.eps)
        z *= scale
        self.z, self.scale = z.reshape(x.shape), scale
        return self._scaled(z).reshape(x.shape)

    def backward(self, grad: Array) -> Array:
        self._parameters_back(grad)
        z = self.z.reshape(len(grad), -1, self.features)
        grad_x = (grad * self.weight.value).reshape(z.shape)
        share = self._means(grad_x * z)
        grad_x -= self._means(grad_x)
        grad_x -= z * share
        grad_x *= self.scale
        return grad_x.reshape(grad.shape)


class RMSNorm(Layer):
    """``y = w z``, ``z = x / r``, ``r = √(mean(x²) + ε)``, the root mean square of each sample (Zhang, Sennrich 2019).

    The mean is over the last axis. Unlike `LayerNorm`, it neither centres nor shifts. Squares of float32 numbers above
    1e19 overflow, and y is then 0.

    Shapes    x and y (n, …, features)   w = weight (features,)   r (n, …)
    Backward  dw = Σ g z   dx = (g′ − z mean(g′ z)) / r     with g = dL/dy, g′ = w g

    Args:
        features: the size of the last axis.
        eps: ε. PyTorch's default is the resolution of the float type.

    Raises:
        HyperparameterError: arguments out of range.
        ShapeError: samples with another number of features.

    >>> RMSNorm(2)(np.array([[3.0, 4.0], [30.0, 40.0]])).round(3)
    array([[0.849, 1.131],
           [0.849, 1.131]])
    """

    z: Array = cached()
    scale: Array = cached()

    def __init__(self, features: int, eps: float = 1e-6) -> None:
        self.features = whole_number("RMSNorm: features", features, 1)
        self.eps = number("RMSNorm: eps", eps, above=0)
        self.weight = Parameter(np.ones(self.features), decay=False)

    def forward(self, x: Array) -> Array:
        scale = 1 / np.sqrt(_mean(x * x, -1) + self.eps)
        z = x * scale
        self.z, self.scale = z, scale
        y: Array = z * self.weight.value
        return y

    def backward(self, grad: Array) -> Array:
        grad_z = grad * self.z
        column_sums(grad_z.reshape(-1, self.features), self.weight.grad)
        grad_z *= self.weight.value
        grad_x: Array = grad * self.weight.value
        grad_x -= self.z * _mean(grad_z, -1)
        grad_x *= self.scale
        return grad_x

    def output_shape(self, shape: Shape | None) -> Shape | None:
        check_features(self, shape, self.features)
        return shape
