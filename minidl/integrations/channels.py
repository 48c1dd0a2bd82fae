"""The order of flattened features: in minidl the channels of an image come last, in PyTorch they come first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from minidl.batch import several
from minidl.errors import HyperparameterError, StateError
from minidl.layers import (
    Add,
    AveragePool2D,
    Bidirectional,
    Branches,
    Concatenate,
    CrossAttention,
    Dense,
    Embedding,
    Flatten,
    GlobalAveragePool1D,
    GlobalAveragePool2D,
    MaxPool2D,
    Multiply,
    OneHot,
    Parallel,
    Reshape,
    Residual,
    SelfAttention,
    Sequential,
    Siamese,
    Tied,
)
from minidl.layers.kernels import Convolution
from minidl.layers.recurrence import Recurrent
from minidl.modules import Layer, Module
from minidl.modules import input_shape as shape_given
from minidl.typing import Array, Shape

__all__ = ["Order", "orders_of"]


class Order:
    """The order of the features of a row: number j in PyTorch is number ``places[j]`` here.

    Args:
        places: None means that both orders are equal.
        free: whether the layers behind decide. `Dense` can return its features in any order.
        known: False behind a Flatten of images of unknown size.
    """

    def __init__(self, places: Array | None = None, *, free: bool = False, known: bool = True) -> None:
        equal = places is None or np.array_equal(places, np.arange(len(places)))
        self._places = None if equal else places
        self._free, self._known = free, known
        self._decided: Order | None = None

    def _root(self) -> Order:
        return self if self._decided is None else self._decided._root()

    @property
    def known(self) -> bool:
        """Whether `places` does not raise."""
        return self._root()._known

    @property
    def places(self) -> Array | None:
        """The places, None if both orders are equal.

        Raises:
            HyperparameterError: it takes an input shape to tell.
        """
        root = self._root()
        if not root._known:
            raise HyperparameterError(
                "PyTorch flattens images channel by channel, minidl pixel by pixel; to convert the weights behind "
                "Flatten, pass input_shape=, the shape of one sample here, such as (28, 28, 1); what layers of your "
                "own return cannot be followed"
            )
        return root._places

    def agree(self, other: Order) -> None:
        """Make two orders equal.

        Raises:
            StateError: both are decided, and differ.
        """
        a, b = self._root(), other._root()
        if a is b:
            return
        if b._free:
            b._decided = a
        elif a._free:
            a._decided = b
        elif not (a._known and b._known):
            a._known = b._known = False
        elif not _equal(a._places, b._places):
            raise StateError(
                "features of a flattened image meet features in another order, so the weights behind them cannot be "
                "converted; let a Dense layer follow each Flatten"
            )


def _equal(a: Array | None, b: Array | None) -> bool:
    return a is b or (a is not None and b is not None and np.array_equal(a, b))


class Flow(NamedTuple):
    """What is passed from one layer to the next.

    Attributes:
        shape: the shape of a sample here, None if unknown.
        order: the order of its last axis.
        channels_first: whether PyTorch has the channels in front of the other axes. None if that is unknown.
    """

    shape: Shape | None
    order: Order
    channels_first: bool | None


CHANNELS_LAST = (
    Recurrent,
    Bidirectional,
    SelfAttention,
    Embedding,
    OneHot,
    GlobalAveragePool1D,
    GlobalAveragePool2D,
)
"""Layers that return their features on the last axis in PyTorch, too."""

Flows: TypeAlias = Any
"""A flow, or a list of them for several arrays."""

Orders: TypeAlias = dict[str, tuple[Order, Order]]
"""The orders of what a layer takes and of what it returns, by its path."""


def orders_of(model: Module, input_shape: Shape | None = None) -> Orders:
    """The orders of the features that each layer takes and returns. Both are equal where there is no entry.

    Args:
        model: any module.
        input_shape: the shape of one sample, or a tuple of shapes. Samples of three axes are images, so their channels
            come first in PyTorch. Those of two axes are sequences (time, features) there, too.

    Raises:
        ShapeError: samples that the model cannot take.
        StateError: flattened features in an order that cannot be followed.

    >>> model = Sequential(Flatten(), Dense(4, 1))
    >>> orders_of(model, (1, 2, 2))["1"][0].places
    array([0, 2, 1, 3])
    """
    orders: Orders = {}
    if isinstance(model, Layer):
        shape = shape_given(model, input_shape)
        model.output_shape(shape)  # raises, with a note that says in which layer
        _through(model, "", _entering(shape), orders)
    else:
        _inside(model, "", orders)
    return orders


def _entering(shape: Shape | None) -> Flows:
    if several(shape):
        return [_entering(each) for each in shape]
    # If you pass flat images to both models, each of them gets the order that it takes.
    return Flow(shape, Order(free=True), None if shape is None else len(shape) == 3)


def _through(layer: Layer, path: str, flow: Flows, orders: Orders) -> Flows:
    """Return the flow behind a layer, and add the orders of all layers inside."""
    prefix = f"{path}." if path else ""
    if isinstance(layer, Branches):
        return _each(layer, prefix, [flow] * len(layer), orders)
    if isinstance(layer, Parallel):
        return _each(layer, prefix, flow if isinstance(flow, list) else [_entering(None) for _ in layer], orders)
    if isinstance(layer, Sequential):
        return _chain(layer, prefix, flow, orders)
    flows = flow if isinstance(flow, list) else [flow]
    if isinstance(flows[0], list):  # of the queries and the memory, and that of a mask
        flows = flows[0]
    if isinstance(layer, Concatenate):
        return _concatenated(layer, flows)
    if isinstance(layer, Add | Multiply | Siamese):
        for other in flows[1:]:
            flows[0].order.agree(other.order)
    if isinstance(layer, Siamese):
        return [_through(layer.layer, f"{prefix}layer", flows[0], orders)] * len(flows)
    behind = flows[0] if isinstance(layer, Add | Multiply) else _behind(layer, path, flows[0], orders)
    orders[path] = flows[0].order, behind.order
    return behind


def _each(layer: Parallel, prefix: str, flows: Sequence[Flows], orders: Orders) -> Flows:
    pairs = enumerate(zip(layer.layers, flows, strict=True))
    return [_through(each, f"{prefix}{index}", part, orders) for index, (each, part) in pairs]


def _chain(layer: Sequential, prefix: str, flow: Flows, orders: Orders) -> Flows:
    first = behind = flow
    for index, each in enumerate(layer.layers):
        behind = _through(each, f"{prefix}{index}", behind, orders)
    if isinstance(first, Flow) and isinstance(behind, Flow):
        if isinstance(layer, Residual):
            first.order.agree(behind.order)
        elif isinstance(layer, Tied):  # the first layer's weights, transposed
            taken, returned = orders[f"{prefix}0"]
            behind.order.agree(returned)
            return Flow(_shape(layer, first), taken if isinstance(layer.layers[0], Dense) else Order(), False)
    return behind


def _concatenated(layer: Concatenate, flows: Sequence[Flow]) -> Flow:
    shapes = [flow.shape for flow in flows]
    if all(flow.order.known and flow.order.places is None for flow in flows):
        joined = Order()
    elif None in shapes or not all(flow.order.known for flow in flows):
        joined = Order(known=False)
    else:
        sizes = [shape[-1] for shape in shapes if shape is not None]
        each = [np.arange(n) if f.order.places is None else f.order.places for n, f in zip(sizes, flows, strict=True)]
        joined = Order(np.concatenate([places + sum(sizes[:i]) for i, places in enumerate(each)]))
    for flow in flows:
        flow.order.agree(Order(flow.order.places) if flow.order.known else Order(known=False))  # no longer free
    return Flow(None if None in shapes else layer.output_shape(tuple(shapes)), joined, flows[0].channels_first)


def _behind(layer: Layer, path: str, flow: Flow, orders: Orders) -> Flow:
    """The flow behind a layer that is not a container of minidl."""
    if isinstance(layer, CrossAttention):
        return Flow(flow.shape, Order(), False)
    shape = _shape(layer, flow)
    if isinstance(layer, Flatten):
        return _flattened(flow, shape)
    if isinstance(layer, Reshape):
        return _reshaped(layer, flow)
    if isinstance(layer, Dense):
        return Flow(shape, Order(free=True), False)
    if isinstance(layer, Convolution | MaxPool2D | AveragePool2D):
        return Flow(shape, Order(), True)
    if isinstance(layer, CHANNELS_LAST):
        return Flow(shape, Order(), False)
    if shape == flow.shape and not any(isinstance(child, Module) for _, child in layer.children()):
        return flow  # norms and activations keep the order
    flow.order.agree(Order())
    _inside(layer, path, orders)
    return Flow(shape, Order(), None)


def _inside(module: Module, path: str, orders: Orders) -> None:
    """Add the orders of the layers in a module. What it passes to them is unknown."""
    for name, child in module.children():
        inner = f"{path}.{name}" if path else name
        if isinstance(child, Layer):
            _through(child, inner, Flow(None, Order(), None), orders)
        elif isinstance(child, Module):
            _inside(child, inner, orders)


def _shape(layer: Layer, flow: Flow) -> Shape | None:
    return None if flow.shape is None else layer.output_shape(flow.shape)


def _flattened(flow: Flow, shape: Shape | None) -> Flow:
    if flow.shape is not None and len(flow.shape) == 1:
        return flow
    if not flow.channels_first:
        flow.order.agree(Order())
        return Flow(shape, Order(known=flow.channels_first is False), flow.channels_first)
    return Flow(shape, Order(known=False) if flow.shape is None else Order(_by_channel(flow.shape)), None)


def _reshaped(layer: Reshape, flow: Flow) -> Flow:
    shape, before = layer.output_shape(flow.shape), flow.shape
    axes = 0 if shape is None else len(shape)
    if before is None:  # perhaps of rows
        flow.order.agree(Order(known=False))
        return Flow(shape, Order(known=axes > 1), axes == 3)
    if axes == 1:
        return _flattened(flow, shape)
    if shape is not None and len(before) == 1:  # a row becomes an image, or a sequence
        flow.order.agree(Order(_by_channel(shape) if axes == 3 else None))
    return Flow(shape, Order(), axes == 3)


def _by_channel(shape: Shape) -> Array:
    """Where the numbers of an image (…, channels) are here, in PyTorch's order, channel by channel."""
    return np.moveaxis(np.arange(np.prod(shape)).reshape(shape), -1, 0).ravel()
