"""Layers, one file a family."""

from minidl.layers.activations import ELU, Identity, LeakyReLU, ReLU, Sigmoid, SiLU, Softplus, Tanh
from minidl.layers.attention import CrossAttention, SelfAttention
from minidl.layers.bidirectional import Bidirectional
from minidl.layers.branches import Add, Branches, Concatenate, Multiply, Parallel
from minidl.layers.convolution import Conv1D, Conv2D, ConvTranspose2D, DepthwiseConv2D
from minidl.layers.dense import Dense
from minidl.layers.dropout import Dropout
from minidl.layers.embedding import Embedding
from minidl.layers.flatten import Flatten, Reshape
from minidl.layers.gelu import GELU
from minidl.layers.normalization import BatchNorm, GroupNorm, LayerNorm, RMSNorm
from minidl.layers.pooling import AveragePool2D, GlobalAveragePool1D, GlobalAveragePool2D, MaxPool2D
from minidl.layers.positions import PositionEmbedding, SinusoidalPositions
from minidl.layers.prelu import PReLU
from minidl.layers.preprocessing import MinMax, OneHot, Standardize
from minidl.layers.recurrent import GRU, LSTM, RNN
from minidl.layers.residual import Residual
from minidl.layers.sequential import Sequential
from minidl.layers.sharing import Siamese, Tied
from minidl.layers.softmax import Softmax
from minidl.layers.statistics import estimate_statistics
from minidl.layers.transformer import TransformerBlock

__all__ = [
    "ELU",
    "GELU",
    "GRU",
    "LSTM",
    "RNN",
    "Add",
    "AveragePool2D",
    "BatchNorm",
    "Bidirectional",
    "Branches",
    "Concatenate",
    "Conv1D",
    "Conv2D",
    "ConvTranspose2D",
    "CrossAttention",
    "Dense",
    "DepthwiseConv2D",
    "Dropout",
    "Embedding",
    "Flatten",
    "GlobalAveragePool1D",
    "GlobalAveragePool2D",
    "GroupNorm",
    "Identity",
    "LayerNorm",
    "LeakyReLU",
    "MaxPool2D",
    "MinMax",
    "Multiply",
    "OneHot",
    "PReLU",
    "Parallel",
    "PositionEmbedding",
    "RMSNorm",
    "ReLU",
    "Reshape",
    "Residual",
    "SelfAttention",
    "Sequential",
    "SiLU",
    "Siamese",
    "Sigmoid",
    "SinusoidalPositions",
    "Softmax",
    "Softplus",
    "Standardize",
    "Tanh",
    "Tied",
    "TransformerBlock",
    "estimate_statistics",
]
