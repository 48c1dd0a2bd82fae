"""Layers one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, overload

import numpy as np

from minidl.layers.containers import add_place, chained_shape, check_array, check_layers
from minidl.modules import Layer, Module, Row, as_gradient, backward_without_dx, cached, chained_rows
from minidl.parameters import Parameter, share_memory
from minidl.typing import Array, Seed, Shape

__all__ = ["Sequential"]


class Sequential(Layer):
    """``y = f_k(… f_2(f_1(x)))``, one layer after the other.

    Shapes    x as the first layer takes it   y as the last layer returns it
    Backward  the chain rule: each layer's dL/dx is the dL/dy of the layer before it

    Args:
        layers: a new layer for each place. Their sizes must chain.
        rng: seed or generator that draws the initial values of all layers. None keeps the values they have.
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

    y: Array = cached()  # tells backward the shape and type that dL/dy must have

    def __init__(self, *layers: Layer, rng: Seed = None, dtype: Any = None) -> None:
        check_layers(layers)
        self.layers = layers
        # The index of the first layer with parameters: the layers in front of it have no gradients to write.
        self._first = next((i for i, layer in enumerate(layers) if any(layer.named_parameters())), len(layers))
        self.output_shape(None)  # raises for sizes that do not chain
        if rng is not None:
            self.initialize(rng)
        if dtype is not None:
            self.astype(dtype)
        # Lay the parameters side by side, unless they are part of a larger model's vector, as those of model[::2].
        if not share_memory([parameter for _, parameter in self.named_parameters()]):
            self.parameters()

    def forward(self, x: Array) -> Array:
        try:
            for layer in self.layers:
                x = layer.forward(x)
        except Exception as error:
            vars(self).pop("y", None)  # otherwise backward would silently use an older batch
            add_place(error, self.layers, layer, "forward", x)
            raise
        self.y = y = x if isinstance(x, np.ndarray) else check_array(x, self.layers, len(self.layers) - 1, "forward")
        return y

    def backward(self, grad: Array) -> Array:
        grad = as_gradient(grad, self.y)
        try:
            for layer in reversed(self.layers):
                grad = layer.backward(grad)
        except Exception as error:
            add_place(error, self.layers, layer, "backward", grad)
            raise
        return check_array(grad, self.layers, 0, "backward")

    def backward_parameters(self, grad: Array) -> None:
        # Nobody needs the gradient of the data: stop at the first layer with parameters, and skip its dL/dx.
        grad = as_gradient(grad, self.y)
        try:
            for layer in reversed(self.layers[self._first + 1 :]):
                grad = layer.backward(grad)
            for layer in self.layers[self._first : self._first + 1]:
                getattr(layer, backward_without_dx(type(layer)))(grad)
        except Exception as error:
            add_place(error, self.layers, layer, "backward", grad)
            raise

    def output_shape(self, shape: Shape | None) -> Shape | None:
        return chained_shape(self.layers, shape)

    @property
    def gives_probabilities(self) -> bool | None:
        answers = [layer.gives_probabilities for layer in self.layers]
        return next((answer for answer in reversed(answers) if answer is not None), None)

    def children(self) -> Iterator[tuple[str, Module | Parameter]]:
        # Paths begin with the place, "0.weight" instead of "layers.0.weight". What a subclass adds comes after.
        yield from ((str(index), layer) for index, layer in enumerate(self.layers))
        for name, child in super().children():
            if not any(child is layer for layer in self.layers):
                yield name, child

    def summary_rows(self, path: str, shape: Shape | None) -> Iterator[Row]:
        return chained_rows(self, self.layers, path, shape)

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.layers)

    @overload
    def __getitem__(self, index: int) -> Layer: ...
    @overload
    def __getitem__(self, index: slice) -> Sequential: ...
    def __getitem__(self, index: int | slice) -> Layer | Sequential:
        """One layer, or a part of the model that shares its layers."""
        return Sequential(*self.layers[index]) if isinstance(index, slice) else self.layers[index]
