"""The float types of models."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np

from minidl.arguments import got
from minidl.errors import HyperparameterError

__all__ = ["as_float_type"]


def as_float_type(dtype: Any) -> np.dtype[Any]:
    """Return float32 or float64 for any spelling of it that NumPy knows, such as "f4", "single" or float.

    Raises:
        HyperparameterError: anything else. None is refused, although NumPy takes it for float64.

    >>> as_float_type("f4"), as_float_type(float)
    (dtype('float32'), dtype('float64'))
    """
    if dtype is not None:
        with suppress(TypeError, ValueError, SyntaxError, Warning):  # a text may be malformed or deprecated
            found: np.dtype[Any] = np.dtype(dtype)
            if found in (np.float32, np.float64):
                return found
    raise HyperparameterError(f"dtype must be float32 or float64, {got(dtype)}")
