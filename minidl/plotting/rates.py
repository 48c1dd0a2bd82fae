"""The search for a learning rate."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from minidl.arguments import check_type
from minidl.plotting.style import LARGEST, Labels, canvas, legend_below, look
from minidl.training import RateSearch

__all__ = ["plot_rate_search"]


def plot_rate_search(
    search: RateSearch,
    ax: Axes | None = None,
    *,
    title: str | None = None,
    labels: Labels = None,
) -> Axes:
    """Draw the loss over the learning rate, as `minidl.find_learning_rate` saw it, and the suggested rate.

    The thin line is the loss of each step, the thick one is smoothed. Losses far above the first lie outside.

    Args:
        search: what `find_learning_rate` returned.
        ax: the axes to draw on. None makes a new figure.
        title: the title of the axes.
        labels: the labels of the x axis and the y axis, in place of the usual ones.

    Returns:
        The axes.

    Raises:
        TypeError: something other than a RateSearch; a title or labels that are not strings.

    >>> from matplotlib.figure import Figure
    >>> from minidl.training import RateSearch
    >>> search = RateSearch(0.01, [0.001, 0.01, 0.1, 1.0], [3.0, 2.0, 1.0, 9.0], [3.0, 2.5, 2.0, 4.0])
    >>> plot_rate_search(search, Figure().subplots()).get_xscale()
    'log'
    """
    check_type("search", search, RateSearch)
    losses, smoothed = (np.clip(values, -LARGEST, LARGEST) for values in (search.losses, search.smoothed))
    with canvas(ax, (6.0, 3.8), title=title, labels=labels) as ax:
        color = look(0).color
        ax.plot(search.rates, losses, color=color, alpha=0.35, linewidth=0.8, label="loss of each step")
        ax.plot(search.rates, smoothed, color=color, label="smoothed")
        ax.axvline(search.lr, color=look(1).color, linestyle=look(1).linestyle, label=f"suggested: {search.lr:.2g}")
        low, high = float(smoothed.min()), float(max(losses[0], smoothed[0]))
        margin = 0.25 * (high - low) or 0.1 * abs(high) or 1.0
        ax.set_ylim(min(low, float(losses.min())) - 0.3 * margin, high + margin)
        ax.set_xscale("log")
        ax.set_xlabel("learning rate")
        ax.set_ylabel("loss")
        ax.grid(color="0.9", linewidth=0.6)
        ax.set_axisbelow(True)
        legend_below(ax, ax.lines)
    return ax
