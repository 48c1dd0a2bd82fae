"""How containers pass a mask along.

A mask is Boolean (n, t), True where x (n, t, …) holds data. A container whose first layer takes one array may be given
the pair (x, mask). It passes x from layer to layer, and the pair (x, mask) to each layer with ``takes_mask = True``.
"""

from __future__ import annotations

from typing import cast

import numpy as np

from minidl.batch import sample_shape
from minidl.errors import ShapeError
from minidl.modules import Layer, tuple_refused
from minidl.typing import Array, Batch

__all__ = ["cleared", "gradient_for", "handed", "split_mask", "without_mask"]


def cleared(x: Array, mask: Array | None) -> Array:
    """Return x with 0 in place of what is masked. A product with 0 would leave NaN."""
    if mask is None:
        return x
    seen = np.zeros(x.shape, x.dtype)
    np.copyto(seen, x, where=mask[..., None])
    return seen


def split_mask(container: Layer, x: Batch) -> tuple[Batch, Array | None]:
    """Return x and its mask, None without one.

    Raises:
        DataError: a tuple, but the container takes one array and no mask.
    """
    if type(x) is not tuple or container.takes_tuple:
        return x, None
    if not container.takes_mask or len(x) != 2:
        raise tuple_refused(container, x)
    return x


def handed(layer: Layer, x: Batch, mask: Array | None) -> Batch:
    """What a container hands to a layer.

    Raises:
        DataError: several arrays, but the layer takes one.
        ShapeError: a mask for another number of time steps.
    """
    if mask is not None and layer.takes_mask:
        if type(x) is not tuple and x.shape[:2] != mask.shape:
            layer.output_shape(sample_shape(x))  # explains what is no sequence at all
            raise ShapeError(
                f"the mask has {mask.shape[1]} steps, but the sequence has {x.shape[1]} here; the layers in front "
                'must keep their number, as Conv1D does with padding="same" and stride=1'
            )
        return x, mask
    if type(x) is tuple and not layer.takes_tuple:
        raise tuple_refused(layer, x)
    return x


def without_mask(layer: Layer, grad: Batch, mask: Array | None) -> Batch:
    """dL/dx of a layer that was handed (x, mask)."""
    return grad[0] if mask is not None and layer.takes_mask else grad


def gradient_for(grad: Array, mask: Array | None) -> Array:
    """What a container returns as dL/dx: a pair if it was given (x, mask). A mask has no gradient."""
    return grad if mask is None else cast("Array", (grad, np.zeros(mask.shape, grad.dtype)))
