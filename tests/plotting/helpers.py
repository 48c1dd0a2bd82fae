"""The contents of plots, as numbers and texts."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox
from PIL import Image

from minidl.plotting import style
from minidl.typing import Array


def axes(width: float = 6.0, height: float = 4.0) -> Axes:
    with style():
        return Figure(figsize=(width, height)).subplots()


def render(ax: Axes) -> Array:
    """The pixels of the finished figure. Drawing it fails or warns if an artist contains NaN or an invalid text."""
    canvas: Any = FigureCanvasAgg(ax.get_figure(root=True))
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())


def frames_of(path: Path) -> list[Array]:
    """The pixels of each frame of an animation."""
    with Image.open(path) as movie:
        found = []
        for index in range(getattr(movie, "n_frames", 1)):
            movie.seek(index)
            found.append(np.asarray(movie.convert("RGB")))
    return found


def legend(ax: Axes) -> list[str]:
    drawn = ax.get_legend()
    return [] if drawn is None else [text.get_text() for text in drawn.get_texts()]


def texts(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts if text.get_text()]


def boxes(ax: Axes) -> list[tuple[str, Bbox]]:
    """The texts in the finished figure with their boxes, in pixels."""
    render(ax)
    return [(text.get_text(), text.get_window_extent()) for text in ax.texts if text.get_text()]
