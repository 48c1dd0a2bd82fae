"""Layers of sequences as operators: recurrent layers, attention, positions, and means over time."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np

from minidl.integrations.onnx.writing.graph import Graph
from minidl.layers.attention import CrossAttention, SelfAttention
from minidl.layers.pooling import GlobalAveragePool1D
from minidl.layers.positions import PositionEmbedding, SinusoidalPositions

__all__ = [
    "cleared",
    "cross_attention",
    "global_average_pool",
    "position_embedding",
    "positions",
    "self_attention",
    "sinusoidal_positions",
    "split_mask",
    "steps",
]


def split_mask(x: Any) -> tuple[Any, str | None]:
    """The parts of (x, mask), for a layer that takes one array and perhaps its mask."""
    return x if isinstance(x, tuple) else (x, None)


def cleared(graph: Graph, x: str, mask: str | None) -> str:
    """Return x with 0 in place of what is masked."""
    if mask is None:
        return x
    zeroed: str = graph.add("Where", graph.add("Unsqueeze", mask, [-1]), x, 0.0)
    return zeroed


def global_average_pool(graph: Graph, _: GlobalAveragePool1D, x: Any) -> Any:
    """The mean over the time steps with data, 0 if there are none."""
    x, mask = split_mask(x)
    if mask is None:
        return graph.add("ReduceMean", x, [1], keepdims=0)
    total = graph.add("ReduceSum", cleared(graph, x, mask), [1], keepdims=0)
    count = graph.add("ReduceSum", graph.add("Cast", mask, to=graph.type_of(graph.dtype)), [1])
    return graph.add("Div", total, graph.add("Max", count, 1.0))


def position_embedding(graph: Graph, layer: PositionEmbedding, x: str) -> Any:
    """``x + W[:t]``."""
    return graph.add("Add", x, graph.add("Slice", layer.weight, [0], steps(graph, x), [0]))


def sinusoidal_positions(graph: Graph, layer: SinusoidalPositions, x: str) -> Any:
    """In float64, as in the layer: float32 has few digits for the angles of late positions."""
    features = np.arange(layer.features)
    lengths = 10000.0 ** ((features - features % 2) / layer.features)
    times = graph.add("Cast", positions(graph, x), to=graph.type_of(np.float64))
    angles = graph.add("Div", graph.add("Unsqueeze", times, [1]), lengths)
    waves = graph.add("Where", features % 2 == 0, graph.add("Sin", angles), graph.add("Cos", angles))
    return graph.add("Add", x, graph.add("Cast", waves, to=graph.type_of(graph.dtype)))


def steps(graph: Graph, x: str) -> str:
    """The number of time steps of x (n, t, …), as an array (1,)."""
    length: str = graph.add("Shape", x, start=1, end=2)
    return length


def positions(graph: Graph, x: str) -> str:
    """The positions 0 to t − 1 of x (n, t, …), (t,)."""
    numbers: str = graph.add("Range", 0, graph.add("Squeeze", steps(graph, x), [0]), 1)
    return numbers


def self_attention(graph: Graph, layer: SelfAttention, x: Any) -> Any:
    """Queries, keys and values are made of the same x."""
    x, mask = split_mask(x)
    qkv = by_head(graph, graph.convert(layer.input, cleared(graph, x, mask)), layer.heads, layer.features, 3)
    mixed = attend(graph, layer, *qkv, mask=mask, now=positions(graph, x) if layer.causal else None)
    return cleared(graph, graph.convert(layer.output, mixed), mask)


def cross_attention(graph: Graph, layer: CrossAttention, x: Any) -> Any:
    """Queries look at a memory."""
    (queries, memory), mask = x if isinstance(x[0], tuple) else (x, None)
    (q,) = by_head(graph, graph.convert(layer.query, queries), layer.heads, layer.features, 1)
    memory = graph.convert(layer.key_value, cleared(graph, memory, mask))
    k, v = by_head(graph, memory, layer.heads, layer.features, 2)
    return graph.convert(layer.output, attend(graph, layer, q, k, v, mask=mask))


def by_head(graph: Graph, array: str, heads: int, features: int, parts: int) -> list[str]:
    """The parts, each (n, heads, t, k), of an array (n, t, parts · heads · k)."""
    apart = graph.add("Reshape", array, [0, 0, parts, heads, features // heads])
    turned = graph.add("Transpose", apart, perm=[2, 0, 3, 1, 4])
    return [graph.add("Gather", turned, part) for part in range(parts)]


def attend(
    graph: Graph,
    layer: SelfAttention | CrossAttention,
    q: str,
    k: str,
    v: str,
    *,
    mask: str | None = None,
    now: str | None = None,
) -> str:
    """``softmax(q kᵀ / √k) v``, (n, t, features), of keys where the mask (n, s) is True.

    Args:
        graph, layer: as for a converter.
        q, k, v: (n, heads, t, k), and (n, heads, s, k) for keys and values.
        mask: (n, s), None without one.
        now: the positions (t,) of queries that see no later keys. None means that they see all.
    """
    size = layer.features // layer.heads
    scaled_q = graph.add("Mul", q, 1 / sqrt(size))
    scores = graph.add("MatMul", scaled_q, graph.add("Transpose", k, perm=[0, 1, 3, 2]))
    hidden = graph.dtype.type(np.finfo(graph.dtype).min)  # with −∞, a row without keys would be NaN
    if now is not None:
        earlier = graph.add("GreaterOrEqual", graph.add("Unsqueeze", now, [1]), now)
        scores = graph.add("Where", earlier, scores, hidden)
    if mask is not None:
        mask = graph.add("Unsqueeze", mask, [1, 2])
        scores = graph.add("Where", mask, scores, hidden)
    weights = graph.add("Softmax", scores, axis=-1)
    if mask is not None:  # a row without keys adds nothing up
        weights = graph.add("Where", mask, weights, 0.0)
    heads = graph.add("Transpose", graph.add("MatMul", weights, v), perm=[0, 2, 1, 3])
    mixed: str = graph.add("Reshape", heads, [0, 0, layer.features])
    return mixed
