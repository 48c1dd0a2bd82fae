"""Ones to sum with."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from minidl.typing import Array

__all__ = ["ones"]


@lru_cache(maxsize=8)
def ones(n: int, dtype: Any) -> Array:
    """``n`` ones, made once: a product with them is a sum, and takes less time than ``sum``.

    A third to a half of it for a vector, a sixth for an array (200, 4) along its first axis.

    Args:
        n: how many.
        dtype: the float type of what is to be summed.

    >>> ones(3, np.dtype(np.float64)).dot(np.array([1.0, 2.0, 3.0]))
    np.float64(6.0)
    """
    array = np.ones(n, dtype)
    array.flags.writeable = False
    return array
