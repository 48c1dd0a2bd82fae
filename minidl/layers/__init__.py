"""Layers, one file a family."""

from minidl.layers.activations import ELU, Identity, LeakyReLU, ReLU, Sigmoid, SiLU, Softplus, Tanh
from minidl.layers.dense import Dense
from minidl.layers.dropout import Dropout
from minidl.layers.flatten import Flatten
from minidl.layers.gelu import GELU
from minidl.layers.normalization import BatchNorm, LayerNorm
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
    "Identity",
    "LayerNorm",
    "LeakyReLU",
    "ReLU",
    "Residual",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Tanh",
]
