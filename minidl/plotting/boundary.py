"""The decision boundary of a classifier."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes

from minidl.arguments import flag
from minidl.modules import Layer
from minidl.plotting.plane import Plane
from minidl.plotting.style import Labels, canvas, color_scale, legend_below
from minidl.typing import ArrayLike

__all__ = ["plot_decision_boundary"]

GRID = 200


def plot_decision_boundary(
    model: Layer,
    x: ArrayLike,
    y: ArrayLike,
    ax: Axes | None = None,
    *,
    threshold: float | None = None,
    classes: Sequence[str] | None = None,
    units: bool = False,
    colorbar: bool = True,
    title: str | None = None,
    labels: Labels = None,
) -> Axes:
    """Draw the predictions of a model of two features, its decision boundary, and the data on top.

    Ten classes have their own colours and markers. From the eleventh class on, colours repeat with other markers.

    If the model predicts the same class everywhere, there is no boundary, and the plot says so. Dots mark a plateau: an
    area where the single output is constant and close to the threshold, so that it does not tell the classes apart.

    Args:
        model: takes (n, 2) and returns one probability or logit per sample, (n,) or (n, 1), or k scores, (n, k).
        x: the samples, (n, 2).
        y: their classes, counted from 0, as (n,) or (n, 1), or one-hot as (n, k).
        ax: the axes to draw on. None makes a new figure.
        threshold: the output above which a sample belongs to class 1, for a model with a single output. By default 0.5
            if the model's `gives_probabilities` is true, as after a Sigmoid, otherwise 0. With k scores, the largest
            decides.
        classes: the names of the classes. None means "class 0", "class 1" and so on.
        units: whether to draw a dashed line for each unit of the first layer, where its input is 0.
        colorbar: whether to draw the colour bar of a single output. In a grid of axes, one is enough.
        title: the title of the axes.
        labels: the labels of the x axis and the y axis.

    Returns:
        The axes.

    Raises:
        ShapeError: a model that does not take 2 features; x and y of shapes that do not match; a wrong number of names;
            units of a model that does not begin with a Dense layer.
        DataError: several inputs; classes that are not integers from 0; predictions that are not finite.
        HyperparameterError: a threshold that is not a finite number; units or colorbar that are not True or False.
        TypeError: something that is not a layer; classes that are not a list of names; a title or labels that are not
            strings.

    >>> from matplotlib.figure import Figure
    >>> from minidl import Dense, Sequential, Sigmoid, make_xor
    >>> x, y = make_xor(50, rng=0)
    >>> ax = plot_decision_boundary(Sequential(Dense(2, 1, rng=0), Sigmoid()), x, y, Figure().subplots())
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['class 0', 'class 1', 'boundary']
    """
    plane = Plane(model, x, y, threshold, classes, GRID)
    dashed, barred, scores = flag("units", units), flag("colorbar", colorbar), plane.scores()
    with canvas(ax, (5.4, 4.2), title=title, labels=labels) as ax:
        mesh = plane.draw_colors(ax, scores, plane.norm(scores))
        if plane.binary and barred:
            extend = "neither" if plane.probability else "both"
            color_scale(mesh, ax, plane.output, extend=extend)
        plane.draw_samples(ax)
        plane.draw_boundary(ax, scores)
        if dashed:
            plane.draw_units(ax)
        legend_below(ax, plane.handles(ax))
    return ax
