"""What layers of sequences (n, t, features) share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minidl.batch import axis_too_many, several
from minidl.errors import DataError, ShapeError, describe
from minidl.modules import Layer
from minidl.typing import Array, Batch, Shape

__all__ = ["ONE_STEP", "check_sequence", "check_state", "check_time_step", "forgotten_sequences"]


ONE_STEP = "step takes one time step, (n, features) or ids (n,), without a mask"


def check_state(layer: Layer, x: Array, samples: int) -> None:
    """Raise `ShapeError` unless the state of a step is one of as many sequences as x, which NumPy might broadcast."""
    if samples != len(x):
        raise ShapeError(
            f"{describe(layer)}: the state is one of {samples} sequences, but x has {len(x)}; pass the state that step "
            "returned for these sequences, or None to begin"
        )


def check_sequence(layer: Layer, shape: Shape, features: int, what: str = "samples") -> None:
    """Raise `ShapeError` unless the shape of a sample is (t, features)."""
    if several(shape) or len(shape) != 2 or shape[1] != features:
        fix = axis_too_many(shape, 2)
        if len(shape) == 1 and not (layer.takes_tuple or several(shape)):
            fix = "is the axis of the batch missing, as in x[None], or that of time, as in x[:, None]?"
            if shape[0] != features:
                fix = "is the axis of the features missing, as in x[..., None]?" if features == 1 else ""
        raise ShapeError(f"{layer!r} takes {what} of shape (t, {features}), got {shape}{fix and '; '}{fix}")


def check_time_step(layer: Layer, x: Batch) -> None:
    """Raise unless x is one time step (n, features) of a sequence, for a layer that has a state.

    Raises:
        DataError: something other than an array.
        ShapeError: an array with the axis of time, or without that of the batch.
    """
    if type(x) is np.ndarray and x.ndim == 2:
        return
    if not isinstance(x, np.ndarray):
        raise DataError(f"{describe(layer)}: {ONE_STEP}, got {type(x).__name__}")
    fix = "; pass one of them, such as x[:, 0]" if x.ndim == 3 else ""
    raise ShapeError(f"{describe(layer)}: {ONE_STEP}, got an array of shape {x.shape}{fix}")


def forgotten_sequences(layers: Sequence[Layer], shape: Shape | None) -> str:
    """Advice for samples with a single axis in front of a layer that takes another shape.

    It is empty unless the last recurrent layer among those before it returns only its last output.
    """
    if shape is None or several(shape) or len(shape) != 1:
        return ""
    for index in reversed(range(len(layers))):
        for _, module in layers[index].modules():
            if (returned := getattr(module, "return_sequences", None)) is not None:
                return "" if returned else f"; for all time steps, give layer {index} return_sequences=True"
    return ""
