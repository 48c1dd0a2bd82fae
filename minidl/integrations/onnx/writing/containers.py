"""Containers: the operators of their layers, and what joins them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from typing import Any

from minidl.batch import arrays_in, mapped
from minidl.integrations.onnx.writing.graph import Graph
from minidl.layers.branches import Add, Branches, Concatenate, Multiply, Parallel
from minidl.layers.containers import Container
from minidl.layers.residual import Residual
from minidl.layers.sequential import Sequential
from minidl.layers.sharing import Siamese, Tied
from minidl.modules import Layer

__all__ = ["add", "branches", "concatenate", "multiply", "parallel", "residual", "sequential", "siamese", "tied"]


def sequential(graph: Graph, layer: Sequential, x: Any) -> Any:
    """Each layer takes what the one before it returns."""
    x, mask = _split_mask(layer, x)
    for each in layer.layers:
        x = graph.convert(each, _handed(each, x, mask))
    return x


def residual(graph: Graph, layer: Residual, x: Any) -> Any:
    """``x + f(x)``."""
    return graph.add("Add", _split_mask(layer, x)[0], sequential(graph, layer, x))


def tied(graph: Graph, layer: Tied, x: Any) -> Any:
    """``f(e(x)) Wᵀ``, where W is in the file once."""
    h = sequential(graph, layer, x)
    return graph.add("MatMul", h, graph.add("Transpose", layer.weight, perm=[1, 0]))


def parallel(graph: Graph, layer: Parallel, x: Any) -> Any:
    """Each layer takes its own input."""
    return tuple(map(graph.convert, layer.layers, x))


def branches(graph: Graph, layer: Branches, x: Any) -> Any:
    """All layers take the same input."""
    x, mask = _split_mask(layer, x)
    return tuple(graph.convert(each, _handed(each, x, mask)) for each in layer.layers)


def siamese(graph: Graph, layer: Siamese, x: Any) -> Any:
    """All entries go through the layer as one batch."""
    k = len(x)
    y = graph.convert(layer.layer, mapped(lambda *names: graph.add("Concat", *names, axis=0), *x))
    parts = [graph.add("Split", name, outputs=k, axis=0, num_outputs=k) for name in arrays_in(y)]
    names = [iter((part,) if k == 1 else part) for part in parts]
    return tuple(_refilled(y, iter([next(each) for each in names])) for _ in range(k))


def _refilled(structure: Any, names: Iterator[str]) -> Any:
    """Names in the structure of others."""
    return mapped(lambda _: next(names), structure)


def concatenate(graph: Graph, layer: Concatenate, x: Any) -> Any:
    """One after the other along the axis."""
    return graph.add("Concat", *x, axis=layer.axis)


def add(graph: Graph, _: Add, x: Any) -> Any:
    """``x_1 + … + x_k``."""
    return reduce(lambda a, b: graph.add("Add", a, b), x)


def multiply(graph: Graph, _: Multiply, x: Any) -> Any:
    """``x_1 · … · x_k``."""
    return reduce(lambda a, b: graph.add("Mul", a, b), x)


def _split_mask(container: Container, x: Any) -> tuple[Any, str | None]:
    return x if isinstance(x, tuple) and not container.takes_tuple else (x, None)


def _handed(layer: Layer, x: Any, mask: str | None) -> Any:
    """What a container hands to a layer: the mask goes to those that take one."""
    return (x, mask) if mask is not None and layer.takes_mask else x
