"""The contours of a function of two variables: where it is evaluated, and their colours."""

from __future__ import annotations

from warnings import catch_warnings, simplefilter

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, LinearSegmentedColormap

from minidl.errors import DataError
from minidl.levels import contour_levels
from minidl.modules import Objective
from minidl.plotting.style import LARGEST, color_scale
from minidl.typing import Array

__all__ = ["draw_landscape", "refine"]

GRID = 121
# From low to high. Lines on it have a white edge, so that all of them stand out.
LANDSCAPE = LinearSegmentedColormap.from_list("landscape", ["#2F6F9F", "#79A9CB", "#C5DBE9", "#F3EEDF", "#E3D3AE"])
LINE = "#5F6B73"


def draw_landscape(ax: Axes, objective: Objective, low: Array, high: Array, *, colorbar: bool) -> None:
    """Draw the contours of an objective of two parameters in the box between two corners, (2,) each."""
    xs, ys = np.linspace(low, high, GRID).T
    values = objective.values_at([(x, y) for y in ys for x in xs]).reshape(GRID, GRID)
    np.clip(values, -LARGEST, LARGEST, out=values, where=np.isfinite(values))
    if not np.isfinite(values).any():
        raise DataError(f"{objective!r} has no finite value between {low} and {high}; choose other limits")
    levels, names = contour_levels(values)
    for _ in range(2):
        values = refine(refine(values).T).T
    xs, ys = np.linspace(low, high, len(values)).T
    masked = np.ma.masked_invalid(values)
    norm = BoundaryNorm(levels, LANDSCAPE.N, extend="both")
    filled = ax.contourf(xs, ys, masked, levels=levels, cmap=LANDSCAPE, norm=norm, extend="both")
    with catch_warnings():
        simplefilter("ignore", UserWarning)  # Matplotlib 3.10 cannot do it, and warns
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
