"""Data on entry: what is accepted, what is refused with which message, and batches."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import Batches, DataError, HyperparameterError, ShapeError
from minidl.data import as_data
from minidl.typing import Array
from tests.tables import seeds


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        ([[1, 2]], None, np.float64),
        (np.ones((2, 1), np.int8), None, np.float64),
        (np.array([True, False]), None, np.float64),
        (np.ones(2, np.float32), None, np.float32),
        (np.ones(2, np.float32), np.float64, np.float64),
        (np.ones(2), np.float32, np.float32),
        (((1.0, 2.0), (3.0, 4.0)), None, np.float64),
        (np.ma.masked_array([1.0, 2.0], [False, False]), None, np.float64),
    ],
)
def test_every_real_type_is_accepted(values: Any, dtype: Any, expected: type) -> None:
    array = as_data(values, dtype=dtype)
    assert array.dtype == expected
    np.testing.assert_array_equal(array, np.asarray(values))


def test_floats_are_not_copied() -> None:
    array = np.ones((2, 2))
    assert as_data(array) is array
    assert as_data(array, dtype=np.float64) is array


REFUSED: list[tuple[Any, Any, type[Exception], str]] = [
    ([["a", "b"]], None, DataError, r"x must hold real numbers, got <U1; encode text as numbers"),
    ([[1, 2], [3]], None, DataError, "x is not an array of numbers: .*inhomogeneous"),
    ([[1j]], None, DataError, "x must hold real numbers, got complex128"),
    ([None, 1.0], None, DataError, "x must hold real numbers, got object"),
    (np.array(["2024-01-01"], "datetime64[D]"), None, DataError, "got datetime64"),
    ([], None, DataError, r"x is empty, its shape is \(0,\)"),
    (np.zeros((0, 3)), None, DataError, r"x is empty, its shape is \(0, 3\); at least one sample"),
    (np.zeros((3, 0)), None, DataError, r"x is empty, its shape is \(3, 0\)"),
    (3.0, None, ShapeError, "x must have the batch as its first axis, got a single number"),
    ([[1.0], [np.nan]], None, DataError, r"x holds 1 number that is NaN or infinite, the first at index \(1, 0\): nan"),
    ([np.inf, np.nan, 1.0], None, DataError, r"x holds 2 numbers that are .* index \(0,\): inf; clean the data"),
    ([-np.inf], None, DataError, r"index \(0,\): -inf"),
    ([1.0, 1e300], np.float32, DataError, r"index \(1,\): 1e\+300; too large for float32; scale the data"),
    (np.ma.masked_array([1.0, 2.0], [False, True]), None, DataError, "x has masked entries.*fill or drop them"),
]


@pytest.mark.parametrize(("values", "dtype", "error", "words"), REFUSED)
def test_data_that_cannot_be_used_are_refused(values: Any, dtype: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        as_data(values, dtype=dtype)


def test_the_name_is_in_the_message() -> None:
    with pytest.raises(DataError, match=r"^targets is empty"):
        as_data([], "targets")


def samples(n: int) -> tuple[Array, Array]:
    """Samples whose targets identify them."""
    return np.arange(2 * n, dtype=float).reshape(n, 2), np.arange(n)[:, None]


@given(seeds, st.integers(1, 20), st.integers(1, 25), st.booleans())
def test_every_sample_appears_once_per_epoch_with_its_target(seed: int, n: int, size: int, shuffle: bool) -> None:
    x, y = samples(n)
    batches = Batches(x, y, batch_size=size, shuffle=shuffle, rng=seed)
    for _ in range(3):
        drawn = list(batches)
        assert len(drawn) == len(batches) == -(-n // size)
        assert [len(part) for part, _ in drawn[:-1]] == [min(size, n)] * (len(drawn) - 1)
        xs, ys = (np.concatenate(parts) for parts in zip(*drawn, strict=True))
        np.testing.assert_array_equal(xs[:, 0], 2 * ys[:, 0])
        assert sorted(ys[:, 0].tolist()) == list(range(n))
        if not shuffle:
            np.testing.assert_array_equal(xs, x)


def orders(batches: Batches, epochs: int) -> list[list[int]]:
    return [[int(i) for _, y in batches for i in y[:, 0]] for _ in range(epochs)]


def test_orders_differ_between_epochs_and_depend_on_the_seed() -> None:
    x, y = samples(50)
    first = orders(Batches(x, y, batch_size=7, rng=0), 3)
    assert first[0] != first[1] != first[2] != first[0]
    assert first[0] != sorted(first[0])
    assert orders(Batches(x, y, batch_size=7, rng=0), 3) == first
    assert orders(Batches(x, y, batch_size=7, rng=np.random.default_rng(0)), 3) == first
    assert orders(Batches(x, y, batch_size=7, rng=1), 3) != first


@pytest.mark.parametrize("size", [None, 5, 6, 100])
def test_a_single_batch_is_neither_shuffled_nor_copied(size: int | None) -> None:
    x, y = samples(5)
    batches = Batches(x, y, batch_size=size, rng=0)
    ((got_x, got_y),) = list(batches)
    assert got_x is x
    assert got_y is y
    assert len(batches) == 1
    assert batches.rng is None  # no order is drawn, so numpy.random is not loaded


def test_mean_weighs_the_last_batch_by_its_size() -> None:
    x, y = samples(5)
    assert Batches(x, y, batch_size=2).mean([1.0, 2.0, 10.0]) == (2 * 1 + 2 * 2 + 10) / 5
    assert Batches(x, y, batch_size=5).mean([3.0]) == 3.0
    assert Batches(x[:4], y[:4], batch_size=2).mean([1.0, 2.0]) == 1.5


def test_arguments_are_checked() -> None:
    x, y = samples(5)
    with pytest.raises(ShapeError, match="x has 5 samples but y has 4; each input needs its target"):
        Batches(x, y[:4])
    for wrong in (0, -1):
        with pytest.raises(HyperparameterError, match=f"batch_size must be a positive integer, got {wrong}"):
            Batches(x, y, batch_size=wrong)
    others: list[Any] = [2.0, "2", True]
    for wrong in others:
        with pytest.raises(HyperparameterError, match=f"batch_size must be a positive integer, got {wrong!r}"):
            Batches(x, y, batch_size=wrong)
    with pytest.raises(DataError, match="no samples"):
        Batches(x[:0], y[:0])
