"""The diagram of a network."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D

from minidl.arguments import flag, whole_number
from minidl.modules import Layer
from minidl.plotting.blocks import draw_blocks, has_branches
from minidl.plotting.columns import Column, columns_of, place
from minidl.plotting.style import FONT, NEGATIVE, POSITIVE, SMALL_FONT, Labels, canvas, check_texts

__all__ = ["plot_network"]

ZERO, DASHED = "0.65", (0, (4, 1))
LINE_WIDTHS = (0.4, 3.2)
# Heights in points: of a line of text, of a node with its bias, of a node with a name, of a number on an edge.
LINE, BIAS_ROOM, NAME_ROOM, VALUE_ROOM = 13.0, 25.0, 14.0, 10.5


def plot_network(
    model: Layer,
    ax: Axes | None = None,
    *,
    max_units: int = 10,
    values: bool | None = None,
    title: str | None = None,
    labels: Labels = None,
) -> Axes:
    """Draw a network of Dense and elementwise layers: units as nodes, weights as edges.

    The colour of an edge shows the sign of its weight, and its width the absolute value. Negative weights are also
    dashed. A wide layer shows its first and last units. The shortcut of a Residual is named where it ends.

    A model with branches, several inputs or shared layers is drawn as blocks, one for each layer, without weights.

    Args:
        model: a Sequential or a single Dense layer, or a model with branches, of layers of any kind.
        ax: the axes to draw on. None makes a new figure.
        max_units: layers with more units than this are cut in the middle. At least 3.
        values: whether to write weights on the edges and biases below the nodes. By default, if there is room for all.
        title: the title of the axes.
        labels: the names of the inputs and the outputs, which a diagram has in place of the labels of axes.

    Returns:
        The axes.

    Raises:
        ShapeError: a model without a Dense layer; a layer that is neither Dense nor elementwise; a Residual that does
            not begin with a Dense.
        DataError: weights that are not finite.
        HyperparameterError: max_units that is not an integer of at least 3.

    >>> from matplotlib.figure import Figure
    >>> from minidl import Dense, ReLU, Sequential, Sigmoid
    >>> model = Sequential(Dense(2, 4), ReLU(), Dense(4, 1), Sigmoid(), rng=0)
    >>> ax = plot_network(model, Figure().subplots())
    >>> [len(edges.get_segments()) for edges in ax.collections]
    [8, 4]
    """
    max_units = whole_number("max_units", max_units, 3)
    values = None if values is None else flag("values", values)
    check_texts(title, labels)
    if has_branches(model):
        return draw_blocks(model, ax, title, labels)
    columns = columns_of(model)
    for column in columns:
        place(column, max_units)
    slots = max(len(column.shown) + (not column.whole) for column in columns)
    largest = max(float(np.abs(column.weight).max()) for column in columns[1:])
    with canvas(ax, (max(4.5, 2.1 * len(columns)), max(3.4, 0.5 * slots + 1.2)), title=title) as ax:
        pitch, height = _prepare(ax, columns, _captions(columns, labels))
        size = float(np.clip(0.6 * height / slots, 5, 24))
        places = [_where_to_write(before, column, size, pitch) for before, column in pairwise(columns)]
        if values is None:
            room = min(gap for _, gap in places) * height >= VALUE_ROOM and height / slots >= BIAS_ROOM
            values = room and all(column.whole for column in columns)
        for index, (before, column) in enumerate(pairwise(columns), 1):
            _draw_edges(ax, index, before, column, largest or 1.0)
            if values:
                _write_weights(ax, index, before, column, places[index - 1][0])
                _write_biases(ax, index, column, size)
        for index, column in enumerate(columns):
            _draw_units(ax, index, column, size)
    return ax


def _captions(columns: list[Column], labels: Labels) -> list[str]:
    """The text below each column: what it is, what follows its layer, and its number of units if some are not shown."""
    kinds = [{"x": "inputs", "o": "outputs"}.get(column.letter, "") for column in columns]
    if labels is not None:
        kinds[0], kinds[-1] = labels
    counts = ["" if column.whole else f"{column.width} units" for column in columns]
    texts = [(kind, *column.elementwise, count) for kind, column, count in zip(kinds, columns, counts, strict=True)]
    return ["\n".join(line for line in lines if line) for lines in texts]


def _prepare(ax: Axes, columns: list[Column], captions: list[str]) -> tuple[float, float]:
    """Write the texts above and below the units. Return the distance of columns and the height for units, in points."""
    figure = ax.get_figure(root=True)
    assert figure is not None  # axes that are drawn on have one
    ax.set_axis_off()
    # What fits depends on the size that the layout gives the axes. It is known only if they are alone in the figure:
    # others may be drawn later.
    engine = figure.get_layout_engine()
    alone = len(figure.axes) == 1
    if engine is not None and alone:
        engine.execute(figure)
    points = (1.0 if alone else 0.85) * 72.0 / figure.dpi
    width, height = ax.get_window_extent().width * points, ax.get_window_extent().height * points
    above, below = 1.3 * LINE, (max(caption.count("\n") for caption in captions) + 3.2) * LINE
    left = max(height - above - below, 0.3 * height)
    pitch = width / (len(columns) - 0.2)
    ax.set_xlim(-0.4, len(columns) - 0.6)
    ax.set_ylim(-below / left, 1.0 + above / left)
    names = [f"Dense({before.width}, {column.width})" for before, column in pairwise(columns)]
    # A letter is about 0.6 times as wide as the size of its font.
    font = min(FONT, pitch / (0.62 * max(map(len, names))))
    for index, name in enumerate(names):
        ax.text(index + 0.5, 1.0, name, ha="center", va="top", fontsize=font, transform=ax.get_xaxis_transform())
    for index, caption in enumerate(captions):
        ax.text(index, -0.4 * LINE / left, caption, ha="center", va="top", fontsize=font)
    handles = [
        Line2D([], [], color=POSITIVE, linewidth=2, label="positive weight"),
        Line2D([], [], color=NEGATIVE, linewidth=2, linestyle=DASHED, label="negative weight"),
    ]
    ax.legend(handles=handles, loc="lower center", ncols=2, frameon=False, borderaxespad=0.0, borderpad=0.0)
    return pitch, left


def _draw_edges(ax: Axes, index: int, before: Column, column: Column, largest: float) -> None:
    """Draw the edges between two columns as one collection. The largest weights come last, on top of the others."""
    weight = column.weight[np.ix_(before.shown, column.shown)]
    order = np.argsort(np.abs(weight), axis=None, kind="stable")
    sources, targets = np.unravel_index(order, weight.shape)
    sizes = weight.ravel()[order].tolist()
    thin, thick = LINE_WIDTHS
    edges = LineCollection(
        [[(index - 1, before.heights[i]), (index, column.heights[j])] for i, j in zip(sources, targets, strict=True)],
        colors=[_color(w) for w in sizes],
        linewidths=[thin + (thick - thin) * (abs(w) / largest) for w in sizes],
        linestyles=[DASHED if w < 0 else "solid" for w in sizes],
        alpha=1.0 if before.whole and column.whole else 0.6,
        zorder=1,
    )
    ax.add_collection(edges)


def _where_to_write(before: Column, column: Column, size: float, pitch: float) -> tuple[float, float]:
    """Where along the edges, from 0 to 1, their numbers have most room, and the smallest distance of edges there."""
    weight = column.weight[np.ix_(before.shown, column.shown)]
    half = _text_width([_number(w) for w in weight.ravel().tolist()]) / 2
    # Stay clear of the nodes on both sides, and of the biases below them.
    first, last = ((max(size, _text_width(_biases(end))) / 2 + half + 4) / pitch for end in (before, column))
    best, gap = 0.5, 0.0
    if first + last > 1:
        return best, gap
    for along in np.linspace(first, 1 - last, 101):
        y = np.sort(((1 - along) * before.heights[:, None] + along * column.heights).ravel())
        closest = float(np.diff(y).min()) if len(y) > 1 else 1.0
        if closest > gap + 1e-9:
            best, gap = float(along), closest
    return best, gap


def _write_weights(ax: Axes, index: int, before: Column, column: Column, along: float) -> None:
    weight = column.weight[np.ix_(before.shown, column.shown)]
    for (i, j), w in np.ndenumerate(weight):
        y = float((1 - along) * before.heights[i] + along * column.heights[j])
        _write_value(ax, (index - 1 + along, y), 0.0, _number(w), w)


def _biases(column: Column) -> list[str]:
    numbers = [_number(column.bias[unit]) for unit in column.shown if len(column.bias)]
    return [f"$b$ {number}" if number.startswith("≈") else f"$b$ = {number}" for number in numbers]


def _write_biases(ax: Axes, index: int, column: Column, size: float) -> None:
    for text, unit, y in zip(_biases(column), column.shown, column.heights.tolist(), strict=False):
        _write_value(ax, (index, y), size / 2 + 5.5, text, float(column.bias[unit]))


def _text_width(texts: list[str]) -> float:
    """The approximate width of the longest text, in points."""
    return 0.6 * (SMALL_FONT - 1) * max((len(text.replace("$", "")) for text in texts), default=0)


def _write_value(ax: Axes, place: tuple[float, float], down: float, text: str, value: float) -> None:
    ax.annotate(
        text,
        place,
        (0, -down),
        textcoords="offset points",
        color=_color(value) if value else "0.35",
        fontsize=SMALL_FONT - 1,
        ha="center",
        va="center",
        bbox={"boxstyle": "square,pad=0.25", "facecolor": "white", "edgecolor": "none"},
        zorder=2,
    )


def _draw_units(ax: Axes, index: int, column: Column, size: float) -> None:
    face = "0.9" if column.letter == "x" else "white"
    ax.plot(
        np.full(len(column.heights), index),
        column.heights,
        "o",
        color="black",
        markersize=size,
        markerfacecolor=face,
        zorder=3,
    )
    if not column.whole:
        ax.text(index, 0.5, "⋮", ha="center", va="center", fontsize=14, zorder=4)
    if size >= NAME_ROOM:
        for unit, y in zip(column.shown, column.heights, strict=True):
            number = "" if column.width == 1 and column.letter != "x" else f"{column.layer}{unit + 1}"
            font = SMALL_FONT - max(0, len(number) - 1)
            name = f"${column.letter}_{{{number}}}$"
            ax.text(index, y, name, ha="center", va="center_baseline", fontsize=font, zorder=4)


def _color(value: float) -> str:
    return POSITIVE if value > 0 else NEGATIVE if value < 0 else ZERO


def _number(value: float) -> str:
    return "≈0" if 0 < abs(value) < 0.005 else f"{value:.2g}".replace("-", "−")
