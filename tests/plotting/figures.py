"""One row for each function that draws a figure, for the tests of what all of them have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from minidl import (
    BCELoss,
    Concatenate,
    CubicValley,
    Dense,
    ReLU,
    Sequential,
    Siamese,
    Sigmoid,
    make_xor,
)
from minidl.plotting import (
    animate_boundary,
    animate_descent,
    plot_activations,
    plot_calibration,
    plot_confusion,
    plot_contours,
    plot_decision_boundary,
    plot_gradient_flow,
    plot_history,
    plot_network,
    plot_precision_recall,
    plot_rate_search,
    plot_roc,
    plot_schedule,
)
from minidl.schedules import cosine
from minidl.training import RateSearch

X, Y = make_xor(12, rng=0)
NETWORK = Sequential(Dense(2, 3, rng=0), ReLU(), Dense(3, 1, rng=1), Sigmoid())
SHARED = Sequential(Siamese(Dense(2, 3, rng=0)), Concatenate(), Dense(6, 1, rng=0))
WEIGHTS = NETWORK.parameters().value * np.array([[0.1], [0.5], [1.0]])
P = np.array([0.1, 0.4, 0.35, 0.8])
CLASSES = np.array([0, 0, 1, 1])


PATHS = {"a": [[0.5, 0.5], [0.2, 0.3]], "b": [[0.5, -0.5], [0.4, 0.1]]}
RATES = RateSearch(0.01, [0.001, 0.01, 0.1, 1.0], [3.0, 2.0, 1.0, 9.0], [3.0, 2.5, 2.0, 4.0])


def animated(animate: Callable[..., Any], *data: Any) -> Callable[..., Axes]:
    """A function that draws an animation and returns its axes."""

    def draw(ax: Axes | None = None, **options: Any) -> Axes:
        animation = animate(*data, ax, **options)
        return animation._fig.axes[0] if ax is None else ax

    return draw


def drawn(plot: Callable[..., Axes], *data: Any) -> Callable[..., Axes]:
    """A function that draws data on axes, or in a new figure."""
    return lambda ax=None, **options: plot(*data, ax, **options)


FIGURES: dict[str, Callable[..., Axes]] = {
    "animate_boundary": animated(animate_boundary, NETWORK, WEIGHTS, X, Y),
    "animate_descent": animated(animate_descent, CubicValley(), PATHS),
    "plot_activations": drawn(plot_activations, NETWORK, X),
    "plot_calibration": drawn(plot_calibration, P, CLASSES),
    "plot_confusion": drawn(plot_confusion, [[2, 1], [0, 3]]),
    "plot_contours": drawn(plot_contours, CubicValley(), PATHS),
    "plot_decision_boundary": drawn(plot_decision_boundary, NETWORK, X, Y),
    "plot_gradient_flow": drawn(plot_gradient_flow, NETWORK, BCELoss(), X, Y),
    "plot_history": drawn(plot_history, {"a": [3.0, 2.0], "b": [3.0, 1.0]}),
    "plot_network": drawn(plot_network, NETWORK),
    "plot_network of blocks": drawn(plot_network, SHARED),
    "plot_precision_recall": drawn(plot_precision_recall, P, CLASSES),
    "plot_rate_search": drawn(plot_rate_search, RATES),
    "plot_roc": drawn(plot_roc, P, CLASSES),
    "plot_schedule": drawn(plot_schedule, {"cosine": cosine(50)}, 50),
}
"""Takes the axes, or None for a new figure, and the keyword arguments that all figures have: title and labels."""
