"""Loss curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import floor, log10
from typing import Any, TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from minidl.arguments import flag
from minidl.callbacks import History
from minidl.callbacks.history import losses_of_epochs
from minidl.data import as_data
from minidl.errors import DataError, ShapeError
from minidl.plotting.style import LARGEST, Labels, canvas, draw_line, legend_below
from minidl.training import Descent
from minidl.typing import Array

__all__ = ["Losses", "plot_history"]

Losses: TypeAlias = "History | Descent | Sequence[float] | Array"
"""What a loss curve is drawn from."""


def plot_history(
    histories: Losses | Mapping[str, Losses],
    ax: Axes | None = None,
    *,
    keys: str | Sequence[str] | None = None,
    log: bool | None = None,
    title: str | None = None,
    labels: Labels = None,
) -> Axes:
    """Draw one or several loss curves over the steps, or metrics over the epochs.

    For a single History of a fit with validation data, the curves are the training loss and the validation loss of each
    epoch. To see the loss of each step instead, pass ``history.loss``.

    A metric that is NaN or infinite at an epoch leaves a gap in its curve, as do the epochs before it was first
    measured. Values beyond 1e100, which a diverging run may reach, are drawn at 1e100.

    Args:
        histories: a History, a Descent or a list of losses, or a dict of labels and these.
        ax: the axes to draw on. None makes a new figure.
        keys: one or several names in `History.epochs` to draw over the epochs, such as ("loss", "validation_loss").
        log: whether the vertical axis is logarithmic. It is symmetric logarithmic if there are values of 0 or less. By
            default it is logarithmic if the values span more than two decades.
        title: the title of the axes.
        labels: the labels of the x axis and the y axis, in place of the usual ones.

    Returns:
        The axes.

    Raises:
        DataError: no losses; losses of steps that are not finite; a key that was not measured at any epoch.
        ShapeError: losses that are not a flat list.
        TypeError: a title or labels that are not strings.

    >>> from matplotlib.figure import Figure
    >>> ax = plot_history({"plain": [4.0, 2.0, 1.0], "momentum": [4.0, 1.0, 0.5]}, Figure().subplots())
    >>> [line.get_label() for line in ax.lines]
    ['plain', 'momentum']
    """
    log = None if log is None else flag("log", log)
    pairs = histories.items() if isinstance(histories, Mapping) else [("", histories)]
    named: dict[str, Losses] = {str(label): history for label, history in pairs}
    if not named:
        raise DataError("histories must contain at least one history, got an empty dict")
    if keys is None and isinstance(histories, History):
        keys = losses_of_epochs(histories)
    keys = (keys,) if isinstance(keys, str) else tuple(keys or ())
    curves = [(label, key, _losses(label, history, key)) for label, history in named.items() for key in keys or ("",)]
    with canvas(ax, (6.0, 3.8), title=title, labels=labels) as ax:
        for index, (label, key, losses) in enumerate(curves):
            name = ": ".join(part for part in (label, key.replace("_", " ")) if part)
            draw_line(ax, index, np.arange(len(losses)) + (1 if keys else 0), losses, name)
        values = np.concatenate([losses for _, _, losses in curves])
        _set_scale(ax, values[np.isfinite(values)], log)
        ax.set_xlabel("epoch" if keys else "step")
        ax.set_ylabel(_quantity(keys or ()))
        # One tick must be enough for a single epoch, as more ticks would stand at fractions of it.
        ax.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10], integer=True, min_n_ticks=1))
        ax.grid(color="0.9", linewidth=0.6)
        ax.set_axisbelow(True)
        if len(curves) > 1 or any(label for label, _, _ in curves):
            legend_below(ax, ax.lines)
    return ax


def _losses(label: str, history: Any, key: str) -> Array:
    """The values of one curve."""
    name = f"the history {label!r}" if label else "the history"
    if key:
        measured = history.epochs if isinstance(history, History) else {}
        if key not in measured:
            has = ", ".join(map(repr, measured)) or "nothing, as only the History of a fit has epochs"
            raise DataError(f"{name} has no metric {key!r}; it has {has}")
        values: Any = np.array(measured[key], float)
        finite = np.isfinite(values)
        if finite.any():
            return np.where(finite, values, np.nan).clip(-LARGEST, LARGEST)
    else:
        values = history.loss if isinstance(history, History | Descent) else history
    if np.size(values) == 0:
        raise DataError(f"{name} is empty; train for at least one step before plotting")
    losses = as_data(values, name, dtype=np.float64)
    if losses.ndim != 1:
        raise ShapeError(f"{name} must be a flat list of losses, got shape {losses.shape}; pass several as a dict")
    return losses.clip(-LARGEST, LARGEST)


def _quantity(keys: Sequence[str]) -> str:
    """The label of the vertical axis, for all curves."""
    if all("loss" in key for key in keys):
        return "loss"
    return keys[0].replace("_", " ") if len(keys) == 1 else "metric"


def _set_scale(ax: Axes, losses: Array, log: bool | None) -> None:
    size = np.abs(losses)
    if losses.min() > 0:
        if log or (log is None and losses.max() > 100 * losses.min()):
            ax.set_yscale("log")
    elif log or (log is None and size.max() > 100 * np.median(size) > 0):
        # Linear up to the median, logarithmic beyond.
        typical = float(np.median(size)) or float(size.max()) or 1.0
        ax.set_yscale("symlog", linthresh=10.0 ** max(floor(log10(typical)), -100))
