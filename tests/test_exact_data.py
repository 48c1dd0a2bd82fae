"""Data that NumPy would change without a word on the way in: large integers and masked rows."""

from typing import Any

import numpy as np
import pytest

from minidl import BatchNorm, DataError, Dense, MSELoss, Parameter, Quadratic, make_blobs
from minidl.checking import numerical_gradient
from minidl.data import as_data

TOO_LARGE: list[tuple[Any, Any, str, int]] = [
    # values, the float type, where the first integer is that it cannot represent, and which
    (np.array([1, 2**53 + 1]), np.float64, "(1,)", 2**53 + 1),
    ([[0, 1], [-(2**53) - 1, 2**60 + 1]], np.float64, "(1, 0)", -(2**53) - 1),
    (np.array([2**64 - 1], np.uint64), np.float64, "(0,)", 2**64 - 1),
    (np.array([2**63 - 1]), np.float64, "(0,)", 2**63 - 1),
    (np.array([2**24 + 1]), np.float32, "(0,)", 2**24 + 1),
    (np.array([0, -(2**24) - 1], np.int32), np.float32, "(1,)", -(2**24) - 1),
    (np.array([2**32 - 1], np.uint32), np.float32, "(0,)", 2**32 - 1),
    ([16777217], np.float32, "(0,)", 16777217),
]
EXACT: list[tuple[Any, Any]] = [
    (np.array([2**53, -(2**53), 2**53 + 2, 2**62]), np.float64),
    (np.array([2**63], np.uint64), np.float64),
    (np.array([-(2**63)]), np.float64),
    (np.array([2**24, -(2**24), 2**24 + 2, 2**40]), np.float32),
    (np.array([2**15 - 1], np.int16), np.float32),
    (np.array([True, False]), np.float32),
    (np.array([2.0**53 + 2, 0.1]), np.float32),
]


@pytest.mark.parametrize(("values", "dtype", "where", "which"), TOO_LARGE)
def test_integers_that_would_change_are_refused(values: Any, dtype: Any, where: str, which: int) -> None:
    with pytest.raises(DataError) as caught:
        as_data(values, "ids", dtype=dtype)
    assert str(caught.value) == (
        f"ids holds an integer that {np.dtype(dtype)} cannot represent, at index {where}: {which}; if rounding is "
        "fine, convert ids to floats first"
    )
    assert as_data(np.asarray(values).astype(float), dtype=dtype).dtype == dtype


@pytest.mark.parametrize(("values", "dtype"), EXACT)
def test_integers_that_stay_are_accepted(values: Any, dtype: Any) -> None:
    assert as_data(values, dtype=dtype).dtype == dtype
    if values.dtype.kind in "iu":
        assert [int(v) for v in as_data(values, dtype=dtype)] == values.tolist()


def test_integers_that_would_change_are_refused_everywhere() -> None:
    layer = Dense(1, 1, rng=0)
    large = [[2**53 + 1]]
    for call in (layer, layer.predict, lambda x: MSELoss()([[1.0]], x), Parameter):
        with pytest.raises(DataError, match="holds an integer that float64 cannot represent"):
            call(large)
    single = Dense(1, 1, rng=0).astype(np.float32)
    for call in (single, single.predict, lambda x: MSELoss()(np.ones((1, 1), np.float32), x)):
        with pytest.raises(DataError, match="holds an integer that float32 cannot represent"):
            call([[2**24 + 1]])
    before = layer.weight.value.copy()
    for name, words in (("value", "value"), ("grad", "gradient")):
        with pytest.raises(DataError, match=f"the {words} holds an integer"):
            setattr(layer.weight, name, large)
    with pytest.raises(DataError, match="the value of all parameters holds an integer"):
        layer.parameters().value = np.array([2**53 + 1, 0])
    with pytest.raises(DataError, match="bias holds an integer"):
        layer.load_state({"weight": [[0.5]], "bias": [2**53 + 1]})
    assert np.array_equal(layer.weight.value, before)
    norm = BatchNorm(1)
    with pytest.raises(DataError, match="running_var holds an integer"):
        norm.load_state({**norm.state(), "running_var": [2**53 + 1]})
    for name in ("matrix", "linear", "start"):
        with pytest.raises(DataError, match=f"{name} holds an integer"):
            Quadratic(**{"matrix": [[1.0]], name: large})
    with pytest.raises(DataError, match="theta holds an integer"):
        numerical_gradient(np.sum, large)
    with pytest.raises(DataError, match="centers holds an integer"):
        make_blobs(9, centers=large)


MASKED = np.ma.array([1.0, 2.0], mask=[False, True])
ROW = np.ma.array([1.0, 2.0])


@pytest.mark.parametrize(
    "values",
    [MASKED, [MASKED], [[0.0, 1.0], MASKED], (ROW, MASKED), [[ROW], [MASKED]], [np.zeros((1, 2)), MASKED[None]]],
    ids=str,
)
def test_masked_entries_are_refused_however_deep(values: Any) -> None:
    with pytest.raises(DataError, match=r"x has masked entries, .*fill or drop them"):
        as_data(values)
    with pytest.raises(DataError, match="a parameter's value has masked entries"):
        Parameter(values)
    theta = Parameter(np.zeros(np.shape(values)))
    with pytest.raises(DataError, match="the value has masked entries"):
        theta.value = values
    assert not theta.value.any()


def test_masked_arrays_without_masked_entries_are_accepted() -> None:
    assert as_data([ROW, [3.0, 4.0]]).tolist() == [[1, 2], [3, 4]]
    assert type(as_data(ROW)) is np.ndarray
    with pytest.raises(DataError, match="masked"):
        as_data([1.0, np.ma.masked])
