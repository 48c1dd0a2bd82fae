"""The levels at which contours of a function are drawn."""

from __future__ import annotations

import numpy as np

from minidl.typing import Array

__all__ = ["contour_levels", "rounded"]

LEVELS = 16


def contour_levels(values: Array) -> Array:
    """Levels that are close together where values are low, whatever their range, in ascending order.

    One lies where the slope is smallest: the contour through a saddle shows where paths part.

    Args:
        values: the function on a grid, (rows, columns). At least one must be finite.

    >>> x, y = np.meshgrid(np.linspace(-1.0, 1.0, 21), np.linspace(-1.0, 1.0, 21))
    >>> contour_levels(x**2 + y**2)[:4]
    array([0.0043, 0.01  , 0.04  , 0.08  ])
    """
    finite = values[np.isfinite(values)]
    special = _flattest(values)
    shares = ((np.arange(LEVELS) + 0.5) / LEVELS) ** 2
    levels = np.quantile(finite, shares)
    index = int(np.abs(levels - special).argmin())
    levels = np.array([rounded(level) for level in levels])
    if index > 0:
        # Slightly below it. At the value itself, rounding errors would draw a dotted line.
        levels[index] = special - 1e-3 * (special - levels[index - 1])
    levels = np.unique(levels)
    return levels if len(levels) > 1 else levels[0] + np.array([-0.5, 0.5])


def rounded(level: float) -> float:
    """A level with two digits.

    >>> rounded(0.123)
    0.12
    """
    return float(f"{level:.2g}")


def _flattest(values: Array) -> float:
    """The value where the slope is smallest."""
    with np.errstate(all="ignore"):
        slope = np.hypot(*np.gradient(values))
    slope[~np.isfinite(slope)] = np.inf
    return float(values.flat[slope.argmin()])
