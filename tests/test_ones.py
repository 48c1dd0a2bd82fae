"""Ones to sum with."""

from typing import Any

import numpy as np
import pytest

from minidl.ones import ones


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_they_are_made_once_and_for_all(dtype: Any) -> None:
    first = ones(3, np.dtype(dtype))
    assert (first.tolist(), first.dtype) == ([1.0, 1.0, 1.0], dtype)
    assert ones(3, np.dtype(dtype)) is first
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 2.0


def test_of_many_lengths_only_the_latest_are_kept() -> None:
    ones.cache_clear()
    for n in range(100):
        ones(n, np.dtype(np.float64))
    assert ones.cache_info().currsize == 8
