"""What callers of backward need."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from minidl.errors import ShapeError
from minidl.typing import Batch

__all__ = ["as_gradient", "backward_without_dx"]


def as_gradient(grad: Batch, y: Batch) -> Batch:
    """Return dL/dy in the type of y, for callers that hand a gradient to a model.

    As in PyTorch, a loss computed in float64 may follow a float32 model.

    Raises:
        ShapeError: a gradient that does not have the shape of y.
    """
    if type(y) is not tuple and isinstance(grad, np.ndarray) and grad.shape == y.shape:
        # A y of ids has no gradient: what stands for it are floats all the same.
        same = grad.dtype == y.dtype or y.dtype.kind != "f"
        return grad if same else grad.astype(y.dtype, casting="same_kind")
    if isinstance(grad, tuple) and isinstance(y, tuple) and len(grad) == len(y):
        return tuple(map(as_gradient, grad, y))
    given = f"shape {grad.shape}" if isinstance(grad, np.ndarray) else f"type {type(grad).__name__}"
    must = f"a tuple of {len(y)} arrays, as y is" if isinstance(y, tuple) else f"an array of y's shape {y.shape}"
    raise ShapeError(f"dL/dy must be {must}, got {given}")


def _backward_without_dx(kind: type) -> str:
    """The name of the method to call for a caller that does not need dL/dx.

    That is "backward_parameters" if it is defined in the same class as backward. If a subclass overrides backward
    alone, the inherited backward_parameters still writes the gradients of the parent.
    """
    owner = next(base for base in kind.__mro__ if "backward" in vars(base))
    return "backward_parameters" if "backward_parameters" in vars(owner) else "backward"


backward_without_dx: Callable[[type], str] = cache(_backward_without_dx)
"""The same, with the answers cached: it is asked at every step."""
