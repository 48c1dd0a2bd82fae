"""Branches of a graph that end in one operator, as containers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minidl.errors import CheckpointError
from minidl.integrations.onnx.reading.chain import Chain, LayoutError
from minidl.integrations.onnx.reading.source import Node
from minidl.layers.activations import Sigmoid, SiLU
from minidl.layers.branches import Add, Branches, Concatenate, Multiply
from minidl.layers.residual import Residual
from minidl.modules import Layer
from minidl.typing import Array

__all__ = ["JOINED", "join"]


def join(chain: Chain, node: Node, branches: Sequence[Chain]) -> None:
    """Add branches that begin at the end of a chain, and the operator that makes one array of theirs.

    Raises:
        CheckpointError: arrays of other shapes than minidl takes.
        LayoutError: arrays whose axes are in different orders.
    """
    if any(branch.axes != branches[0].axes or branch.groups is not None for branch in branches):
        raise LayoutError(f"has {node} of arrays whose axes are in different orders")
    JOINED[node.operator](chain, node, branches)


def _combine(chain: Chain, node: Node, branches: Sequence[Chain]) -> None:
    """Add or multiply arrays of equal shape. ``x + f(x)`` is a Residual, and ``x σ(x)`` a SiLU."""
    first = branches[0]
    if any(branch.shape != first.shape for branch in branches):
        shapes = ", ".join(str(branch.shape) for branch in branches)
        raise CheckpointError(f"has {node} of arrays of shapes {shapes}; minidl broadcasts nothing")
    if any(not _equal(branch.order, first.order) for branch in branches):
        raise LayoutError(f"has {node} of flattened images whose numbers are in different orders")
    chain.shape, chain.axes, chain.order = first.shape, first.axes, first.order
    through = [branch for branch in branches if branch.layers]
    single = through[0].layers if len(branches) == 2 and len(through) == 1 else []
    if node.operator == "Mul" and len(single) == 1 and isinstance(single[0], Sigmoid):
        chain.layers.append(SiLU())
    elif node.operator == "Mul":
        chain.layers += [_side_by_side(branches), Multiply()]
    elif single:
        chain.layers.append(Residual(*single))
    else:
        chain.layers += [_side_by_side(branches), Add()]


def _equal(a: Array | None, b: Array | None) -> bool:
    return a is b or (a is not None and b is not None and np.array_equal(a, b))


def _concatenate(chain: Chain, node: Node, branches: Sequence[Chain]) -> None:
    first = branches[0]
    axis = first.own_axis(node, node.attributes["axis"])
    place = first.axes[axis - 1]
    shape = list(first.shape)
    shape[place] = sum(chain.sizes(node, branch.shape)[place] for branch in branches)
    chain.layers += [_side_by_side(branches), Concatenate(-1 if axis == len(shape) else axis)]
    chain.shape, chain.axes = tuple(shape), first.axes
    if any(branch.order is not None for branch in branches):
        sizes = [branch.shape[0] for branch in branches]
        starts = np.cumsum([0, *sizes[:-1]])
        orders = [np.arange(size) if b.order is None else b.order for b, size in zip(branches, sizes, strict=True)]
        chain.order = np.concatenate([start + order for start, order in zip(starts, orders, strict=True)])


def _side_by_side(branches: Sequence[Chain]) -> Layer:
    return Branches(*(branch.as_layer() for branch in branches))


JOINED = {"Add": _combine, "Sum": _combine, "Mul": _combine, "Concat": _concatenate}
"""A function for each operator that makes one array of several."""
