"""Learning-rate schedules."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from minidl.arguments import number, whole_number
from minidl.errors import DataError
from minidl.plotting.style import Labels, canvas, draw_line, legend_below
from minidl.schedules import ScheduleFunction
from minidl.typing import Array

__all__ = ["plot_schedule"]


def plot_schedule(
    schedule: ScheduleFunction | Mapping[str, ScheduleFunction],
    steps: int,
    ax: Axes | None = None,
    *,
    lr: float = 1.0,
    title: str | None = None,
    labels: Labels = None,
) -> Axes:
    """Draw one or several learning-rate schedules over the steps of a run.

    Args:
        schedule: a function step → factor, such as those of `minidl.schedules`, or a dict of labels and functions.
        steps: the number of steps. The first is step 0.
        ax: the axes to draw on. None makes a new figure.
        lr: the learning rate that the factors multiply. With 1, the plot shows the factors themselves.
        title: the title of the axes.
        labels: the labels of the x axis and the y axis, in place of the usual ones.

    Returns:
        The axes.

    Raises:
        DataError: no schedules; factors that are not finite.
        HyperparameterError: steps or lr that are not above 0.
        TypeError: a title or labels that are not strings.

    >>> from matplotlib.figure import Figure
    >>> from minidl.schedules import cosine, one_cycle
    >>> ax = plot_schedule({"cosine": cosine(100), "one cycle": one_cycle(100)}, 100, Figure().subplots(), lr=0.1)
    >>> [line.get_label() for line in ax.lines], ax.get_ylabel()
    (['cosine', 'one cycle'], 'learning rate')
    """
    named: Mapping[str, ScheduleFunction] = schedule if isinstance(schedule, Mapping) else {"": schedule}
    if not named:
        raise DataError("schedule must contain at least one schedule, got an empty dict")
    steps = whole_number("steps", steps, 1)
    lr = number("lr", lr, above=0)
    curves = {label: lr * _factors(label, function, steps) for label, function in named.items()}
    with canvas(ax, (6.0, 3.4), title=title, labels=labels) as ax:
        for index, (label, rates) in enumerate(curves.items()):
            draw_line(ax, index, np.arange(steps), rates, label)
        ax.set_xlabel("step")
        ax.set_ylabel("factor of the learning rate" if lr == 1.0 else "learning rate")
        ax.set_ylim(bottom=min(0.0, *(float(rates.min()) for rates in curves.values())))
        ax.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10], integer=True))
        ax.grid(color="0.9", linewidth=0.6)
        ax.set_axisbelow(True)
        if any(curves):
            legend_below(ax, ax.lines)
    return ax


def _factors(label: str, schedule: ScheduleFunction, steps: int) -> Array:
    factors = np.array([float(schedule(step)) for step in range(steps)])
    bad = np.flatnonzero(~np.isfinite(factors))
    if len(bad):
        name = f"the schedule {label!r}" if label else "the schedule"
        raise DataError(f"{name} must return finite factors, got {factors[bad[0]]} at step {bad[0]}")
    return factors
