"""Dense layers, activations, norms and other layers of features, as operators."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.integrations.onnx.writing.graph import Converter, Graph
from minidl.layers.activations import ELU, LeakyReLU, SiLU
from minidl.layers.dense import Dense
from minidl.layers.embedding import Embedding
from minidl.layers.flatten import Flatten, Reshape
from minidl.layers.gelu import GELU
from minidl.layers.normalization import BatchNorm, GroupNorm, LayerNorm, RMSNorm
from minidl.layers.prelu import PReLU
from minidl.layers.preprocessing import MinMax, OneHot, Standardize
from minidl.modules import Layer

__all__ = [
    "batch_norm",
    "dense",
    "elu",
    "embedding",
    "flatten",
    "gelu",
    "group_norm",
    "layer_norm",
    "leaky_relu",
    "one_hot",
    "operator",
    "prelu",
    "reshape",
    "rms_norm",
    "scaled",
    "silu",
    "unchanged",
]


def operator(name: str, **attributes: Any) -> Converter:
    """A converter to one operator without parameters."""

    def convert(graph: Graph, _: Layer, x: str) -> Any:
        return graph.add(name, x, **attributes)

    return convert


def unchanged(_graph: Graph, _layer: Layer, x: Any) -> Any:
    """Layers that return x in evaluation: Identity and Dropout."""
    return x


def dense(graph: Graph, layer: Dense, x: str) -> Any:
    """``x W + b`` on the last axis."""
    y = graph.add("MatMul", x, layer.weight)
    return graph.add("Add", y, layer.bias) if layer.use_bias else y


def embedding(graph: Graph, layer: Embedding, x: str) -> Any:
    """``W[x]``."""
    return graph.add("Gather", layer.weight, x)


def leaky_relu(graph: Graph, layer: LeakyReLU, x: str) -> Any:
    """``max(a x, x)``."""
    return graph.add("LeakyRelu", x, alpha=layer.negative_slope)


def elu(graph: Graph, layer: ELU, x: str) -> Any:
    """``α (eˣ − 1)`` below 0."""
    return graph.add("Elu", x, alpha=layer.alpha)


def gelu(graph: Graph, layer: GELU, x: str) -> Any:
    """``x Φ(x)``, exact or by the formula with tanh."""
    return graph.add("Gelu", x, approximate="tanh" if layer.approximate else "none")


def silu(graph: Graph, _: SiLU, x: str) -> Any:
    """``x σ(x)``."""
    return graph.add("Mul", x, graph.add("Sigmoid", x))


def prelu(graph: Graph, layer: PReLU, x: str) -> Any:
    """``max(0, x) + a min(0, x)``."""
    return graph.add("PRelu", x, layer.weight)


def flatten(graph: Graph, _: Flatten, x: str) -> Any:
    """Rows (n, d)."""
    return graph.add("Flatten", x, axis=1)


def reshape(graph: Graph, layer: Reshape, x: str) -> Any:
    """Samples of another shape."""
    return graph.add("Reshape", x, [0, *layer.shape])  # 0 is the size that the axis has, that of the batch


def batch_norm(graph: Graph, layer: BatchNorm, x: str) -> Any:
    """``w (x − m̄) / √(v̄ + ε) + b``, with the running statistics."""
    # The mean comes off first, as in the layer: folded into one shift, a mean far from 0 would cost digits.
    scale = layer.weight.value / np.sqrt(layer.running_var + layer.eps)
    z = graph.add("Sub", x, layer.running_mean)
    return graph.add("Add", graph.add("Mul", z, scale), layer.bias)


def layer_norm(graph: Graph, layer: LayerNorm, x: str) -> Any:
    """``w (x − m) / √(v + ε) + b`` over the last axis."""
    # The operator subtracts the mean itself, but onnxruntime does so after squaring, which costs digits far from 0.
    centred = graph.add("Sub", x, graph.add("ReduceMean", x, [-1]))
    return graph.add("LayerNormalization", centred, layer.weight, layer.bias, axis=-1, epsilon=layer.eps)


def group_norm(graph: Graph, layer: GroupNorm, x: str) -> Any:
    """Over the features of a group and all positions."""
    axes = [1, 3]
    groups = graph.add("Reshape", x, [0, -1, layer.groups, layer.features // layer.groups])
    centred = graph.add("Sub", groups, graph.add("ReduceMean", groups, axes))
    # Again, as in the layer: the mean is rounded, and far from 0 what is left of it matters.
    centred = graph.add("Sub", centred, graph.add("ReduceMean", centred, axes))
    z = graph.add("Div", centred, _root_mean_square(graph, centred, axes, layer.eps))
    shaped = graph.add("Reshape", z, graph.add("Shape", x))
    return graph.add("Add", graph.add("Mul", shaped, layer.weight), layer.bias)


def rms_norm(graph: Graph, layer: RMSNorm, x: str) -> Any:
    """``w x / √(mean(x²) + ε)``."""
    return graph.add("Mul", graph.add("Div", x, _root_mean_square(graph, x, [-1], layer.eps)), layer.weight)


def _root_mean_square(graph: Graph, x: str, axes: list[int], eps: float) -> Any:
    mean = graph.add("ReduceMean", graph.add("Mul", x, x), axes)
    return graph.add("Sqrt", graph.add("Add", mean, eps))


def scaled(graph: Graph, layer: Standardize | MinMax, x: str) -> Any:
    """``(x − offset) / scale`` in float64, as in the layer: near large offsets, float32 has few digits."""
    double, own = (graph.type_of(dtype) for dtype in (np.float64, graph.dtype))
    centred = graph.add("Sub", graph.add("Cast", x, to=double), layer.offset)
    return graph.add("Cast", graph.add("Div", centred, layer.scale.astype(np.float64)), to=own)


def one_hot(graph: Graph, layer: OneHot, x: str) -> Any:
    """1 where the number of the class is x."""
    same = graph.add("Equal", graph.add("Unsqueeze", x, [-1]), np.arange(layer.classes))
    return graph.add("Cast", same, to=graph.type_of(graph.dtype))
