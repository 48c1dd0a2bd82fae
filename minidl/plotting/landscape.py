"""The contours of a function of two variables: where it is evaluated, the levels, and their colours."""

from __future__ import annotations

from itertools import pairwise
from math import ceil, log10

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, LinearSegmentedColormap

from minidl.errors import DataError
from minidl.modules import Objective
from minidl.plotting.style import LARGEST, color_scale
from minidl.typing import Array

__all__ = ["draw_landscape", "refine"]

GRID = 121
LEVELS = 16
# From low to high. Lines on it have a white edge, so that all of them stand out.
LANDSCAPE = LinearSegmentedColormap.from_list("landscape", ["#2F6F9F", "#79A9CB", "#C5DBE9", "#F3EEDF", "#E3D3AE"])
LINE = "#5F6B73"


def draw_landscape(ax: Axes, objective: Objective, low: Array, high: Array, *, colorbar: bool) -> None:
    """Draw the contours of an objective of two parameters in the box between two corners, (2,) each."""
    xs, ys = np.linspace(low, high, GRID).T
    values = objective.values_at([(x, y) for y in ys for x in xs]).reshape(GRID, GRID)
    np.clip(values, -LARGEST, LARGEST, out=values, where=np.isfinite(values))
    finite = values[np.isfinite(values)]
    if not finite.size:
        raise DataError(f"{objective!r} has no finite value between {low} and {high}; choose other limits")
    levels, names = _levels(finite, _flattest(values))
    for _ in range(2):
        values = refine(refine(values).T).T
    xs, ys = np.linspace(low, high, len(values)).T
    masked = np.ma.masked_invalid(values)
    norm = BoundaryNorm(levels, LANDSCAPE.N, extend="both")
    filled = ax.contourf(xs, ys, masked, levels=levels, cmap=LANDSCAPE, norm=norm, extend="both")
    filled.set_rasterized(True)  # in a vector graphic, whose file would be several times as large
    ax.contour(xs, ys, masked, levels=levels, colors=LINE, linewidths=0.5, linestyles="solid")
    if colorbar:
        bar = color_scale(filled, ax, "f")
        bar.set_ticks([*names], labels=[*names.values()], minor=False)
        bar.set_ticks([], minor=True)


def refine(values: Array) -> Array:
    """Interpolate between rows by cubics through four neighbours. Evaluating the objective there takes far longer."""
    padded = np.vstack([_beyond(values), values, _beyond(values[::-1])])
    fine = np.empty((2 * len(values) - 1, values.shape[1]))
    fine[::2] = values
    with np.errstate(all="ignore"):
        fine[1::2] = (9 * (values[:-1] + values[1:]) - padded[:-3] - padded[3:]) / 16
    return fine


def _beyond(values: Array) -> Array:
    """Extrapolate one row before the first, by the cubic through the first four."""
    with np.errstate(all="ignore"):
        return np.asarray(4 * values[:1] - 6 * values[1:2] + 4 * values[2:3] - values[3:4])


def _flattest(values: Array) -> float:
    """The value where the slope is smallest. The contour through a saddle shows where paths part."""
    with np.errstate(all="ignore"):
        slope = np.hypot(*np.gradient(values))
    slope[~np.isfinite(slope)] = np.inf
    return float(values.flat[slope.argmin()])


def _levels(values: Array, special: float) -> tuple[Array, dict[float, str]]:
    """Round levels that are close together where values are low, and the names of some. One lies at `special`."""
    shares = ((np.arange(LEVELS) + 0.5) / LEVELS) ** 2
    places = np.unique(np.quantile(values, shares))
    if len(places) == 1:
        return places[0] + np.array([-0.5, 0.5]), {float(places[0]): _name(float(places[0]))}
    # A level may lie anywhere between the middles of the gaps beside it. The outermost ones have more room.
    middles = (places[:-1] + places[1:]) / 2
    ends = [2 * places[0] - middles[0], *middles, 2 * places[-1] - middles[-1]]
    levels = np.unique([_roundest(low, high) for low, high in pairwise(ends)])
    names = [_name(level) for level in levels.tolist()]
    index = int(np.abs(levels - special).argmin())
    if index > 0:
        gap = special - levels[index - 1]
        # Slightly below it. At the value itself, rounding errors would draw a dotted line.
        levels[index] = special - 1e-3 * gap
        names[index] = _name(_roundest(special - 0.02 * gap, special + 0.02 * gap))
    every = 1 + len(levels) // 9
    return levels, dict(zip(levels[index % every :: every].tolist(), names[index % every :: every], strict=True))


def _roundest(low: float, high: float) -> float:
    """The multiple of the largest 1, 2 or 5 times a power of ten in an interval that is closest to its middle.

    >>> _roundest(70.0, 160.0), _roundest(-3.1, 0.4), _roundest(2.93, 2.99)
    (100.0, 0.0, 2.95)
    """
    if low <= 0.0 <= high:
        return 0.0
    largest, middle = ceil(log10(max(abs(low), abs(high)))), low / 2 + high / 2
    for power in range(largest, max(largest - 13, -323), -1):
        for digit in (5, 2, 1):
            step = float(f"{digit}e{power}")
            nearest = round(middle / step)
            for count in (nearest, nearest - 1, nearest + 1):
                if low <= count * step <= high:
                    return float(f"{count * step:.12g}")
    return middle


def _name(level: float) -> str:
    rounded = float(f"{level:.3g}")
    plain = rounded == 0 or 1e-3 <= abs(rounded) < 1e6
    text = f"{rounded:,.10g}" if plain else f"{rounded:g}".replace("e+0", "e").replace("e+", "e").replace("e-0", "e-")
    return text.replace("-", "−")
