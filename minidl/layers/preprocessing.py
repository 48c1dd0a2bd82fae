"""Layers that prepare the data inside the model, so that a file of the model holds all that a prediction takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self

import numpy as np

from minidl.arguments import check_exact, whole_number
from minidl.data import as_data, as_ids, as_samples
from minidl.errors import DataError, StateError
from minidl.layers.features import check_features
from minidl.modules import Layer, cached
from minidl.sums import as_rows
from minidl.typing import Array, ArrayLike, Batch, Shape

__all__ = ["MinMax", "OneHot", "Standardize"]

BLOCK = 65536
"""How many numbers `adapt` takes at a time, so that a large array is never copied as a whole."""


class _Statistics:
    """Count, minimum, maximum, mean and spread ``√Σ(x − mean)²`` of each feature, of all rows added so far."""

    def __init__(self, rows: Array) -> None:
        self.count, self.minimum, self.maximum = len(rows), rows.min(axis=0), rows.max(axis=0)
        mean = rows.mean(axis=0)
        self.mean = mean + (rows - mean).mean(axis=0)  # without what rounding has left in a sum of large numbers
        away = np.abs(rows - self.mean)
        size = away.max(axis=0)
        scaled = away / np.where(size > 0, size, 1)  # squares of numbers up to 1 neither overflow nor vanish
        self.spread = size * np.sqrt((scaled * scaled).sum(axis=0))

    def add(self, other: _Statistics) -> None:
        """Merge with the statistics of other rows (Chan, Golub and LeVeque 1979), by roots instead of squares."""
        share = other.count / (self.count + other.count)
        step = other.mean - self.mean
        between = np.abs(step) * np.sqrt(self.count * share)
        self.spread = np.hypot(np.hypot(self.spread, other.spread), between)
        self.mean += share * step
        self.count += other.count
        self.minimum, self.maximum = np.minimum(self.minimum, other.minimum), np.maximum(self.maximum, other.maximum)


class _Scaled(Layer):
    """The base of layers that return ``(x − offset) / scale``, with statistics of data that `adapt` has seen."""

    takes_leading_axes = True
    buffers = ("offset", "scale", "count")
    float64_buffers = ("offset",)
    shape: Shape = cached()

    def __init__(self, features: int) -> None:
        self.features = whole_number(f"{type(self).__name__}: features", features, 1)
        self.offset, self.scale, self.count = np.zeros(self.features), np.ones(self.features), 0

    def _offset_and_scale(self, statistics: _Statistics) -> tuple[Array, Array]:
        raise NotImplementedError(f"{type(self).__name__} must define _offset_and_scale(statistics)")

    def adapt(self, x: ArrayLike | Iterable[Any]) -> Self:
        """Compute offset and scale from data, in place of those before, and return the layer.

        Call it once, before training, with the training data alone. A feature that has one value only is mapped to 0.

        Args:
            x: an array (n, …, features). Or batches of such arrays, or of tuples that begin with one, such as `Batches`
                or a generator. They are read once.

        Raises:
            DataError: data that the layer cannot take, no batches, or numbers too large or too small for the float
                type of the layer. Nothing has changed.
            ShapeError: another number of features. Nothing has changed.
        """
        total: _Statistics | None = None
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            for rows in self._rows(x):
                statistics = _Statistics(rows)
                if total is None:
                    total = statistics
                else:
                    total.add(statistics)
            if total is None:
                raise DataError(f"{self!r}: there are no batches to adapt to; a generator can be read only once")
            offset, scale = self._offset_and_scale(total)
            constant = total.minimum == total.maximum
            offset, scale = np.where(constant, total.minimum, offset), np.where(constant, 1, scale)
            scale = scale.astype(self.scale.dtype)
        if wrong := np.flatnonzero(~(np.isfinite(offset) & np.isfinite(scale) & (scale > 0))).tolist():
            raise DataError(
                f"{self!r}: the range of feature {wrong[0]}, {total.minimum[wrong[0]]} to {total.maximum[wrong[0]]}, "
                f"is too large or too small for {scale.dtype}; use another unit"
            )
        self.offset, self.scale, self.count = offset, scale, total.count
        return self

    def _rows(self, x: Any) -> Iterator[Array]:
        """The data in parts (m, features) of float64."""
        for name, batch in _batches(x):
            array = as_samples(batch, name)
            check_features(self, array.shape[1:], self.features)
            size = max(1, BLOCK * len(array) // array.size)
            for start in range(0, len(array), size):
                part = array[start : start + size]
                yield as_rows(as_data(part, f"{name}[{start}:]" if start else name, dtype=np.float64))

    def as_input(self, x: ArrayLike, name: str, dtype: Any) -> Batch:
        if isinstance(x, tuple) or dtype != np.float32:
            return super().as_input(x, name, dtype)
        # Near a present Unix time, float32 numbers are 128 apart: they are subtracted first, and cast then.
        array = as_samples(x, name)
        if array.dtype.kind == "f":
            return as_data(array, name)
        check_exact(array, np.dtype(np.float64), name)
        return array

    def forward(self, x: Array) -> Array:
        if not self.count:
            raise StateError(f"{self!r} has seen no data; call its adapt(x) with the training data first")
        self.shape = x.shape
        y: Array = x - self.offset
        y /= self.scale
        return y.astype(self.scale.dtype, copy=False)

    def backward(self, grad: Array) -> Array:
        return (grad / self.scale).reshape(self.shape)

    def output_shape(self, shape: Shape | None) -> Shape | None:
        check_features(self, shape, self.features)
        return shape


class Standardize(_Scaled):
    """``y = (x − m) / s``, m and s mean and standard deviation of each feature in the data given to `adapt`.

    Both are over all axes but the last, and s is divided by the number of rows, as in scikit-learn. They are computed
    in float64, saved with the model, and not trained. As the first layer of a float32 model, it takes float64 and
    integers, and casts after the subtraction.

    Shapes    x and y (n, …, features)   m = offset and s = scale (features,)
    Backward  dx = g / s     with g = dL/dy

    Args:
        features: the size of the last axis.

    Raises:
        HyperparameterError: features that are not a positive integer.
        ShapeError: samples with another number of features.
        StateError: forward before `adapt`.

    >>> layer = Standardize(2).adapt([[1.0, 10.0], [3.0, 10.0]])
    >>> layer([[5.0, 10.0]])
    array([[3., 0.]])
    """

    def _offset_and_scale(self, statistics: _Statistics) -> tuple[Array, Array]:
        return statistics.mean, statistics.spread / np.sqrt(statistics.count)


class MinMax(_Scaled):
    """``y = (x − a) / (b − a)``, a and b the least and the largest value of each feature in the data given to `adapt`.

    So y is from 0 to 1 for these data, and may lie outside for others. All else is as for `Standardize`.

    Shapes    x and y (n, …, features)   a = offset and b − a = scale (features,)
    Backward  dx = g / (b − a)     with g = dL/dy

    Args:
        features: the size of the last axis.

    Raises:
        HyperparameterError: features that are not a positive integer.
        ShapeError: samples with another number of features.
        StateError: forward before `adapt`.

    >>> layer = MinMax(2).adapt([[1.0, 10.0], [3.0, 10.0]])
    >>> layer([[2.0, 10.0]])
    array([[0.5, 0. ]])
    """

    def _offset_and_scale(self, statistics: _Statistics) -> tuple[Array, Array]:
        return statistics.minimum, statistics.maximum - statistics.minimum


class OneHot(Layer):
    """``y = 1`` at the place of the class and 0 elsewhere, for classes that are ids, integers from 0.

    Shapes    x (n, …) integers   y (n, …, classes)
    Backward  dx = 0

    Args:
        classes: the number of ids, which are 0 to classes − 1.

    Raises:
        HyperparameterError: classes that are not a positive integer.
        DataError: ids that are not integers, or are out of range.

    >>> OneHot(3)([2, 0])
    array([[0., 0., 1.],
           [1., 0., 0.]])
    """

    takes_integers = takes_leading_axes = True
    buffers = ("values",)
    shape: Shape = cached()

    def __init__(self, classes: int) -> None:
        self.classes = whole_number("OneHot: classes", classes, 1)
        self.values = np.array([0.0, 1.0])  # ids have no float type, so that of y is kept here

    def as_input(self, x: ArrayLike, name: str, dtype: Any) -> Batch:
        return super().as_input(x, name, dtype) if isinstance(x, tuple) else as_ids(x, name, self.classes)

    def forward(self, x: Array) -> Array:
        off, on = self.values
        y = np.full((*x.shape, self.classes), off)
        try:
            np.put_along_axis(y, x[..., None], on, axis=-1)
        except IndexError as error:
            raise DataError(
                f"{self!r} takes ids from 0 to {self.classes - 1}, but was given {x.dtype} or larger ones by the "
                "layers in front of it, which must themselves take and return ids"
            ) from error
        self.shape = x.shape
        return y

    def backward(self, grad: Array) -> Array:
        return np.zeros(self.shape, grad.dtype)

    def output_shape(self, shape: Shape | None) -> Shape:
        return (*(shape or ()), self.classes)


def _batches(x: Any) -> Iterator[tuple[str, ArrayLike]]:
    """Pairs (name, array) of the batches, or of the one array."""
    first = x[0] if isinstance(x, list) and x else None
    first = first[0] if isinstance(first, tuple) and first else first
    whole = not (isinstance(first, np.ndarray) and first.ndim > 1) and isinstance(x, list | tuple | str | Mapping)
    if whole or hasattr(x, "__array__") or hasattr(x, "toarray") or not isinstance(x, Iterable):
        if isinstance(x, tuple):
            raise DataError(f"x must be one array or batches, got a tuple of {len(x)}; of x and its mask, pass x[mask]")
        yield "x", x
        return
    for index, batch in enumerate(x, 1):
        array = batch[0] if isinstance(batch, tuple) and batch else batch
        if isinstance(array, tuple):
            raise DataError(f"batch {index} has a tuple of inputs; pass the one that this layer is given")
        yield f"batch {index}: x", array
