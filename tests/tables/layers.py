"""The table of layers."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from minidl import (
    ELU,
    GELU,
    GRU,
    LSTM,
    RNN,
    Add,
    AveragePool2D,
    BatchNorm,
    Bidirectional,
    Branches,
    Concatenate,
    Conv1D,
    Conv2D,
    ConvTranspose2D,
    CrossAttention,
    Dense,
    DepthwiseConv2D,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePool1D,
    GlobalAveragePool2D,
    GroupNorm,
    Identity,
    Layer,
    LayerNorm,
    LeakyReLU,
    MaxPool2D,
    Multiply,
    Parallel,
    PositionEmbedding,
    PReLU,
    ReLU,
    Reshape,
    Residual,
    RMSNorm,
    SelfAttention,
    Sequential,
    Siamese,
    Sigmoid,
    SiLU,
    SinusoidalPositions,
    Softmax,
    Softplus,
    Tanh,
    Tied,
    TransformerBlock,
)
from minidl.typing import Array, Batch
from tests.tables.common import Rng
from tests.user_defined import Doubled, MaskedCenter, MaskedMean, Scale, Scaled, Skip, Sum


def normal(rng: Rng, batch: int, width: int) -> Array:
    return rng.normal(size=(batch, width))


def images(rng: Rng, batch: int, width: int) -> Array:
    return rng.normal(size=(batch, 2, width))


def pixels(rng: Rng, batch: int, width: int) -> Array:
    return rng.normal(size=(batch, 4, 3, width))


def channels(rng: Rng, batch: int, width: int) -> Array:
    return rng.normal(size=(batch, 2, 3, width))


def grids(rng: Rng, batch: int, width: int) -> Array:
    return rng.normal(size=(batch, 2, 3, width))


def sequences(rng: Rng, batch: int, width: int) -> Array:
    return rng.normal(size=(batch, 3, width))


def ids(rng: Rng, batch: int, width: int) -> Array:
    """Ids below 7, some of which are repeated."""
    return rng.integers(0, 7, (batch, 2 * width))


def pair(rng: Rng, batch: int, width: int) -> Batch:
    return normal(rng, batch, width), normal(rng, batch, width)


def uneven(rng: Rng, batch: int, width: int) -> Batch:
    """Two inputs of different shapes."""
    return normal(rng, batch, width), rng.normal(size=(batch, 2, width + 1))


def ids_and_floats(rng: Rng, batch: int, width: int) -> Batch:
    return ids(rng, batch, width), normal(rng, batch, width)


def masked(rng: Rng, batch: int, width: int) -> Batch:
    """Sequences of three steps, of which the first is always data, and their mask."""
    mask = rng.random((batch, 3)) < 0.5
    mask[:, 0] = True
    return rng.normal(size=(batch, 3, width)), mask


def gaps(rng: Rng, batch: int, width: int) -> Batch:
    """Sequences of four steps and a mask with gaps, at the beginning and the end, too. A sequence may hold no data."""
    return rng.normal(size=(batch, 4, width)), rng.random((batch, 4)) < 0.6


def steps(rng: Rng, batch: int, width: int) -> Array:
    return rng.normal(size=(batch, 3, width))


def fours(rng: Rng, batch: int, _: int) -> Array:
    return rng.normal(size=(batch, 3, 4))


def left_padded(rng: Rng, batch: int, width: int) -> Batch:
    """Sequences of three steps, of which the first may be masked, and in the first sequence all of them."""
    mask = np.sort(rng.random((batch, 3)) < 0.7)
    mask[0] = False
    return rng.normal(size=(batch, 3, width)), mask


def with_memory(rng: Rng, batch: int, width: int) -> Batch:
    """Queries of two steps, and a memory of three."""
    return images(rng, batch, width), rng.normal(size=(batch, 3, width + 1))


def with_masked_memory(rng: Rng, batch: int, width: int) -> Batch:
    memory, mask = left_padded(rng, batch, width)
    return (images(rng, batch, width), memory), mask


class LayerCase(NamedTuple):
    """A layer for inputs of `width` features, and how to draw a batch for it."""

    name: str
    make: Callable[[int], Layer]
    draw: Callable[[Rng, int, int], Batch] = normal


LAYERS = [
    LayerCase("Dense", lambda width: Dense(width, 3)),
    LayerCase("Dense to one", lambda width: Dense(width, 1)),
    LayerCase("Dense without bias", lambda width: Dense(width, 2, use_bias=False)),
    LayerCase("Dense of sequences", lambda width: Dense(width, 2), grids),
    LayerCase("Embedding", lambda width: Embedding(7, width + 1), ids),
    LayerCase("Embedding in Sequential", lambda _: Sequential(Embedding(7, 2), Tanh(), Dense(2, 3)), ids),
    LayerCase("Parallel", lambda width: Parallel(Dense(width, 3), Identity()), uneven),
    LayerCase(
        "Parallel of ids and floats",
        lambda width: Sequential(
            Parallel(Sequential(Embedding(7, 2), Flatten()), Dense(width, 4)), Concatenate(), Dense(4 * width + 4, 1)
        ),
        ids_and_floats,
    ),
    LayerCase("Branches", lambda width: Branches(Dense(width, 3), Identity(), Sequential(Tanh(), Dense(width, 2)))),
    LayerCase("Branches of a pair", lambda _: Branches(Add(), Multiply()), pair),
    LayerCase("Branches of ids", lambda _: Branches(Embedding(7, 2), Sequential(Embedding(7, 3), Tanh())), ids),
    LayerCase("Concatenate", lambda _: Concatenate(), pair),
    LayerCase("Concatenate along time", lambda _: Sequential(Branches(Identity(), ReLU()), Concatenate(1)), images),
    LayerCase("Add", lambda _: Add(), pair),
    LayerCase("Multiply", lambda _: Multiply(), pair),
    LayerCase("Multiply of three", lambda _: Sequential(Branches(Tanh(), Identity(), Sigmoid()), Multiply())),
    LayerCase("Siamese", lambda width: Siamese(Sequential(Dense(width, 3), Tanh())), pair),
    LayerCase("Siamese in Sequential", lambda width: Sequential(Siamese(Dense(width, 2)), Multiply()), pair),
    LayerCase("Tied", lambda width: Tied(Embedding(7, width), Tanh(), Dense(width, width)), ids),
    LayerCase("Tied of an embedding alone", lambda width: Tied(Embedding(7, width)), ids),
    LayerCase("Tied autoencoder", lambda width: Sequential(Tied(Dense(width, 2), Sigmoid()), Tanh())),
    LayerCase("Tied of sequences", lambda width: Tied(Dense(width, 2)), grids),
    LayerCase("Residual of sequences", lambda width: Residual(Dense(width, width), Tanh()), grids),
    LayerCase("user's MaskedMean", lambda _: MaskedMean(), masked),
    LayerCase("user's MaskedMean without a mask", lambda _: MaskedMean(), images),
    LayerCase(
        "Sequential with a mask", lambda width: Sequential(Dense(width, 2), Tanh(), MaskedMean(), Dense(2, 1)), masked
    ),
    LayerCase(
        "Branches with a mask",
        lambda width: Sequential(Branches(MaskedMean(), Sequential(Flatten(), Dense(3 * width, width))), Add()),
        masked,
    ),
    LayerCase("Residual with a mask", lambda _: Residual(Tanh(), MaskedCenter()), masked),
    LayerCase("ReLU", lambda _: ReLU()),
    LayerCase("ReLU of images", lambda _: ReLU(), images),
    LayerCase("Sigmoid", lambda _: Sigmoid()),
    LayerCase("Sigmoid of images", lambda _: Sigmoid(), images),
    LayerCase("Identity", lambda _: Identity()),
    LayerCase("Tanh", lambda _: Tanh()),
    LayerCase("LeakyReLU", lambda _: LeakyReLU()),
    LayerCase("LeakyReLU of 0.2", lambda _: LeakyReLU(0.2)),
    LayerCase("ELU", lambda _: ELU()),
    LayerCase("ELU of 0.5", lambda _: ELU(0.5)),
    LayerCase("GELU", lambda _: GELU()),
    LayerCase("GELU by tanh", lambda _: GELU(approximate=True)),
    LayerCase("SiLU", lambda _: SiLU()),
    LayerCase("Softplus", lambda _: Softplus()),
    LayerCase("Softmax", lambda _: Softmax()),
    LayerCase("Softmax of images", lambda _: Softmax(), images),
    LayerCase("Flatten", lambda _: Flatten()),
    LayerCase("Flatten images", lambda _: Flatten(), images),
    LayerCase("Dropout", lambda _: Dropout(0.3, rng=0)),
    LayerCase("Dropout of images", lambda _: Dropout(rng=0), images),
    LayerCase("BatchNorm", BatchNorm),
    LayerCase("BatchNorm of images", lambda width: BatchNorm(width, momentum=0.3, eps=1e-3), images),
    LayerCase("LayerNorm", LayerNorm),
    LayerCase("LayerNorm of images", lambda width: LayerNorm(width, eps=1e-3), images),
    LayerCase("GroupNorm of one group", lambda width: GroupNorm(1, width)),
    LayerCase("GroupNorm of images", lambda width: GroupNorm(2 - width % 2, width, eps=1e-3), channels),
    LayerCase("RMSNorm", RMSNorm),
    LayerCase("RMSNorm of images", lambda width: RMSNorm(width, eps=1e-3), images),
    LayerCase("PReLU", lambda _: PReLU()),
    LayerCase("PReLU of images", lambda width: PReLU(width, slope=-0.5), images),
    LayerCase("Reshape", lambda width: Reshape(1, width, 1)),
    LayerCase("Reshape images", lambda width: Reshape(width, -1), images),
    LayerCase("Residual", lambda width: Residual(Dense(width, 3), Tanh(), Dense(3, width))),
    LayerCase("Residual of nothing", lambda _: Residual()),
    LayerCase("Sequential", lambda width: Sequential(Dense(width, 4), ReLU(), Dense(4, 1), Sigmoid())),
    LayerCase("Sequential, activations first", lambda width: Sequential(Sigmoid(), ReLU(), Dense(width, 2))),
    LayerCase("Sequential of activations", lambda _: Sequential(ReLU(), Sigmoid())),
    LayerCase(
        "Sequential, nested", lambda width: Sequential(ReLU(), Sequential(Dense(width, 2), Sigmoid()), Dense(2, 2))
    ),
    LayerCase(
        "Sequential of everything",
        lambda width: Sequential(
            Flatten(), Dense(2 * width, 3), BatchNorm(3), ELU(), Dropout(rng=0), Residual(LayerNorm(3), Dense(3, 3))
        ),
        images,
    ),
    LayerCase("Conv1D", lambda width: Conv1D(width, 2, stride=2, padding=1), images),
    LayerCase("Conv2D", lambda width: Conv2D(width, 2, 2), pixels),
    LayerCase("Conv2D with a stride", lambda width: Conv2D(width, 2, stride=2, padding="same"), pixels),
    LayerCase("Conv2D, dilated", lambda width: Conv2D(width, 1, 2, padding=(0, 1), dilation=2, use_bias=False), pixels),
    LayerCase("Conv2D with rows left over", lambda width: Conv2D(width, 2, 1, stride=(3, 2)), pixels),
    LayerCase("ConvTranspose2D", lambda width: ConvTranspose2D(width, 2, 2, stride=2, padding=1), pixels),
    LayerCase(
        "ConvTranspose2D with more padding",
        lambda width: ConvTranspose2D(width, 1, (1, 2), stride=2, padding=(0, 1), output_padding=1, use_bias=False),
        pixels,
    ),
    LayerCase("DepthwiseConv2D", lambda width: DepthwiseConv2D(width, 2), pixels),
    LayerCase(
        "DepthwiseConv2D, two kernels each",
        lambda width: DepthwiseConv2D(width, (1, 2), multiplier=2, stride=2, padding=1, dilation=2, use_bias=False),
        pixels,
    ),
    LayerCase("MaxPool2D", lambda _: MaxPool2D(), pixels),
    LayerCase("MaxPool2D of overlapping windows", lambda _: MaxPool2D(3, stride=(2, 1), padding=1), pixels),
    LayerCase("AveragePool2D", lambda _: AveragePool2D(), pixels),
    LayerCase(
        "AveragePool2D of overlapping windows", lambda _: AveragePool2D((3, 2), stride=1, padding="same"), pixels
    ),
    LayerCase("GlobalAveragePool1D", lambda _: GlobalAveragePool1D(), sequences),
    LayerCase("GlobalAveragePool1D with a mask", lambda _: GlobalAveragePool1D(), gaps),
    LayerCase("GlobalAveragePool2D", lambda _: GlobalAveragePool2D(), pixels),
    LayerCase(
        "Sequential of convolutions",
        lambda width: Sequential(
            Conv2D(width, 2, 2, padding=1), Tanh(), MaxPool2D(), Conv2D(2, 3, 2), Flatten(), Dense(3, 2)
        ),
        pixels,
    ),
    LayerCase("RNN", lambda width: RNN(width, 3), sequences),
    LayerCase("RNN with a mask", lambda width: RNN(width, 2, return_sequences=True), gaps),
    LayerCase("LSTM", lambda width: LSTM(width, 2), sequences),
    LayerCase("LSTM of all steps", lambda width: LSTM(width, 2, return_sequences=True), sequences),
    LayerCase("LSTM with a mask", lambda width: LSTM(width, 2), gaps),
    LayerCase("LSTM of all steps, with a mask", lambda width: LSTM(width, 2, return_sequences=True), gaps),
    LayerCase("GRU", lambda width: GRU(width, 3), sequences),
    LayerCase("GRU of all steps", lambda width: GRU(width, 2, return_sequences=True), sequences),
    LayerCase("GRU with a mask", lambda width: GRU(width, 2), gaps),
    LayerCase("GRU of all steps, with a mask", lambda width: GRU(width, 2, return_sequences=True), gaps),
    LayerCase("Bidirectional", lambda width: Bidirectional(LSTM(width, 2), GRU(width, 3)), gaps),
    LayerCase("Bidirectional of all steps", lambda width: Bidirectional(RNN(width, 2, return_sequences=True)), gaps),
    LayerCase(
        "Sequential of recurrent layers",
        lambda width: Sequential(
            Residual(Tanh(), GRU(width, width, return_sequences=True)), Tanh(), LSTM(width, 2), Dense(2, 1)
        ),
        gaps,
    ),
    LayerCase(
        "Sequential from ids to scores",
        lambda width: Sequential(Embedding(7, width), RNN(width, 2, return_sequences=True), Dense(2, 7)),
        ids,
    ),
    LayerCase("SelfAttention", lambda width: SelfAttention(width, 2 - width % 2), steps),
    LayerCase("SelfAttention of one head", lambda width: SelfAttention(width, 1, use_bias=False), images),
    LayerCase("SelfAttention, causal", lambda width: SelfAttention(width, width, causal=True), steps),
    LayerCase("SelfAttention with a mask", lambda width: SelfAttention(width, 1), masked),
    LayerCase("SelfAttention, causal with a mask", lambda width: SelfAttention(width, width, causal=True), left_padded),
    LayerCase("SelfAttention with dropout", lambda width: SelfAttention(width, 1, dropout=0.3, rng=0), steps),
    LayerCase("CrossAttention", lambda width: CrossAttention(width, width, memory=width + 1), with_memory),
    LayerCase("CrossAttention with a mask", lambda width: CrossAttention(width, 1, dropout=0.3), with_masked_memory),
    LayerCase(
        "CrossAttention with a container's mask",
        lambda width: Sequential(Branches(Tanh(), SelfAttention(width, 1)), CrossAttention(width, 1)),
        masked,
    ),
    LayerCase("TransformerBlock", lambda _: TransformerBlock(4, 2, hidden=3), fours),
    LayerCase(
        "TransformerBlock, causal with dropout and a mask",
        lambda width: Sequential(Dense(width, 4), TransformerBlock(4, 1, hidden=2, causal=True, dropout=0.3)),
        left_padded,
    ),
    LayerCase("PositionEmbedding", lambda width: PositionEmbedding(3, width), images),
    LayerCase("PositionEmbedding of all positions", lambda width: PositionEmbedding(3, width), steps),
    LayerCase("SinusoidalPositions", SinusoidalPositions, steps),
    LayerCase(
        "GPT",
        lambda width: Sequential(
            Tied(Embedding(7, 4), PositionEmbedding(2 * width, 4), TransformerBlock(4, 2, hidden=3, causal=True))
        ),
        ids,
    ),
    LayerCase("user's Scale", Scale),
    LayerCase("user's Scale in Sequential", lambda width: Sequential(Dense(width, 3), Scale(3), ReLU())),
    LayerCase("user's Skip", lambda width: Skip(Sequential(Dense(width, 2), ReLU(), Dense(2, width)))),
    LayerCase("user's Doubled", lambda width: Doubled(width, 3)),
    LayerCase("user's Doubled, first", lambda width: Sequential(Sequential(Doubled(width, 3)), Tanh(), Dense(3, 2))),
    LayerCase("user's Scaled", lambda width: Scaled(Dense(width, 3), Tanh())),
    LayerCase("user's Scaled in Residual", lambda width: Residual(Scaled(Tanh()), Scaled(Dense(width, width)))),
    LayerCase("user's Sum", lambda width: Sequential(Sum(Dense(width, 3), Doubled(width, 3)), Tanh())),
]
