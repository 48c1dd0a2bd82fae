"""One row for each function that draws a figure, for the tests of what all of them have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from minidl import Concatenate, Dense, ReLU, Sequential, Siamese, Sigmoid, make_xor
from minidl.plotting import (
    animate_boundary,
    plot_calibration,
    plot_confusion,
    plot_decision_boundary,
    plot_network,
    plot_precision_recall,
    plot_roc,
)

X, Y = make_xor(12, rng=0)
NETWORK = Sequential(Dense(2, 3, rng=0), ReLU(), Dense(3, 1, rng=1), Sigmoid())
SHARED = Sequential(Siamese(Dense(2, 3, rng=0)), Concatenate(), Dense(6, 1, rng=0))
WEIGHTS = NETWORK.parameters().value * np.array([[0.1], [0.5], [1.0]])
P = np.array([0.1, 0.4, 0.35, 0.8])
CLASSES = np.array([0, 0, 1, 1])


def animated(ax: Axes | None = None, **options: Any) -> Any:
    """The axes on which an animation is drawn, after one frame of it."""
    animation = animate_boundary(NETWORK, WEIGHTS, X, Y, ax, **options)
    return animation._fig.axes[0] if ax is None else ax  # type: ignore[attr-defined]  # it is the only way to the figure


FIGURES: dict[str, Callable[..., Axes]] = {
    "animate_boundary": animated,
    "plot_calibration": lambda ax=None, **options: plot_calibration(P, CLASSES, ax, **options),
    "plot_confusion": lambda ax=None, **options: plot_confusion([[2, 1], [0, 3]], ax, **options),
    "plot_decision_boundary": lambda ax=None, **options: plot_decision_boundary(NETWORK, X, Y, ax, **options),
    "plot_network": lambda ax=None, **options: plot_network(NETWORK, ax, **options),
    "plot_network of blocks": lambda ax=None, **options: plot_network(SHARED, ax, **options),
    "plot_precision_recall": lambda ax=None, **options: plot_precision_recall(P, CLASSES, ax, **options),
    "plot_roc": lambda ax=None, **options: plot_roc(P, CLASSES, ax, **options),
}
"""Takes the axes, or None for a new figure, and the keyword arguments that all figures have: title and labels."""
