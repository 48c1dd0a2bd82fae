"""The units of a network in columns, for its diagram."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from minidl.errors import DataError, ShapeError
from minidl.layers import Dense, Residual, Sequential
from minidl.modules import Layer
from minidl.typing import Array

__all__ = ["Column", "columns_of", "place"]


@dataclass
class Column:
    """The units of one Dense layer, or the inputs.

    `elementwise` names what follows the layer: activations and the like, which act on each unit alone.
    """

    weight: Array
    """(units before, units), and (0, units) for the inputs."""
    bias: Array
    """(units,), or empty if the layer has no bias."""
    elementwise: list[str] = field(default_factory=list)
    letter: str = "h"
    layer: str = ""
    shown: list[int] = field(default_factory=list)
    heights: Array = field(default_factory=lambda: np.empty(0))

    @property
    def width(self) -> int:
        """The number of units."""
        return int(self.weight.shape[1])

    @property
    def whole(self) -> bool:
        """Whether all units are shown."""
        return len(self.shown) == self.width


def columns_of(model: Layer) -> list[Column]:
    """The columns of the diagram, inputs first.

    Raises:
        ShapeError: a model without a Dense layer; a layer that a diagram cannot show.
        DataError: weights that are not finite.
    """
    dense = [layer for layer in _leaves(model) if isinstance(layer, Dense)]
    if not dense:
        raise ShapeError(f"a network diagram needs at least one Dense layer, got {model!r}")
    columns = [Column(np.empty((0, dense[0].inputs)), np.empty(0))]
    _add(columns, model, len(dense) + 1)
    if len(columns) > 3:
        for index, column in enumerate(columns[1:-1], 1):
            column.layer = f"{index},"
    # x stands for inputs, h for hidden units, o for outputs, and ŷ for outputs after an activation.
    columns[0].letter, columns[-1].letter = "x", r"\hat{y}" if columns[-1].elementwise else "o"
    return columns


def _leaves(layer: Layer) -> Iterator[Layer]:
    if isinstance(layer, Sequential):
        for part in layer:
            yield from _leaves(part)
    else:
        yield layer


def _add(columns: list[Column], layer: Layer, total: int) -> None:
    """Add a layer to the columns, of which the finished diagram has `total`."""
    last = columns[-1]
    if isinstance(layer, Residual):
        if not isinstance(next(_leaves(layer), None), Dense):
            raise ShapeError(f"a network diagram shows a Residual only if it begins with a Dense, got {layer!r}")
        source = len(columns) - 1
        for part in layer:
            _add(columns, part, total)
        name = "inputs" if source == 0 else "hidden units" if total == 3 else f"layer {source}"
        columns[-1].elementwise.append(f"+ {name}")
    elif isinstance(layer, Sequential):
        for part in layer:
            _add(columns, part, total)
    elif isinstance(layer, Dense):
        if not (np.isfinite(layer.weight.value).all() and (not layer.use_bias or np.isfinite(layer.bias.value).all())):
            raise DataError(f"{layer!r} has weights that are NaN or infinite; its training has diverged")
        columns.append(Column(layer.weight.value, layer.bias.value if layer.use_bias else np.empty(0)))
    elif layer.output_shape((last.width,)) in (None, (last.width,)):
        last.elementwise.append(repr(layer).removesuffix("()"))
    else:
        raise ShapeError(
            f"a network diagram shows Dense and elementwise layers, not {layer!r}; draw part of the model, or show all "
            "layers with model.summary()"
        )


def place(column: Column, max_units: int) -> None:
    """Choose the units to show, and their heights from 1 (top) to 0. A gap in the middle stands for the others."""
    width, side = column.width, (max_units - 1) // 2
    if width <= max_units:
        column.shown = list(range(width))
        column.heights = 1.0 - (np.arange(width) + 0.5) / width
    else:
        column.shown = [*range(side), *range(width - side, width)]
        column.heights = np.delete(1.0 - (np.arange(2 * side + 1) + 0.5) / (2 * side + 1), side)
