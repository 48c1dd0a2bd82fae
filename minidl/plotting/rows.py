"""Plots with one row per layer: the labels of the rows, texts beside them, and the scale of their bands."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, log10
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from minidl.modules import Module
from minidl.plotting.style import SMALL_FONT, VERMILLION
from minidl.typing import Array

__all__ = ["row_label", "set_rows", "spread", "write_beside"]

LONGEST = 30


def row_label(path: str, module: Module) -> str:
    """The label of a row, such as "0  Dense(2, 8)".

    A long name loses its keyword arguments. A module that contains others is named by its class alone.
    """
    name = repr(module)
    if len(name) > LONGEST:
        name = name.partition("=")[0].rpartition(", ")[0] + ")"
    if len(name) > LONGEST or name == ")" or any(isinstance(child, Module) for _, child in module.children()):
        name = type(module).__name__
    return f"{path}  {name}" if path else name


def set_rows(ax: Axes, labels: Sequence[str]) -> None:
    """Make one row per label, the first on top. The letters are as large as the rows allow."""
    ax.set_yticks(np.arange(len(labels)), labels)
    ax.set_ylim(len(labels) - 0.4, -0.6)
    ax.set_axisbelow(True)
    figure: Any = ax.get_figure(root=True)
    # Rows may be closer together than lines of text. The letters must then be smaller.
    points = 72 * ax.get_position().height * figure.get_size_inches()[1] / len(labels)
    ax.tick_params(axis="y", length=0, labelsize=min(SMALL_FONT, 0.85 * points))


def write_beside(ax: Axes, row: int, text: str, *, alarming: bool) -> None:
    """Write a text to the right of the axes, at the height of a row."""
    color = VERMILLION if alarming else "0.35"
    size = min(SMALL_FONT, ax.yaxis.get_ticklabels()[0].get_fontsize())
    transform = ax.get_yaxis_transform()
    ax.text(1.015, row, text, transform=transform, ha="left", va="center", color=color, fontsize=size)


def spread(ax: Axes, quantiles: Array) -> None:
    """Set the limits, and a symmetric logarithmic scale if some bands are over a hundred times as wide as others."""
    ax.use_sticky_edges = False
    widths = quantiles[:, -1] - quantiles[:, 0]
    widths = widths[widths > 0]
    if len(widths) and widths.max() > 100 * widths.min():
        low, high = floor(log10(float(widths.min()) / 2)), ceil(log10(float(np.abs(quantiles).max())))
        ax.set_xscale("symlog", linthresh=10.0**low)
        powers = [10.0**power for power in range(high, low, -ceil((high - low) / 3))]
        ax.set_xticks([*(-power for power in powers), 0.0, *powers])
        ax.set_xticks([], minor=True)
    ax.autoscale_view()  # without sticky edges: bars had made the limits end where they end
