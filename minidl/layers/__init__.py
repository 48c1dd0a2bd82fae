"""Layers, one file a family."""

from minidl.layers.activations import ELU, Identity, LeakyReLU, ReLU, Sigmoid, SiLU, Softplus, Tanh
from minidl.layers.dense import Dense
from minidl.layers.dropout import Dropout
from minidl.layers.flatten import Flatten, Reshape
from minidl.layers.gelu import GELU
from minidl.layers.normalization import BatchNorm, GroupNorm, LayerNorm, RMSNorm
from minidl.layers.prelu import PReLU
from minidl.layers.residual import Residual
from minidl.layers.sequential import Sequential
from minidl.layers.softmax import Softmax

__all__ = [
    "ELU",
    "GELU",
    "BatchNorm",
    "Dense",
    "Dropout",
    "Flatten",
    "GroupNorm",
    "Identity",
    "LayerNorm",
    "LeakyReLU",
    "PReLU",
    "RMSNorm",
    "ReLU",
    "Reshape",
    "Residual",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Tanh",
]
