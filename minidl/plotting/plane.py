"""What there is to draw of a model of two features: its predictions in the plane, their boundaries, and the data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, QuadMesh
from matplotlib.colors import LinearSegmentedColormap, ListedColormap, Normalize, TwoSlopeNorm, to_rgb
from matplotlib.patches import Rectangle

from minidl.arguments import check_type, number
from minidl.batch import same_length
from minidl.data import as_data
from minidl.errors import DataError, ShapeError
from minidl.layers import Dense, Sequential
from minidl.modules import Layer
from minidl.plotting.crossings import crossings
from minidl.plotting.style import BLUE, COLORS, LARGEST, ORANGE, SMALL_FONT, YELLOW, class_names
from minidl.typing import Array, ArrayLike

__all__ = ["Plane"]

# The first two colours also differ in brightness. To the palette of Okabe and Ito, the last two add the colours of Tol
# (2021) that differ most from it for colour-blind readers.
CLASS_COLORS = (ORANGE, BLUE, *(color for color in COLORS if color not in (ORANGE, BLUE)), YELLOW, "#882255", "#332288")
# One more than colours, so that the first 110 classes differ in the pair.
CLASS_MARKERS = ("o", "^", "s", "D", "v", "P", "X", "<", ">", "p", "*")
WHITE = (1.0, 1.0, 1.0)

UNDECIDED = 0.01  # how far from ½ the probability on a plateau may be, so that it says nothing about the class
SMALLEST = 0.01  # the share of the plane that a plateau must cover to be marked
DOTS: dict[str, Any] = {"hatch": "..", "edgecolor": "0.6", "linewidth": 0.0}


class Plane:
    """A model of two features with its data, and the part of the plane around them.

    Args:
        model, x, y, threshold, classes: as for `plot_decision_boundary`.
        grid: the number of points at which to predict, in each direction.
    """

    def __init__(
        self,
        model: Layer,
        x: ArrayLike,
        y: ArrayLike,
        threshold: float | None,
        classes: Sequence[str] | None,
        grid: int,
    ) -> None:
        check_type("model", model, Layer)
        if threshold is not None:
            threshold = number("threshold", threshold, at_least=-LARGEST, at_most=LARGEST)
        self.model, self.samples = model, _samples(model, x)
        center = (self.samples.min(axis=0) + self.samples.max(axis=0)) / 2
        span = np.ptp(self.samples, axis=0)
        span[span == 0] = span.max() or 1.0  # a feature with one value must not be shown in a range of rounding errors
        half = 0.58 * (span + 1e-9 * (1 + np.abs(center)))
        self.xs, self.ys = np.linspace(center - half, center + half, grid).T
        self.probability = bool(model.gives_probabilities)
        self.threshold = threshold if threshold is not None else 0.5 if self.probability else 0.0
        outputs = self.scores(self.samples[:1]).shape[-1]
        self.binary = outputs == 1
        self.output = "probability of class 1" if self.probability else "output (logit of class 1)"
        self.classes = _classes(self.samples, y, max(2, outputs))
        self.names = class_names(classes, [f"class {index}" for index in range(max(2, outputs))])
        self.output = self.output.replace("class 1", self.names[1])

    def scores(self, points: Array | None = None) -> Array:
        """The present predictions for points (m, 2), as (m, k), or for the grid, as (rows, columns, k)."""
        on_grid = points is None
        if points is None:
            points = np.stack(np.meshgrid(self.xs, self.ys), axis=-1).reshape(-1, 2)
        scores = self.model.predict(points)
        if scores.ndim > 2:
            raise ShapeError(f"the model must return shape (n,) or (n, k), got {scores.shape}")
        if not np.isfinite(scores).all():
            raise DataError("the model predicts NaN or infinity; check its weights, as its training may have diverged")
        scores = scores.reshape(len(points), -1).astype(np.float64).clip(-LARGEST, LARGEST)
        return scores.reshape(len(self.ys), len(self.xs), -1) if on_grid else scores

    def predicted(self, scores: Array) -> Array:
        """The predicted classes, for scores (…, k)."""
        if self.binary:
            return np.asarray(scores[..., 0] > self.threshold).astype(int)
        return np.asarray(scores.argmax(axis=-1))

    def norm(self, scores: Array) -> Normalize:
        """The range of the colours. For a single output, white lies at the threshold."""
        middle = self.threshold
        if not self.binary:
            return Normalize(-0.5, scores.shape[-1] - 0.5)
        if self.probability:
            gap = 1e-9 * max(1.0, abs(middle))
            return TwoSlopeNorm(middle, min(0.0, middle - gap), max(1.0, middle + gap))
        # With the largest logit as the limit, a few large ones would leave the rest of the plane pale.
        reach = float(np.quantile(np.abs(scores - middle), 0.7)) or 1.0
        reach = max(reach, 1e-9 * abs(middle), 1e-100)  # floating point cannot tell the colours of less apart
        return TwoSlopeNorm(middle, middle - reach, middle + reach)

    def draw_colors(self, ax: Axes, scores: Array, norm: Normalize, shades: int = 256) -> QuadMesh:
        """Fill the plane with the output, or with the classes if there are several scores."""
        values = scores[..., 0] if self.binary else self.predicted(scores)
        paint = [_pale(_class_color(index)) for index in range(len(self.names))]
        colors = (
            LinearSegmentedColormap.from_list("classes", [paint[0], WHITE, paint[1]], shades)
            if self.binary
            else ListedColormap(paint)
        )
        return ax.pcolormesh(self.xs, self.ys, values, cmap=colors, norm=norm, shading="nearest", rasterized=True)

    def draw_boundary(self, ax: Axes, scores: Array) -> list[Artist]:
        """Draw the boundaries between classes, mark a plateau, and say so if the plane is all of one class."""
        drawn: list[Artist] = []
        predicted = self.predicted(scores)
        seen = np.unique(predicted).tolist()
        if len(seen) == 1:
            drawn.append(_note(ax, f"no boundary: {self.names[seen[0]]} everywhere"))
        for index in seen[1:] if self.binary else seen if len(seen) > 1 else ():

            def among(points: Array, index: int = index) -> Array:
                return np.asarray(self.predicted(self.scores(points)) == index)

            lines = crossings(among, self.xs, self.ys, predicted == index)
            drawn.append(ax.add_collection(LineCollection(lines, colors="black", linewidths=1.6, label="boundary")))
        flat = self._plateau(scores)
        if flat is not None:
            marked = ax.contourf(self.xs, self.ys, flat, levels=[0.5, 1.5], colors="none", hatches=[DOTS["hatch"]])
            marked.set(edgecolor=DOTS["edgecolor"], linewidth=DOTS["linewidth"])
            name = "plateau at ½" if self.probability and self.threshold == 0.5 else "plateau at the threshold"
            drawn.append(marked)
            # Without a size, it shows only in the legend.
            drawn.append(ax.add_patch(Rectangle((0, 0), 0, 0, facecolor="white", label=f"{name}: undecided", **DOTS)))
        return drawn

    def draw_units(self, ax: Axes) -> list[Artist]:
        """Draw a dashed line for each unit of the first layer, where its input is 0.

        Raises:
            ShapeError: a model that does not begin with a Dense layer.
        """
        first = self.model
        while isinstance(first, Sequential) and len(first):
            first = first[0]
        if not isinstance(first, Dense):
            raise ShapeError(f"only the units of a Dense layer have lines, but the model begins with {first!r}")
        corners = np.stack(np.meshgrid(self.xs[[0, -1]], self.ys[[0, -1]]), axis=-1)
        lines = []
        for unit in range(first.outputs):

            def above(points: Array, unit: int = unit) -> Array:
                return np.asarray(first.predict(points.reshape(-1, 2))[:, unit].reshape(points.shape[:-1]) > 0)

            lines += crossings(above, self.xs[[0, -1]], self.ys[[0, -1]], above(corners))
        return [ax.add_collection(LineCollection(lines, colors="0.35", linewidths=1, linestyles="--", label="units"))]

    def draw_samples(self, ax: Axes) -> None:
        """Draw the data and name the axes."""
        for index in np.unique(self.classes).tolist():
            chosen = self.samples[self.classes == index]
            ax.scatter(
                chosen[:, 0],
                chosen[:, 1],
                s=30,
                color=_class_color(index),
                marker=CLASS_MARKERS[index % len(CLASS_MARKERS)],
                edgecolors="white",
                linewidths=0.6,
                label=self.names[index],
                zorder=3,
            )
        ax.set(xlim=self.xs[[0, -1]], ylim=self.ys[[0, -1]], xlabel="$x_1$", ylabel="$x_2$")

    def handles(self, ax: Axes) -> list[Artist]:
        """What the legend shows: one handle for each name."""
        named = dict(zip(*ax.get_legend_handles_labels()[::-1], strict=True))
        return [named[name] for name in named]

    def _plateau(self, scores: Array) -> Array | None:
        """Where the single output is constant at the threshold, (rows, columns), or None if that is hardly anywhere."""
        if not self.binary:
            return None
        score = scores[..., 0] - self.threshold
        near = UNDECIDED if self.probability else 4 * UNDECIDED  # the slope of the sigmoid at 0 is ¼
        steps = np.maximum(*(np.abs(np.gradient(score, axis=axis)) for axis in (0, 1)))
        flat = (np.abs(score) < near) & (steps < 1e-3 * near)
        return flat if flat.mean() > SMALLEST else None


def _samples(model: Layer, x: ArrayLike) -> Array:
    if isinstance(x, tuple):
        raise DataError(f"x must be one array (n, 2) to be drawn in a plane, got a tuple of {len(x)}")
    samples = as_data(x, "x", dtype=np.float64)
    if samples.ndim != 2 or samples.shape[1] != 2:
        raise ShapeError(f"x must have shape (n, 2) to be drawn in a plane, got {samples.shape}; choose two features")
    try:
        model.output_shape((2,))
    except ShapeError as error:
        raise ShapeError(f"the model must take 2 inputs to be drawn in a plane, but {error}") from error
    return samples


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


def _note(ax: Axes, text: str) -> Artist:
    """Write a text at the lower edge of the axes, on white."""
    box = {"boxstyle": "round,pad=0.25", "facecolor": "white", "edgecolor": "none", "alpha": 0.85}
    return ax.text(
        0.5, 0.03, text, transform=ax.transAxes, ha="center", va="bottom", fontsize=SMALL_FONT, bbox=box, zorder=4
    )


def _class_color(index: int) -> str:
    return CLASS_COLORS[index % len(CLASS_COLORS)]


def _pale(color: str) -> tuple[float, float, float]:
    """The colour halfway to white, so that the data stand out against it."""
    red, green, blue = to_rgb(color)
    return 0.5 + 0.5 * red, 0.5 + 0.5 * green, 0.5 + 0.5 * blue
