"""The style of all plots: colours that colour-blind readers can tell apart, and fonts readable in a small panel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeAlias

import matplotlib as mpl
import matplotlib.pyplot as plt
import matplotlib.style
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colorbar import Colorbar
from matplotlib.figure import Figure
from matplotlib.patheffects import AbstractPathEffect, withStroke
from matplotlib.transforms import offset_copy

from minidl.errors import ShapeError, StateError
from minidl.typing import Array

__all__ = [
    "LARGEST",
    "NEGATIVE",
    "POSITIVE",
    "Labels",
    "Look",
    "canvas",
    "check_texts",
    "class_names",
    "color_scale",
    "draw_line",
    "halo",
    "legend_below",
    "look",
    "new_figure",
    "style",
]

# The palette of Okabe and Ito (2008) without yellow, which is too pale for lines on white.
BLUE, VERMILLION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
ORANGE, BLACK, SKY, YELLOW = "#E69F00", "#000000", "#56B4E9", "#F0E442"
COLORS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, BLACK, SKY)
POSITIVE, NEGATIVE = BLUE, VERMILLION

# Five dashes, seven colours and seven markers: the first 35 lines all differ, even in greyscale.
DASHES: tuple[Any, ...] = ("solid", (0, (5, 1.5)), (0, (1, 1)), (0, (6, 1.5, 1, 1.5)), (0, (3, 1, 1, 1, 1, 1)))
MARKERS = ("s", "^", "D", "v", "P", "X", "<")

Labels: TypeAlias = "tuple[str, str] | None"
"""The labels of the x axis and the y axis. None leaves those that a plot has by itself."""

LARGEST = 1e100
"""The largest number that is drawn. Matplotlib's axes overflow soon beyond it."""

FONT, SMALL_FONT, THIN = 10, 9, 0.7
SETTINGS = {
    "font.size": FONT,
    "axes.titlesize": FONT,
    "axes.linewidth": THIN,
    "xtick.labelsize": SMALL_FONT,
    "ytick.labelsize": SMALL_FONT,
    "xtick.major.width": THIN,
    "ytick.major.width": THIN,
    "legend.fontsize": SMALL_FONT,
    "legend.edgecolor": "0.8",
    "legend.framealpha": 0.9,
    "lines.linewidth": 1.6,
    "figure.dpi": 120,
    "figure.constrained_layout.use": True,
}


class Look(NamedTuple):
    """What distinguishes one line from the others."""

    color: str
    linestyle: Any
    marker: str


def look(index: int) -> Look:
    """The look of the line with this index, from 0.

    >>> look(0)
    Look(color='#0072B2', linestyle='solid', marker='s')
    """
    return Look(COLORS[index % len(COLORS)], DASHES[index % len(DASHES)], MARKERS[index % len(MARKERS)])


@contextmanager
def style() -> Iterator[None]:
    """Use the style of minidl's plots inside a ``with`` block, for instance for a figure with several plots.

    Inside, the user's settings of Matplotlib have no effect. Afterwards they are as before, but for the backend and
    whether figures are interactive, which stay as they were last set.

    >>> with style():
    ...     figure = plt.Figure(figsize=(8, 3))
    >>> figure.get_constrained_layout()
    True
    """
    interactive = mpl.is_interactive()
    try:
        with matplotlib.style.context(["default", SETTINGS]):
            try:
                yield
            finally:
                interactive = mpl.is_interactive()
    finally:  # Matplotlib's own context would undo a backend's switch to interactive figures.
        mpl.interactive(interactive)


def new_figure(size: tuple[float, float] | None = None) -> Figure:
    """A new pyplot figure in the style.

    Args:
        size: the width and height in inches. None means Matplotlib's default.
    """
    # Load the backend first. It may set the user's settings, which `style` would undo.
    plt.draw_if_interactive()  # type: ignore[no-untyped-call]  # Matplotlib has no hint here
    with style():
        return plt.figure(figsize=size)


@contextmanager
def canvas(
    ax: Axes | None, size: tuple[float, float], *, title: str | None = None, labels: Labels = None
) -> Iterator[Axes]:
    """Open axes to draw on, with the style around them: the given ones, or those of a new pyplot figure.

    After an error, a new figure is closed.

    Args:
        ax: the axes, or None for a new figure.
        size: the width and height of a new figure, in inches.
        title: the title of the axes. None leaves what the block wrote.
        labels: the labels of the x axis and the y axis. None leaves what the block wrote.

    Raises:
        TypeError: something other than two-dimensional Cartesian axes, such as the array that ``plt.subplots(2, 2)``
            returns; a title that is not a string; labels that are not two strings.
        StateError: axes that have been removed from their figure.
    """
    check_texts(title, labels)
    if ax is not None and not isinstance(ax, Axes):
        raise TypeError(
            f"ax must be one Axes or None, got {type(ax).__name__}; pass one of an array of axes, such as axes[0, 0]"
        )
    if ax is not None and ax.name in ("3d", "polar"):
        raise TypeError(f"ax must be two-dimensional Cartesian axes, got {type(ax).__name__}; leave out projection=")
    if ax is not None and ax.get_figure() is None:
        raise StateError("ax has been removed from its figure; pass other axes, or None for a new figure")
    opened = new_figure(size) if ax is None else None
    try:
        with style():
            axes = ax if opened is None else opened.subplots()
            assert axes is not None  # one of the two is there
            _dress(axes)
            yield axes
            if title is not None:
                axes.set_title(title)
            if labels is not None:
                axes.set_xlabel(labels[0])
                axes.set_ylabel(labels[1])
    except BaseException:
        if opened is not None:
            plt.close(opened)
        raise


def check_texts(title: object, labels: object) -> None:
    """Raise a TypeError unless a title is a string and labels are two strings. Both may be None."""
    if not (title is None or isinstance(title, str)):
        raise TypeError(f"title must be a string or None, got {title!r:.80}")
    pair = isinstance(labels, Sequence) and not isinstance(labels, str) and len(labels) == 2
    if not (labels is None or (pair and all(isinstance(label, str) for label in labels))):  # type: ignore[attr-defined]  # a pair can be looped over
        raise TypeError(f"labels must be two strings, for the x axis and the y axis, or None, got {labels!r:.80}")


def class_names(classes: Sequence[str] | None, usual: Sequence[str]) -> list[str]:
    """The names of the classes as strings, or the usual ones if there are none.

    >>> class_names(None, ["class 0", "class 1"])
    ['class 0', 'class 1']

    Raises:
        TypeError: something other than a list of names.
        ShapeError: another number of names.
    """
    if classes is None:
        return list(usual)
    try:
        names = [str(name) for name in classes]
    except TypeError:
        raise TypeError(f"classes must be a list of {len(usual)} names or None, got {classes!r:.80}") from None
    if len(names) != len(usual):
        raise ShapeError(f"classes must name all {len(usual)} classes, got {len(names)} names")
    return names


def _dress(axes: Axes) -> None:
    """Apply the settings that axes read only when they are made.

    Axes that were passed in have been made without them. Ticks are made later, when the figure is drawn.
    """
    for spine in axes.spines.values():
        spine.set_linewidth(THIN)
    axes.tick_params(which="both", labelsize=SMALL_FONT, width=THIN)
    for text in (axes.title, axes.xaxis.label, axes.yaxis.label):
        text.set_fontsize(FONT)


def draw_line(ax: Axes, index: int, x: Array, y: Array, label: str) -> None:
    """Draw the line with this index. Values without a neighbour have a marker, as a line does not show them."""
    there = np.pad(np.isfinite(y), 1)
    alone = np.flatnonzero(there[1:-1] & ~there[:-2] & ~there[2:]).tolist()
    color, dashes, marker = look(index)
    markers: dict[str, Any] = {"marker": marker, "markevery": alone} if alone else {}
    ax.plot(x, y, color=color, linestyle=dashes, label=label or None, **markers)


def halo(width: float) -> list[AbstractPathEffect]:
    """The white edge of a line of this width, in points, so that it stands out on any background."""
    return [withStroke(linewidth=width + 1.6, foreground="white", alpha=0.85)]


def color_scale(mappable: ScalarMappable, ax: Axes, label: str, **options: Any) -> Colorbar:
    """Add a colour bar beside the axes. It takes the options of Matplotlib's ``colorbar``."""
    bar = ax.figure.colorbar(mappable, ax=ax, label=label, **options)
    _dress(bar.ax)
    bar.outline.set_linewidth(THIN)
    return bar


def legend_below(ax: Axes, handles: Sequence[Artist], *, left: bool = False) -> None:
    """Add a legend below the label of the x axis, where it covers nothing and leaves room for the title.

    Handles without a label are left out. At the left, the legend has one column, which stays where it is when its texts
    change.
    """
    handles = [handle for handle in handles if not str(handle.get_label()).startswith("_child")]
    if not handles:  # Matplotlib hides names of classes that begin with an underscore
        return
    figure = ax.get_figure(root=True)
    assert figure is not None  # axes that are drawn on have one
    if figure.get_layout_engine() is None:
        # Without a layout, nothing makes room below. Matplotlib's "best" place takes seconds for many points.
        ax.legend(handles=handles, loc="upper right")
        return
    # It may be wider than the axes by an eighth on both sides. A letter is about half as wide as its font is high.
    width = 1.25 * ax.get_window_extent().width * 72 / figure.dpi
    longest = max(len(str(handle.get_label())) for handle in handles)
    columns = int(width / (0.46 * SMALL_FONT * longest + 42))
    place = offset_copy(ax.transAxes, figure, y=-34, units="points")
    ax.legend(
        handles=handles,
        loc="upper left" if left else "upper center",
        bbox_to_anchor=(0.0 if left else 0.5, 0.0),
        bbox_transform=place,
        ncols=1 if left else min(max(columns, 1), len(handles)),
        borderaxespad=0.0,
        frameon=False,
    )
