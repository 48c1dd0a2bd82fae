"""Sums that keep the digits of float32, and that overflow only if the result does.

Up to `FEW` numbers, a product with ones is exact enough and takes less time than a sum. In a product, float32 numbers
are added one after the other: 60,000 equal rows of ten were off by 6e-4, and 512 by 5e-6. Longer sums are made of
partial sums instead, which takes up to three times as long.
"""

from __future__ import annotations

from math import inf, isfinite, sqrt

import numpy as np

from minidl.constants import ones
from minidl.typing import Array

__all__ = ["as_rows", "column_sums", "mean", "mean_square", "norm", "product", "row_sums"]

FEW = 512
FOLD = 16
LONG = 4096
"""Up to this length, the product of a float32 vector with itself is exact to 1e-6."""


def as_rows(array: Array) -> Array:
    """Return an array (n, …, k) as rows (N, k).

    A product of rows takes a fourteenth to a seventieth of the time of the same product with three axes.
    """
    return array.reshape(-1, array.shape[-1])


def column_sums(rows: Array, out: Array | None = None) -> Array:
    """Return the sums of the columns of (n, k), of shape (k,).

    Args:
        rows: float32 or float64.
        out: where to write them.

    >>> column_sums(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([4., 6.])
    """
    if len(rows) <= FEW:
        result: Array = ones(len(rows), rows.dtype).dot(rows, out)
        return result
    out = np.empty(rows.shape[1], rows.dtype) if out is None else out
    while (n := len(rows) // FOLD) >= FOLD:
        # Sixteen rows become one, in one product: each part of the rows is a long row of its own.
        folded = ones(FOLD, rows.dtype).dot(rows[: n * FOLD].reshape(FOLD, -1)).reshape(n, -1)
        folded[: len(rows) % FOLD] += rows[n * FOLD :]
        rows = folded
    rows.sum(axis=0, dtype=np.float64, out=out)
    return out


def row_sums(array: Array) -> Array:
    """Return the sums over the last axis.

    >>> row_sums(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([3., 7.])
    """
    length = array.shape[-1]
    if length <= FEW:
        # As rows, in less than half of the time that three axes take.
        result: Array = as_rows(array).dot(ones(length, array.dtype))
        return result.reshape(array.shape[:-1])
    return np.asarray(array.sum(axis=-1, dtype=np.float64), array.dtype)


def product(a: Array, b: Array, out: Array) -> None:
    """Write the product of (…, n) and (n, k) into an array.

    >>> out = np.zeros((1, 1))
    >>> product(np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]]), out)
    >>> out
    array([[11.]])
    """
    if len(b) <= FEW or b.dtype == np.float64:
        a.dot(b, out)
        return
    # Sums of halves, each of them made of whole parts, lose hardly any digits in float32.
    half, rest = (len(b) + FEW - 1) // FEW // 2 * FEW, np.empty_like(out)
    product(a[..., :half], b[:half], out)
    product(a[..., half:], b[half:], rest)
    out += rest


def mean(array: Array) -> float:
    """Return the mean of all numbers. It is finite if they are.

    >>> mean(np.array([1.0, 2.0]))
    1.5
    """
    flat = array.ravel()
    n = flat.size
    total = float(ones(n, flat.dtype).dot(flat) if n <= FEW else column_sums(flat[:, None])[0])
    return total / n if isfinite(total) else float((flat / n).sum(dtype=np.float64))


def mean_square(array: Array) -> float:
    """Return the mean of the squares of all numbers. In float32 it may exceed the largest float32.

    >>> mean_square(np.array([3.0, 4.0]))
    12.5
    """
    flat = array.ravel()
    total = _square_sum(flat)
    if isfinite(total):
        return total / flat.size
    root = norm(flat / sqrt(flat.size))
    return root * root


def norm(array: Array) -> float:
    """Return the length of a flat array. It overflows only if the length does, even where squares do.

    >>> round(norm(np.array([3e200, 4e200])) / 1e200, 6)
    5.0
    """
    with np.errstate(over="ignore"):
        total = _square_sum(array)
    if isfinite(total):
        return sqrt(total)
    largest = float(np.abs(array).max())
    if not largest < inf:
        return largest
    return largest * sqrt(_square_sum(array / largest))


def _square_sum(flat: Array) -> float:
    if flat.size <= LONG or flat.dtype == np.float64:
        return float(flat.dot(flat))
    return float(column_sums((flat * flat)[:, None])[0])
