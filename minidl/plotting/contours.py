"""The contours of a function of two variables, and the paths of descents on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Outline

from minidl.arguments import flag
from minidl.data import as_data
from minidl.errors import DataError, HyperparameterError, ShapeError
from minidl.modules import Objective, check_is_objective
from minidl.plotting.landscape import draw_landscape
from minidl.plotting.paths import clip_path, inside, thin_out
from minidl.plotting.style import LARGEST, Labels, Look, canvas, halo, legend_below, look
from minidl.training import Descent
from minidl.typing import Array, ArrayLike

__all__ = ["HOLLOW", "Limits", "Path", "minima_of", "plot_contours", "view_of"]

Path: TypeAlias = "Descent | ArrayLike"
"""The result of `minimize`, or an array of points (n, 2)."""

Limits: TypeAlias = "tuple[float, float]"

SWING = 3.0  # how far a path that comes back may swing out and stay visible, in spans of starts and usual places
HOLLOW: dict[str, Any] = {"markerfacecolor": "white", "markeredgewidth": 1.2}


def plot_contours(
    objective: Objective,
    paths: Mapping[str, Path] | None = None,
    ax: Axes | None = None,
    *,
    xlim: Limits | None = None,
    ylim: Limits | None = None,
    colorbar: bool = True,
    title: str | None = None,
    labels: Labels = None,
) -> Axes:
    """Draw the contours of an objective of two parameters, and the paths of descents on them.

    Each path starts at a hollow circle. It ends at a filled marker, or at an arrow if its end lies outside of the plot.
    A star is a known minimum.

    Args:
        objective: an objective with two parameters.
        paths: a dict of labels and paths, each a Descent or an array (n, 2).
        ax: the axes to draw on. None makes a new figure.
        xlim: the limits of the first parameter. None chooses them so that the paths are visible, except for the far
            ends of those that run away.
        ylim: the limits of the second parameter, likewise.
        colorbar: whether to draw the colour bar. In a grid of axes with the same limits, one is enough.
        title: the title of the axes.
        labels: the labels of the x axis and the y axis, in place of θ₁ and θ₂.

    Returns:
        The axes.

    Raises:
        ShapeError: an objective that does not have two parameters; paths that are not (n, 2).
        DataError: paths with NaN or infinity; a Descent without a path; an objective without finite values.
        HyperparameterError: limits in the wrong order; a colorbar that is neither True nor False.
        TypeError: something that is not an objective; a title or labels that are not strings.

    >>> from matplotlib.figure import Figure
    >>> from minidl import SGD, Quadratic, minimize
    >>> bowl = Quadratic([[1.0, 0.0], [0.0, 5.0]])
    >>> descent = minimize(bowl, SGD(bowl.parameters(), lr=0.1), steps=500)
    >>> ax = plot_contours(bowl, {"lr 0.1": descent}, Figure().subplots())
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['lr 0.1: stationary', 'start', 'minimum']
    """
    colorbar = flag("colorbar", colorbar)
    paths = {} if paths is None else paths
    points, low, high = view_of(objective, paths, xlim, ylim)
    minima = minima_of(objective)
    with canvas(ax, (6.4, 4.8 + 0.1 * len(points)), title=title, labels=labels) as ax:
        draw_landscape(ax, objective, low, high, colorbar=colorbar)
        handles = []
        for index, (label, path) in enumerate(points.items()):
            descent = paths[label]
            name = f"{label}: {descent.fate}" if isinstance(descent, Descent) else label
            # Paths may overlap. The first ones are drawn below the others, and are thicker to stay visible.
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


def view_of(
    objective: Objective, paths: Mapping[str, Path], xlim: Limits | None, ylim: Limits | None
) -> tuple[dict[str, Array], Array, Array]:
    """The points of all paths, (n, 2) each, and the corners of the box to show, (2,) each."""
    check_is_objective(objective)
    size = objective.parameters().size
    if size != 2:
        raise ShapeError(f"contours need an objective with 2 parameters, but {objective!r} has {size}")
    if not isinstance(paths, Mapping):
        raise TypeError(f'paths must be a dict of labels and paths, such as {{"Adam": descent}}, got {paths!r:.80}')
    points = {label: _points(label, path) for label, path in paths.items()}
    # A descent may have moved the parameters far away. The objective's own start is a better place to look at.
    start = np.asarray(getattr(objective, "start", objective.parameters().value), dtype=float)
    low, high = _box(list(points.values()), np.vstack([start, minima_of(objective)]))
    for axis, (name, limits) in enumerate((("xlim", xlim), ("ylim", ylim))):
        if limits is not None:
            low[axis], high[axis] = _limits(name, limits)
    return points, low, high


def minima_of(objective: Objective) -> Array:
    """The known minima of an objective of two parameters, (k, 2)."""
    return np.array(getattr(objective, "minima", ()), dtype=float).reshape(-1, 2)


def _limits(name: str, limits: Any) -> tuple[float, float]:
    try:
        low, high = (float(limit) for limit in limits)
    except (TypeError, ValueError):
        low = high = 0.0
    if not -LARGEST <= low < high <= LARGEST:
        raise HyperparameterError(f"{name} must be two finite numbers in ascending order, got {limits!r}")
    return low, high


def _points(label: str, path: Path) -> Array:
    """The points of a path, (n, 2)."""
    if isinstance(path, Descent):
        path = path.path
        if path is None:
            raise DataError(f"the descent {label!r} has no path; pass callbacks=[RecordPath()] to minimize")
    points = as_data(path, f"path {label!r}", dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 2:
        raise ShapeError(f"path {label!r} must have shape (n, 2), got {points.shape}")
    return points.clip(-LARGEST, LARGEST)


def _box(paths: list[Array], landmarks: Array) -> tuple[Array, Array]:
    """The corners of the box to show: where paths start, where they spend most of their steps, and what lies around.

    Args:
        paths: each (n, 2).
        landmarks: points that must be visible, (n, 2). The first counts only if there are no paths.
    """
    if not paths:
        low, high = landmarks.min(axis=0), landmarks.max(axis=0)
        center, half = (low + high) / 2, 0.8 * (high - low)
        half = np.maximum(half, 0.6 * half.max()) if half.any() else np.full(2, max(1.5, 0.5 * np.abs(center).max()))
        return center - half, center + half
    starts = np.vstack([landmarks[1:], *(path[:1] for path in paths)])
    dwelling = np.array([np.median(path, axis=0) for path in paths])
    # A path that is far away for most of its steps does not tell where to look.
    core = np.vstack([starts, dwelling[(np.abs(dwelling) <= 3 * (1 + np.abs(starts).max())).all(axis=1)]])
    low, high = core.min(axis=0), core.max(axis=0)
    span = float((high - low).max()) or max(1.0, float(np.abs(core).max()))
    visited = np.vstack([core, *(_seen(path, low, high, span) for path in paths)])
    low, high = visited.min(axis=0), visited.max(axis=0)
    center, half = (low + high) / 2, (high - low) / 2
    half = 1.15 * np.maximum(half, 0.5 * max(half.max(), 0.5 * span))
    return center - half, center + half


def _seen(path: Array, low: Array, high: Array, span: float) -> Array:
    """The points of a path for which the box is widened. A path that comes back may swing out further than others."""
    near = inside(path, low - 0.5 * span, high + 0.5 * span)
    return path[inside(path, low - SWING * span, high + SWING * span) if near[-1] else near]


def _draw_path(ax: Axes, path: Array, low: Array, high: Array, style: Look, width: float, name: str) -> Line2D:
    pieces = [thin_out(piece, low, high) for piece in clip_path(path, low, high)]
    if pieces:
        outline = Outline.make_compound_path(*(Outline(piece) for piece in pieces))
        line = {"edgecolor": style.color, "linestyle": style.linestyle, "linewidth": width}
        ax.add_patch(PathPatch(outline, fill=False, zorder=3, path_effects=halo(width), **line))
    if inside(path[-1], low, high):
        size = 5.5 + width
        ax.plot(*path[-1], color=style.color, marker=style.marker, markersize=size, markeredgecolor="white", zorder=7)
    elif pieces:
        before, border = pieces[-1][-2:]
        away = (border - before) / (high - low)
        tail = border - 0.04 * (high - low) * away / np.hypot(*away)
        size = 11 + 4 * width
        arrow = {"arrowstyle": "-|>", "color": style.color, "mutation_scale": size, "shrinkA": 0, "shrinkB": 0}
        ax.annotate("", border, tail, arrowprops=arrow, annotation_clip=False, zorder=7)
    return Line2D([], [], color=style.color, linestyle=style.linestyle, marker=style.marker, markersize=6, label=name)
