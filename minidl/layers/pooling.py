"""Pooling: one number for each window of an image, or for all of an image or a sequence."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from minidl.errors import HyperparameterError
from minidl.layers.masks import cleared, gradient_for
from minidl.layers.windows import (
    Padding,
    Size,
    Sweep,
    axes_of,
    blocks,
    cells,
    check_padding,
    check_shape,
    check_size,
    cropped,
    padded,
    sweeps_over,
)
from minidl.modules import Layer, cached
from minidl.typing import Array, Batch, Shape

__all__ = ["AveragePool2D", "GlobalAveragePool1D", "GlobalAveragePool2D", "MaxPool2D"]


class _Pool(Layer):
    """The base of pooling: its windows."""

    mixes_steps = True

    def __init__(self, pool_size: Size = 2, *, stride: Size | None = None, padding: Padding = 0) -> None:
        name = type(self).__name__
        self.pool_size = check_size(f"{name}: pool_size", pool_size, 2)
        self.stride = None if stride is None else check_size(f"{name}: stride", stride, 2)
        self.padding = check_padding(f"{name}: padding", padding, 2)
        self._axes = axes_of(2, self.pool_size, self.stride or self.pool_size, 1, self.padding)
        if any(not isinstance(axis.padding, str) and axis.padding >= axis.size for axis in self._axes):
            raise HyperparameterError(
                f"{name}: padding must be below pool_size {self.pool_size}, or windows would be empty, got {padding}"
            )

    def _sweeps(self, shape: Shape) -> tuple[Sweep, ...]:
        return sweeps_over(self, self._axes, shape)

    def output_shape(self, shape: Shape | None) -> Shape | None:
        return None if shape is None else (*(sweep.places for sweep in self._sweeps(shape)), shape[-1])


class MaxPool2D(_Pool):
    """``y[i, j] = max x[s i + u − p, s j + v − p]`` over the places u, v of a window, for each channel.

    Shapes    x (n, height, width, channels)   y (n, ⌊(height + 2p − k) / s⌋ + 1, likewise for the width, channels)
    Backward  dx = Σ g over the windows whose maximum a number is, the first one row by row if several are equal

    A window with a NaN has the maximum NaN, and the gradients of its numbers are NaN. Rows and columns that are left
    over at the end are in no window, so their gradient is 0.

    Args:
        pool_size: k, the size of a window, one number or (height, width), like all sizes.
        stride: s, the distance between two windows. None means k, so they lie side by side.
        padding: p, how many rows and columns of −∞ surround the image, fewer than k, or "same": ⌈size / s⌉ windows.

    Raises:
        HyperparameterError: a size that is not a positive integer or a pair of them; a padding out of range.
        ShapeError: samples that are not (height, width, channels), or smaller than a window.

    >>> layer = MaxPool2D(2)
    >>> layer(np.arange(16).reshape(1, 4, 4, 1))[0, :, :, 0]
    array([[ 5.,  7.],
           [13., 15.]])
    >>> layer.backward(np.ones((1, 2, 2, 1)))[0, :2, :, 0]
    array([[0., 0., 0., 0.],
           [0., 1., 0., 1.]])
    """

    shape: Shape = cached()
    winner: Array = cached()  # which place in its window each maximum came from
    unordered: Array = cached()  # where the window has a NaN

    def forward(self, x: Array) -> Array:
        sweeps = self._sweeps(x.shape[1:])
        y = np.empty((len(x), *(sweep.places for sweep in sweeps), x.shape[-1]), x.dtype)
        winner = np.zeros(y.shape, np.min_scalar_type(prod(sweep.size for sweep in sweeps)))
        for part in blocks(len(x), x[0].size):
            first, *others = cells(padded(x[part], sweeps, -np.inf), sweeps)
            largest, place = y[part], winner[part]
            largest[...] = first
            for index, strided in enumerate(others, 1):
                cell = np.ascontiguousarray(strided)  # read twice: a copy takes less time than the second reading
                larger = (cell > largest).view(np.uint8)
                np.maximum(place, larger * place.dtype.type(index), out=place)
                np.maximum(largest, cell, out=largest)
        self.shape, self.winner, self.unordered = x.shape, winner, np.isnan(y)
        return y

    def backward(self, grad: Array) -> Array:
        winner, sweeps = self.winner, self._sweeps(self.shape[1:])
        if self.unordered.any():
            grad = np.where(self.unordered, np.nan, grad)  # 0 · NaN = NaN: so all numbers in these windows get NaN
        apart = all(sweep.stride >= sweep.size for sweep in sweeps)
        wide = np.zeros((len(grad), *(sweep.length for sweep in sweeps), grad.shape[-1]), grad.dtype)
        for part in blocks(len(grad), wide[0].size):
            place, g = winner[part], grad[part]
            for index, cell in enumerate(cells(wide[part], sweeps)):
                share = (place == index) * g
                # Where windows lie apart, each number is set once. Adding to the 0 there takes a third more time.
                cell[...] = share if apart else cell + share
        return cropped(wide, sweeps, self.shape)


class AveragePool2D(_Pool):
    """``y[i, j] = mean x[s i + u − p, s j + v − p]`` over the places u, v of a window, for each channel.

    The mean is over the numbers of x in the window. Padding is not counted, as in Keras.

    Shapes    x (n, height, width, channels)   y (n, ⌊(height + 2p − k) / s⌋ + 1, likewise for the width, channels)
    Backward  dx = Σ g / N over the windows that a number is in, which hold N numbers of x each

    Args:
        pool_size: k, the size of a window, one number or (height, width), like all sizes.
        stride: s, the distance between two windows. None means k, so they lie side by side.
        padding: p, how many rows and columns surround the image, fewer than k, or "same": ⌈size / s⌉ windows.

    Raises:
        HyperparameterError: a size that is not a positive integer or a pair of them; a padding out of range.
        ShapeError: samples that are not (height, width, channels), or smaller than a window.

    >>> AveragePool2D(2)(np.arange(16).reshape(1, 4, 4, 1))[0, :, :, 0]
    array([[ 2.5,  4.5],
           [10.5, 12.5]])
    """

    shape: Shape = cached()

    def forward(self, x: Array) -> Array:
        self.shape = x.shape
        sweeps = self._sweeps(x.shape[1:])
        y = np.zeros((len(x), *(sweep.places for sweep in sweeps), x.shape[-1]), x.dtype)
        for part in blocks(len(x), x[0].size):
            for cell in cells(padded(x[part], sweeps), sweeps):
                y[part] += cell
        y /= counts(sweeps, x.shape, x.dtype)
        return y

    def backward(self, grad: Array) -> Array:
        sweeps = self._sweeps(self.shape[1:])
        wide = np.zeros((len(grad), *(sweep.length for sweep in sweeps), self.shape[-1]), grad.dtype)
        share = grad / counts(sweeps, self.shape, grad.dtype)
        for part in blocks(len(grad), wide[0].size):
            for cell in cells(wide[part], sweeps):
                cell += share[part]
        return cropped(wide, sweeps, self.shape)


class GlobalAveragePool1D(Layer):
    """``y = Σ m_t x_t / Σ m_t``: the mean over the time steps that hold data, for sequences of any length.

    Shapes    x (n, t, channels), or a pair of it and a mask m (n, t)   y (n, channels)
    Backward  dx_t = m_t g / Σ m_s     with g = dL/dy

    Without a mask, m is 1. The mean of a sequence without data is 0, and so is its gradient. What `forward` is given at
    masked time steps makes no difference, not even NaN.

    Raises:
        ShapeError: samples that are not (t, channels).

    >>> x = np.array([[[1.0], [3.0], [8.0]]])
    >>> layer = GlobalAveragePool1D()
    >>> layer(x), layer((x, [[True, True, False]]))
    (array([[4.]]), array([[2.]]))
    """

    takes_mask = mixes_steps = True
    share: Array = cached()  # m / Σ m, (n, t, 1)
    mask: Array | None = cached()

    def output_shape(self, shape: Shape | None) -> Shape | None:
        if shape is None:
            return None
        check_shape(self, shape, 1)
        return shape[-1:]

    def forward(self, x: Batch) -> Array:
        x, mask = x if isinstance(x, tuple) else (x, None)
        if mask is None:
            share = np.full((*x.shape[:2], 1), 1 / x.shape[1], x.dtype)
        else:
            count = np.maximum(mask.sum(axis=1, keepdims=True), 1)
            share = (mask / count).astype(x.dtype)[..., None]
        self.share, self.mask = share, mask
        y: Array = (share * cleared(x, mask)).sum(axis=1)
        return y

    def backward(self, grad: Array) -> Array:
        return gradient_for(self.share * grad[:, None], self.mask)


class GlobalAveragePool2D(Layer):
    """``y = mean x`` over height and width: one number per channel, for images of any size (Lin et al. 2014).

    Shapes    x (n, height, width, channels)   y (n, channels)
    Backward  dx = g / (height · width), at every place

    Raises:
        ShapeError: samples that are not (height, width, channels).

    >>> GlobalAveragePool2D()(np.arange(4).reshape(1, 2, 2, 1))
    array([[1.5]])
    """

    mixes_steps = True
    shape: Shape = cached()

    def output_shape(self, shape: Shape | None) -> Shape | None:
        if shape is None:
            return None
        check_shape(self, shape, 2)
        return shape[-1:]

    def forward(self, x: Array) -> Array:
        self.shape = x.shape
        y: Array = x.mean(axis=(1, 2))
        return y

    def backward(self, grad: Array) -> Array:
        share = grad / prod(self.shape[1:3])
        return np.tile(share[:, None, None], (1, *self.shape[1:3], 1))


def counts(sweeps: tuple[Sweep, ...], shape: Shape, dtype: Any) -> Array:
    """Return how many numbers of x (n, …, channels) there are in each window, (1, …, 1)."""
    inside = np.ones((1, *shape[1:-1], 1), dtype)
    total: Array = np.sum(cells(padded(inside, sweeps), sweeps), axis=0, dtype=dtype)
    return total
