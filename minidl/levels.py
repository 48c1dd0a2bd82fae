"""The levels at which contours of a function are drawn."""

from __future__ import annotations

from itertools import pairwise
from math import ceil, log10

import numpy as np

from minidl.typing import Array

__all__ = ["contour_levels", "level_name", "roundest"]

LEVELS = 16
LARGEST = 1e307
"""Values are limited to this size, so that differences between levels do not overflow."""


def contour_levels(values: Array) -> tuple[Array, dict[float, str]]:
    """Round levels that are close together where values are low, in ascending order, and the names of some of them.

    One lies where the slope is smallest: the contour through a saddle shows where paths part.

    Args:
        values: the function on a grid, (rows, columns). At least one must be finite.

    >>> x, y = np.meshgrid(np.linspace(-1.0, 1.0, 21), np.linspace(-1.0, 1.0, 21))
    >>> levels, names = contour_levels(x**2 + y**2)
    >>> levels[1:4], list(names.values())[1:3]
    (array([0.02, 0.05, 0.08]), ['0.05', '0.1'])
    """
    special, values = _flattest(values), values[np.isfinite(values)].clip(-LARGEST, LARGEST)
    shares = ((np.arange(LEVELS) + 0.5) / LEVELS) ** 2
    places = np.unique(np.quantile(values, shares))
    if len(places) == 1:
        return places[0] + np.array([-0.5, 0.5]), {float(places[0]): level_name(float(places[0]))}
    # A level may lie anywhere between the middles of the gaps beside it. The outermost ones have more room.
    middles = (places[:-1] + places[1:]) / 2
    ends = [2 * places[0] - middles[0], *middles, 2 * places[-1] - middles[-1]]
    levels = np.unique([roundest(low, high) for low, high in pairwise(ends)])
    if len(levels) == 1:  # hardly any values but those of two plateaus, one on each side of 0
        return np.array([ends[0], levels[0], ends[-1]]), {float(levels[0]): level_name(float(levels[0]))}
    names = [level_name(level) for level in levels.tolist()]
    index = int(np.abs(levels - special).argmin())
    if index > 0:
        gap = special - levels[index - 1]
        # Slightly below it. At the value itself, rounding errors would draw a dotted line.
        levels[index] = special - 1e-3 * gap
        names[index] = level_name(roundest(special - 0.02 * gap, special + 0.02 * gap))
    every = 1 + len(levels) // 9
    return levels, dict(zip(levels[index % every :: every].tolist(), names[index % every :: every], strict=True))


def roundest(low: float, high: float) -> float:
    """The multiple of the largest 1, 2 or 5 times a power of ten in an interval that is closest to its middle.

    >>> roundest(70.0, 160.0), roundest(-3.1, 0.4), roundest(2.93, 2.99)
    (100.0, 0.0, 2.95)
    """
    if low <= 0.0 <= high:
        return 0.0
    largest, middle = ceil(log10(max(abs(low), abs(high)))), low + (high / 2 - low / 2)
    for power in range(largest, max(largest - 13, -323), -1):
        for digit in (5, 2, 1):
            step = float(f"{digit}e{power}")
            nearest = round(middle / step)
            for count in (nearest, nearest - 1, nearest + 1):
                if low <= count * step <= high:
                    return float(f"{count * step:.12g}")
    return middle


def level_name(level: float) -> str:
    """A level with three digits, and commas between thousands.

    >>> level_name(-1000.0), level_name(1e-07)
    ('−1,000', '1e−7')
    """
    rounded = float(f"{level:.3g}")
    plain = rounded == 0 or 1e-3 <= abs(rounded) < 1e6
    text = f"{rounded:,.10g}" if plain else f"{rounded:g}".replace("e+0", "e").replace("e+", "e").replace("e-0", "e-")
    return text.replace("-", "−")


def _flattest(values: Array) -> float:
    """The value where the slope is smallest."""
    with np.errstate(all="ignore"):
        slope = np.hypot(*np.gradient(values))
    slope[~np.isfinite(slope)] = np.inf
    return float(values.flat[slope.argmin()])
