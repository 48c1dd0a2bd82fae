"""Tables and line charts as a notebook shows them: HTML and SVG, without Matplotlib.

Text and axes have the colour of the notebook's own text, so they can be read on a light and on a dark page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import ceil, floor, log10
from typing import Any, NamedTuple

import numpy as np

from minidl.typing import Array, ArrayLike

__all__ = ["chart", "table"]

WIDTH, HEIGHT = 560, 260
LEFT, RIGHT, TOP, BOTTOM = 74, 20, 30, 44
"""The margins around the curves, in which ticks and labels are."""

LINES = (("#0072B2", ""), ("#D55E00", "6 3"), ("#009E73", "2 3"), ("#CC79A7", "8 3 2 3"))
"""Colours and dashes. The colours are those of Okabe and Ito (2008) that stand out from white and from black by 3:1."""

BAR = "m-3 0h6"
"""What shows a point between two gaps, which has no line."""

LARGEST = 1e100
"""The largest number that is drawn, so that no difference overflows."""

COLUMNS = 100
"""How many columns a curve of many points is drawn in, each by its lowest and its highest point."""


def table(rows: Sequence[Sequence[str]], *, numbers: int, footer: int) -> str:
    """A table in HTML.

    Args:
        rows: the cells of each row, the head first.
        numbers: how many of the last columns are numbers, and stand on the right.
        footer: how many of the last rows are separated from the others.

    >>> table([("layer", "size"), ("Dense", "6")], numbers=1, footer=0).count("<tr")
    2
    """
    body = []
    for index, row in enumerate(rows):
        kind = "td" if index else "th"
        sides = ["left"] * (len(row) - numbers) + ["right"] * numbers
        pairs = zip(sides, map(_escaped, row), strict=True)
        cells = [f'<{kind} style="text-align:{side}">{text}</{kind}>' for side, text in pairs]
        rule = ' style="border-top:1px solid currentColor"' if index == len(rows) - footer else ""
        body.append(f"<tr{rule}>{''.join(cells)}</tr>")
    return f'<table style="font-variant-numeric:tabular-nums">{"".join(body)}</table>'


def chart(title: str, curves: Mapping[str, ArrayLike], x_label: str, y_label: str, *, first: int = 0) -> str:
    """A line chart in SVG, with its title above it.

    The vertical axis is logarithmic if all values are positive and span more than two decades. A value that is not
    finite leaves a gap. Of many points, the lowest and the highest in each of `COLUMNS` columns are drawn.

    Args:
        title: a line of text.
        curves: name -> values. At least one is finite.
        x_label, y_label: what the axes show.
        first: where on the horizontal axis the first value is.

    >>> svg = chart("two steps", {"loss": [2.0, 1.0]}, "step", "loss")
    >>> "two steps" in svg, svg.count("</svg>")
    (True, 1)
    """
    values = {name: _drawn(np.asarray(each, np.float64)) for name, each in curves.items()}
    every = np.concatenate(list(values.values()))
    low, high = float(np.nanmin(every)), float(np.nanmax(every))
    log = low > 0 and high > 100 * low
    if log:
        values, low, high = {name: np.log10(each) for name, each in values.items()}, log10(low), log10(high)
    room = 0.04 * (high - low) or 0.1 * abs(high) or 1.0
    across = _Axis(first, first + max(map(len, values.values())) - 1, LEFT, WIDTH - RIGHT)
    up = _Axis(low - room, high + room, HEIGHT - BOTTOM, TOP)
    parts = [*_grid(across, up, log), *_names(x_label, y_label)]
    for index, (name, each) in enumerate(values.items()):
        color, dashes = LINES[index % len(LINES)]
        style = f'stroke="{color}" stroke-width="2" stroke-linecap="round"'
        style += f' stroke-dasharray="{dashes}"' if dashes else ""
        parts.append(f'<path fill="none" {style} d="{_path(across, up, first, each)}"/>')
        if len(values) > 1:
            x = LEFT + 150 * index
            parts.append(f'<path {style} d="M{x} {TOP - 12}h30"/>{_text(x + 38, TOP - 8, name, "start")}')
    size = f'viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
    look = 'style="max-width:100%;height:auto;font:12px sans-serif" fill="currentColor"'
    role = f'role="img" aria-label="{_escaped(y_label)} by {_escaped(x_label)}"'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" {size} {look} {role}>{"".join(parts)}</svg>'
    return f"<div><div>{_escaped(title)}</div>{svg}</div>"


class _Axis(NamedTuple):
    """The numbers at the two ends of an axis, and where in the picture these are."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: Any) -> Any:
        """Where a number is, or several. A single one is in the middle."""
        share = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5 + 0.0 * value
        return self.start + share * (self.end - self.start)

    def ticks(self, *, whole: bool) -> tuple[float, list[float]]:
        """The distance of ticks, and about five ticks. Those of whole numbers are whole, too."""
        rough = max((self.high - self.low) / 5, 1.0 if whole else 0.0) or 1.0
        power = 10.0 ** floor(log10(rough))
        step = power * next(nice for nice in (1, 2, 5, 10) if nice * power >= 0.999 * rough)
        return step, [index * step for index in range(ceil(self.low / step), floor(self.high / step) + 1)]


def _grid(across: _Axis, up: _Axis, log: bool) -> Iterator[str]:
    """Ticks with their labels, and lines at those of the vertical axis."""
    step, ticks = up.ticks(whole=log)
    for tick in ticks:
        y = up.at(tick)
        yield f'<path stroke="currentColor" stroke-opacity=".2" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>'
        yield _text(LEFT - 6, y + 4, f"{10.0**tick:g}" if log else _number(tick, step, ticks), "end")
    step, ticks = across.ticks(whole=True)
    for tick in ticks:
        x = across.at(tick)
        yield f'<path stroke="currentColor" d="M{x:.1f} {HEIGHT - BOTTOM}v4"/>'
        yield _text(x, HEIGHT - BOTTOM + 17, _number(tick, step, ticks), "middle")
    yield f'<path fill="none" stroke="currentColor" d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}"/>'


def _names(x_label: str, y_label: str) -> Iterator[str]:
    """The names of the axes."""
    yield _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, x_label, "middle")
    y = (TOP + HEIGHT - BOTTOM) / 2
    yield f'<g transform="rotate(-90 14 {y:g})">{_text(14, y, y_label, "middle")}</g>'


def _path(across: _Axis, up: _Axis, first: int, values: Array) -> str:
    """A curve as a path. A point between two gaps is a short bar."""
    parts, length = [], 0
    for index in _columns(values):
        if np.isnan(values[index]):
            parts += [BAR] if length == 1 else []
            length = 0
        else:
            parts.append("M" if length == 0 else " ")
            parts.append(f"{across.at(first + index):.1f} {up.at(values[index]):.1f}")
            length += 1
    return "".join(parts + [BAR] * (length == 1))


def _columns(values: Array) -> list[int]:
    """The points of a curve that are drawn: all of a few, and the last and the extremes of each column of many."""
    points = np.arange(len(values))
    if len(values) <= 2 * COLUMNS:
        return points.tolist()
    kept = {len(values) - 1}
    for column in np.array_split(points, COLUMNS):
        finite = column[~np.isnan(values[column])]
        inside = values[finite]
        kept.update([int(finite[inside.argmin()]), int(finite[inside.argmax()])] if finite.size else [int(column[0])])
    return sorted(kept)


def _drawn(values: Array) -> Array:
    """The values that are drawn. Others are NaN."""
    return np.where(np.isfinite(values), values, np.nan).clip(-LARGEST, LARGEST)


def _number(value: float, step: float, ticks: Sequence[float]) -> str:
    """A tick's label, with as many digits as its neighbours need.

    >>> _number(0.1 + 0.2, 0.1, [0.1, 0.3]), _number(2e6, 1e6, [1e6, 2e6]), _number(0.0, 20.0, [0.0, 20.0])
    ('0.3', '2e+06', '0')
    """
    largest, digit = max(map(abs, ticks)), floor(log10(step))
    if largest >= 1e6 or digit < -4:
        return f"{value:.{max(0, floor(log10(largest or 1.0)) - digit)}e}"
    return f"{value:.{max(0, -digit)}f}"


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{_escaped(text)}</text>'


def _escaped(text: str) -> str:
    """The text in HTML. The standard library's html takes longer to import than this module."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
