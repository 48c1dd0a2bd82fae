"""Why a network does not learn: the outputs of its layers, and the gradients that reach them.

Measuring changes nothing: parameters, gradients, buffers, generators and what forward cached are afterwards as before.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from minidl.errors import DataError, ShapeError
from minidl.layers import ReLU, Sequential
from minidl.modules import Layer, Loss, Module, Snapshot, training_as, watching
from minidl.objectives import EmpiricalRisk
from minidl.parameters import Parameter
from minidl.plotting.rows import row_label, set_rows, spread, write_beside
from minidl.plotting.style import BLUE, FONT, Labels, canvas
from minidl.typing import Array, ArrayLike, Batch

__all__ = ["dead_share", "gradient_flow", "plot_activations", "plot_gradient_flow"]

QUANTILES = (0.01, 0.25, 0.5, 0.75, 0.99)
PALE, DARK = 0.22, 0.75
ROW, MARGINS = 0.27, 1.1  # inches


def dead_share(model: Layer, x: ArrayLike, *, training: bool = True) -> dict[str, float]:
    """The share of dead units in each ReLU layer: those that no sample of the batch activates.

    A dead unit learns nothing from the batch, as its gradient is 0.

    Args:
        model: a single layer or a model, however deeply nested.
        x: a batch. The larger it is, the more the shares tell.
        training: whether layers such as BatchNorm and Dropout behave as in training or as in evaluation.

    Returns:
        The path of each ReLU, such as "1" or "2.0", with its share from 0 to 1.

    Raises:
        DataError, ShapeError: a batch that the model cannot take.

    >>> from minidl import Dense
    >>> model = Sequential(Dense(1, 4), ReLU(), Dense(4, 1))
    >>> model[0].weight.value = [[1.0, 2.0, -1.0, -2.0]]
    >>> dead_share(model, [[1.0], [2.0]])
    {'1': 0.5}
    """
    return {path: _dead(y) for path, layer, y in _outputs(model, x, training) if isinstance(layer, ReLU)}


def plot_activations(
    model: Layer,
    x: ArrayLike,
    ax: Axes | None = None,
    *,
    training: bool = True,
    title: str | None = None,
    labels: Labels = None,
) -> Axes:
    """Draw the distribution of each layer's outputs for a batch, one row per layer, the first on top.

    The dark band holds the middle half of the outputs. The pale band holds all but 1 % at each end, and the mark is the
    median. In a healthy network, the bands of all layers are about equally wide. Beside each ReLU, the plot shows the
    share of dead units, which no sample activates.

    Args:
        model: a single layer or a model, however deeply nested.
        x: a batch.
        ax: the axes to draw on. None makes a new figure.
        training: whether layers such as BatchNorm and Dropout behave as in training or as in evaluation.
        title: the title of the axes.
        labels: the labels of the x axis and the y axis, in place of the usual ones.

    Returns:
        The axes.

    Raises:
        DataError: a batch that the model cannot take; a layer that returns NaN or infinity.
        ShapeError: a batch that the model cannot take; a model without layers.
        TypeError: a title or labels that are not strings.

    >>> from matplotlib.figure import Figure
    >>> from minidl import Dense, make_xor
    >>> model = Sequential(Dense(2, 8), ReLU(), Dense(8, 1), rng=1)
    >>> ax = plot_activations(model, make_xor(100, rng=0)[0], Figure().subplots())
    >>> [label.get_text() for label in ax.get_yticklabels()], [text.get_text() for text in ax.texts]
    (['0  Dense(2, 8)', '1  ReLU()', '2  Dense(8, 1)'], ['0% dead'])
    """
    outputs = _outputs(model, x, training)
    if not outputs:
        raise ShapeError(f"{model!r} contains no layer whose outputs could be drawn")
    for path, layer, y in outputs:
        if not np.isfinite(y).all():
            raise DataError(f"{row_label(path, layer)} returns NaN or infinity; check its weights and its inputs")
    quantiles = np.array([[np.quantile(y, q) for q in QUANTILES] for _, _, y in outputs])
    lowest, low, median, high, highest = quantiles.T
    with canvas(ax, (6.4, MARGINS + ROW * len(outputs)), title=title, labels=labels) as ax:
        rows = np.arange(len(outputs))
        for left, right, alpha in ((lowest, highest, PALE), (low, high, DARK)):
            ax.barh(rows, right - left, left=left, height=0.72, color=BLUE, alpha=alpha, linewidth=0)
        ax.plot(median, rows, "|", color="white", markersize=8, markeredgewidth=3.4)
        ax.plot(median, rows, "|", color="black", markersize=8, markeredgewidth=1.4)
        set_rows(ax, [row_label(path, layer) for path, layer, _ in outputs])
        ax.set_xlabel("outputs: median, middle half, and 1 % to 99 %")
        spread(ax, quantiles)
        ax.axvline(0.0, color="0.6", linewidth=0.8, zorder=0)
        for row, (_, layer, y) in enumerate(outputs):
            if isinstance(layer, ReLU):
                write_beside(ax, row, f"{_dead(y):.0%} dead", alarming=_dead(y) >= 0.5)
    return ax


def gradient_flow(model: Layer, loss: Loss, x: ArrayLike, y: ArrayLike) -> dict[str, float]:
    """The root mean square of each layer's gradient in a training step on this batch, ``√(mean g²)``.

    Args:
        model: the model to train.
        loss: its loss.
        x: a batch.
        y: the targets of the batch.

    Returns:
        The path of each layer with parameters, such as "0" or "2.1", with its root mean square. Infinity or NaN means
        that a gradient is not finite.

    Raises:
        DataError, ShapeError: data that the model or the loss cannot take.

    >>> from minidl import Dense, MSELoss
    >>> model = Sequential(Dense(1, 1), Dense(1, 1))
    >>> model.parameters().value = [2.0, 0.0, 0.5, 0.0]
    >>> gradient_flow(model, MSELoss(), [[1.0]], [[0.0]])
    {'0': 1.0, '1': 3.1622776601683795}
    """
    return {path: rms for path, _, rms in _gradients(model, loss, x, y)}


def plot_gradient_flow(
    model: Layer,
    loss: Loss,
    x: ArrayLike,
    y: ArrayLike,
    ax: Axes | None = None,
    *,
    title: str | None = None,
    labels: Labels = None,
) -> Axes:
    """Draw the size of each layer's gradient for a batch, one row per layer with parameters, the first on top.

    The size is the root mean square of `gradient_flow`, on a logarithmic scale. If the line leans to the left at the
    top, gradients vanish on their way back to the first layer. If it leans to the right, they explode. A layer whose
    gradient is exactly 0 learns nothing, and the plot says so.

    Args:
        model: the model to train.
        loss: its loss.
        x: a batch.
        y: the targets of the batch.
        ax: the axes to draw on. None makes a new figure.
        title: the title of the axes. None means the ratio of the first layer's gradient to the last one's.
        labels: the labels of the x axis and the y axis, in place of the usual ones.

    Returns:
        The axes.

    Raises:
        DataError, ShapeError: data that the model or the loss cannot take; a model without parameters.
        TypeError: a title or labels that are not strings.

    >>> from matplotlib.figure import Figure
    >>> from minidl import BCEWithLogitsLoss, Dense, make_xor
    >>> model = Sequential(Dense(2, 8), ReLU(), Dense(8, 1), rng=1)
    >>> ax = plot_gradient_flow(model, BCEWithLogitsLoss(), *make_xor(100, rng=0), Figure().subplots())
    >>> [label.get_text() for label in ax.get_yticklabels()], ax.get_xscale()
    (['0  Dense(2, 8)', '2  Dense(8, 1)'], 'log')
    """
    flow = _gradients(model, loss, x, y)
    if not flow:
        raise ShapeError(f"{model!r} contains no layer with parameters, and so no gradient to draw")
    sizes = np.array([rms for _, _, rms in flow])
    good = np.isfinite(sizes) & (sizes > 0)
    with canvas(ax, (6.4, MARGINS + ROW * len(flow)), title=title, labels=labels) as ax:
        rows = np.arange(len(flow))
        ax.set_xscale("log")
        low, high = (sizes[good].min(), sizes[good].max()) if good.any() else (1.0, 1.0)
        # At least two decades, so that gradients of nearly equal size look equal.
        middle, half = np.sqrt(low) * np.sqrt(high), max(10.0, 2.0 * np.sqrt(high / low))
        ax.update_datalim([(middle / half, 0.0), (middle * half, 0.0)])
        ax.plot(np.where(good, sizes, np.nan), rows, "o-", color=BLUE, markersize=6, markeredgecolor="white")
        set_rows(ax, [row_label(path, layer) for path, layer, _ in flow])
        ax.set_xlabel("root mean square of the gradient")
        ax.grid(axis="x", color="0.9", linewidth=0.6)
        for row in np.flatnonzero(~good).tolist():
            write_beside(ax, row, "gradient 0" if sizes[row] == 0 else "not finite", alarming=True)
        if good[0] and good[-1] and len(flow) > 1:
            ax.set_title(f"first layer / last layer: {sizes[0] / sizes[-1]:.2g}", fontsize=FONT)
    return ax


def _outputs(model: Layer, x: ArrayLike, training: bool) -> list[tuple[str, Layer, Array]]:
    """Path, layer and output of all layers that return one array, in the order in which their forward returns.

    Plain containers are left out.
    """
    batch = model.check_input(x)
    layers = [(path, layer) for path, layer in model.modules() if isinstance(layer, Layer)]
    outputs: list[tuple[str, Layer, Array]] = []

    def see(path: str, layer: Any, _: str, y: Batch) -> None:
        if type(layer) is not Sequential and not isinstance(y, tuple):
            outputs.append((path, layer, y))

    with _measuring(model, training=training), watching(layers, see):
        model.forward(batch)
    return outputs


def _gradients(model: Layer, loss: Loss, x: ArrayLike, y: ArrayLike) -> list[tuple[str, Module, float]]:
    """Path, module and root mean square of the gradient of all modules that own parameters."""
    risk = EmpiricalRisk(model, loss, x, y)
    flow = []
    with _measuring(risk, training=True):
        risk.forward()
        risk.backward()
        for path, module in model.modules():
            own = [child.grad.ravel() for _, child in module.children() if isinstance(child, Parameter)]
            if own:
                flow.append((path, module, _rms(np.concatenate(own))))
    return flow


@contextmanager
def _measuring(module: Module, *, training: bool) -> Iterator[None]:
    """Run a module as in training or in evaluation inside a ``with`` block. Afterwards it is as before."""
    gradients = [(parameter, parameter.grad.copy()) for _, parameter in module.named_parameters()]
    # The plots report in words what is not finite, so that NumPy need not warn.
    with Snapshot([module]), training_as(training), np.errstate(all="ignore"):
        try:
            yield
        finally:
            for parameter, grad in gradients:
                parameter.grad = grad


def _rms(gradient: Array) -> float:
    """The root mean square. Its squares may lie outside the range of floating point."""
    largest = float(np.abs(gradient).max())
    if not 0.0 < largest < float("inf"):
        return largest
    scaled = gradient.astype(np.float64) / largest
    return largest * float(np.sqrt(np.mean(scaled * scaled)))


def _dead(y: Array) -> float:
    return float((y <= 0).all(axis=0).mean())
