"""How well classifiers predict: ROC and precision-recall curves, and calibration."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import numpy as np
from matplotlib.axes import Axes

from minidl.arguments import whole_number
from minidl.errors import DataError
from minidl.metrics.inputs import probabilities
from minidl.metrics.ranking import precision_area, rankings, roc_area
from minidl.plotting.paths import thin_out
from minidl.plotting.style import Labels, canvas, draw_line, legend_below, look
from minidl.typing import Array, ArrayLike

__all__ = ["Predictions", "plot_calibration", "plot_precision_recall", "plot_roc"]

Predictions: TypeAlias = "ArrayLike | Mapping[str, ArrayLike]"
"""The predictions of one model, or those of several by their labels."""

UNIT = np.zeros(2), np.ones(2)


def plot_roc(
    prediction: Predictions,
    target: ArrayLike,
    ax: Axes | None = None,
    *,
    sample_weight: ArrayLike = None,
    title: str | None = None,
    labels: Labels = None,
) -> Axes:
    """Draw the ROC curve: for each threshold, the recall of class 1 against the share of class 0 predicted as class 1.

    Three or more classes have one curve each, against the rest. The legend has the area under each curve.

    Args:
        prediction: as for `minidl.metrics.roc_auc`, or a dict of labels and these, to compare models.
        target: the classes.
        ax: the axes to draw on. None makes a new figure.
        sample_weight: weights, (n,).
        title: the title of the axes.
        labels: the labels of the x axis and the y axis.

    Returns:
        The axes.

    Raises:
        DataError, ShapeError: as for `minidl.metrics.roc_auc`. An empty dict.

    >>> from matplotlib.figure import Figure
    >>> ax = plot_roc([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1], Figure().subplots())
    >>> [line.get_label() for line in ax.lines]
    ['AUC 0.750', 'chance']
    """
    curves = _curves(prediction, lambda p: rankings("the ROC curve", p, target, sample_weight))
    with _unit_square(ax, ("false positive rate", "true positive rate"), title, labels) as ax:
        for index, (label, (false, true)) in enumerate(curves):
            x, y = np.append(0.0, false / false[-1]), np.append(0.0, true / true[-1])
            _draw_path(ax, index, x, y, f"{label}AUC {roc_area(false, true):.3f}")
        _draw_reference(ax, [0, 1], [0, 1], "chance")
    return ax


def plot_precision_recall(
    prediction: Predictions,
    target: ArrayLike,
    ax: Axes | None = None,
    *,
    sample_weight: ArrayLike = None,
    title: str | None = None,
    labels: Labels = None,
) -> Axes:
    """Draw the precision against the recall for all thresholds. If class 1 is rare, it tells more than the ROC curve.

    Three or more classes have one curve each, against the rest. The legend has the average precision, which is the area
    under the steps.

    Args:
        prediction: as for `minidl.metrics.average_precision`, or a dict of labels and these, to compare models.
        target: the classes.
        ax: the axes to draw on. None makes a new figure.
        sample_weight: weights, (n,).
        title: the title of the axes.
        labels: the labels of the x axis and the y axis.

    Returns:
        The axes.

    Raises:
        DataError, ShapeError: as for `minidl.metrics.average_precision`. An empty dict.

    >>> from matplotlib.figure import Figure
    >>> ax = plot_precision_recall([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1], Figure().subplots())
    >>> [line.get_label() for line in ax.lines]
    ['AP 0.833', 'chance']
    """
    curves = _curves(
        prediction, lambda p: rankings("the precision-recall curve", p, target, sample_weight, negatives=False)
    )
    with _unit_square(ax, ("recall", "precision"), title, labels) as ax:
        chances = set()
        for index, (label, (false, true)) in enumerate(curves):
            # Each precision holds from the recall before to its own.
            recall, precision = np.repeat(true / true[-1], 2), np.repeat(true / (true + false), 2)
            _draw_path(
                ax, index, np.append(0.0, recall[:-1]), precision, f"{label}AP {precision_area(false, true):.3f}"
            )
            chances.add(float(precision[-1]))
        if len(chances) == 1:  # classes that are each taken against the rest have different shares
            chance = chances.pop()
            _draw_reference(ax, [0, 1], [chance, chance], "chance")
    return ax


def plot_calibration(
    prediction: Predictions,
    target: ArrayLike,
    ax: Axes | None = None,
    *,
    bins: int = 10,
    sample_weight: ArrayLike = None,
    title: str | None = None,
    labels: Labels = None,
) -> Axes:
    """Draw how often class 1 occurs among samples with a similar predicted probability.

    The probabilities from 0 to 1 are cut into bins of equal width. Each point is the mean probability in a bin and the
    share of class 1 there. Bins without samples have no point. Below the diagonal, the model predicts class 1 with too
    high a probability. Three or more classes have one curve each.

    Args:
        prediction: as for `minidl.metrics.log_loss`, or a dict of labels and these, to compare models.
        target: the classes, or probabilities.
        ax: the axes to draw on. None makes a new figure.
        bins: the number of bins.
        sample_weight: weights, (n,).
        title: the title of the axes.
        labels: the labels of the x axis and the y axis.

    Returns:
        The axes.

    Raises:
        DataError, ShapeError: as for `minidl.metrics.log_loss`. An empty dict.
        HyperparameterError: a number of bins that is not a positive integer.

    >>> from matplotlib.figure import Figure
    >>> ax = plot_calibration([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1], Figure().subplots(), bins=2)
    >>> ax.lines[0].get_xydata().round(3).tolist()
    [[0.283, 0.333], [0.8, 1.0]]
    """
    edges = np.linspace(0.0, 1.0, whole_number("bins", bins, 1) + 1)
    curves = _curves(prediction, lambda p: _calibration(p, target, sample_weight, edges))
    with _unit_square(ax, ("mean predicted probability", "fraction of samples in the class"), title, labels) as ax:
        for index, (label, (mean, share)) in enumerate(curves):
            color, dashes, marker = look(index)
            name = label.removesuffix(": ") or "model"
            ax.plot(mean, share, color=color, linestyle=dashes, marker=marker, markersize=4.5, label=name)
        _draw_reference(ax, [0, 1], [0, 1], "perfect")
    return ax


def _calibration(
    prediction: ArrayLike, target: ArrayLike, sample_weight: ArrayLike, edges: Array
) -> list[tuple[Array, Array]]:
    """The mean probability and the share of the class in each bin, for class 1 or for each of k ≥ 3 classes."""
    p, q, weight = probabilities(prediction, target, sample_weight)
    w = np.ones(len(p)) if weight is None else weight / weight.max()
    curves = []
    for column in [1] if p.shape[1] == 2 else range(p.shape[1]):
        index = np.searchsorted(edges[1:-1], p[:, column])
        totals, means, shares = (
            np.bincount(index, w * values) for values in (np.ones(len(p)), p[:, column], q[:, column])
        )
        there = totals > 0
        curves.append((means[there] / totals[there], shares[there] / totals[there]))
    return curves


def _curves(
    prediction: Predictions, curves_of: Callable[[ArrayLike], list[tuple[Array, Array]]]
) -> list[tuple[str, tuple[Array, Array]]]:
    """All curves of all models, each with the beginning of its label."""
    models: Mapping[str, Any] = prediction if isinstance(prediction, Mapping) else {"": prediction}
    if not models:
        raise DataError("prediction must contain the predictions of at least one model, got an empty dict")
    named = []
    for name, values in models.items():
        curves = curves_of(values)
        for index, curve in enumerate(curves):
            parts = [str(name), f"class {index}" if len(curves) > 1 else ""]
            named.append(("".join(f"{part}: " for part in parts if part), curve))
    return named


@contextmanager
def _unit_square(ax: Axes | None, names: tuple[str, str], title: str | None, labels: Labels) -> Iterator[Axes]:
    """Axes from 0 to 1 in both directions, with the usual names unless there are labels, and a legend at the end."""
    with canvas(ax, (4.6, 4.8), title=title, labels=labels) as axes:
        yield axes
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(-0.02, 1.02)
        axes.set_aspect("equal")
        axes.set_xlabel(names[0])
        axes.set_ylabel(names[1])
        axes.grid(color="0.9", linewidth=0.6)
        axes.set_axisbelow(True)
        legend_below(axes, axes.lines)


def _draw_path(ax: Axes, index: int, x: Array, y: Array, label: str) -> None:
    path = thin_out(np.stack([x, y], axis=1), *UNIT)
    draw_line(ax, index, path[:, 0], path[:, 1], label)


def _draw_reference(ax: Axes, x: Sequence[float], y: Sequence[float], label: str) -> None:
    ax.plot(x, y, color="0.55", linestyle=(0, (2, 2)), linewidth=1.0, label=label, zorder=1)
