"""Layers one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, overload

import numpy as np

from minidl.errors import MinidlError, ShapeError, StateError
from minidl.modules import Layer, Module, Row
from minidl.parameters import Parameter
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
        self.layers = layers
        self._check_layers()
        self.output_shape(None)
        # Layers before the first one with parameters have nothing to learn from a gradient.
        self._first = next((i for i, layer in enumerate(layers) if any(layer.named_parameters())), len(layers))
        self._ready_for: tuple[int, ...] | None = None
        if rng is not None:
            self.initialize(rng)
        if dtype is not None:
            self.astype(dtype)
        self.parameters()

    def _check_layers(self) -> None:
        place: dict[int, int] = {}
        for index, layer in enumerate(self.layers):
            if not isinstance(layer, Layer):
                fix = "make one by calling it" if isinstance(layer, type) else "pass layers as Sequential(a, b, …)"
                raise TypeError(f"layer {index} must be a Layer, got {layer!r}; {fix}")
            for _, module in layer.modules():
                first = place.setdefault(id(module), index)
                if first != index:
                    raise StateError(
                        f"layer {index}, {layer!r}, is in the model twice (first as layer {first}): what forward keeps "
                        "for backward would be overwritten; make a layer of its own for each place"
                    )

    def children(self) -> Iterator[tuple[str, Module | Parameter]]:
        return ((str(index), layer) for index, layer in enumerate(self.layers))

    def initialize(self, rng: Seed) -> None:
        generator = np.random.default_rng(rng)
        for layer in self.layers:
            layer.initialize(generator)

    def output_shape(self, shape: Shape | None) -> Shape | None:
        for index, layer in enumerate(self.layers):
            try:
                shape = layer.output_shape(shape)
            except ShapeError as error:
                raise ShapeError(self._at(index, str(error))) from error
        return shape

    @property
    def gives_probabilities(self) -> bool:
        return bool(self.layers) and self.layers[-1].gives_probabilities

    def summary_rows(self, path: str, shape: Shape | None) -> Iterator[Row]:
        for index, layer in enumerate(self.layers):
            yield from layer.summary_rows(f"{path}.{index}" if path else str(index), shape)
            shape = layer.output_shape(shape)

    def forward(self, x: Array) -> Array:
        self._ready_for = None
        done = 0
        try:
            for layer in self.layers:
                x = layer.forward(x)
                done += 1
        except ValueError as error:
            message = f"cannot take a batch of shape {x.shape} and type {x.dtype}: {error}"
            if isinstance(error, MinidlError):
                raise type(error)(self._at(done, str(error))) from error
            raise ShapeError(self._at(done, message)) from error
        self._ready_for = x.shape
        return x

    def backward(self, grad: Array) -> Array:
        return self._back(grad, 0)

    def backward_parameters(self, grad: Array) -> None:
        grad = self._back(grad, self._first + 1)
        for layer in self.layers[self._first : self._first + 1]:
            layer.backward_parameters(grad)

    def _back(self, grad: Array, first: int) -> Array:
        """dL/dx of layer `first` and, on the way there, the gradients of all layers from it on."""
        if self._ready_for != grad.shape:
            if self._ready_for is None:
                raise StateError("backward before forward: call model.forward(x) first")
            raise ShapeError(f"dL/dy has shape {grad.shape}, but forward gave y of shape {self._ready_for}")
        for layer in reversed(self.layers[first:]):
            grad = layer.backward(grad)
        return grad

    def _at(self, index: int, message: str) -> str:
        """The message with the path of the layer in front: "layer 2, Dense(4, 1) …", "layer 1.2, …" if nested."""
        layer = self.layers[index]
        if message.startswith("layer "):
            return f"layer {index}.{message.removeprefix('layer ')}"
        if message.startswith(type(layer).__name__):
            return f"layer {index}, {message}"
        return f"layer {index}, {layer!r}: {message}"

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
