"""Why a network does not learn: what its layers give, and what gradients come back to them.

All of it is measured on a copy: of the model that is handed in, nothing changes, neither gradients nor buffers nor the
state of generators nor what forward has kept for backward.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from math import ceil, floor, log10
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from minidl.arguments import same_length
from minidl.errors import DataError, ShapeError
from minidl.layers import ReLU, Sequential
from minidl.modules import Layer, Loss, Module
from minidl.parameters import Parameter
from minidl.plotting.style import BLUE, FONT, SMALL_FONT, VERMILLION, canvas
from minidl.typing import Array, ArrayLike

__all__ = ["dead_share", "gradient_flow", "plot_activations", "plot_gradient_flow"]

BANDS = ((0.01, 0.99, 0.22), (0.25, 0.75, 0.75))  # from and to which quantile, and how dark
ROW, MARGINS = 0.27, 1.1  # inches
LONGEST = 30


def dead_share(model: Layer, x: ArrayLike, *, training: bool = True) -> dict[str, float]:
    """The share of units of each ReLU layer that are active for no sample of the batch: they learn nothing from it.

    Args:
        model: with or without ReLU layers, nested as it may be.
        x: a batch, the larger the better.
        training: whether layers such as BatchNorm and Dropout behave as in training or as in evaluation.

    Returns:
        Path of the layer, such as "1" or "2.0", -> share from 0 to 1.

    Raises:
        DataError, ShapeError: a batch that the model cannot take.

    >>> from minidl import Dense
    >>> model = Sequential(Dense(1, 4), ReLU(), Dense(4, 1))
    >>> model[0].weight.value = [[1.0, 2.0, -1.0, -2.0]]
    >>> dead_share(model, [[1.0], [2.0]])
    {'1': 0.5}
    """
    return {path: _dead(y) for path, layer, y in _outputs(model, x, training) if isinstance(layer, ReLU)}


def plot_activations(model: Layer, x: ArrayLike, ax: Axes | None = None, *, training: bool = True) -> Axes:
    """Draw how the numbers that each layer gives for a batch are distributed, one row a layer, the first on top.

    The dark band holds the middle half of the numbers, the pale one all but 1 % at both ends, and the white mark is
    the median. In a healthy network the bands are about as wide in all layers. Beside each ReLU stands the share of its
    units that are dead: active for no sample.

    Args:
        model: a Sequential, nested as it may be, or a single layer.
        x: a batch.
        ax: where to draw; by default a new figure.
        training: whether layers such as BatchNorm and Dropout behave as in training or as in evaluation.

    Returns:
        The axes.

    Raises:
        DataError: a batch that the model cannot take, or a layer that gives NaN or infinity.
        ShapeError: a batch that the model cannot take, or a model without layers.

    >>> from matplotlib.figure import Figure
    >>> from minidl import Dense, make_xor
    >>> model = Sequential(Dense(2, 8), ReLU(), Dense(8, 1), rng=1)
    >>> ax = plot_activations(model, make_xor(100, rng=0)[0], Figure().subplots())
    >>> [label.get_text() for label in ax.get_yticklabels()], [text.get_text() for text in ax.texts]
    (['0  Dense(2, 8)', '1  ReLU()', '2  Dense(8, 1)'], ['0% dead'])
    """
    outputs = _outputs(model, x, training)
    if not outputs:
        raise ShapeError(f"there is no layer whose outputs could be drawn in {model!r}")
    for path, layer, y in outputs:
        if not np.isfinite(y).all():
            raise DataError(f"{_label(path, layer)} gives NaN or infinity; look at its weights and at what it is given")
    quantiles = np.array([[np.quantile(y, q) for q in (0.01, 0.25, 0.5, 0.75, 0.99)] for _, _, y in outputs])
    with canvas(ax, (6.4, MARGINS + ROW * len(outputs))) as ax:
        rows = np.arange(len(outputs))
        for (_, _, alpha), low, high in zip(BANDS, quantiles[:, :2].T, quantiles[:, :2:-1].T, strict=True):
            ax.barh(rows, high - low, left=low, height=0.72, color=BLUE, alpha=alpha, linewidth=0)
        ax.plot(quantiles[:, 2], rows, "|", color="white", markersize=8, markeredgewidth=3.4)
        ax.plot(quantiles[:, 2], rows, "|", color="black", markersize=8, markeredgewidth=1.4)
        _set_rows(ax, [_label(path, layer) for path, layer, _ in outputs])
        ax.set_xlabel("outputs: median, middle half, and 1 % to 99 %")
        _spread(ax, quantiles)
        ax.axvline(0.0, color="0.6", linewidth=0.8, zorder=0)
        for row, (_, layer, y) in enumerate(outputs):
            if isinstance(layer, ReLU):
                _beside(ax, row, f"{_dead(y):.0%} dead", alarming=_dead(y) >= 0.5)
    return ax


def gradient_flow(model: Layer, loss: Loss, x: ArrayLike, y: ArrayLike) -> dict[str, float]:
    """The root mean square of the gradient of each layer with parameters, as in training on this batch.

    Args:
        model, loss: what is trained.
        x, y: a batch and its targets.

    Returns:
        Path of the layer, such as "0" or "2.1", -> a number of at least 0; infinity or NaN if it is not finite.

    Raises:
        DataError, ShapeError: data that model or loss cannot take.

    >>> from minidl import Dense, MSELoss
    >>> model = Sequential(Dense(1, 1), Dense(1, 1))
    >>> model.parameters().value = [2.0, 0.0, 0.5, 0.0]
    >>> gradient_flow(model, MSELoss(), [[1.0]], [[0.0]])
    {'0': 1.0, '1': 3.1622776601683795}
    """
    return {path: rms for path, _, rms in _gradients(model, loss, x, y)}


def plot_gradient_flow(model: Layer, loss: Loss, x: ArrayLike, y: ArrayLike, ax: Axes | None = None) -> Axes:
    """Draw the size of the gradient of each layer with parameters for a batch, one row a layer, the first on top.

    The size is the root mean square over the layer's numbers, on a logarithmic scale: where the line leans to the left
    at the top, gradients vanish on their way back to the first layer; where to the right, they explode. A layer whose
    gradient is exactly 0 learns nothing, and is marked so.

    Args:
        model, loss: what is trained.
        x, y: a batch and its targets.
        ax: where to draw; by default a new figure.

    Returns:
        The axes.

    Raises:
        DataError, ShapeError: data that model or loss cannot take; a model without parameters.

    >>> from matplotlib.figure import Figure
    >>> from minidl import BCEWithLogitsLoss, Dense, make_xor
    >>> model = Sequential(Dense(2, 8), ReLU(), Dense(8, 1), rng=1)
    >>> ax = plot_gradient_flow(model, BCEWithLogitsLoss(), *make_xor(100, rng=0), Figure().subplots())
    >>> [label.get_text() for label in ax.get_yticklabels()], ax.get_xscale()
    (['0  Dense(2, 8)', '2  Dense(8, 1)'], 'log')
    """
    flow = _gradients(model, loss, x, y)
    if not flow:
        raise ShapeError(f"there is no layer with parameters in {model!r}, and so no gradient to draw")
    sizes = np.array([rms for _, _, rms in flow])
    good = np.isfinite(sizes) & (sizes > 0)
    with canvas(ax, (6.4, MARGINS + ROW * len(flow))) as ax:
        rows = np.arange(len(flow))
        ax.set_xscale("log")
        low, high = (sizes[good].min(), sizes[good].max()) if good.any() else (1.0, 1.0)
        # At least two decades, so that gradients of nearly one size also look so.
        middle, half = np.sqrt(low) * np.sqrt(high), max(10.0, 2.0 * np.sqrt(high / low))
        ax.update_datalim([(middle / half, 0.0), (middle * half, 0.0)])
        ax.plot(np.where(good, sizes, np.nan), rows, "o-", color=BLUE, markersize=6, markeredgecolor="white")
        _set_rows(ax, [_label(path, layer) for path, layer, _ in flow])
        ax.set_xlabel("root mean square of the gradient")
        ax.grid(axis="x", color="0.9", linewidth=0.6)
        for row in np.flatnonzero(~good).tolist():
            _beside(ax, row, "gradient 0" if sizes[row] == 0 else "not finite", alarming=True)
        if good[0] and good[-1] and len(flow) > 1:
            ax.set_title(f"first layer / last layer: {sizes[0] / sizes[-1]:.2g}", fontsize=FONT)
    return ax


def _outputs(model: Layer, x: ArrayLike, training: bool) -> list[tuple[str, Layer, Array]]:
    """Path, layer and output of all layers but plain containers, in the order in which forward is done with them."""
    batch = model.check_input(x)
    done: list[tuple[str, Layer, Array]] = []

    def watch(path: str, layer: Layer) -> None:
        forward = layer.forward

        def recorded(x: Array) -> Array:
            y = forward(x)
            done.append((path, layer, y))
            return y

        # On the instance, in front of the method of its class; the copy is thrown away.
        vars(layer)["forward"] = recorded

    copied = copy.deepcopy(model)
    copied.training = training
    for path, layer in copied.modules():
        if isinstance(layer, Layer) and type(layer) is not Sequential:
            watch(path, layer)
    with np.errstate(all="ignore"):  # what is not finite is reported in words
        copied.forward(batch)
    return done


def _gradients(model: Layer, loss: Loss, x: ArrayLike, y: ArrayLike) -> list[tuple[str, Module, float]]:
    """Path, layer and root mean square of the gradient of all layers that have parameters themselves."""
    batch = model.check_input(x)
    target = loss.check_target(y, model.output_shape(batch.shape[1:]), batch.dtype)
    same_length(batch, target)
    copied, measure = copy.deepcopy((model, loss))
    copied.training = True
    with np.errstate(all="ignore"):
        measure.forward(copied.forward(batch), target)
        copied.backward_parameters(measure.backward())
        flow = []
        for path, module in copied.modules():
            own = [child.grad.ravel() for _, child in module.children() if isinstance(child, Parameter)]
            if own:
                flow.append((path, module, _rms(np.concatenate(own))))
    return flow


def _rms(gradient: Array) -> float:
    """The root of the mean square, also where squares would be too small or too large for floating point."""
    largest = float(np.abs(gradient).max())
    if not 0.0 < largest < float("inf"):
        return largest
    scaled = gradient.astype(np.float64) / largest
    return largest * float(np.sqrt(np.mean(scaled * scaled)))


def _dead(y: Array) -> float:
    return float((y <= 0).all(axis=0).mean())


def _label(path: str, module: Module) -> str:
    """Such as "0  Dense(2, 8)"; of a long name without keyword arguments, of what contains layers the class alone."""
    name = repr(module)
    if len(name) > LONGEST:
        name = name.partition("=")[0].rpartition(", ")[0] + ")"
    if len(name) > LONGEST or name == ")" or any(isinstance(child, Module) for _, child in module.children()):
        name = type(module).__name__
    return f"{path}  {name}" if path else name


def _set_rows(ax: Axes, labels: Sequence[str]) -> None:
    ax.set_yticks(np.arange(len(labels)), labels)
    ax.set_ylim(len(labels) - 0.4, -0.6)
    ax.set_axisbelow(True)
    figure: Any = ax.get_figure(root=True)
    # Smaller letters where the rows are closer together than lines of text.
    points = 72 * ax.get_position().height * figure.get_size_inches()[1] / len(labels)
    ax.tick_params(axis="y", length=0, labelsize=min(SMALL_FONT, 0.85 * points))


def _beside(ax: Axes, row: int, text: str, *, alarming: bool) -> None:
    """Write on the right of the axes, at the height of a row."""
    color = VERMILLION if alarming else "0.35"
    size = min(SMALL_FONT, ax.yaxis.get_ticklabels()[0].get_fontsize())
    transform = ax.get_yaxis_transform()
    ax.text(1.015, row, text, transform=transform, ha="left", va="center", color=color, fontsize=size)


def _spread(ax: Axes, quantiles: Array) -> None:
    """A symmetrically logarithmic scale where some layers give numbers over a hundred times as wide as others."""
    ax.use_sticky_edges = False
    widths = quantiles[:, -1] - quantiles[:, 0]
    widths = widths[widths > 0]
    if len(widths) and widths.max() > 100 * widths.min():
        low, high = floor(log10(float(widths.min()) / 2)), ceil(log10(float(np.abs(quantiles).max())))
        ax.set_xscale("symlog", linthresh=10.0**low)
        powers = [10.0**power for power in range(high, low, -ceil((high - low) / 3))]
        ax.set_xticks([*(-power for power in powers), 0.0, *powers])
        ax.set_xticks([], minor=True)
    ax.autoscale_view()  # the limits so far are those with bars that end at the frame
