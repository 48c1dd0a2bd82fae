"""Data on entry are finite: whatever their type, size and layout, a single NaN or infinite number is found."""

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import DataError, Dense, Flatten, MSELoss, Sequential, ShapeError
from minidl.data import as_data
from minidl.typing import Array

LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "C": lambda array: array,
    "Fortran": np.asfortranarray,
    "every second": lambda array: np.repeat(array, 2, axis=1)[:, ::2],
    "backwards": lambda array: array[::-1, ::-1].copy()[::-1, ::-1],
    "read-only": lambda array: np.frombuffer(array.tobytes(), array.dtype).reshape(array.shape),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble, ">f4", ">f8"])
@given(st.integers(1, 7), st.integers(1, 7), st.sampled_from([np.nan, np.inf, -np.inf]), st.data())
def test_each_number_is_looked_at(layout: str, dtype: Any, n: int, m: int, wrong: float, data: st.DataObject) -> None:
    array = np.ones((n, m), dtype)
    assert as_data(LAYOUTS[layout](array), dtype=np.dtype(np.float32)).tolist() == array.tolist()
    i, j = data.draw(st.integers(0, n - 1)), data.draw(st.integers(0, m - 1))
    array[i, j] = wrong
    for target in (None, np.dtype(np.float32), np.dtype(np.float64)):
        with pytest.raises(DataError, match=rf"1 number .* at index \({i}, {j}\): {wrong}; clean the data"):
            as_data(LAYOUTS[layout](array), dtype=target)


@pytest.mark.parametrize("layout", ["C", "Fortran", "every second"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_numbers_up_to_the_largest_are_taken_as_they_are(layout: str, dtype: type) -> None:
    largest = np.finfo(dtype).max
    array = LAYOUTS[layout](np.array([[largest, -largest, 1.0], [largest, 0.0, largest]], dtype))
    with np.errstate(all="raise"):
        assert as_data(array, dtype=np.dtype(dtype)) is array
    array[1, 2] = np.inf
    with pytest.raises(DataError, match=r"1 number .* index \(1, 2\): inf"):
        as_data(array, dtype=np.dtype(dtype))


def test_infinities_of_both_signs_do_not_cancel() -> None:
    x = np.array([[np.inf, -np.inf]], np.float32)
    model = Sequential(Dense(2, 1), dtype=np.float32)
    for call in (model, model.predict, model.check_input, lambda x: MSELoss()(x, x)):
        with pytest.raises(DataError, match=r"holds 2 numbers that are NaN or infinite, the first at index \(0, 0\)"):
            call(x)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_arrays_of_the_right_type_are_refused_as_others_are(dtype: type) -> None:
    wanted = np.dtype(dtype)
    with pytest.raises(ShapeError, match="batch as its first axis, got a single number"):
        as_data(np.array(1.0, wanted), dtype=wanted)
    for shape in ((0,), (0, 3), (3, 0)):
        with pytest.raises(DataError, match=r"x is empty, its shape is \("):
            as_data(np.ones(shape, wanted), dtype=wanted)
    with pytest.raises(DataError, match="x has masked entries"):
        as_data(np.ma.masked_array(np.ones(2, wanted), [False, True]), dtype=wanted)


def test_a_view_is_not_copied() -> None:
    x = np.ones((1000, 2000))[:, ::2]
    tracemalloc.start()
    try:
        assert as_data(x, dtype=x.dtype) is x
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < x.nbytes / 4


@pytest.mark.parametrize("shape", [(1,), (1, 2), (3, 4, 5)])
def test_without_parameters_each_float_type_is_kept(shape: tuple[int, ...]) -> None:
    for dtype in (np.float32, np.float64):
        x: Array = np.ones(shape, dtype)
        assert Sequential(Flatten()).predict(x).dtype == dtype
