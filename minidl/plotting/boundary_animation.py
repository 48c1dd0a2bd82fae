"""Animations of a decision boundary as it forms."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.animation import FuncAnimation
from matplotlib.artist import Artist
from matplotlib.axes import Axes

from minidl.arguments import flag
from minidl.data import as_data
from minidl.errors import DataError, ShapeError
from minidl.modules import Layer
from minidl.plotting.animation import animate, check_gif, steps_shown
from minidl.plotting.plane import Plane
from minidl.plotting.style import Labels, canvas, check_texts, color_scale, legend_below, style
from minidl.typing import Array, ArrayLike

__all__ = ["animate_boundary"]

GRID = 100
SHADES = 13  # areas of one colour make the file far smaller


def animate_boundary(
    model: Layer,
    points: Sequence[ArrayLike] | Array,
    x: ArrayLike,
    y: ArrayLike,
    ax: Axes | None = None,
    *,
    path: str | os.PathLike[str] | None = None,
    frames: int = 60,
    seconds: float = 6.0,
    threshold: float | None = None,
    classes: Sequence[str] | None = None,
    units: bool = False,
    title: str | None = None,
    labels: Labels = None,
) -> FuncAnimation:
    """Animate the decision boundary of a model of two features over the steps of its training.

    Each frame is drawn as by `plot_decision_boundary`, for the parameters after one step. The title shows the step and
    the accuracy. Early steps, in which most of the change happens, are shown one by one, and later ones at growing
    distances. Afterwards, the model has the parameters that it had before.

    Args:
        model: as for `plot_decision_boundary`. What is not a parameter, such as the running mean of a BatchNorm, stays
            as it is.
        points: the flat vector of parameters before the first step and after each step, (steps + 1, P), as recorded by
            the callback `minidl.RecordPath`.
        x: the samples, (n, 2).
        y: their classes, counted from 0, as (n,) or (n, 1), or one-hot as (n, k).
        ax: the axes to draw on. None makes a new figure.
        path: a GIF file to write. Afterwards, a new figure is closed. None writes nothing, and leaves it open.
        frames: the largest number of frames, the first and the last step included.
        seconds: how long the animation takes, at most 600. No frame of a file takes less than 1/50 s.
        threshold: as for `plot_decision_boundary`.
        classes: the names of the classes. None means "class 0", "class 1" and so on.
        units: whether to draw a dashed line for each unit of the first layer, where its input is 0.
        title: the title, in front of the step.
        labels: the labels of the x axis and the y axis.

    Returns:
        The animation. In a notebook, ``IPython.display.HTML(animation.to_jshtml())`` plays it.

    Raises:
        ShapeError: as for `plot_decision_boundary`; points that are not (steps + 1, P).
        DataError: as for `plot_decision_boundary`; points that are not finite; no points.
        HyperparameterError: frames that are not an integer of at least 2; seconds that are not above 0 and at most 600;
            a path that does not end in .gif; a wrong threshold or units.
        StateError: a path in a folder that does not exist.
        TypeError: something that is not a layer; classes that are not a list of names; a title or labels that are not
            strings.

    >>> import tempfile
    >>> from minidl import BCEWithLogitsLoss, Dense, Momentum, RecordPath, ReLU, Sequential, Trainer, make_xor
    >>> x, y = make_xor(50, rng=0)
    >>> model, record = Sequential(Dense(2, 4), ReLU(), Dense(4, 1), rng=0), RecordPath()
    >>> trainer = Trainer(model, BCEWithLogitsLoss(), Momentum(model.parameters(), lr=0.1), callbacks=[record])
    >>> history = trainer.fit(x, y, epochs=50)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     animation = animate_boundary(model, record.points, x, y, path=f"{folder}/xor.gif", frames=3)
    ...     os.listdir(folder)
    ['xor.gif']
    """
    check_texts(title, labels)
    frames, seconds = check_gif(path, frames, seconds)
    plane = Plane(model, x, y, threshold, classes, GRID)
    film = _Film(plane, _checked(model, points), title, dashed=flag("units", units))
    with canvas(ax, (4.4, 3.9), labels=labels) as axes:
        film.prepare(axes)
        figure = axes.get_figure(root=True)
        assert figure is not None  # axes that are drawn on have one
        shown = steps_shown(len(film.points) - 1, frames)
        animation = animate(figure, film.show, shown, path, seconds=seconds, borrowed=ax is not None)
    if path is not None and ax is None:
        plt.close(figure)
    return animation


class _Film:
    """The frames of an animation, drawn one after the other on the same axes.

    Args:
        plane: what there is to draw.
        points: the parameters at each step, (steps + 1, P).
        title: the beginning of the title of each frame.
        dashed: whether units have lines.
    """

    def __init__(self, plane: Plane, points: Array, title: str | None, *, dashed: bool) -> None:
        self.plane, self.points, self.dashed = plane, points, dashed
        self.start = "" if title is None else f"{title}: "
        self.drawn: list[Artist] = []

    def prepare(self, ax: Axes) -> None:
        """Draw what stays the same, and the last step. Its colours are those of the whole animation."""
        plane, last = self.plane, len(self.points) - 1
        self.ax = ax
        with self._at(last):
            scores = plane.scores()
            self.norm = plane.norm(scores)
            mesh = plane.draw_colors(ax, scores, self.norm, SHADES)
        if plane.binary:
            color_scale(mesh, ax, plane.output, extend="neither" if plane.probability else "both")
        plane.draw_samples(ax)
        self.drawn = [mesh]
        self.show(last)
        legend_below(ax, plane.handles(ax))

    def show(self, step: int) -> list[Artist]:
        """Draw a step in place of the one before."""
        while self.drawn:
            self.drawn.pop().remove()
        plane = self.plane
        with style(), self._at(step):
            scores = plane.scores()
            self.drawn.append(plane.draw_colors(self.ax, scores, self.norm, SHADES))
            self.drawn += plane.draw_boundary(self.ax, scores)
            if self.dashed:
                self.drawn += plane.draw_units(self.ax)
            correct = plane.predicted(plane.scores(plane.samples)) == plane.classes
            self.ax.set_title(f"{self.start}step {step:,}, accuracy {correct.mean():.0%}")
        return self.drawn

    @contextmanager
    def _at(self, step: int) -> Iterator[None]:
        """Give the model the parameters of a step inside a ``with`` block."""
        parameters = self.plane.model.parameters()
        before = parameters.value.copy()
        parameters.value = self.points[step]
        try:
            yield
        finally:
            parameters.value = before


def _checked(model: Layer, points: Sequence[ArrayLike] | Array) -> Array:
    """The points as one array, (steps + 1, P)."""
    if len(points) == 0:
        raise DataError("points must contain at least one vector of parameters; record them with RecordPath")
    size = model.parameters().size
    found = as_data(points, "points", dtype=np.float64)
    if found.ndim != 2 or found.shape[1] != size:
        raise ShapeError(f"points must have shape (steps + 1, {size}) for this model, got {found.shape}")
    return found
