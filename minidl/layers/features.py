"""The check of layers that act on a fixed number of features, the last axis."""

from __future__ import annotations

from minidl.errors import ShapeError
from minidl.modules import Layer
from minidl.typing import Shape

__all__ = ["check_features"]


def check_features(layer: Layer, shape: Shape | None, features: int) -> None:
    """Raise `ShapeError` unless the samples that a layer takes have this many features on the last axis."""
    if shape is not None and shape[-1:] != (features,):
        fix = "; make it x[:, None]" if shape == () and features == 1 else ""
        raise ShapeError(f"{layer!r} takes samples of {features} features on the last axis, got shape {shape}{fix}")
