"""Networks with branches as blocks, one for each layer, with arrows from left to right."""

from __future__ import annotations

from typing import TypeAlias

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from minidl.layers import Branches, Parallel, Residual, Sequential, Siamese, Tied
from minidl.modules import Layer
from minidl.plotting.style import FONT, Labels, canvas

__all__ = ["draw_blocks", "has_branches"]

Source: TypeAlias = "tuple[float, float] | str"
"""Where an arrow begins: the right end of a block, or the name of an input."""

WIDTH, HEIGHT = 0.72, 0.62  # of a block, whose place is one unit wide and high
ARROW = {"arrowstyle": "-|>", "color": "0.4"}
LETTER = 0.0084  # inches per letter and point of the font


def has_branches(model: Layer) -> bool:
    """Whether a model holds layers side by side or shared ones, which no chain of units can show."""
    return any(
        isinstance(module, Parallel | Siamese | Tied) or (isinstance(module, Layer) and module.takes_tuple)
        for _, module in model.modules()
    )


def draw_blocks(model: Layer, ax: Axes | None, title: str | None = None, labels: Labels = None) -> Axes:
    """Draw a model on axes, or in a new figure, and return the axes. The labels name the inputs and the outputs."""
    columns, rows = _size(model)
    longest = max(len(line) for text in _texts(model) for line in text.split("\n"))
    inches = max(1.2, LETTER * FONT * longest / WIDTH)  # of a column
    names = _names(model, labels)
    left, right = (
        max(0.0, LETTER * FONT * (len(name) - 2) / inches)
        for name in (names[-1].strip("$"), labels[1] if labels else "")
    )
    width = columns + 1.3 + left + right  # in columns
    with canvas(ax, (inches * width, 0.75 * rows + 0.5), title=title) as ax:
        figure = ax.get_figure(root=True)
        assert figure is not None  # axes that are drawn on have one
        ax.set_axis_off()
        if (engine := figure.get_layout_engine()) is not None:
            engine.execute(figure)  # what fits depends on the size that the layout gives the axes
        font = FONT * min(1.0, ax.get_window_extent().width / figure.dpi / width / inches)
        ax.set(xlim=(-0.9 - left, columns + 0.4 + right), ylim=(-0.1, rows + 0.1))
        for x, y in _place(ax, model, [*names], 0.0, rows / 2, font):
            ax.annotate("", (x + 0.4, y), (x, y), arrowprops=ARROW)
            if labels is not None:
                ax.text(x + 0.43, y, labels[1], ha="left", va="center", fontsize=font)
    return ax


def _names(model: Layer, labels: Labels) -> list[str]:
    """The names of the inputs, which are numbered if there are several."""
    count = _inputs(model)
    if labels is None:
        return ["$x$"] if count == 1 else [f"$x_{index}$" for index in range(1, count + 1)]
    return [labels[0]] if count == 1 else [f"{labels[0]} {index}" for index in range(1, count + 1)]


def _inputs(layer: Layer) -> int:
    """How many inputs a layer takes. For those that take any number it is two."""
    if isinstance(layer, Sequential) and len(layer):
        return _inputs(layer[0])
    if isinstance(layer, Parallel) and not isinstance(layer, Branches):
        return len(layer)
    return 2 if layer.takes_tuple else 1


def _parts(layer: Layer) -> list[Layer]:
    """The layers of a chain. A Residual is one block."""
    return [*layer] if isinstance(layer, Sequential) and not isinstance(layer, Residual) else []


def _size(layer: Layer) -> tuple[int, int]:
    """The number of columns and rows that a layer takes up."""
    if isinstance(layer, Parallel):
        sizes = [_size(part) for part in layer]
        return max(columns for columns, _ in sizes), sum(rows for _, rows in sizes)
    if parts := _parts(layer):
        sizes = [_size(part) for part in parts]
        return sum(columns for columns, _ in sizes) + isinstance(layer, Tied), max(rows for _, rows in sizes)
    return 1, 1 + _text(layer).count("\n") // 3


def _text(layer: Layer) -> str:
    """What stands in the block of a layer."""
    if isinstance(layer, Siamese):
        return f"shared by all:\n{_text(layer.layer)}"
    if isinstance(layer, Sequential):
        first = ["x + f(x)"] if isinstance(layer, Residual) else []
        return "\n".join([*first, *map(_text, layer)])
    return repr(layer).removesuffix("()")


def _texts(layer: Layer) -> list[str]:
    if isinstance(layer, Parallel) or _parts(layer):
        return [text for part in layer for text in _texts(part)]  # type: ignore[attr-defined]  # a container can be looped over
    return [_text(layer)]


def _place(
    ax: Axes, layer: Layer, sources: list[Source], left: float, middle: float, font: float
) -> list[tuple[float, float]]:
    """Draw a layer around a height, with arrows from its sources, and return where the arrows out of it begin."""
    if isinstance(layer, Parallel):
        if isinstance(layer, Branches) and len(sources) == 1 and isinstance(sources[0], str):
            sources = [_name(ax, sources[0], left, middle, font)]  # one x, at which the arrows to all branches begin
        top, columns, ends = middle + _size(layer)[1] / 2, _size(layer)[0], list[tuple[float, float]]()
        for index, part in enumerate(layer):
            own = sources if isinstance(layer, Branches) or len(sources) == 1 else [sources[index]]
            width, rows = _size(part)
            ends += _place(ax, part, own, left + (columns - width) / 2, top - rows / 2, font)
            top -= rows
        return ends
    if parts := _parts(layer):
        given = sources
        for part in parts:
            given = [*_place(ax, part, given, left, middle, font)]
            left += _size(part)[0]
        if isinstance(layer, Tied):
            return [_block(ax, f"$W^T$ of\n{_text(parts[0])}", given, left, middle, font)]
        return [point for point in given if isinstance(point, tuple)]
    end = _block(ax, _text(layer), sources, left, middle, font)
    count = len(sources) if isinstance(layer, Siamese) else 1  # it returns as many arrays as it takes
    return [(end[0], _height(middle, index, count)) for index in range(count)]


def _block(ax: Axes, text: str, sources: list[Source], left: float, middle: float, font: float) -> tuple[float, float]:
    for index, source in enumerate(sources):
        height = _height(middle, index, len(sources))
        start = _name(ax, source, left, height, font) if isinstance(source, str) else source
        ax.annotate("", (left, height), start, arrowprops=ARROW)
    high = HEIGHT * (1 + text.count("\n") // 3)
    ax.add_patch(Rectangle((left, middle - high / 2), WIDTH, high, facecolor="0.95", edgecolor="0.3"))
    ax.text(left + WIDTH / 2, middle, text, ha="center", va="center", fontsize=font)
    return left + WIDTH, middle


def _height(middle: float, index: int, count: int) -> float:
    """Where one of several arrows meets a block."""
    return middle + HEIGHT * ((count - 1) / 2 - index) / (count + 1)


def _name(ax: Axes, name: str, left: float, height: float, font: float) -> tuple[float, float]:
    """Write the name of an input in front of a block, and return where its arrow begins."""
    ax.text(left - 0.58, height, name, ha="right", va="center", fontsize=font)
    return left - 0.55, height
