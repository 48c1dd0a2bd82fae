"""What containers of layers share: they check their layers, and add to an error where it happened."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.errors import ContractError, DataError, ShapeError, describe
from minidl.modules import Layer
from minidl.parameters import check_owners
from minidl.typing import Array, Shape

__all__ = ["add_place", "chained_shape", "check_array", "check_layers"]


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


def add_place(error: Exception, layers: Sequence[Layer], layer: Layer, method: str, given: Any) -> None:
    """Add a note to an error that says in which layer it was raised, and for what.

    Args:
        error: raised by ``layer.method(given)``.
        layers, layer: the layers of the container, and the one that raised it.
        method: "forward" or "backward".
        given: the batch or dL/dy that the layer was given.

    Raises:
        ContractError: the layer was given something other than an array by another layer.
        ShapeError: the layer's `output_shape` explains a ValueError of NumPy.
    """
    index = next(index for index, each in enumerate(layers) if each is layer)
    giver = index - 1 if method == "forward" else index + 1
    check_array(given, layers, giver, method)
    what = "a batch" if method == "forward" else "dL/dy"
    note = f"layer {index}, {describe(layer)}, {method} of {what} {given.shape}, {given.dtype}"
    if 0 <= giver < len(layers):
        note += f", from layer {giver}, {describe(layers[giver])}"
    if type(error) is ValueError and method == "forward":
        try:
            layer.output_shape(given.shape[1:])
        except ShapeError as refused:
            refused.add_note(note)
            raise refused from error
    error.add_note(note)


def check_array(given: Any, layers: Sequence[Layer], index: int, method: str) -> Array:
    """Return what the layer at this index has returned, if it is an array.

    Raises:
        ContractError: it is not.
        DataError: it came from the caller of the container.
    """
    if isinstance(given, np.ndarray):
        return given
    if not 0 <= index < len(layers):
        raise DataError(f"{method} takes an array, got {type(given).__name__}; to pass other data, call model(x)")
    raise ContractError(
        f"layer {index}, {describe(layers[index])}: {method} must return an array, got {type(given).__name__}"
    )


def chained_shape(layers: Sequence[Layer], shape: Shape | None) -> Shape | None:
    """The output shape of layers one after the other. A note names the layer that refuses its input's shape."""
    for index, layer in enumerate(layers):
        try:
            shape = layer.output_shape(shape)
        except ShapeError as error:
            error.add_note(f"layer {index}, {describe(layer)}, for samples of shape {shape}")
            raise
    return shape
