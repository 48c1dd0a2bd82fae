"""What convolution and pooling share: the places of a window on an image, and views of the numbers in it.

Everything here takes any number of axes between the batch and the channels: one for sequences, two for images.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import product
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from minidl.arguments import whole_number
from minidl.batch import axis_too_many
from minidl.errors import HyperparameterError, ShapeError
from minidl.modules import Layer
from minidl.typing import Array, Shape

__all__ = [
    "Axis",
    "Padding",
    "Size",
    "Sweep",
    "axes_of",
    "blocks",
    "cells",
    "check_padding",
    "check_shape",
    "check_size",
    "cropped",
    "padded",
    "per_axis",
    "sweeps_over",
    "windows",
]

Size: TypeAlias = int | tuple[int, ...]
"""One integer for all axes, or one for each."""

Padding: TypeAlias = Size | str
"""How many numbers to add at either end, or "same"."""

BLOCK = 2**19
"""How many numbers a block of samples may have. With 2¹⁸, a step of a CNN on 28 × 28 images takes 3 % longer."""

SMALL = 2**17
"""How many numbers a block may always have. With 2¹⁵, a step of a CNN on 8 × 8 images takes a quarter longer."""

GROUP = 8
"""A block of more samples is a multiple of them, so that they can be multiplied eight at a time."""


class Sweep(NamedTuple):
    """One pass of a window along one axis of a padded input.

    Attributes:
        length: how long the padded input is.
        start, step: its number ``start + step i`` is number i of the input; all others are padding.
        first, stride: window o begins at number ``first + stride o``.
        places: the number of windows.
        size, dilation: a window holds every ``dilation``-th number, ``size`` in all.
    """

    length: int
    start: int
    step: int
    first: int
    stride: int
    places: int
    size: int
    dilation: int


class Axis(NamedTuple):
    """The windows along one axis: their size, the distance between two, and that between the numbers in one.

    >>> Axis(size=3, stride=2, dilation=1, padding="same").margins(6)
    (0, 1)
    """

    size: int
    stride: int
    dilation: int
    padding: int | str

    @property
    def reach(self) -> int:
        """How many numbers there are from the first of a window to its last."""
        return (self.size - 1) * self.dilation + 1

    def margins(self, n: int) -> tuple[int, int]:
        """The padding before and after n numbers. "same" makes ⌈n / stride⌉ windows, with an odd rest at the end."""
        if not isinstance(self.padding, str):
            return self.padding, self.padding
        total = max((-(-n // self.stride) - 1) * self.stride + self.reach - n, 0)
        return total // 2, total - total // 2

    @lru_cache(maxsize=64)  # noqa: B019  (an Axis is a few integers; without it a small CNN takes 2 % longer)
    def forward(self, n: int) -> Sweep:
        """The windows over n numbers.

        Raises:
            ShapeError: not even one fits.
        """
        before, after = self.margins(n)
        length = before + n + after
        if length < self.reach:
            raise ShapeError(
                f"a window that reaches over {self.reach} does not fit into {n} with {before + after} of padding; use "
                'a smaller one or less dilation, or pad the input, as by padding="same"'
            )
        places = (length - self.reach) // self.stride + 1
        return Sweep(length, before, 1, 0, self.stride, places, self.size, self.dilation)

    def transposed(self, n: int, extra: int) -> int:
        """How many numbers there are so that n windows fit, with `extra` numbers at the end that are in no window."""
        if isinstance(self.padding, str):
            return n * self.stride
        return (n - 1) * self.stride + self.reach - 2 * self.padding + extra

    @lru_cache(maxsize=64)  # noqa: B019  (as above)
    def backward(self, n: int) -> Sweep:
        """The windows over dL/dy that make dL/dx of n numbers: number i of x is in windows that begin up to i.

        Between two numbers of dL/dy there are stride − 1 zeros.
        """
        before, after = self.margins(n)
        length = before + n + after + self.reach - 1
        return Sweep(length, self.reach - 1, self.stride, before, 1, n, self.size, self.dilation)


def check_size(name: str, value: object, axes: int, least: int = 1) -> Size:
    """Return a size as Python integers.

    Raises:
        HyperparameterError: neither an integer nor one for each axis, or one that is too small.

    >>> check_size("MaxPool2D: pool_size", (2, 0), axes=2)
    Traceback (most recent call last):
        ...
    minidl.errors.HyperparameterError: MaxPool2D: pool_size must be an integer, at least 1, or a tuple of 2, got (2, 0)
    """
    each = value if isinstance(value, tuple | list) and len(value) == axes else (value,)
    try:
        sizes = tuple(whole_number(name, size, least) for size in each)
    except HyperparameterError as error:
        kind = f"an integer, at least {least}, or a tuple of {axes}"
        raise HyperparameterError(f"{name} must be {kind}, got {value!r:.80}") from error
    return sizes if each is value else sizes[0]


def check_padding(name: str, value: object, axes: int) -> Padding:
    """Return a padding as Python integers, or "same".

    Raises:
        HyperparameterError: anything else.
    """
    if isinstance(value, str):
        if value == "same":
            return value
        raise HyperparameterError(f'{name} must be "same" or a number, got {value!r:.80}; no padding is 0')
    return check_size(name, value, axes, 0)


def per_axis(setting: Padding, axes: int) -> tuple[Any, ...]:
    """Return a setting for each axis."""
    return setting if isinstance(setting, tuple) else (setting,) * axes


def axes_of(axes: int, size: Size, stride: Size, dilation: Size, padding: Padding) -> tuple[Axis, ...]:
    """Return the windows along each axis.

    >>> axes_of(2, (3, 1), 2, 1, "same")[1]
    Axis(size=1, stride=2, dilation=1, padding='same')
    """
    return tuple(map(Axis, *(per_axis(setting, axes) for setting in (size, stride, dilation, padding))))


def check_shape(layer: Layer, shape: Shape, axes: int, channels: int | None = None) -> None:
    """Check the shape of a sample: `axes` axes, and then the channels.

    Args:
        layer: who takes the sample.
        shape: what it is given.
        axes: 1 for a sequence, 2 for an image.
        channels: how many it takes. None takes any number.

    Raises:
        ShapeError: the layer cannot take it.
    """
    if len(shape) == axes + 1 and channels in (None, shape[-1]):
        return
    fix = axis_too_many(shape, axes + 1) or "change one of the two"
    if len(shape) == axes + 1:
        fix = f"channels, the first argument, must be {shape[-1]}"
        if shape[0] == channels:
            fix = "the channels come last, as in np.moveaxis(x, 1, -1)"
        elif shape[-1] == getattr(layer, "filters", None):
            fix += "; were channels and filters swapped?"
    elif len(shape) == axes:
        missing = "batch" if shape[-1] == channels else "channels" if channels == 1 else "batch or the channels"
        code = {"batch": "x[None]", "channels": "x[..., None]"}.get(missing, "x[None] or x[..., None]")
        fix = f"is the axis of the {missing} missing, as in {code}?"
    names = "time" if axes == 1 else "height, width"
    raise ShapeError(f"{layer!r} takes samples of shape ({names}, {channels or 'channels'}), got {shape}; {fix}")


def sweeps_over(layer: Layer, axes: tuple[Axis, ...], shape: Shape, channels: int | None = None) -> tuple[Sweep, ...]:
    """Return the windows of a layer over a sample. The arguments are those of `check_shape`.

    Raises:
        ShapeError: the layer cannot take such samples.
    """
    check_shape(layer, shape, len(axes), channels)
    try:
        return tuple(map(Axis.forward, axes, shape))
    except ShapeError as error:
        raise ShapeError(f"{layer!r} cannot take samples of shape {shape}: {error}") from None


def padded(x: Array, sweeps: tuple[Sweep, ...], fill: float = 0.0) -> Array:
    """Return a padded copy of x (n, …, channels), or x itself if there is nothing to pad, contiguous in memory."""
    lengths = tuple([sweep.length for sweep in sweeps])
    if lengths == x.shape[1:-1]:
        return np.ascontiguousarray(x)
    shape = (len(x), *lengths, x.shape[-1])
    wide = np.full(shape, fill, x.dtype) if fill else np.zeros(shape, x.dtype)
    within = [slice(s.start, s.start + s.step * n, s.step) for s, n in zip(sweeps, x.shape[1:-1], strict=True)]
    wide[(slice(None), *within)] = x
    return wide


def cropped(wide: Array, sweeps: tuple[Sweep, ...], shape: Shape) -> Array:
    """Return the part of a padded array that is not padding: the opposite of `padded`."""
    return wide[(slice(None), *(slice(s.start, s.start + n) for s, n in zip(sweeps, shape[1:-1], strict=True)))]


def windows(wide: Array, sweeps: tuple[Sweep, ...]) -> Array:
    """Return a view (n, …, *sizes, channels) of the numbers of a padded input in every window.

    >>> row = Axis(size=2, stride=1, dilation=1, padding=0)
    >>> windows(np.arange(4).reshape(1, 4, 1), (row.forward(4),))[0, :, :, 0]
    array([[0, 1],
           [1, 2],
           [2, 3]])
    """
    sample, *steps, channel = wide.strides
    pairs = list(zip(sweeps, steps, strict=True))
    shape = (len(wide), *[s.places for s in sweeps], *[s.size for s in sweeps], wide.shape[-1])
    strides = (sample, *[s.stride * step for s, step in pairs], *[s.dilation * step for s, step in pairs], channel)
    # Unlike as_strided, this refuses a view that would leave the memory, and it takes a twentieth of the 6 µs: 5 % of
    # the step of a small CNN.
    return np.ndarray(shape, wide.dtype, wide, sum([s.first * step for s, step in pairs]), strides)


def cells(wide: Array, sweeps: tuple[Sweep, ...]) -> list[Array]:
    """Return a view (n, …, channels) for each place in a window, row by row: what all windows have there.

    >>> row = Axis(size=2, stride=1, dilation=1, padding=0)
    >>> [cell[0, :, 0].tolist() for cell in cells(np.arange(4).reshape(1, 4, 1), (row.forward(4),))]
    [[0, 1, 2], [1, 2, 3]]
    """
    seen, before = windows(wide, sweeps), (slice(None),) * (1 + len(sweeps))
    return [seen[before + place] for place in product(*[range(sweep.size) for sweep in sweeps])]


def blocks(n: int, size: int, most: int | None = None) -> Iterator[slice]:
    """Yield slices of n samples of `size` numbers each: as many samples as fit into a block, but at least one.

    A few samples at a time take a fraction of the memory of all, and stay in the cache between two operations.

    Args:
        n: the number of samples.
        size: the numbers of each.
        most: how many numbers a block may have, if they are fewer than `BLOCK`.

    >>> list(blocks(5, BLOCK // 2))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 6, None)]
    """
    samples = max(1, (BLOCK if most is None else min(most, BLOCK)) // size)
    if samples > GROUP:
        samples -= samples % GROUP
    return (slice(start, start + samples) for start in range(0, n, samples))
