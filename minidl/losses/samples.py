"""The losses of samples, from those of single numbers."""

from __future__ import annotations

import numpy as np

from minidl.sums import row_sums
from minidl.typing import Array

__all__ = ["by_sample"]


def by_sample(losses: Array) -> tuple[Array, Array]:
    """Return the mean of each sample and how many numbers it is of, both (n,), as `Loss.each` does.

    Args:
        losses: one for each number, (n, …).

    >>> by_sample(np.array([[1.0, 3.0], [0.0, 1.0]]))
    (array([2. , 0.5]), array([2, 2]))
    """
    n = len(losses)
    rows = losses.reshape(n, losses.size // n).astype(np.float64, copy=False)
    size = rows.shape[1]
    with np.errstate(over="ignore"):
        sums = row_sums(rows)
    # A sum may overflow where the mean does not.
    means = sums / size if np.isfinite(sums).all() else row_sums(rows / size)
    return means, np.full(n, size)
