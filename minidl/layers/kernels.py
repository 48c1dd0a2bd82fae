"""What all convolutions share: a kernel of weights with a bias, and the sums that it makes as matrix products."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

import numpy as np

from minidl.arguments import flag, function, generator, whole_number
from minidl.constants import ones
from minidl.initializers import Initializer
from minidl.layers.windows import (
    GROUP,
    SMALL,
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
    always_shown = ("kernel_size",)
    axes = 2
    x: Array = cached()

    def __init__(self, channels: int, kernel_size: Size, stride: Size, padding: Padding, dilation: Size) -> None:
        name, axes = type(self).__name__, self.axes
        self.channels = whole_number(f"{name}: channels", channels, 1)
        self.kernel_size = check_size(f"{name}: kernel_size", kernel_size, axes)
        self.stride = check_size(f"{name}: stride", stride, axes)
        self.padding = check_padding(f"{name}: padding", padding, axes)
        self.dilation = check_size(f"{name}: dilation", dilation, axes)
        self._axes = axes_of(axes, self.kernel_size, self.stride, self.dilation, self.padding)

    def _make_parameters(self, each: int, outputs: int, use_bias: bool, initializer: Initializer, rng: Seed) -> None:
        """Make W (k, k, channels, each) and b (outputs,)."""
        name, self._outputs = type(self).__name__, outputs
        self.initializer = function(f"{name}: initializer", initializer, "minidl.initializers.he_normal")
        self.use_bias = flag(f"{name}: use_bias", use_bias)
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
            y += np.full(y.shape[1:], self.bias.value)  # whole samples: a few numbers at a time take twice as long
        return y

    def _bias_back(self, grad: Array) -> None:
        if self.use_bias:
            self.bias.grad = total(grad)


def convolve(x: Array, weight: Array, sweeps: tuple[Sweep, ...]) -> Array:
    """Return ``Σ x[…] W[…]`` over the kernel, (n, …, filters), for a kernel (…, channels, filters)."""
    y = np.empty((len(x), *(sweep.places for sweep in sweeps), weight.shape[-1]), np.result_type(x, weight))
    for part in parts(x, y, sweeps):
        multiply(patches(x[part], sweeps), weight, y[part])
    return y


def multiply(matrices: list[Array], weight: Array, y: Array) -> None:
    """Write the sum of the products of patches and their parts of the kernel into y."""
    first, *others = matrices
    kernel, *kernels = weight.reshape(len(matrices), -1, weight.shape[-1])
    out = y.reshape(len(first), -1, weight.shape[-1])
    np.matmul(first, kernel, out=out)
    for patch, kernel in zip(others, kernels, strict=True):
        out += np.matmul(patch, kernel)


def weight_gradient(x: Array, grad: Array, sweeps: tuple[Sweep, ...]) -> Array:
    """Return ``Σ x[…]ᵀ g[…]`` over samples and places, the gradient of a kernel (…, channels, filters)."""
    summed = np.zeros((*(sweep.size for sweep in sweeps), x.shape[-1], grad.shape[-1]), grad.dtype)
    for part in parts(x, grad, sweeps):
        add_products(patches(x[part], sweeps), grad[part], summed)
    return summed


def add_products(matrices: list[Array], grad: Array, summed: Array) -> None:
    """Add the products of patches and dL/dy to their parts of the gradient of a kernel."""
    for patch, kernel in zip(matrices, summed.reshape(len(matrices), -1, grad.shape[-1]), strict=True):
        kernel += np.matmul(patch.swapaxes(1, 2), grad.reshape(len(patch), -1, grad.shape[-1])).sum(axis=0)


def patches(x: Array, sweeps: tuple[Sweep, ...]) -> list[Array]:
    """Return what the windows hold as matrices (…, places, k · channels), one for each row of the kernel.

    The patches of all rows of a kernel overlap: they are parts of one array, which holds each number k times. Small
    images have one matrix (…, places, k · k · channels) instead.
    """
    wide, channels, kernel = padded(x, sweeps), x.shape[-1], 1 + len(sweeps)
    if single(x, sweeps):
        seen, size = windows(wide, sweeps), prod([sweep.size for sweep in sweeps]) * channels
        # OpenBLAS multiplies small matrices a fifth faster than large ones. Eight samples at a time instead of all save
        # 4 % of the step of a CNN on 8 × 8 images.
        groups = len(x) // GROUP if len(x) % GROUP == 0 else 1
        if channels > 1:
            return [seen.reshape(groups, -1, size)]
        # Only k numbers would lie side by side. To copy them column by column takes a third of the time.
        columns = seen.transpose(*range(kernel, seen.ndim), *range(kernel)).reshape(size, groups, -1)
        return [columns.transpose(1, 2, 0)]
    *over, along = sweeps
    seen = windows(wide.reshape(-1, *wide.shape[-2:]), (along,))
    rows = np.ascontiguousarray(seen).reshape(len(x), *wide.shape[1:-2], -1)
    return [row.reshape(len(x), -1, along.size * channels) for row in cells(rows, tuple(over))]


def single(x: Array, sweeps: tuple[Sweep, ...]) -> bool:
    """Whether all rows of the kernel have one matrix of patches: on 8 × 8 images, this saves a CNN 9 % of the step.

    With a stride from row to row, the rows under one row of the kernel would have to be copied once more.
    """
    strides = [sweep.stride for sweep in sweeps[:-1]]
    return x.shape[-1] == 1 or max(strides, default=1) > 1 or prod([sweep.places for sweep in sweeps]) < 64


def parts(x: Array, y: Array, sweeps: tuple[Sweep, ...]) -> Iterator[slice]:
    """Yield slices of a few samples, whose patches take at most half of the memory of x and y, or SMALL numbers."""
    wide, along = prod([sweep.length for sweep in sweeps]), sweeps[-1]
    if single(x, sweeps):
        copied = prod([sweep.places * sweep.size for sweep in sweeps])
    else:
        copied = wide // along.length * along.places * along.size
    return blocks(len(x), (wide + copied) * x.shape[-1], max(SMALL, (x.size + y.size) // 2))


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
