"""Layers side by side, and what makes one array of several."""

from __future__ import annotations

from functools import reduce
from sys import maxsize
from typing import Any

import numpy as np

from minidl.arguments import whole_number
from minidl.batch import check_samples, float_type, mapped, several
from minidl.errors import DataError, HyperparameterError, ShapeError, describe
from minidl.layers.containers import Container, add_place, given_shape
from minidl.layers.masks import gradient_for, handed, split_mask, without_mask
from minidl.layers.stepping import check_arrays, step_each
from minidl.modules import Layer, as_gradient, backward_without_dx, cached, check_tuple, input_shape
from minidl.typing import Array, ArrayLike, Batch, Seed, Shape

__all__ = ["Add", "Branches", "Concatenate", "Multiply", "Parallel"]


class Parallel(Container):
    """``y = (f_1(x_1), …, f_k(x_k))``: several inputs, each through a layer of its own.

    Shapes    x a tuple of k arrays (n, …)   y a tuple of k arrays (n, …)
    Backward  dx = (∂f_1/∂x_1ᵀ g_1, …, ∂f_k/∂x_kᵀ g_k)     with g = dL/dy, a tuple

    Args:
        layers: a new layer for each input. `Identity` passes one on as it is.
        rng, dtype: as for `Sequential`.

    Raises:
        StateError: the same layer in two places; backward before forward.
        HyperparameterError: no layers.
        DataError, ShapeError: another number of inputs; inputs that a layer cannot take. A note says which layer.

    >>> from minidl import Concatenate, Dense, Sequential
    >>> model = Sequential(Parallel(Dense(2, 3), Dense(5, 4)), Concatenate(), Dense(7, 1), rng=0)
    >>> model((np.zeros((10, 2)), np.zeros((10, 5)))).shape
    (10, 1)
    """

    takes_tuple = True
    y: tuple[Batch, ...] = cached()

    def __init__(self, *layers: Layer, rng: Seed = None, dtype: Any = None) -> None:
        if not layers:
            raise HyperparameterError(f"{type(self).__name__} needs at least one layer")
        super().__init__(*layers, rng=rng, dtype=dtype)
        self.open_output = all(layer.takes_leading_axes or layer.open_output for layer in layers)

    def as_input(self, x: ArrayLike, name: str, dtype: Any) -> Batch:
        self._check_count(x)
        pairs = enumerate(zip(self.layers, x, strict=True))
        batch = tuple(layer.as_input(entry, f"{name}[{index}]", dtype) for index, (layer, entry) in pairs)
        check_samples(batch, name)
        return batch

    def forward(self, x: Any) -> Any:
        vars(self).pop("y", None)  # if it fails, backward would silently use an older batch
        self._check_count(x)
        self.y = y = self._each("forward", x)
        return y

    def step(self, x: Any, state: Any = None) -> tuple[Any, Any]:
        self._check_count(x)
        return step_each(self, x, state)

    def backward(self, grad: Any) -> Any:
        return self._each("backward", as_gradient(grad, self.y))

    def backward_parameters(self, grad: Any) -> None:
        self._each("backward_parameters", as_gradient(grad, self.y))

    def _each(self, method: str, batches: tuple[Batch, ...]) -> tuple[Any, ...]:
        """Call a method of each layer with its own batch, or its own dL/dy."""
        results = []
        for layer, batch in zip(self.layers, batches, strict=True):
            name = backward_without_dx(type(layer)) if method == "backward_parameters" else method
            try:
                results.append(getattr(layer, name)(batch))
            except Exception as error:
                add_place(error, self.layers, layer, method.partition("_")[0], batch, chained=False)
                raise
        return tuple(results)

    def _check_count(self, x: Any) -> None:
        check_tuple(self, x)
        if len(x) != len(self.layers):
            raise DataError(f"{describe(self)} takes {len(self.layers)} inputs, one for each layer, got {len(x)}")

    def given_shapes(self, shape: Shape | None) -> list[Shape | None]:
        if shape is None:
            return [None] * len(self.layers)
        if not several(shape) or len(shape) != len(self.layers):
            raise ShapeError(f"{describe(self)} takes a tuple of {len(self.layers)} shapes, got {shape}")
        return [input_shape(layer, each) for layer, each in zip(self.layers, shape, strict=True)]

    def output_shape(self, shape: Shape | None) -> Shape | None:
        given = self.given_shapes(shape)
        shapes = [given_shape(self.layers, index, each, chained=False) for index, each in enumerate(given)]
        if shape is None and self.open_output:
            return tuple(shapes)
        # One that may have further axes in front is unknown, beside those that are known.
        pairs = zip(self.layers, given, strict=True)
        open_ = [each is None and (layer.takes_leading_axes or layer.open_output) for layer, each in pairs]
        return tuple(None if more else each for more, each in zip(open_, shapes, strict=True))

    def __getitem__(self, index: int) -> Layer:
        return self.layers[index]


class Branches(Parallel):
    """``y = (f_1(x), …, f_k(x))``: the same input through several layers.

    Shapes    x as all layers take it   y a tuple of k arrays (n, …)
    Backward  dx = Σₖ ∂f_k/∂xᵀ g_k     with g = dL/dy, a tuple

    Args:
        layers: a new layer for each branch. `Identity` passes x on as it is.
        rng, dtype: as for `Parallel`.

    Raises:
        StateError: the same layer in two places; backward before forward.
        HyperparameterError: no layers; some that take ids or several inputs, and some that do not.
        DataError, ShapeError: an input that a layer cannot take. A note says which layer.

    >>> from minidl import Add, Dense, ReLU, Sequential
    >>> deep = Sequential(Dense(2, 8), ReLU(), Dense(8, 1))
    >>> model = Sequential(Branches(Dense(2, 1), deep), Add(), rng=0)
    >>> model(np.zeros((10, 2))).shape
    (10, 1)
    """

    mask: Array | None = cached()

    def __init__(self, *layers: Layer, rng: Seed = None, dtype: Any = None) -> None:
        super().__init__(*layers, rng=rng, dtype=dtype)
        self.takes_tuple, self.takes_integers = layers[0].takes_tuple, layers[0].takes_integers
        for kind, what in (("takes_tuple", "several inputs"), ("takes_integers", "ids")):
            if len({getattr(layer, kind) for layer in layers}) > 1:
                raise HyperparameterError(
                    f"Branches passes the same x to all its layers, but only some of them take {what}; use Parallel, "
                    "and pass each layer its own input"
                )

    def as_input(self, x: ArrayLike, name: str, dtype: Any) -> Batch:
        if isinstance(x, tuple) and not self.takes_tuple:
            return Layer.as_input(self, x, name, dtype)
        batches = [layer.as_input(x, name, dtype) for layer in self.layers]  # one of the model's type, if there is any
        return next((batch for batch in batches if float_type(batch, None) == np.dtype(dtype)), batches[0])

    def forward(self, x: Any) -> Any:
        x, mask = split_mask(self, x)
        y = super().forward(tuple(handed(layer, x, mask) for layer in self.layers))
        self.mask = mask
        return y

    def step(self, x: Any, state: Any = None) -> tuple[Any, Any]:
        check_arrays(self, x)
        return super().step(tuple(handed(layer, x, None) for layer in self.layers), state)

    def backward(self, grad: Any) -> Any:
        parts = zip(self.layers, super().backward(grad), strict=True)
        inputs = [without_mask(layer, part, self.mask) for layer, part in parts]
        return gradient_for(mapped(_total, *inputs), self.mask)

    def given_shapes(self, shape: Shape | None) -> list[Shape | None]:
        return [shape] * len(self.layers)


class Concatenate(Layer):
    """``y = [x_1, …, x_k]``: the arrays one after the other along an axis.

    Shapes    x a tuple of arrays whose shapes are equal but for that axis   y the same, with the sum along the axis
    Backward  dx_k = the part of g that x_k became     with g = dL/dy

    Args:
        axis: the axis. It must not be 0, that of the samples.

    Raises:
        HyperparameterError: an axis that is not an integer, or is 0.
        ShapeError: shapes that differ on another axis.

    >>> Concatenate()((np.array([[1.0, 2.0]]), np.array([[3.0]])))
    array([[1., 2., 3.]])
    """

    takes_tuple = True
    ends: list[int] = cached()

    def __init__(self, axis: int = -1) -> None:
        self.axis = whole_number("Concatenate: axis", axis, -maxsize)
        if axis == 0:
            raise HyperparameterError("Concatenate: axis must not be 0, that of the samples")
        self.takes_leading_axes = axis == -1
        self.mixes_steps = axis != -1  # it may be the axis of time

    def forward(self, x: Any) -> Array:
        check_tuple(self, x)
        self.ends = np.cumsum([array.shape[self.axis] for array in x])[:-1].tolist()
        return np.concatenate(x, axis=self.axis)

    def backward(self, grad: Array) -> Any:
        return tuple(np.split(grad, self.ends, axis=self.axis))

    def output_shape(self, shape: Shape | None) -> Shape | None:
        shapes = _known_shapes(self, shape)
        if not shapes:
            return None
        axis = self.axis - 1 if self.axis > 0 else self.axis  # among those of one sample
        rest = {part[:axis] + part[axis:][1:] if -len(part) <= axis < len(part) else None for part in shapes}
        if len(rest) > 1 or None in rest:
            raise ShapeError(f"{self!r} takes arrays whose shapes are equal but for that axis, got {shape} per sample")
        joined = list(shapes[0])
        joined[axis] = sum(part[axis] for part in shapes)
        return tuple(joined)


class _Equal(Layer):
    """The base of layers that take arrays of equal shape. Nothing is broadcast."""

    takes_tuple = takes_leading_axes = True

    def _check(self, x: Any) -> None:
        check_tuple(self, x)
        if any(array.shape != x[0].shape for array in x):
            raise ShapeError(f"{self!r} takes arrays of equal shape, got {', '.join(str(array.shape) for array in x)}")

    def output_shape(self, shape: Shape | None) -> Shape | None:
        shapes = _known_shapes(self, shape)
        if len(set(shapes)) > 1:
            raise ShapeError(f"{self!r} takes arrays of equal shape, got {shape} per sample; nothing is broadcast")
        return shapes[0] if shapes else None


class Add(_Equal):
    """``y = x_1 + … + x_k``

    Shapes    x a tuple of arrays of equal shape   y of that shape
    Backward  dx_k = g     with g = dL/dy

    Raises:
        ShapeError: shapes that differ.

    >>> Add()((np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])))
    array([[4., 6.]])
    """

    count: int = cached()

    def forward(self, x: Any) -> Array:
        self._check(x)
        self.count = len(x)
        return _total(*x)

    def backward(self, grad: Array) -> Any:
        return (grad,) * self.count


class Multiply(_Equal):
    """``y = x_1 · … · x_k``, number by number.

    Shapes    x a tuple of arrays of equal shape   y of that shape
    Backward  dx_k = g · the product of the others     with g = dL/dy

    Raises:
        ShapeError: shapes that differ.

    >>> Multiply()((np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])))
    array([[3., 8.]])
    """

    x: tuple[Array, ...] = cached()

    def forward(self, x: Any) -> Array:
        self._check(x)
        self.x = x
        return reduce(np.multiply, x)

    def backward(self, grad: Array) -> Any:
        # Not y / x, which is not a number where x is 0.
        others = ([other for other in range(len(self.x)) if other != k] for k in range(len(self.x)))
        return tuple(reduce(np.multiply, [self.x[other] for other in each], grad) for each in others)


def _known_shapes(layer: Layer, shape: Shape | None) -> list[Shape]:
    """The shapes of several arrays, for a layer that makes one array of them. There are none if one is unknown."""
    if shape is None:
        return []
    if not several(shape):
        raise ShapeError(
            f"{layer!r} takes several arrays, got shape {shape}; pass a tuple, or put Branches(…) in front"
        )
    return [] if None in shape else list(shape)


def _total(*arrays: Array) -> Array:
    return reduce(np.add, arrays)
