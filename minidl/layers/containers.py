"""What containers of layers share: their base, what they check, and notes on errors that say where it happened."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from minidl.batch import arrays_in, sample_shape, several
from minidl.errors import ContractError, DataError, ShapeError, describe
from minidl.layers.sequences import forgotten_sequences
from minidl.modules import Layer, Module, Row, input_shape, row
from minidl.parameters import Parameter, check_owners, share_memory
from minidl.typing import Batch, Seed, Shape

__all__ = ["Container", "add_place", "check_layers", "check_returned", "given_shape"]


class Container(Layer):
    """The base of containers of any number of layers, which have their paths, "0", "1" and so on, from their places.

    A container defines `given_shapes`, besides what every layer defines.
    """

    def __init__(self, *layers: Layer, rng: Seed = None, dtype: Any = None) -> None:
        check_layers(layers)
        self.layers = layers
        self.takes_mask = any(layer.takes_mask for layer in layers)
        self.takes_leading_axes = all(layer.takes_leading_axes for layer in layers)
        self.output_shape(None)  # raises for sizes that do not match
        if rng is not None:
            self.initialize(rng)
        if dtype is not None:
            self.astype(dtype)
        # Lay the parameters side by side, unless they are part of a larger model's vector, as those of model[::2].
        if not share_memory([parameter for _, parameter in self.named_parameters()]):
            self.parameters()

    def given_shapes(self, shape: Shape | None) -> list[Shape | None]:
        """The shape that each layer is given, for the shape that the container is given."""
        raise NotImplementedError(f"{type(self).__name__} must define given_shapes(shape)")

    def children(self) -> Iterator[tuple[str, Module | Parameter]]:
        # Paths begin with the place, "0.weight" instead of "layers.0.weight". What a subclass adds comes after.
        for index, layer in enumerate(self.layers):
            yield str(index), layer
        for name, child in super().children():
            if not any(child is layer for layer in self.layers):
                yield name, child

    def summary_rows(self, path: str, shape: Shape | None) -> Iterator[Row]:
        shapes = self.given_shapes(shape)
        for index, (name, child) in enumerate(self.children()):
            place = f"{path}.{name}" if path else name
            if index < len(self.layers):
                yield from self.layers[index].summary_rows(place, shapes[index])
            else:
                parameters = child.named_parameters() if isinstance(child, Module) else [(name, child)]
                yield row(place, child, None, parameters)

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.layers)


def check_layers(layers: Sequence[Layer]) -> None:
    """Check that every layer is a Layer, and that no module and no Parameter is in two places.

    Raises:
        TypeError: something that is not a layer.
        StateError: a module or a Parameter in two places.
    """
    for index, layer in enumerate(layers):
        if not isinstance(layer, Layer):
            fix = "make one by calling it" if isinstance(layer, type) else "pass layers one by one, as in f(a, b)"
            raise TypeError(f"layer {index} must be a Layer, got {layer!r}; {fix}")
    check_owners(found for index, layer in enumerate(layers) for found in layer.modules(str(index)))
    check_owners(found for index, layer in enumerate(layers) for found in layer.named_parameters(f"{index}."))


def given_shape(layers: Sequence[Layer], index: int, shape: Shape | None, *, chained: bool = True) -> Shape | None:
    """The output shape of a layer for the shape that it is given. A note names the layer that refuses it.

    Args:
        layers, index: the layers of the container, and the place of the one that is given the shape.
        shape: the shape of one sample.
        chained: whether the layer before it returns samples of that shape.
    """
    layer = layers[index]
    try:
        if several(shape) and several(shape := input_shape(layer, shape)) and not layer.takes_tuple:
            fix = "put Concatenate(), Add() or Multiply() in front, which make one array of several"
            raise ShapeError(f"{describe(layer)} takes one array, got {len(shape)} of shapes {shape}; {fix}")
        return layer.output_shape(shape)
    except ShapeError as error:
        fix = forgotten_sequences(layers[:index], shape) if chained else ""
        error.add_note(f"layer {index}, {describe(layer)}, for samples of shape {shape}{fix}")
        raise


def add_place(
    error: Exception, layers: Sequence[Layer], layer: Layer, method: str, given: Any, *, chained: bool = True
) -> None:
    """Add a note to an error that says in which layer it was raised, and for what.

    Args:
        error: raised by ``layer.method(given)``.
        layers, layer: the layers of the container, and the one that raised it.
        method: "forward", "backward" or "step".
        given: the batch or dL/dy that the layer was given.
        chained: whether it was given by another layer of the container, the one before it or after it.

    Raises:
        ContractError: the layer was given something other than an array by another layer.
        ShapeError: the layer's `output_shape` explains a ValueError of NumPy.
    """
    index = next(index for index, each in enumerate(layers) if each is layer)
    giver = -1 if not chained else index + 1 if method == "backward" else index - 1
    check_returned(given, layers, giver, method)
    what = "dL/dy" if method == "backward" else "a batch"
    arrays = " and ".join(f"{array.shape}, {array.dtype}" for array in arrays_in(given))
    note = f"layer {index}, {describe(layer)}, {method} of {what} {arrays}"
    if 0 <= giver < len(layers):
        note += f", from layer {giver}, {describe(layers[giver])}"
    if type(error) is ValueError and method == "forward":
        try:
            layer.output_shape(input_shape(layer, sample_shape(given)))
        except ShapeError as refused:
            refused.add_note(note)
            raise refused from error
    error.add_note(note)


def check_returned(given: Any, layers: Sequence[Layer], index: int, method: str) -> Batch:
    """Return what the layer at this index has returned, if it is an array or a tuple of arrays.

    Raises:
        ContractError: it is not.
        DataError: it came from the caller of the container.
    """
    arrays = arrays_in(given)
    if arrays and all(isinstance(array, np.ndarray) for array in arrays):
        return given
    if not 0 <= index < len(layers):
        raise DataError(f"{method} takes an array, got {type(given).__name__}; to pass other data, call model(x)")
    raise ContractError(
        f"layer {index}, {describe(layers[index])}: {method} must return an array, got {type(given).__name__}"
    )
