"""What all convolutions share: a kernel of weights with a bias, and the sums that it makes as matrix products."""

from __future__ import annotations

from math import prod

import numpy as np

from minidl.arguments import flag, generator, whole_number
from minidl.constants import ones
from minidl.errors import HyperparameterError
from minidl.initializers import Initializer
from minidl.layers.windows import (
    Padding,
    Size,
    Sweep,
    axes_of,
    blocks,
    cells,
    check_padding,
    check_size,
    padded,
    sweeps_over,
    windows,
)
from minidl.modules import Layer, cached
from minidl.parameters import Parameter
from minidl.typing import Array, Seed, Shape

__all__ = ["Convolution", "convolve", "total", "turned", "weight_gradient"]


class Convolution(Layer):
    """The base of convolutions: a kernel of weights and a bias, and how the kernel moves over an image."""

    mixes_steps = True
    axes = 2
    x: Array = cached()

    def __init__(
        self,
        channels: int,
        kernel_size: Size,
        stride: Size,
        padding: Padding,
        dilation: Size,
        use_bias: bool,
        initializer: Initializer,
    ) -> None:
        name, axes = type(self).__name__, self.axes
        self.channels = whole_number(f"{name}: channels", channels, 1)
        self.kernel_size = check_size(f"{name}: kernel_size", kernel_size, axes)
        self.stride = check_size(f"{name}: stride", stride, axes)
        self.padding = check_padding(f"{name}: padding", padding, axes)
        self.dilation = check_size(f"{name}: dilation", dilation, axes)
        if not callable(initializer):
            raise HyperparameterError(
                f"{name}: initializer must be a function such as minidl.initializers.he_normal, got {initializer!r}"
            )
        self.use_bias, self.initializer = flag(f"{name}: use_bias", use_bias), initializer
        self._axes = axes_of(axes, self.kernel_size, self.stride, self.dilation, self.padding)

    def _make_parameters(self, each: int, outputs: int, rng: Seed) -> None:
        """Make W (k, k, channels, each) and b (outputs,)."""
        self._outputs = outputs
        self.weight = Parameter(np.zeros((*(axis.size for axis in self._axes), self.channels, each)))
        if self.use_bias:
            self.bias = Parameter(np.zeros(outputs))
        self.initialize(rng)

    def initialize(self, rng: Seed) -> None:
        # As a matrix, the shape of W shows an initializer how many numbers are summed for an output.
        matrix = self.initializer(generator(rng), (self.weight.size // self._outputs, self._outputs))
        self.weight.value = matrix.reshape(self.weight.shape)
        if self.use_bias:
            self.bias.value = np.zeros(self._outputs)

    def _sweeps(self, shape: Shape) -> tuple[Sweep, ...]:
        return sweeps_over(self, self._axes, shape, self.channels)

    def output_shape(self, shape: Shape | None) -> Shape | None:
        return None if shape is None else (*(sweep.places for sweep in self._sweeps(shape)), self._outputs)

    def _plus_bias(self, y: Array) -> Array:
        if self.use_bias:
            # Whole samples at a time: to add a few numbers to each place takes three times as long.
            samples = y.reshape(len(y), -1)
            samples += np.tile(self.bias.value, samples.shape[1] // self._outputs)
        return y

    def _bias_back(self, grad: Array) -> None:
        if self.use_bias:
            self.bias.grad = total(grad)


def convolve(x: Array, weight: Array, sweeps: tuple[Sweep, ...]) -> Array:
    """Return ``Σ x[…] W[…]`` over the kernel, (n, …, filters), for a kernel (…, channels, filters)."""
    filters = weight.shape[-1]
    y = np.empty((len(x), *(sweep.places for sweep in sweeps), filters), np.result_type(x, weight))
    for part in blocks(len(x), x[0].size * prod(sweep.size for sweep in sweeps) + y[0].size):
        first, *others = patches(x[part], sweeps)
        kernel, *kernels = weight.reshape(1 + len(others), -1, filters)
        out = y[part].reshape(len(first), -1, filters)
        np.matmul(first, kernel, out=out)
        for patch, kernel in zip(others, kernels, strict=True):
            out += np.matmul(patch, kernel)
    return y


def weight_gradient(x: Array, grad: Array, sweeps: tuple[Sweep, ...]) -> Array:
    """Return ``Σ x[…]ᵀ g[…]`` over samples and places, the gradient of a kernel (…, channels, filters)."""
    filters = grad.shape[-1]
    summed = np.zeros((*(sweep.size for sweep in sweeps), x.shape[-1], filters), grad.dtype)
    for part in blocks(len(x), x[0].size * prod(sweep.size for sweep in sweeps)):
        matrices = patches(x[part], sweeps)
        for patch, kernel in zip(matrices, summed.reshape(len(matrices), -1, filters), strict=True):
            kernel += np.matmul(patch.swapaxes(1, 2), grad[part].reshape(len(patch), -1, filters)).sum(axis=0)
    return summed


def patches(x: Array, sweeps: tuple[Sweep, ...]) -> list[Array]:
    """Return what the windows hold as matrices (…, places, k · channels), one for each row of the kernel.

    The patches of all rows of a kernel overlap: they are parts of one array, which holds each number k times.
    """
    wide, channels = padded(x, sweeps), x.shape[-1]
    if channels == 1:
        # Only k numbers would lie side by side. All k · k as columns of one matrix take a third of the time.
        seen = windows(wide, sweeps)
        kernel = 1 + len(sweeps)
        columns = seen.transpose(*range(kernel, seen.ndim), *range(kernel)).reshape(prod(seen.shape[kernel:]), -1)
        return [columns.T[None]]
    *over, along = sweeps
    seen = windows(wide.reshape(-1, *wide.shape[-2:]), (along,))
    rows = np.ascontiguousarray(seen).reshape(len(x), *wide.shape[1:-2], -1)
    return [row.reshape(len(x), -1, along.size * channels) for row in cells(rows, tuple(over))]


def turned(weight: Array) -> Array:
    """Return a kernel (…, channels, filters) turned by half a circle: its last place comes first."""
    return weight[(slice(None, None, -1),) * (weight.ndim - 2)]


def total(values: Array) -> Array:
    """Return the sums over all axes but the last.

    They are taken over the places of each sample first: one sum over everything would lose digits in float32.
    """
    places = values.reshape(len(values), -1, values.shape[-1])
    summed: Array = np.matmul(ones(places.shape[1], values.dtype), places).sum(axis=0)
    return summed
