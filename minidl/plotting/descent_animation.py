"""Animations of descents on the contours of a function of two variables."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.animation import FuncAnimation
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from minidl.errors import DataError
from minidl.modules import Objective
from minidl.plotting.animation import animate, check_gif, steps_shown
from minidl.plotting.contours import HOLLOW, Limits, Path, plot_contours, view_of
from minidl.plotting.paths import clip_path, inside, thin_out
from minidl.plotting.style import Labels, canvas, check_texts, halo, legend_below, look
from minidl.training import Descent
from minidl.typing import Array

__all__ = ["animate_descent"]

WIDTH = 1.8


def animate_descent(
    objective: Objective,
    paths: Mapping[str, Path],
    ax: Axes | None = None,
    *,
    path: str | os.PathLike[str] | None = None,
    frames: int = 60,
    seconds: float = 6.0,
    xlim: Limits | None = None,
    ylim: Limits | None = None,
    title: str | None = None,
    labels: Labels = None,
) -> FuncAnimation:
    """Animate one or several descents on the contours of an objective of two parameters.

    All descents are at the same step, which grows geometrically from frame to frame. When one has ended, the legend
    says how. A descent outside of the plot waits at its border.

    Args:
        objective: an objective with two parameters.
        paths: a dict of labels and paths, each a Descent or an array (n, 2).
        ax: the axes to draw on. None makes a new figure.
        path: a GIF file to write. Afterwards, a new figure is closed. None writes nothing, and leaves it open.
        frames: the number of frames. There are fewer if the descents have fewer steps.
        seconds: how long the animation takes, at most 600. No frame of a file takes less than 1/50 s.
        xlim: the limits of the first parameter, as in `plot_contours`.
        ylim: the limits of the second parameter, likewise.
        title: the title, in front of the step.
        labels: the labels of the x axis and the y axis, in place of θ₁ and θ₂.

    Returns:
        The animation. In a notebook, ``IPython.display.HTML(animation.to_jshtml())`` plays it.

    Raises:
        DataError, ShapeError: as in `plot_contours`, and if there are no paths.
        HyperparameterError: a path that does not end in .gif; limits, frames or seconds out of range.
        StateError: a folder that does not exist.
        TypeError: something that is not an objective; a title or labels that are not strings.

    >>> import os, tempfile
    >>> from minidl import SGD, Quadratic, minimize
    >>> bowl = Quadratic([[1.0, 0.0], [0.0, 5.0]])
    >>> descent = minimize(bowl, SGD(bowl.parameters(), lr=0.1), steps=500)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     animation = animate_descent(bowl, {"lr 0.1": descent}, path=f"{folder}/bowl.gif", frames=5)
    ...     os.listdir(folder)
    ['bowl.gif']
    """
    check_texts(title, labels)
    frames, seconds = check_gif(path, frames, seconds)
    points, low, high = view_of(objective, paths, xlim, ylim)
    if not points:
        raise DataError("paths must contain at least one path, got an empty dict")
    with canvas(ax, (7.0, 4.9)) as axes:
        figure = axes.get_figure(root=True)
        assert isinstance(figure, Figure)  # axes that are drawn on have one
        shown: Any = {"xlim": (low[0], high[0]), "ylim": (low[1], high[1])}
        plot_contours(objective, None, axes, colorbar=False, labels=labels, **shown)
        trails = [
            # Paths may overlap. The first ones are drawn below the others, and are thicker to stay visible.
            _Trail(axes, index, line, label, paths[label], low, high, WIDTH + 1.4 * (1 - (index + 1) / len(points)))
            for index, (label, line) in enumerate(points.items())
        ]
        legend_below(axes, [trail.head for trail in trails], left=True)
        names = axes.get_legend().get_texts()  # type: ignore[union-attr]  # there is one now

        def draw(step: int) -> None:
            axes.set_title(f"{title}: step {step:,}" if title else f"step {step:,}")
            for trail, name in zip(trails, names, strict=True):
                name.set_text(trail.move(step))

        last = max(map(len, points.values())) - 1
        animation = animate(figure, draw, steps_shown(last, frames), path, seconds=seconds, borrowed=ax is not None)
    if path is not None and ax is None:
        plt.close(figure)
    return animation


class _Trail:
    """The line that one path leaves, and its head, which is labelled with the text at the end."""

    def __init__(
        self, ax: Axes, index: int, points: Array, label: str, path: Path, low: Array, high: Array, width: float
    ) -> None:
        self.points, self.label, self.low, self.high = points, label, low, high
        self.end = f"{label}: {path.fate} at step {path.steps:,}" if isinstance(path, Descent) else label
        color, _, marker = look(index)
        if inside(points[0], low, high):
            ax.plot(*points[0], "o", color="black", markersize=6.5, zorder=6, **HOLLOW)
        (self.line,) = ax.plot([], [], color=color, linewidth=width, zorder=3, path_effects=halo(width))
        (self.head,) = ax.plot([], [], color=color, linestyle="none", marker=marker, label=self.end or " ", zorder=7)
        self.head.set(markersize=9, markeredgecolor="white", clip_on=False)

    def move(self, step: int) -> str:
        """Move the head to a step, and return what the legend says then."""
        walked = self.points[: step + 1]
        pieces = [thin_out(piece, self.low, self.high) for piece in clip_path(walked, self.low, self.high)]
        gaps = [np.insert(piece, len(piece), np.nan, axis=0) for piece in pieces]
        self.line.set_data(*np.vstack([np.empty((0, 2)), *gaps]).T)
        self.head.set_data(*walked[-1:].clip(self.low, self.high).T)
        return self.end if step >= len(self.points) - 1 else self.label
