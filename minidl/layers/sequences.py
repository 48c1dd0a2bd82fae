"""What layers of sequences (n, t, features) share."""

from __future__ import annotations

from minidl.batch import several
from minidl.errors import ShapeError
from minidl.modules import Layer
from minidl.typing import Shape

__all__ = ["check_sequence"]


def check_sequence(layer: Layer, shape: Shape, features: int, what: str = "samples") -> None:
    """Raise `ShapeError` unless the shape of a sample is (t, features)."""
    if several(shape) or len(shape) != 2 or shape[1] != features:
        raise ShapeError(f"{layer!r} takes {what} of shape (t, {features}), got {shape}")
