"""Which function reads which operator."""

from __future__ import annotations

from minidl.integrations.onnx.reading import features, images
from minidl.integrations.onnx.reading.chain import Chain
from minidl.integrations.onnx.reading.features import Reader, new
from minidl.integrations.onnx.reading.source import Node
from minidl.layers.activations import ReLU, Sigmoid, Softplus, Tanh

__all__ = ["READERS"]


def skip(_chain: Chain, _node: Node) -> None:
    """Operators that change nothing."""


READERS: dict[str, Reader] = {
    "Gemm": features.gemm,
    "MatMul": features.matmul,
    "Gather": features.embedding,
    "Relu": new(ReLU),
    "LeakyRelu": features.leaky_relu,
    "PRelu": features.prelu,
    "Elu": features.elu,
    "Gelu": features.gelu,
    "Softplus": new(Softplus),
    "Sigmoid": new(Sigmoid),
    "Tanh": new(Tanh),
    "Softmax": features.softmax,
    "Clip": features.clip,
    "Identity": skip,
    "Dropout": features.dropout,
    "Cast": features.cast,
    "BatchNormalization": features.batch_norm,
    "LayerNormalization": features.layer_norm,
    "InstanceNormalization": features.instance_norm,
    "GroupNormalization": features.group_norm,
    "Add": features.add,
    "Sub": features.subtract,
    "Mul": features.multiply,
    "Div": features.divide,
    "Conv": images.conv,
    "ConvTranspose": images.conv_transpose,
    "MaxPool": images.max_pool,
    "AveragePool": images.average_pool,
    "GlobalAveragePool": images.global_average_pool,
    "GlobalMaxPool": images.global_max_pool,
    "ReduceMean": images.reduce_mean,
    "ReduceMax": images.reduce_max,
    "Flatten": images.reshape,
    "Reshape": images.reshape,
    "Squeeze": images.reshape,
    "Unsqueeze": images.reshape,
    "Transpose": images.transpose,
}
"""A function for each operator with one input that is not constant."""
