"""Sums in float32 keep seven digits, however long they are, and overflow only if the result does."""

from typing import Any

import numpy as np
import pytest

from minidl.constants import ones
from minidl.sums import FEW, LONG, column_sums, mean, mean_square, norm, product, row_sums
from minidl.typing import Array

LENGTHS = [FEW + 1, 16 * 31 + 17, 4099, LONG + 1, 60_000, 10**6 + 3]
NUMBERS = [0.1, 1 / 3, 1.7]


def equal_rows(n: int, width: int, number: float) -> Array:
    return np.full((n, width), number, np.float32)


@pytest.mark.parametrize("n", LENGTHS)
@pytest.mark.parametrize("number", NUMBERS)
def test_long_sums_of_equal_numbers(n: int, number: float) -> None:
    """Equal numbers are the worst case: all additions round in the same direction."""
    exact = float(np.float32(number))
    for width in (1, 10):
        rows = equal_rows(n, width, number)
        out = np.zeros(width, np.float32)
        assert column_sums(rows, out) is out
        np.testing.assert_allclose(out.astype(float), n * exact, rtol=5e-7)
        assert column_sums(rows).tobytes() == out.tobytes()
        np.testing.assert_allclose(row_sums(rows.T.copy()), n * exact, rtol=5e-7)
        np.testing.assert_allclose(row_sums(rows.T), n * exact, rtol=5e-7)
    flat = rows[:, 0].copy()
    assert mean(flat) == pytest.approx(exact, rel=5e-7)
    assert mean_square(flat) == pytest.approx(exact**2, rel=5e-7)
    assert norm(flat) == pytest.approx(exact * np.sqrt(n), rel=5e-7)


@pytest.mark.parametrize("n", [FEW + 1, 10**6])
def test_products_over_many_rows(n: int) -> None:
    x, grad, out = equal_rows(n, 3, 0.3), equal_rows(n, 2, 0.7), np.zeros((3, 2), np.float32)
    product(x.T, grad, out)
    exact = n * float(np.float32(0.3)) * float(np.float32(0.7))
    np.testing.assert_allclose(out.astype(float), exact, rtol=5e-6)


@pytest.mark.parametrize("n", [1, 2, 16, 255, 256, 512, 513, 527, 528, 1000, 5000])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("strided", [False, True])
def test_every_number_is_summed_once(n: int, dtype: Any, strided: bool) -> None:
    rows = np.random.default_rng(n).integers(-9, 9, (n, 6)).astype(dtype)
    rows = rows[:, ::2] if strided else rows
    before = rows.copy()
    exact = rows.astype(int)
    assert column_sums(rows).tolist() == exact.sum(axis=0).tolist()
    assert row_sums(rows.T).tolist() == exact.sum(axis=0).tolist()
    assert mean(rows) == pytest.approx(exact.mean(), rel=1e-6)
    assert mean_square(rows) == pytest.approx((exact**2).mean(), rel=1e-6)
    out = np.zeros((rows.shape[1],) * 2, dtype)
    product(rows.T, rows, out)
    assert out.tolist() == (exact.T @ exact).tolist()
    assert np.array_equal(rows, before)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_few_rows_are_summed_by_one_product(dtype: Any) -> None:
    rows = np.random.default_rng(0).normal(size=(FEW, 4)).astype(dtype)
    assert column_sums(rows).tobytes() == ones(FEW, rows.dtype).dot(rows).tobytes()


@pytest.mark.parametrize("n", [2, 3 * LONG])
@pytest.mark.parametrize(("dtype", "large"), [(np.float32, 3e38), (np.float64, 1.7e308)])
def test_what_is_representable_does_not_overflow(dtype: Any, large: float, n: int) -> None:
    with np.errstate(all="ignore"):
        full = np.full(n, large, dtype)
        assert mean(full) == pytest.approx(large, rel=1e-6)
        root = float(np.sqrt(dtype(large)))
        assert mean_square(np.full(n, root, dtype)) == pytest.approx(large, rel=1e-6)
        if large < 1e300 / n:
            assert norm(full) == pytest.approx(large * np.sqrt(n), rel=1e-6)
        assert norm(full / n) == pytest.approx(large / np.sqrt(n), rel=1e-6)


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_what_is_not_finite_stays_so(bad: float) -> None:
    with np.errstate(all="ignore"):
        array = np.array([1.0, bad])
        for result in (mean(array), mean_square(array), norm(array)):
            assert not np.isfinite(result)
        assert norm(array) == np.inf or np.isnan(bad)
