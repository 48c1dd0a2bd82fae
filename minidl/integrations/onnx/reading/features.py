"""Operators as layers: dense layers, activations, norms, and constants that are added or multiplied."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from minidl.errors import CheckpointError
from minidl.integrations.onnx.package import onnx_package
from minidl.integrations.onnx.reading.chain import Chain, LayoutError
from minidl.integrations.onnx.reading.source import Node
from minidl.layers.activations import ELU, LeakyReLU, ReLU
from minidl.layers.convolution import Conv2D, ConvTranspose2D
from minidl.layers.dense import Dense
from minidl.layers.dropout import Dropout
from minidl.layers.embedding import Embedding
from minidl.layers.gelu import GELU
from minidl.layers.normalization import BatchNorm, GroupNorm, LayerNorm
from minidl.layers.prelu import PReLU
from minidl.layers.preprocessing import Standardize
from minidl.layers.softmax import Softmax
from minidl.modules import Layer
from minidl.typing import Array

__all__ = [
    "Reader",
    "add",
    "batch_norm",
    "cast",
    "clip",
    "constant",
    "divide",
    "dropout",
    "elu",
    "embedding",
    "filled",
    "gelu",
    "gemm",
    "group_norm",
    "instance_norm",
    "layer_norm",
    "leaky_relu",
    "matmul",
    "multiply",
    "new",
    "optional",
    "prelu",
    "softmax",
    "subtract",
]

Reader: TypeAlias = Callable[[Chain, Node], None]
"""A function that adds to a chain what a node does."""


def new(make: Callable[[], Layer]) -> Reader:
    """A reader of an operator without settings."""

    def read(chain: Chain, _: Node) -> None:
        chain.layers.append(make())

    return read


def constant(node: Node, index: int) -> Array:
    """An input that must be a constant.

    Raises:
        CheckpointError: it is computed, or missing.
    """
    value = node.constants[index] if index < len(node.constants) else None
    if value is None:
        raise CheckpointError(f"has {node}, whose input {index} must be a constant for minidl to read it")
    return value


def optional(node: Node, index: int) -> Array | None:
    """An input that must be a constant if it is there."""
    return constant(node, index) if index < len(node.inputs) and node.inputs[index] else None


def number(node: Node, name: str, default: float) -> float:
    """An attribute. The file holds it as float32, of which this is the shortest form: 0.1, not 0.10000000149."""
    return float(str(np.float32(node.attributes.get(name, default))))


def gemm(chain: Chain, node: Node) -> None:
    """``α x W + β b``, a Dense."""
    weight, bias = constant(node, 1), optional(node, 2)
    if node.attributes.get("transA", 0) or len(chain.shape) != 1:
        raise CheckpointError(f"has {node}, which minidl reads for samples of one axis, without transA")
    weight = node.attributes.get("alpha", 1.0) * (weight.T if node.attributes.get("transB", 0) else weight)
    if bias is not None:
        bias = node.attributes.get("beta", 1.0) * np.broadcast_to(np.atleast_2d(bias), (1, weight.shape[1]))[0]
    _dense(chain, weight, bias)


def matmul(chain: Chain, node: Node) -> None:
    """``x W``, a Dense without a bias."""
    weight = constant(node, 1)
    if weight.ndim != 2:
        raise CheckpointError(f"has {node} with a constant of shape {weight.shape}; it must be a matrix")
    chain.need_features_last(node)
    _dense(chain, weight, None)


def _dense(chain: Chain, weight: Array, bias: Array | None) -> None:
    weight = weight if chain.order is None else weight[chain.order]
    chain.layers.append(filled(Dense(*weight.shape, use_bias=bias is not None), weight, bias))
    chain.shape, chain.order = (*chain.shape[:-1], weight.shape[1]), None


def filled(layer: Any, weight: Array, bias: Array | None) -> Any:
    """The layer with its parameters."""
    layer.weight.value = weight
    if bias is not None:
        layer.bias.value = bias
    return layer


def embedding(chain: Chain, node: Node) -> None:
    """``W[x]`` for ids, the first layer of a model."""
    weight = constant(node, 0)
    if weight.ndim != 2 or node.attributes.get("axis", 0) != 0 or chain.layers:
        raise CheckpointError(f"has {node}, which minidl reads only as an embedding of the input")
    chain.layers.append(filled(Embedding(*weight.shape), weight, None))
    chain.shape, chain.axes = (*chain.shape, weight.shape[1]), (*chain.axes, len(chain.axes))


def leaky_relu(chain: Chain, node: Node) -> None:
    """``max(a x, x)``, whose slope is a setting."""
    chain.layers.append(LeakyReLU(number(node, "alpha", 0.01)))


def elu(chain: Chain, node: Node) -> None:
    """``α (eˣ − 1)`` below 0."""
    chain.layers.append(ELU(number(node, "alpha", 1.0)))


def gelu(chain: Chain, node: Node) -> None:
    """The exact one, or the formula with tanh."""
    chain.layers.append(GELU(approximate=node.attributes.get("approximate", b"none") == b"tanh"))


def prelu(chain: Chain, node: Node) -> None:
    """``max(0, x) + a min(0, x)``, whose slopes are learned."""
    slope = chain.vector(node, constant(node, 1))
    chain.layers.append(filled(PReLU(slope.size), slope, None))


def clip(chain: Chain, node: Node) -> None:
    """``max(0, x)``, which is all that minidl has of it."""
    low, high = optional(node, 1), optional(node, 2)
    if low is None or low != 0 or high is not None:
        raise CheckpointError(f"has {node} from {low} to {high}; minidl has ReLU, which is from 0 to None")
    chain.layers.append(ReLU())


def softmax(chain: Chain, node: Node) -> None:
    """Along the features."""
    axis = node.attributes.get("axis", -1)
    if chain.own_axis(node, axis) != len(chain.shape):
        raise LayoutError(f"has {node} along axis {axis}; Softmax of minidl acts on the features, the last axis")
    chain.layers.append(Softmax())


def cast(_: Chain, node: Node) -> None:
    """From one type of floats to another. A model of minidl has one type."""
    onnx = onnx_package()
    if onnx.helper.tensor_dtype_to_np_dtype(node.attributes["to"]).kind != "f":
        raise CheckpointError(f"has {node}, which minidl reads only as a cast to floats")


def dropout(chain: Chain, node: Node) -> None:
    """It only matters if the model is trained further."""
    ratio = optional(node, 1)
    chain.layers.append(Dropout(number(node, "ratio", 0.5) if ratio is None else float(str(np.float32(ratio)))))


def batch_norm(chain: Chain, node: Node) -> None:
    """With its running statistics."""
    weight, bias, mean, variance = (_by_channel(chain, node, constant(node, index)) for index in range(1, 5))
    momentum = round(1 - number(node, "momentum", 0.9), 6)
    layer = filled(BatchNorm(weight.size, momentum=momentum, eps=number(node, "epsilon", 1e-5)), weight, bias)
    layer.running_mean, layer.running_var = mean, variance
    chain.layers.append(layer)


def layer_norm(chain: Chain, node: Node) -> None:
    """Over the features."""
    weight, bias = constant(node, 1), optional(node, 2)
    chain.need_features_last(node)
    if weight.ndim != 1 or chain.own_axis(node, node.attributes.get("axis", -1)) != len(chain.shape):
        raise CheckpointError(f"has {node} over several axes; LayerNorm of minidl acts on the features, the last axis")
    weight = chain.vector(node, weight)
    bias = None if bias is None else chain.vector(node, bias)
    chain.layers.append(filled(LayerNorm(weight.size, eps=number(node, "epsilon", 1e-5)), weight, bias))


def instance_norm(chain: Chain, node: Node) -> None:
    """Each channel is a group of its own, unless the file has split them into groups."""
    _group_norm(chain, node, chain.groups)


def group_norm(chain: Chain, node: Node) -> None:
    """Over neighbouring channels."""
    _group_norm(chain, node, node.attributes["num_groups"])


def _group_norm(chain: Chain, node: Node, groups: int | None) -> None:
    channels = chain.features(node)
    # For each group there may be one number, as where the channels are split into groups, or one for each channel.
    weight, bias = (np.repeat(value, channels // value.size) for value in (constant(node, 1), constant(node, 2)))
    if chain.order is not None or len(chain.shape) < 2:
        raise CheckpointError(f"has {node} of samples of shape {chain.shape}; minidl reads it for images and sequences")
    weight, bias = (_by_channel(chain, node, value) for value in (weight, bias))
    layer = GroupNorm(channels if groups is None else groups, channels, number(node, "epsilon", 1e-5))
    chain.layers.append(filled(layer, weight, bias))


def _by_channel(chain: Chain, node: Node, values: Array) -> Array:
    """One number for each channel, the first axis of a sample in the file, and the last one here."""
    if chain.axes[-1] != 0:
        raise LayoutError(f"has {node}, which takes samples with the channels first, but their shape is {chain.shape}")
    return values.astype(np.float64) if chain.order is None else values.astype(np.float64)[chain.order]


def add(chain: Chain, node: Node) -> None:
    """``x + c``."""
    _affine(chain, node, 1.0, _operand(chain, node))


def subtract(chain: Chain, node: Node) -> None:
    """``x − c`` or ``c − x``."""
    value = _operand(chain, node)
    if node.constants[0] is not None:
        _affine(chain, node, -1.0, value)
    else:
        _affine(chain, node, 1.0, -value)


def multiply(chain: Chain, node: Node) -> None:
    """``c x``."""
    _affine(chain, node, _operand(chain, node), None)


def divide(chain: Chain, node: Node) -> None:
    """``x / c``."""
    constant(node, 1)
    with np.errstate(divide="ignore"):
        _affine(chain, node, 1 / _operand(chain, node), None)


def _operand(chain: Chain, node: Node) -> Array:
    """The constant of an operator with two inputs."""
    value = next(each for each in node.constants if each is not None)
    return chain.vector(node, value)


AFFINE = BatchNorm, LayerNorm, GroupNorm, Dense, Conv2D, ConvTranspose2D
"""Layers whose weight has the features on its last axis, and whose bias has one number for each."""


def _affine(chain: Chain, node: Node, scale: Array | float, shift: Array | None) -> None:
    """``y = scale · x + shift``, in the parameters of the layer before it if it has such. None shifts by nothing."""
    last: Any = chain.layers[-1] if chain.layers else None
    if isinstance(last, Dense) and not last.use_bias and shift is not None:
        last = chain.layers[-1] = filled(Dense(last.inputs, last.outputs), last.weight.value, None)
    biased = getattr(last, "use_bias", True)
    if isinstance(last, AFFINE) and (biased or shift is None):
        last.weight.value = last.weight.value * scale
        if biased:
            last.bias.value = last.bias.value * scale + (0 if shift is None else shift)
        return
    features = chain.features(node)
    layer = chain.layers.pop() if isinstance(last, Standardize) else Standardize(features)
    assert isinstance(layer, Standardize)
    scale, shift = np.broadcast_to(scale, features), np.broadcast_to(0.0 if shift is None else shift, features)
    if not np.isfinite(scale).all() or not scale.all():
        raise CheckpointError(f"has {node} by 0 or infinity; minidl has no layer for it")
    # s (x − m) / d + t = (x − (m − t d / s)) / (d / s)
    layer.scale = layer.scale / scale
    layer.offset, layer.count = layer.offset - shift * layer.scale, 1
    if layer.offset.any() or (layer.scale != 1).any():
        chain.layers.append(layer)
