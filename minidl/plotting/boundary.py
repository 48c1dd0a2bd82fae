"""The decision boundary of a classifier."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, ListedColormap, TwoSlopeNorm, to_rgb
from matplotlib.lines import Line2D

from minidl.arguments import check_type, number
from minidl.batch import same_length
from minidl.data import as_data
from minidl.errors import DataError, ShapeError
from minidl.modules import Layer
from minidl.plotting.style import BLUE, COLORS, LARGEST, ORANGE, YELLOW, canvas, color_scale, legend_below
from minidl.typing import Array, ArrayLike

__all__ = ["plot_decision_boundary"]

GRID = 200
# The first two colours also differ in brightness. To the palette of Okabe and Ito, the last two add the colours of Tol
# (2021) that differ most from it for colour-blind readers.
CLASS_COLORS = (ORANGE, BLUE, *(color for color in COLORS if color not in (ORANGE, BLUE)), YELLOW, "#882255", "#332288")
# One more than colours, so that the first 110 classes differ in the pair.
CLASS_MARKERS = ("o", "^", "s", "D", "v", "P", "X", "<", ">", "p", "*")
WHITE = (1.0, 1.0, 1.0)


def plot_decision_boundary(
    model: Layer, x: ArrayLike, y: ArrayLike, ax: Axes | None = None, *, threshold: float | None = None
) -> Axes:
    """Draw the predictions of a model of two features, its decision boundary, and the data on top.

    Ten classes have their own colours and markers. From the eleventh class on, colours repeat with other markers.

    Args:
        model: takes (n, 2) and returns one probability or logit per sample, (n,) or (n, 1), or k scores, (n, k).
        x: the samples, (n, 2).
        y: their classes, counted from 0, as (n,) or (n, 1), or one-hot as (n, k).
        ax: the axes to draw on. None makes a new figure.
        threshold: the output above which a sample belongs to class 1, for a model with a single output. By default 0.5
            if the model's `gives_probabilities` is true, as after a Sigmoid, otherwise 0. With k scores, the largest
            decides.

    Returns:
        The axes.

    Raises:
        ShapeError: a model that does not take 2 features; x and y of shapes that do not match.
        DataError: several inputs; classes that are not integers from 0; predictions that are not finite.
        HyperparameterError: a threshold that is not a finite number.
        TypeError: something that is not a layer.

    >>> from matplotlib.figure import Figure
    >>> from minidl import Dense, Sequential, Sigmoid, make_xor
    >>> x, y = make_xor(50, rng=0)
    >>> ax = plot_decision_boundary(Sequential(Dense(2, 1, rng=0), Sigmoid()), x, y, Figure().subplots())
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['class 0', 'class 1', 'boundary']
    """
    check_type("model", model, Layer)
    if threshold is not None:
        threshold = number("threshold", threshold, at_least=-LARGEST, at_most=LARGEST)
    if isinstance(x, tuple):
        raise DataError(f"x must be one array (n, 2) to be drawn in a plane, got a tuple of {len(x)}")
    samples = as_data(x, "x", dtype=np.float64)
    if samples.ndim != 2 or samples.shape[1] != 2:
        raise ShapeError(f"x must have shape (n, 2) to be drawn in a plane, got {samples.shape}; choose two features")
    try:
        model.output_shape((2,))
    except ShapeError as error:
        raise ShapeError(f"the model must take 2 inputs to be drawn in a plane, but {error}") from error
    center = (samples.min(axis=0) + samples.max(axis=0)) / 2
    half = 0.58 * (np.ptp(samples, axis=0) + 1e-9 * (1 + np.abs(center)))
    xs, ys = np.linspace(center - half, center + half, GRID).T
    scores = _scores(model, np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2))
    classes = _classes(samples, y, max(2, scores.shape[1]))
    with canvas(ax, (5.4, 4.2)) as ax:
        if scores.shape[1] == 1:
            _fill_binary(ax, xs, ys, scores.reshape(GRID, GRID), bool(model.gives_probabilities), threshold)
        else:
            _fill_classes(ax, xs, ys, scores.reshape(GRID, GRID, -1))
        for index in np.unique(classes).tolist():
            chosen = samples[classes == index]
            ax.scatter(
                chosen[:, 0],
                chosen[:, 1],
                s=30,
                color=_class_color(index),
                marker=CLASS_MARKERS[index % len(CLASS_MARKERS)],
                edgecolors="white",
                linewidths=0.6,
                label=f"class {index}",
                zorder=3,
            )
        ax.set_xlabel("$x_1$")
        ax.set_ylabel("$x_2$")
        legend_below(ax, [*ax.get_legend_handles_labels()[0], Line2D([], [], color="black", label="boundary")])
    return ax


def _scores(model: Layer, points: Array) -> Array:
    """The predictions for the points, as (n, k)."""
    scores = model.predict(points)
    if scores.ndim > 2:
        raise ShapeError(f"the model must return shape (n,) or (n, k), got {scores.shape}")
    if not np.isfinite(scores).all():
        raise DataError("the model predicts NaN or infinity; check its weights, as its training may have diverged")
    return scores.reshape(len(points), -1).astype(np.float64).clip(-LARGEST, LARGEST)


def _classes(x: Array, y: ArrayLike, k: int) -> Array:
    """The classes as integers, (n,)."""
    labels = as_data(y, "y")
    same_length(x, labels)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim == 2 and labels.shape[1] == k:
        labels = labels.argmax(axis=1)
    if labels.ndim != 1:
        raise ShapeError(f"y must have shape (n,), (n, 1) or one-hot (n, {k}), got {labels.shape}")
    if not np.isin(labels, np.arange(k)).all():
        raise DataError(f"y must hold classes 0 to {k - 1}, got {np.unique(labels)[:5]}; number the classes from 0")
    return labels.astype(int)


def _fill_binary(ax: Axes, xs: Array, ys: Array, score: Array, probability: bool, threshold: float | None) -> None:
    middle = threshold if threshold is not None else 0.5 if probability else 0.0
    if probability:
        gap = 1e-9 * max(1.0, abs(middle))
        low, high = min(0.0, middle - gap), max(1.0, middle + gap)
    else:
        # With the largest logit as the limit, a few large ones would leave the rest of the plane pale.
        reach = float(np.quantile(np.abs(score - middle), 0.7)) or 1.0
        reach = max(reach, 1e-9 * abs(middle), 1e-100)  # floating point cannot tell the colours of less apart
        low, high = middle - reach, middle + reach
    colors = LinearSegmentedColormap.from_list("classes", [_pale(_class_color(0)), WHITE, _pale(_class_color(1))])
    norm = TwoSlopeNorm(middle, low, high)
    mesh = ax.pcolormesh(xs, ys, score, cmap=colors, norm=norm, shading="nearest", rasterized=True)
    label = "probability of class 1" if probability else "output (logit of class 1)"
    color_scale(mesh, ax, label, extend="neither" if probability else "both")
    if score.min() < middle < score.max():
        ax.contour(xs, ys, score, levels=[middle], colors="black", linewidths=1.6)


def _fill_classes(ax: Axes, xs: Array, ys: Array, scores: Array) -> None:
    k = scores.shape[-1]
    colors = ListedColormap([_pale(_class_color(index)) for index in range(k)])
    winner = scores.argmax(axis=-1)
    ax.pcolormesh(xs, ys, winner, cmap=colors, vmin=-0.5, vmax=k - 0.5, shading="nearest", rasterized=True)
    for index in range(k):
        lead = scores[..., index] - np.delete(scores, index, axis=-1).max(axis=-1)
        if lead.min() < 0 < lead.max():
            ax.contour(xs, ys, lead, levels=[0.0], colors="black", linewidths=1.6)


def _class_color(index: int) -> str:
    return CLASS_COLORS[index % len(CLASS_COLORS)]


def _pale(color: str) -> tuple[float, float, float]:
    """The colour halfway to white, so that the data stand out against it."""
    red, green, blue = to_rgb(color)
    return 0.5 + 0.5 * red, 0.5 + 0.5 * green, 0.5 + 0.5 * blue
