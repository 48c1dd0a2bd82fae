"""Layers one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

import numpy as np

from minidl.errors import ShapeError
from minidl.layers.containers import Container, add_place, check_returned, given_shape
from minidl.layers.masks import gradient_for, handed, split_mask, without_mask
from minidl.layers.stepping import step_through
from minidl.modules import Layer, as_gradient, backward_without_dx, cached
from minidl.typing import Array, ArrayLike, Batch, Seed, Shape

__all__ = ["Sequential"]


class Sequential(Container):
    """``y = f_k(… f_2(f_1(x)))``, one layer after the other.

    Shapes    x as the first layer takes it   y as the last layer returns it
    Backward  the chain rule: each layer's dL/dx is the dL/dy of the layer before it

    Args:
        layers: a new layer for each place. Their sizes must chain. Those that depend on the size of an image or the
            length of a sequence are checked at the first batch, the others at once.
        rng: seed or generator that draws the initial values of all layers that are not frozen, trained ones included.
            None keeps the values they have.
        dtype: float32 or float64. None keeps the layers' types.

    Raises:
        StateError: the same layer in two places; backward before forward.
        ShapeError: sizes that do not chain; a batch or a gradient of the wrong shape. A note says in which layer.

    >>> from minidl import Dense, ReLU, Sigmoid
    >>> model = Sequential(Dense(2, 4), ReLU(), Dense(4, 1), Sigmoid(), rng=0)
    >>> model([[1.0, -1.0], [0.0, 2.0]]).shape
    (2, 1)
    >>> model.parameters()
    ParameterVector(17: 0.weight (2, 4), 0.bias (4,), 2.weight (4, 1), 2.bias (1,))
    """

    y: Batch = cached()  # tells backward the shape and type that dL/dy must have
    mask: Array | None = cached()

    def __init__(self, *layers: Layer, rng: Seed = None, dtype: Any = None) -> None:
        super().__init__(*layers, rng=rng, dtype=dtype)
        first, (_, self.open_output) = layers[0] if layers else self, self._shapes(None)
        self.takes_tuple, self.takes_integers = first.takes_tuple, first.takes_integers
        # The index of the first layer with parameters: the layers in front of it have no gradients to write.
        self._first = next((i for i, layer in enumerate(layers) if any(layer.named_parameters())), len(layers))

    def as_input(self, x: ArrayLike, name: str, dtype: Any) -> Batch:
        whole = not self.layers or (isinstance(x, tuple) and not self.takes_tuple)
        return super().as_input(x, name, dtype) if whole else self.layers[0].as_input(x, name, dtype)

    def forward(self, x: Batch) -> Array:
        x, mask = split_mask(self, x) if type(x) is tuple else (x, None)
        try:
            for layer in self.layers:
                x = layer.forward(x if mask is None and type(x) is not tuple else handed(layer, x, mask))
        except Exception as error:
            vars(self).pop("y", None)  # otherwise backward would silently use an older batch
            add_place(error, self.layers, layer, "forward", x)
            raise
        self.mask = mask
        self.y = y = x if isinstance(x, np.ndarray) else check_returned(x, self.layers, len(self.layers) - 1, "forward")
        return y

    def backward(self, grad: Batch) -> Array:
        grad, mask = as_gradient(grad, self.y), self.mask
        try:
            for layer in reversed(self.layers):
                grad = layer.backward(grad) if mask is None else without_mask(layer, layer.backward(grad), mask)
        except Exception as error:
            add_place(error, self.layers, layer, "backward", grad)
            raise
        return gradient_for(check_returned(grad, self.layers, 0, "backward"), mask)

    def backward_parameters(self, grad: Batch) -> None:
        # Nobody needs the gradient of the data: stop at the first layer with parameters, and skip its dL/dx.
        grad, mask = as_gradient(grad, self.y), self.mask
        try:
            for layer in self.layers[: self._first : -1]:
                grad = layer.backward(grad) if mask is None else without_mask(layer, layer.backward(grad), mask)
            for layer in self.layers[self._first : self._first + 1]:
                getattr(layer, backward_without_dx(type(layer)))(grad)
        except Exception as error:
            add_place(error, self.layers, layer, "backward", grad)
            raise

    def step(self, x: Batch, state: Any = None) -> tuple[Any, Any]:
        return step_through(self, x, state)

    def given_shapes(self, shape: Shape | None) -> list[Shape | None]:
        return self._shapes(shape)[0][:-1]

    def output_shape(self, shape: Shape | None) -> Shape | None:
        return _known_shape(self.layers, shape) or self._shapes(shape)[0][-1]

    def _shapes(self, shape: Shape | None) -> tuple[list[Shape | None], bool]:
        """The shape in front of each layer and behind the last, and whether the last may have further axes in front."""
        shapes, open_ = [shape], shape is None
        for index, layer in enumerate(self.layers):
            if open_ and not layer.takes_leading_axes:
                shapes[-1] = None
            shapes.append(given_shape(self.layers, index, shapes[-1]))
            open_ = shapes[-1] is None or (open_ and (layer.takes_leading_axes or layer.open_output))
        # For an input of a known shape, an output with perhaps further axes is unknown.
        return [*shapes[:-1], None if open_ and shape is not None else shapes[-1]], open_

    @property
    def gives_probabilities(self) -> bool | None:
        return next((p for layer in reversed(self.layers) if (p := layer.gives_probabilities) is not None), None)

    @overload
    def __getitem__(self, index: int) -> Layer: ...
    @overload
    def __getitem__(self, index: slice) -> Sequential: ...
    def __getitem__(self, index: int | slice) -> Layer | Sequential:
        """One layer, or a part of the model that shares its layers."""
        return Sequential(*self.layers[index]) if isinstance(index, slice) else self.layers[index]


def _known_shape(layers: Sequence[Layer], shape: Shape | None) -> Shape | None:
    """The output shape if every layer's is known and that of one array. None otherwise: `Sequential._shapes` decides.

    A call of a model checks its shapes by this, in a third of the time.
    """
    try:
        for layer in layers:
            if not shape or type(shape[0]) is not int:
                return None
            shape = layer.output_shape(shape)
    except ShapeError:  # _shapes adds where it happened
        return None
    return shape
