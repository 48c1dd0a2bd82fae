"""Layers, one file a family."""

from minidl.layers.activations import ELU, Identity, LeakyReLU, ReLU, Sigmoid, SiLU, Softplus, Tanh
from minidl.layers.branches import Add, Branches, Concatenate, Multiply, Parallel
from minidl.layers.dense import Dense
from minidl.layers.dropout import Dropout
from minidl.layers.embedding import Embedding
from minidl.layers.flatten import Flatten
from minidl.layers.gelu import GELU
from minidl.layers.normalization import BatchNorm, LayerNorm
from minidl.layers.residual import Residual
from minidl.layers.sequential import Sequential
from minidl.layers.sharing import Siamese, Tied
from minidl.layers.softmax import Softmax

__all__ = [
    "ELU",
    "GELU",
    "Add",
    "BatchNorm",
    "Branches",
    "Concatenate",
    "Dense",
    "Dropout",
    "Embedding",
    "Flatten",
    "Identity",
    "LayerNorm",
    "LeakyReLU",
    "Multiply",
    "Parallel",
    "ReLU",
    "Residual",
    "Sequential",
    "SiLU",
    "Siamese",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Tanh",
    "Tied",
]
