"""Confusion matrices."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.ticker import MaxNLocator

from minidl.arguments import flag
from minidl.data import as_data
from minidl.errors import DataError, ShapeError
from minidl.plotting.style import BLUE, SMALL_FONT, Labels, canvas, class_names, color_scale
from minidl.typing import Array, ArrayLike

__all__ = ["plot_confusion"]

FEW = 20
"""Up to this number of classes, each has a tick, and zeros are written."""

DARK = 0.9
"""Above this share, white letters are easier to read than black ones."""


def plot_confusion(
    matrix: ArrayLike,
    ax: Axes | None = None,
    *,
    classes: Sequence[str] | None = None,
    normalize: bool = False,
    colorbar: bool = True,
    title: str | None = None,
    labels: Labels = None,
) -> Axes:
    """Draw a confusion matrix: a row for each true class, a column for each predicted one.

    Colours show the shares of each row, so that rare classes are as visible as frequent ones. Numbers are left out if
    they would be too small to read, and zeros if there are more than 20 classes.

    Args:
        matrix: what `minidl.metrics.confusion_matrix` returns, (k, k).
        ax: the axes to draw on. None makes a new figure.
        classes: the names of the k classes. None means their numbers.
        normalize: whether to write the shares of each row instead of the counts. The diagonal then holds the recalls.
        colorbar: whether to draw the colour bar. In a grid of axes, one is enough.
        title: the title of the axes.
        labels: the labels of the x axis and the y axis.

    Returns:
        The axes.

    Raises:
        ShapeError: a matrix that is not square; a wrong number of names.
        DataError: negative counts.
        TypeError: classes that are not a list of names; a title or labels that are not strings.
        HyperparameterError: a normalize or colorbar that is not True or False.

    >>> from matplotlib.figure import Figure
    >>> from minidl.metrics import confusion_matrix
    >>> ax = plot_confusion(confusion_matrix([0, 1, 1, 1], [0, 0, 1, 1]), Figure().subplots())
    >>> [text.get_text() for text in ax.texts]
    ['1', '1', '0', '2']
    """
    counts = as_data(matrix, "matrix", dtype=np.float64)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise ShapeError(
            f"matrix must be square, (k, k), got shape {counts.shape}; pass confusion_matrix(prediction, target)"
        )
    if counts.min() < 0:
        raise DataError(f"matrix must hold counts, which are not negative, got {counts.min():g}")
    k = len(counts)
    names = class_names(classes, [str(index) for index in range(k)])
    written, barred = flag("normalize", normalize), flag("colorbar", colorbar)
    total = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, total, out=np.zeros_like(counts), where=total > 0)
    whole = bool((counts == np.floor(counts)).all())
    form = ".2f" if written else ".0f" if whole else ".3g"
    texts = [format(number, form) for number in (shares if written else counts).flat]
    side = float(np.clip(2.2 + 0.45 * k, 3.6, 7.0))
    with canvas(ax, (side + 1.2, side), title=title, labels=labels) as ax:
        colors = LinearSegmentedColormap.from_list("shares", ["white", BLUE])
        image = ax.imshow(shares, cmap=colors, vmin=0.0, vmax=1.0)
        if barred:
            color_scale(image, ax, "share of the true class")
        _number_cells(ax, shares, texts)
        _name_classes(ax, names, every=classes is not None or k <= FEW)
        ax.set_xlabel("predicted class")
        ax.set_ylabel("true class")
    return ax


def _number_cells(ax: Axes, shares: Array, texts: Sequence[str]) -> None:
    # A digit is a little more than half as wide as its font is high. Below a height of 4, nobody can read it.
    size = min(SMALL_FONT, 0.85 * _cell(ax, len(shares)) / (0.62 * max(map(len, texts))))
    if size < 4:
        return
    for ((row, column), share), text in zip(np.ndenumerate(shares), texts, strict=True):
        if share or len(shares) <= FEW:
            color = "white" if share > DARK else "black" if share else "0.7"
            ax.text(column, row, text, ha="center", va="center", color=color, fontsize=size)


def _cell(ax: Axes, k: int) -> float:
    """The side of one of (k, k) cells, in points."""
    box, figure = ax.get_window_extent(), ax.get_figure(root=True)
    assert figure is not None  # axes that are drawn on have one
    return float(min(box.width, box.height) * 72 / figure.dpi / k)


def _name_classes(ax: Axes, names: Sequence[str], *, every: bool) -> None:
    if not every:
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_locator(MaxNLocator(nbins=10, steps=[1, 2, 5, 10], integer=True))
        return
    longest = 0.6 * SMALL_FONT * max(map(len, names))
    ax.set_xticks(range(len(names)), names, rotation=90 if longest > _cell(ax, len(names)) else 0)
    ax.set_yticks(range(len(names)), names)
