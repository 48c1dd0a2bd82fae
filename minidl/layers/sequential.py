"""Layers one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, overload

import numpy as np

from minidl.errors import ShapeError, StateError
from minidl.layers.explaining import EXPLAINED, at, check_layers, explained, no_array
from minidl.modules import Layer, Module, Row, row
from minidl.parameters import Parameter, share_memory
from minidl.typing import Array, Seed, Shape

__all__ = ["Sequential"]


class Sequential(Layer):
    """``y = f_k(… f_2(f_1(x)))``, one layer after the other.

    Shapes    x as the first layer takes it   y as the last one gives it
    Backward  the chain rule: each layer's dL/dx is the dL/dy of the layer before it

    Args:
        layers: each a layer of its own; sizes must chain.
        rng: draws the initial values of all layers anew, from one seed; without it they stay as they are.
        dtype: float32 or float64; without it the layers keep theirs.

    Raises:
        StateError: the same layer in two places; backward before forward.
        ShapeError: sizes that do not chain, with the place; a batch or a gradient of the wrong shape.

    >>> from minidl import Dense, ReLU, Sigmoid
    >>> model = Sequential(Dense(2, 4), ReLU(), Dense(4, 1), Sigmoid(), rng=0)
    >>> model(np.array([[1.0, -1.0], [0.0, 2.0]])).shape
    (2, 1)
    >>> model.parameters()
    ParameterVector(17: 0.weight (2, 4), 0.bias (4,), 2.weight (4, 1), 2.bias (1,))
    """

    def __init__(self, *layers: Layer, rng: Seed = None, dtype: Any = None) -> None:
        check_layers(layers)
        self.layers = layers
        self.output_shape(None)
        # Layers before the first one with parameters have nothing to learn from a gradient.
        self._first = next((i for i, layer in enumerate(layers) if any(layer.named_parameters())), len(layers))
        self._gave: tuple[tuple[int, ...], np.dtype[Any]] | None = None
        if rng is not None:
            self.initialize(rng)
        if dtype is not None:
            self.astype(dtype)
        if not share_memory([parameter for _, parameter in self.named_parameters()]):
            self.parameters()  # a part of a model, such as model[::2], leaves the memory of the whole as it is

    def children(self) -> Iterator[tuple[str, Module | Parameter]]:
        yield from ((str(index), layer) for index, layer in enumerate(self.layers))
        if self.registered_as()[0] != "minidl":  # whose containers keep nothing else: a walk takes half the time
            yield from self._own()

    def _own(self) -> Iterator[tuple[str, Module | Parameter]]:
        """What a subclass keeps besides the layers; another name for one of them, or for some, is nothing new."""
        own = [(name, child) for name, child in super().children() if not name.startswith("layers.")]
        held = {leaf for layer in self.layers for leaf in _leaves(layer)} if own else set()
        yield from ((name, child) for name, child in own if not held.issuperset(_leaves(child)))

    def output_shape(self, shape: Shape | None) -> Shape | None:
        for index, layer in enumerate(self.layers):
            try:
                shape = layer.output_shape(shape)
            except ShapeError as error:
                raise ShapeError(at(index, layer, str(error))) from error
        return shape

    @property
    def gives_probabilities(self) -> bool:
        return bool(self.layers) and self.layers[-1].gives_probabilities

    def summary_rows(self, path: str, shape: Shape | None) -> Iterator[Row]:
        for index, layer in enumerate(self.layers):
            yield from layer.summary_rows(f"{path}.{index}" if path else str(index), shape)
            shape = layer.output_shape(shape)
        for name, child in self._own():
            parameters = child.named_parameters() if isinstance(child, Module) else [(name, child)]
            yield row(f"{path}.{name}" if path else name, child, None, parameters)

    def forward(self, x: Array) -> Array:
        self._gave = None
        try:
            for layer in self.layers:
                x = layer.forward(x)
        except EXPLAINED as error:
            raise explained(error, self.layers, layer, x, "forward") from error
        if not isinstance(x, np.ndarray):
            raise no_array(self.layers, len(self.layers) - 1, x, "forward")
        self._gave = x.shape, x.dtype
        return x

    def backward(self, grad: Array) -> Array:
        return self._back(grad, 0)

    def backward_parameters(self, grad: Array) -> None:
        grad = self._back(grad, self._first + 1)
        for layer in self.layers[self._first : self._first + 1]:
            try:
                layer.backward_parameters(grad)
            except EXPLAINED as error:
                raise explained(error, self.layers, layer, grad, "backward") from error

    def _back(self, grad: Array, first: int) -> Array:
        """dL/dx of layer `first` and, on the way there, the gradients of all layers from it on."""
        if self._gave != (getattr(grad, "shape", None), getattr(grad, "dtype", None)):
            grad = self._fitting(grad)
        try:
            for layer in reversed(self.layers[first:]):
                grad = layer.backward(grad)
        except EXPLAINED as error:
            raise explained(error, self.layers, layer, grad, "backward") from error
        if not isinstance(grad, np.ndarray):
            raise no_array(self.layers, first, grad, "backward")
        return grad

    def _fitting(self, grad: Array) -> Array:
        """dL/dy in the type of y, or the reason why it is none."""
        if self._gave is None:
            raise StateError("backward before forward: call model.forward(x) first")
        shape, dtype = self._gave
        if not isinstance(grad, np.ndarray) or grad.shape != shape:
            given = f"shape {grad.shape}" if isinstance(grad, np.ndarray) else f"type {type(grad).__name__}"
            raise ShapeError(f"dL/dy has {given}, but forward gave y of shape {shape}")
        # As in PyTorch: behind a float32 model, a loss may be computed in float64.
        return grad.astype(dtype, casting="same_kind")

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


def _leaves(child: Module | Parameter) -> set[int]:
    """The parameters that are in it, and the modules in which there is nothing."""
    below = child.children() if isinstance(child, Module) else ()
    return {leaf for _, each in below for leaf in _leaves(each)} or {id(child)}
