"""Convolution: the same weights at every place of an image or a sequence."""

from __future__ import annotations

from operator import gt

import numpy as np

from minidl.arguments import whole_number
from minidl.errors import HyperparameterError, ShapeError
from minidl.initializers import Initializer, he_normal
from minidl.layers.kernels import Convolution, convolve, total, turned, weight_gradient
from minidl.layers.windows import Axis, Padding, Size, blocks, cells, check_shape, check_size, cropped, padded, per_axis
from minidl.typing import Array, Seed, Shape

__all__ = ["Conv1D", "Conv2D", "ConvTranspose2D", "DepthwiseConv2D"]


class Conv2D(Convolution):
    """``y[i, j] = Σ x[s i + d u − p, s j + d v − p] W[u, v] + b`` over the places u, v of a kernel; x is 0 outside.

    It is the cross-correlation that every framework calls convolution. Vectors x[…] of channels times matrices W[u, v]
    give vectors of filters.

    Shapes    x (n, height, width, channels)   W = weight (k, k, channels, filters)   b = bias (filters,)
              y (n, ⌊(height + 2p − d (k − 1) − 1) / s⌋ + 1, likewise for the width, filters)
    Backward  dW[u, v] = Σ x[s i + d u − p, s j + d v − p]ᵀ g[i, j]   db = Σ g
              dx = the convolution of g, with s − 1 zeros between its numbers, and the turned kernel W[−u, −v]ᵀ

    For each row of the kernel, the numbers under it at all places of a few images are copied into the rows of a matrix,
    so that the sum is a matrix product ("im2col", Chellapilla et al. 2006). Dumoulin and Visin (2016) derive the sizes.

    Args:
        channels: the channels of an input.
        filters: the channels of an output.
        kernel_size: k, one number or (height, width), like all sizes.
        stride: s, the distance between two places of the kernel.
        padding: p, how many zeros surround the image, or "same": ⌈size / s⌉ places, with an odd rest of the zeros at
            the end, as in Keras.
        dilation: d, the distance between two numbers under the kernel.
        use_bias: whether to add b.
        initializer: draws W as a matrix (k · k · channels, filters). b starts at 0.
        rng: seed or generator of the initial values.

    Raises:
        HyperparameterError: a size that is not a positive integer or a pair of them; a padding below 0.
        ShapeError: samples of another shape, or smaller than the kernel.

    >>> from minidl import initializers
    >>> layer = Conv2D(1, 1, 2, initializer=initializers.constant(1.0))
    >>> layer(np.arange(9).reshape(1, 3, 3, 1))[0, :, :, 0]
    array([[ 8., 12.],
           [20., 24.]])
    """

    def __init__(
        self,
        channels: int,
        filters: int,
        kernel_size: Size = 3,
        *,
        stride: Size = 1,
        padding: Padding = 0,
        dilation: Size = 1,
        use_bias: bool = True,
        initializer: Initializer = he_normal,
        rng: Seed = None,
    ) -> None:
        super().__init__(channels, kernel_size, stride, padding, dilation)
        self.filters = whole_number(f"{type(self).__name__}: filters", filters, 1)
        self._make_parameters(self.filters, self.filters, use_bias, initializer, rng)

    def forward(self, x: Array) -> Array:
        self.x = x
        return self._plus_bias(convolve(x, self.weight.value, self._sweeps(x.shape[1:])))

    def backward(self, grad: Array) -> Array:
        Conv2D.backward_parameters(self, grad)  # Conv2D's own: that of a subclass may call backward
        sweeps = tuple(map(Axis.backward, self._axes, self.x.shape[1:]))
        return convolve(grad, turned(self.weight.value).swapaxes(-1, -2), sweeps)

    def backward_parameters(self, grad: Array) -> None:
        self.weight.grad = weight_gradient(self.x, grad, self._sweeps(self.x.shape[1:]))
        self._bias_back(grad)


class Conv1D(Conv2D):
    """``y[i] = Σ x[s i + d u − p] W[u] + b`` over the places u of a kernel: `Conv2D` along one axis, such as time.

    Shapes    x (n, time, channels)   W = weight (k, channels, filters)   b = bias (filters,)
              y (n, ⌊(time + 2p − d (k − 1) − 1) / s⌋ + 1, filters)
    Backward  dW[u] = Σ x[s i + d u − p]ᵀ g[i]   db = Σ g
              dx = the convolution of g, with s − 1 zeros between its numbers, and the turned kernel W[−u]ᵀ

    Arguments and exceptions are those of `Conv2D`.

    >>> from minidl import initializers
    >>> layer = Conv1D(1, 1, 2, initializer=initializers.constant(1.0))
    >>> layer([[[1.0], [2.0], [4.0]]])
    array([[[3.],
            [6.]]])
    """

    axes = 1

    def __init__(  # written out, so that Python's own errors name Conv1D
        self,
        channels: int,
        filters: int,
        kernel_size: Size = 3,
        *,
        stride: Size = 1,
        padding: Padding = 0,
        dilation: Size = 1,
        use_bias: bool = True,
        initializer: Initializer = he_normal,
        rng: Seed = None,
    ) -> None:
        super().__init__(
            channels,
            filters,
            kernel_size,
            stride=stride,
            padding=padding,
            dilation=dilation,
            use_bias=use_bias,
            initializer=initializer,
            rng=rng,
        )


class ConvTranspose2D(Convolution):
    """``y[s i + d u − p] += x[i] W[u]`` for all places i of x and u of the kernel, then ``+ b``: a learned enlargement.

    Each number of x puts a scaled copy of the kernel into y. It is `Conv2D`'s map from g to dx, and what `Conv2D` does
    is its backward (Zeiler et al. 2010). Indices stand for both axes.

    Shapes    x (n, height, width, channels)   W = weight (k, k, channels, filters)   b = bias (filters,)
              y (n, s (height − 1) + d (k − 1) + 1 − 2p + output_padding, likewise for the width, filters)
    Backward  dx[i] = Σᵤ g[s i + d u − p] W[u]ᵀ, a convolution of g   dW[u] = Σᵢ x[i]ᵀ g[s i + d u − p]   db = Σ g

    Args:
        channels: the channels of an input.
        filters: the channels of an output.
        kernel_size: k, one number or (height, width), like all sizes.
        stride: s, how many times y is larger than x.
        padding: p, how many rows and columns are cut off y at each end, or "same" for a y of s times the size of x.
        output_padding: rows and columns that y has more at the end, fewer than s. With "same" it must be 0.
        dilation: d, the distance between two numbers of the kernel.
        use_bias: whether to add b.
        initializer: draws W as a matrix (k · k · channels, filters). b starts at 0.
        rng: seed or generator of the initial values.

    Raises:
        HyperparameterError: a size that is not a positive integer or a pair of them; a padding out of range.
        ShapeError: samples of another shape, or of which the padding leaves nothing.

    >>> from minidl import initializers
    >>> layer = ConvTranspose2D(1, 1, 2, stride=2, padding=0, initializer=initializers.constant(1.0))
    >>> layer([[[[1.0], [2.0]]]])[0, :, :, 0]
    array([[1., 1., 2., 2.],
           [1., 1., 2., 2.]])
    """

    def __init__(
        self,
        channels: int,
        filters: int,
        kernel_size: Size,
        *,
        stride: Size = 1,
        padding: Padding = 0,
        output_padding: Size = 0,
        dilation: Size = 1,
        use_bias: bool = True,
        initializer: Initializer = he_normal,
        rng: Seed = None,
    ) -> None:
        super().__init__(channels, kernel_size, stride, padding, dilation)
        self.filters = whole_number("ConvTranspose2D: filters", filters, 1)
        self.output_padding = check_size("ConvTranspose2D: output_padding", output_padding, self.axes, 0)
        self._extra = per_axis(self.output_padding, self.axes)
        most = [0 if padding == "same" else axis.stride - 1 for axis in self._axes]
        if any(map(gt, self._extra, most)):
            raise HyperparameterError(
                'ConvTranspose2D: output_padding must be less than the stride, and 0 with padding="same", got '
                f"{output_padding!r:.80}"
            )
        self._make_parameters(self.filters, self.filters, use_bias, initializer, rng)

    def output_shape(self, shape: Shape | None) -> Shape | None:
        return None if shape is None else (*self._sizes(shape), self.filters)

    def _sizes(self, shape: Shape) -> Shape:
        """Height and width of y, of which `Conv2D` would make those of x."""
        check_shape(self, shape, self.axes, self.channels)
        sizes = tuple(map(Axis.transposed, self._axes, shape, self._extra))
        if min(sizes) < 1:
            raise ShapeError(f"{self!r} leaves nothing of samples of shape {shape}: {sizes}; use less padding")
        return sizes

    def forward(self, x: Array) -> Array:
        self.x = x
        sweeps = tuple(map(Axis.backward, self._axes, self._sizes(x.shape[1:])))
        return self._plus_bias(convolve(x, turned(self.weight.value), sweeps))

    def backward(self, grad: Array) -> Array:
        ConvTranspose2D.backward_parameters(self, grad)
        sweeps = tuple(map(Axis.forward, self._axes, self._sizes(self.x.shape[1:])))
        return convolve(grad, self.weight.value.swapaxes(-1, -2), sweeps)

    def backward_parameters(self, grad: Array) -> None:
        sweeps = tuple(map(Axis.forward, self._axes, self._sizes(self.x.shape[1:])))
        self.weight.grad = weight_gradient(grad, self.x, sweeps).swapaxes(-1, -2)
        self._bias_back(grad)


class DepthwiseConv2D(Convolution):
    """``y[…, c m + j] = Σ x[…, c] W[…, c, j] + b``: a convolution of each channel with kernels of its own.

    Followed by a `Conv2D` with a kernel of 1, it needs far fewer weights than a convolution of all channels (Howard et
    al. 2017).

    Shapes    x (n, height, width, channels)   W = weight (k, k, channels, m)   b = bias (channels · m,)
              y (n, ⌊(height + 2p − d (k − 1) − 1) / s⌋ + 1, likewise for the width, channels · m)
    Backward  dW[u, v, c, j] = Σ x[s · + d u − p, s · + d v − p, c] g[…, c m + j]   db = Σ g
              dx[s · + d u − p, s · + d v − p, c] = Σ g[…, c m + j] W[u, v, c, j] over u, v and j

    Args:
        channels: the channels of an input.
        kernel_size: k, one number or (height, width), like all sizes.
        multiplier: m, the number of kernels of each channel.
        stride, padding, dilation, use_bias: as in `Conv2D`.
        initializer: draws W as a matrix (k · k, channels · m). b starts at 0.
        rng: seed or generator of the initial values.

    Raises:
        HyperparameterError: a size that is not a positive integer or a pair of them; a padding below 0.
        ShapeError: samples of another shape, or smaller than the kernel.

    >>> from minidl import initializers
    >>> layer = DepthwiseConv2D(2, (1, 2), initializer=initializers.constant(1.0))
    >>> layer([[[[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]]]])
    array([[[[ 3., 30.],
             [ 5., 50.]]]])
    """

    def __init__(
        self,
        channels: int,
        kernel_size: Size,
        *,
        multiplier: int = 1,
        stride: Size = 1,
        padding: Padding = 0,
        dilation: Size = 1,
        use_bias: bool = True,
        initializer: Initializer = he_normal,
        rng: Seed = None,
    ) -> None:
        super().__init__(channels, kernel_size, stride, padding, dilation)
        self.multiplier = whole_number("DepthwiseConv2D: multiplier", multiplier, 1)
        self._make_parameters(self.multiplier, self.channels * self.multiplier, use_bias, initializer, rng)

    def forward(self, x: Array) -> Array:
        self.x = x
        sweeps, kernels = self._sweeps(x.shape[1:]), self._by_place(self.weight.value)
        y = np.zeros((len(x), *(sweep.places for sweep in sweeps), *kernels.shape[1:]), np.result_type(x, kernels))
        for part in blocks(len(x), y[0].size):
            for cell, factors in zip(cells(padded(x[part], sweeps), sweeps), kernels, strict=True):
                y[part] += cell[..., None] * factors
        return self._plus_bias(y.reshape(*y.shape[:-2], -1))

    def backward(self, grad: Array) -> Array:
        DepthwiseConv2D.backward_parameters(self, grad)
        sweeps, kernels = self._sweeps(self.x.shape[1:]), self._by_place(self.weight.value)
        wide = np.zeros((len(grad), *(sweep.length for sweep in sweeps), self.channels), grad.dtype)
        by_channel = grad.reshape(*grad.shape[:-1], *kernels.shape[1:])
        for part in blocks(len(grad), grad[0].size):
            for cell, factors in zip(cells(wide[part], sweeps), kernels, strict=True):
                cell += np.einsum("...cm,cm->...c", by_channel[part], factors)
        return cropped(wide, sweeps, self.x.shape)

    def backward_parameters(self, grad: Array) -> None:
        sweeps, summed = self._sweeps(self.x.shape[1:]), np.zeros_like(self.weight.value)
        by_channel = grad.reshape(*grad.shape[:-1], self.channels, self.multiplier)
        for part in blocks(len(grad), grad[0].size):
            for cell, kernel in zip(cells(padded(self.x[part], sweeps), sweeps), self._by_place(summed), strict=True):
                products = cell[..., None] * by_channel[part]
                kernel += total(products.reshape(grad[part].shape)).reshape(kernel.shape)
        self.weight.grad = summed
        self._bias_back(grad)

    def _by_place(self, weight: Array) -> Array:
        """A view (k · k, channels, m) of a weight."""
        return weight.reshape(-1, self.channels, self.multiplier)
