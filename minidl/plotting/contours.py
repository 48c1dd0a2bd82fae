"""The landscape of a function of two numbers, and the ways down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, LinearSegmentedColormap
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Outline

from minidl.data import as_data
from minidl.errors import DataError, HyperparameterError, ShapeError
from minidl.modules import Objective
from minidl.plotting.paths import clip_path, inside, thin_out
from minidl.plotting.style import Look, canvas, color_scale, legend_below, look
from minidl.training import Descent
from minidl.typing import Array, ArrayLike

__all__ = ["Path", "plot_contours"]

Path: TypeAlias = "Descent | ArrayLike"
"""What `minimize` gives, or the points themselves, (n, 2)."""

Limits: TypeAlias = "tuple[float, float]"

GRID = 121
LEVELS = 16
HOLLOW: dict[str, Any] = {"markerfacecolor": "white", "markeredgewidth": 1.2}
# From deep to high; pale enough for every line on top of it.
LANDSCAPE = LinearSegmentedColormap.from_list("landscape", ["#7FA8C9", "#DCE6EE", "#FFFFFF"])


def plot_contours(
    objective: Objective,
    paths: Mapping[str, Path] | None = None,
    ax: Axes | None = None,
    *,
    xlim: Limits | None = None,
    ylim: Limits | None = None,
) -> Axes:
    """Draw the contours of an objective of two parameters, and on them the paths that descents took.

    Each path begins at a hollow circle and ends at a filled marker, or at an arrow where it leaves the picture for
    good. A star is a known minimum.

    Args:
        objective: with two parameters.
        paths: label -> a Descent or an array (n, 2).
        ax: where to draw; by default a new figure.
        xlim, ylim: the two ends of each axis; by default around the paths, but not as far as those that run away go.

    Returns:
        The axes.

    Raises:
        ShapeError: an objective of another number of parameters, or paths that are not (n, 2).
        DataError: paths with NaN or infinity, a Descent without a path, or an objective without finite values.
        HyperparameterError: limits in the wrong order.

    >>> from matplotlib.figure import Figure
    >>> from minidl import SGD, Quadratic, minimize
    >>> bowl = Quadratic([[1.0, 0.0], [0.0, 5.0]])
    >>> descent = minimize(bowl, SGD(bowl.parameters(), lr=0.1), steps=500)
    >>> ax = plot_contours(bowl, {"lr 0.1": descent}, Figure().subplots())
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['lr 0.1: stationary', 'start', 'minimum']
    """
    size = objective.parameters().size
    if size != 2:
        raise ShapeError(f"contours need an objective of 2 parameters, {objective!r} has {size}")
    points = {label: _points(label, path) for label, path in (paths or {}).items()}
    minima = np.array(getattr(objective, "minima", ()), dtype=float).reshape(-1, 2)
    # Parameters may be far away after a descent; where the function says it starts is a better place to look at.
    start = np.asarray(getattr(objective, "start", objective.parameters().value), dtype=float)
    low, high = _box(list(points.values()), np.vstack([start, minima]))
    for axis, limits in enumerate((xlim, ylim)):
        if limits is not None:
            low[axis], high[axis] = limits
    if not (np.isfinite(low).all() and np.isfinite(high).all() and (low < high).all()):
        raise HyperparameterError(f"xlim and ylim must be two finite numbers, small and large; got {xlim} and {ylim}")
    with canvas(ax, (6.4, 4.8 + 0.1 * len(points))) as ax:
        _draw_landscape(ax, objective, low, high)
        handles = []
        for index, (label, path) in enumerate(points.items()):
            descent = (paths or {})[label]
            name = f"{label}: {descent.fate}" if isinstance(descent, Descent) else label
            # Where paths lie upon each other, the thicker ones below stay visible.
            width = 1.4 + 1.4 * (len(points) - 1 - index) / len(points)
            handles.append(_draw_path(ax, path, low, high, look(index), width, name))
        starts = [path[0] for path in points.values() if inside(path[0], low, high)]
        if starts:
            handles += ax.plot(
                *np.transpose(starts), "o", color="black", label="start", zorder=6, markersize=6.5, **HOLLOW
            )
        visible = minima[inside(minima, low, high)]
        if len(visible):
            name = "minimum" if len(visible) == 1 else "minima"
            ax.plot(*visible.T, "*", color="black", zorder=5, markersize=17, **HOLLOW)
            handles.append(
                Line2D([], [], color="black", marker="*", linestyle="none", markersize=11, label=name, **HOLLOW)
            )
        ax.set_xlim(low[0], high[0])
        ax.set_ylim(low[1], high[1])
        ax.set_xlabel(r"$\theta_1$")
        ax.set_ylabel(r"$\theta_2$")
        if handles:
            legend_below(ax, handles)
    return ax


def _points(label: str, path: Path) -> Array:
    """The points of a path, (n, 2)."""
    if isinstance(path, Descent):
        path = path.path
        if path is None:
            raise DataError(f"the descent {label!r} kept no path; pass callbacks=[RecordPath()] to minimize")
    points = as_data(path, f"path {label!r}", dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 2:
        raise ShapeError(f"path {label!r} must have shape (n, 2), got {points.shape}")
    return points


def _box(paths: list[Array], landmarks: Array) -> tuple[Array, Array]:
    """The corners of what is worth seeing: where paths begin and dwell, and what they visit around that.

    Args:
        paths: each (n, 2).
        landmarks: points to show anyway, (n, 2); the first counts only if there are no paths.
    """
    if not paths:
        low, high = landmarks.min(axis=0), landmarks.max(axis=0)
        center, half = (low + high) / 2, 0.8 * (high - low)
        half = np.maximum(half, 0.6 * half.max()) if half.any() else np.full(2, max(1.5, 0.5 * np.abs(center).max()))
        return center - half, center + half
    starts = np.vstack([landmarks[1:], *(path[:1] for path in paths)])
    dwelling = np.array([np.median(path, axis=0) for path in paths])
    # A path that is far out for most of its steps does not tell where to look.
    core = np.vstack([starts, dwelling[(np.abs(dwelling) <= 3 * (1 + np.abs(starts).max())).all(axis=1)]])
    low, high = core.min(axis=0), core.max(axis=0)
    span = float((high - low).max()) or max(1.0, float(np.abs(core).max()))
    visited = np.vstack([core, *(path[inside(path, low - 0.5 * span, high + 0.5 * span)] for path in paths)])
    low, high = visited.min(axis=0), visited.max(axis=0)
    center, half = (low + high) / 2, (high - low) / 2
    half = 1.15 * np.maximum(half, 0.5 * max(half.max(), 0.5 * span))
    return center - half, center + half


def _draw_landscape(ax: Axes, objective: Objective, low: Array, high: Array) -> None:
    xs, ys = np.linspace(low, high, GRID).T.tolist()
    values = np.array([[objective.value((x, y)) for x in xs] for y in ys])
    finite = values[np.isfinite(values)]
    if not finite.size:
        raise DataError(f"{objective!r} has no finite value between {low} and {high}; choose other limits")
    levels = _levels(finite, _flattest(values))
    for _ in range(2):
        values = _refine(_refine(values).T).T
    xs, ys = np.linspace(low, high, len(values)).T
    masked = np.ma.masked_invalid(values)
    norm = BoundaryNorm(levels, LANDSCAPE.N, extend="both")
    filled = ax.contourf(xs, ys, masked, levels=levels, cmap=LANDSCAPE, norm=norm, extend="both")
    ax.contour(xs, ys, masked, levels=levels, colors="0.5", linewidths=0.5, linestyles="solid")
    bar = color_scale(filled, ax, "value", format=_level_name)
    bar.set_ticks(levels[:: 1 + len(levels) // 9].tolist(), minor=False)
    bar.set_ticks([], minor=True)


def _level_name(level: float, _: int) -> str:
    return f"{_rounded(level):g}".replace("-", "−")


def _refine(values: Array) -> Array:
    """Values at twice as many heights, by cubics through four neighbours: evaluating there would take far longer."""
    padded = np.vstack([_beyond(values), values, _beyond(values[::-1])])
    fine = np.empty((2 * len(values) - 1, values.shape[1]))
    fine[::2] = values
    with np.errstate(all="ignore"):
        fine[1::2] = (9 * (values[:-1] + values[1:]) - padded[:-3] - padded[3:]) / 16
    return fine


def _beyond(values: Array) -> Array:
    """One more row before the first, on the cubic through the first four."""
    with np.errstate(all="ignore"):
        return np.asarray(4 * values[:1] - 6 * values[1:2] + 4 * values[2:3] - values[3:4])


def _flattest(values: Array) -> float:
    """The value where the slope is smallest: the contour through a saddle shows where ways part."""
    with np.errstate(all="ignore"):
        slope = np.hypot(*np.gradient(values))
    slope[~np.isfinite(slope)] = np.inf
    return float(values.flat[slope.argmin()])


def _levels(values: Array, special: float) -> Array:
    """Levels that are close together where the values are low, whatever their range, one of them special."""
    shares = ((np.arange(LEVELS) + 0.5) / LEVELS) ** 2
    levels = np.quantile(values, shares)
    index = int(np.abs(levels - special).argmin())
    levels = np.array([_rounded(level) for level in levels])
    if index > 0:
        # Just below, as at the value itself rounding errors would draw a dotted line.
        levels[index] = special - 1e-3 * (special - levels[index - 1])
    levels = np.unique(levels)
    return levels if len(levels) > 1 else levels[0] + np.array([-0.5, 0.5])


def _rounded(level: float) -> float:
    return float(f"{level:.2g}")


def _draw_path(ax: Axes, path: Array, low: Array, high: Array, style: Look, width: float, name: str) -> Line2D:
    pieces = [thin_out(piece, low, high) for piece in clip_path(path, low, high)]
    if pieces:
        outline = Outline.make_compound_path(*(Outline(piece) for piece in pieces))
        line = {"edgecolor": style.color, "linestyle": style.linestyle, "linewidth": width}
        ax.add_patch(PathPatch(outline, fill=False, zorder=3, **line))
    if inside(path[-1], low, high):
        size = 5.5 + width
        ax.plot(*path[-1], color=style.color, marker=style.marker, markersize=size, markeredgecolor="white", zorder=7)
    elif pieces:
        before, border = pieces[-1][-2:]
        away = (border - before) / (high - low)
        tail = border - 0.04 * (high - low) * away / np.hypot(*away)
        arrow = {
            "arrowstyle": "-|>",
            "color": style.color,
            "mutation_scale": 11 + 4 * width,
            "shrinkA": 0,
            "shrinkB": 0,
        }
        ax.annotate("", border, tail, arrowprops=arrow, annotation_clip=False, zorder=7)
    return Line2D([], [], color=style.color, linestyle=style.linestyle, marker=style.marker, markersize=6, label=name)
