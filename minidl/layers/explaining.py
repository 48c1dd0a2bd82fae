"""What goes wrong in one of several layers, in words: which layer it is, what it was given, and by whom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.errors import ContractError, DataError, MinidlError, ShapeError, StateError
from minidl.modules import Layer

__all__ = ["EXPLAINED", "at", "check_layers", "explained", "no_array"]

EXPLAINED = (MinidlError, ValueError, TypeError, AttributeError, IndexError)
"""What a layer raises when it is given something that it cannot take; any other error speaks for itself."""


def check_layers(layers: Sequence[Layer]) -> None:
    """Raise TypeError for what is no layer, and `StateError` for a layer in two places."""
    place: dict[int, int] = {}
    for index, layer in enumerate(layers):
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


def explained(error: Exception, layers: Sequence[Layer], layer: Layer, given: Any, method: str) -> MinidlError:
    """What a layer has raised in forward or backward, when it was given that."""
    index = next(index for index, each in enumerate(layers) if each is layer)
    giver = index - 1 if method == "forward" else index + 1
    if not isinstance(given, np.ndarray):
        return no_array(layers, giver, given, method)
    message = str(error)
    if isinstance(error, MinidlError) and not isinstance(error, ShapeError):
        return type(error)(at(index, layer, message))
    if method == "backward" and giver < len(layers) and not message.startswith("layer "):
        message += f"; dL/dy came from the next layer, {layers[giver]!r}"
    if isinstance(error, ShapeError):
        return type(error)(at(index, layer, message))
    what = "a batch" if method == "forward" else "dL/dy"
    what = f"cannot take {what} of shape {given.shape} and type {given.dtype}"
    if isinstance(error, ValueError | IndexError):
        return ShapeError(at(index, layer, f"{what}: {message}"))
    return ContractError(at(index, layer, f"{what}: {type(error).__name__}: {message}"))


def no_array(layers: Sequence[Layer], index: int, given: Any, method: str) -> MinidlError:
    """The error that a layer, or who called the model, has given something else than an array."""
    if 0 <= index < len(layers):
        return ContractError(at(index, layers[index], f"{method} must give an array, got {type(given).__name__}"))
    return DataError(f"Sequential.forward takes an array, got {type(given).__name__}; call model(x)")


def at(index: int, layer: Layer, message: str) -> str:
    """The message with the path of the layer in front: "layer 2, Dense(4, 1) …", "layer 1.2, …" if nested."""
    if message.startswith("layer "):
        return f"layer {index}.{message.removeprefix('layer ')}"
    if message.startswith(type(layer).__name__):
        return f"layer {index}, {message}"
    return f"layer {index}, {layer!r}: {message}"
