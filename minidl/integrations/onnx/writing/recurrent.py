"""Recurrent layers as ONNX's operators of the same names."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.integrations.onnx.writing.graph import Graph
from minidl.integrations.onnx.writing.sequences import cleared, positions, split_mask, steps
from minidl.layers.bidirectional import Bidirectional
from minidl.layers.recurrence import Recurrent
from minidl.layers.recurrent import GRU, LSTM, RNN
from minidl.typing import Array

__all__ = ["bidirectional", "gru", "lstm", "rnn"]


def rnn(graph: Graph, layer: RNN, x: Any) -> Any:
    """The operator has a second bias, which is 0 here."""
    return _recurrent(graph, "RNN", layer, x, [0], np.append(layer.bias.value, np.zeros_like(layer.bias.value)))


def lstm(graph: Graph, layer: LSTM, x: Any) -> Any:
    """The gates are i, f, g, o here, and i, o, f, g there."""
    order = [0, 3, 1, 2]
    bias = _gates(layer, layer.bias.value, order)
    return _recurrent(graph, "LSTM", layer, x, order, np.append(bias, np.zeros_like(bias)))


def gru(graph: Graph, layer: GRU, x: Any) -> Any:
    """The gates are r, z, n here, and z, r, n there. The bias m belongs to h U_n."""
    order, units = [1, 0, 2], layer.units
    bias, inner = _gates(layer, layer.bias.value[: 3 * units], order), layer.bias.value[3 * units :]
    both = np.concatenate((bias, np.zeros(2 * units, bias.dtype), inner))
    return _recurrent(graph, "GRU", layer, x, order, both, linear_before_reset=1)


def bidirectional(graph: Graph, layer: Bidirectional, x: Any) -> Any:
    """One layer on x, and one on x with its last time step first."""
    x, mask = split_mask(x)
    turned, turned_mask = _turned(graph, x), None if mask is None else _turned(graph, mask)
    ahead = graph.convert(layer.layer, x if mask is None else (x, mask))
    back = graph.convert(layer.backward_layer, turned if mask is None else (turned, turned_mask))
    return graph.add("Concat", ahead, _turned(graph, back) if layer.layer.return_sequences else back, axis=-1)


def _turned(graph: Graph, x: str) -> str:
    """X (n, t, …) with its last time step first."""
    turned: str = graph.add("Slice", x, [-1], [np.iinfo(np.int64).min], [1], [-1])
    return turned


def _gates(layer: Recurrent, columns: Array, order: list[int]) -> Array:
    """Columns (…, gates · units) with the gates in another order."""
    apart = columns.reshape(*columns.shape[:-1], -1, layer.units)
    return apart[..., order, :].reshape(columns.shape)


def _recurrent(
    graph: Graph, operator: str, layer: Recurrent, x: Any, order: list[int], bias: Array, **attributes: Any
) -> Any:
    """Add the operator.

    The operators know the length of a sequence, but no gaps. So the time steps with data are moved to the front, and
    afterwards each time step looks up the state after the last one with data.

    Args:
        graph, layer, x: as for a converter.
        operator: its name.
        order: which of the layer's gates are those of the operator.
        bias: that of the operator, for x W and then for h U.
        attributes: those of the operator.
    """
    x, mask = split_mask(x)
    if mask is not None:
        x = _in_front(graph, cleared(graph, x, mask), mask)
    w, u = (_gates(layer, each.value, order).T[None] for each in (layer.weight, layer.recurrent_weight))
    time_first = graph.add("Transpose", x, perm=[1, 0, 2])
    every, last = graph.add(operator, time_first, w, u, bias[None], outputs=2, hidden_size=layer.units, **attributes)
    if mask is None and not layer.return_sequences:
        return graph.add("Squeeze", last, [0])
    h = graph.add("Transpose", graph.add("Squeeze", every, [1]), perm=[1, 0, 2])
    return h if mask is None else _looked_up(graph, layer, h, mask)


def _in_front(graph: Graph, x: str, mask: str) -> str:
    """Return x (n, t, inputs) with the time steps that hold data first, in their order."""
    urgency = graph.add("Where", mask, graph.add("Sub", steps(graph, x), positions(graph, x)), 0)
    _, order = graph.add("TopK", urgency, steps(graph, x), axis=1, outputs=2)
    indices = graph.add("Expand", graph.add("Unsqueeze", order, [-1]), graph.add("Shape", x))
    moved: str = graph.add("GatherElements", x, indices, axis=1)
    return moved


def _looked_up(graph: Graph, layer: Recurrent, h: str, mask: str) -> str:
    """The states after each time step, or after the last, from those of the time steps with data. At first it is 0."""
    counts = graph.add("Unsqueeze", graph.add("CumSum", graph.add("Cast", mask, to=graph.type_of(np.int64)), 1), [-1])
    if not layer.return_sequences:
        counts = graph.add("Slice", counts, [-1], [np.iinfo(np.int64).max], [1])
    places = graph.add("Expand", graph.add("Max", graph.add("Sub", counts, 1), 0), [1, 1, layer.units])
    states = graph.add("GatherElements", h, places, axis=1)
    y: str = graph.add("Where", graph.add("Greater", counts, 0), states, 0.0)
    return y if layer.return_sequences else graph.add("Squeeze", y, [1])
