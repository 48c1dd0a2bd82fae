"""Constant arrays: made once, and read-only."""

from typing import Any

import numpy as np
import pytest

from minidl.constants import ones, scalar

TYPES = [np.float32, np.float64]


@pytest.mark.parametrize("dtype", TYPES)
def test_ones_are_made_once_and_read_only(dtype: Any) -> None:
    first = ones(3, np.dtype(dtype))
    assert (first.tolist(), first.dtype) == ([1.0, 1.0, 1.0], dtype)
    assert ones(3, np.dtype(dtype)) is first
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 2.0


@pytest.mark.parametrize("dtype", TYPES)
def test_a_scalar_is_made_once_and_read_only(dtype: Any) -> None:
    first = scalar(0.1, np.dtype(dtype))
    assert (first.shape, first.dtype, first) == ((), dtype, dtype(0.1))
    assert scalar(0.1, np.dtype(dtype)) is first
    with pytest.raises(ValueError, match="read-only"):
        first[...] = 2.0


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("value", [0.1, 1 / 3, 1e-8, 0.999])
def test_a_scalar_acts_like_the_python_float(value: float, dtype: Any) -> None:
    array = np.random.default_rng(0).standard_normal(100).astype(dtype)
    for given in (array * scalar(value, array.dtype), scalar(value, array.dtype) * array):
        assert given.dtype == dtype
        assert np.array_equal(given, array * value)


@pytest.mark.parametrize(("make", "kept"), [(ones, 8), (scalar, 16)])
def test_only_the_latest_are_cached(make: Any, kept: int) -> None:
    make.cache_clear()
    for n in range(100):
        make(n, np.dtype(np.float64))
    assert make.cache_info().currsize == kept
