"""Models of PyTorch, and the same models in minidl."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from minidl import (
    GRU,
    LSTM,
    RNN,
    Add,
    BatchNorm,
    Bidirectional,
    Branches,
    Concatenate,
    Conv1D,
    Conv2D,
    ConvTranspose2D,
    Dense,
    DepthwiseConv2D,
    Embedding,
    Flatten,
    GlobalAveragePool2D,
    GroupNorm,
    Identity,
    Layer,
    LayerNorm,
    MaxPool2D,
    PositionEmbedding,
    PReLU,
    ReLU,
    Reshape,
    Residual,
    RMSNorm,
    SelfAttention,
    Sequential,
    Sigmoid,
    Tanh,
    Tied,
    TransformerBlock,
)
from minidl.typing import Array
from tests.integrations.torch_models import Apply, every, gpt, last, nn, own_attention, torch


class Case(NamedTuple):
    """Two models that are equal for equal weights.

    Attributes:
        own, other: make the models of minidl and of PyTorch.
        x: the shape of a batch here, or the batch.
        options: those of `load_torch` and `torch_state`.
        swapped: how the axes of a batch are in PyTorch.
    """

    own: Callable[[], Layer]
    other: Callable[[], Any]
    x: tuple[int, ...] | Array
    options: Mapping[str, Any] = MappingProxyType({})
    swapped: tuple[int, ...] | None = None

    def batches(self) -> tuple[Array, Any]:
        x = np.random.default_rng(0).normal(size=self.x) if isinstance(self.x, tuple) else self.x
        there = x if self.swapped is None else np.ascontiguousarray(x.transpose(self.swapped))
        return x, torch.from_numpy(there)


IMAGES, SEQUENCES = (0, 3, 1, 2), (0, 2, 1)
IDS = np.random.default_rng(1).integers(0, 11, (3, 8))


def own_gpt() -> Sequential:
    blocks = [TransformerBlock(6, 2, causal=True, rng=seed) for seed in range(2)]
    return Sequential(
        Embedding(11, 6), PositionEmbedding(9, 6), *blocks, LayerNorm(6), Dense(6, 11, use_bias=False), rng=0
    )


CASES: dict[str, Case] = {
    "MLP": Case(
        lambda: Sequential(Dense(4, 4), ReLU(), Dense(4, 4), Tanh(), Dense(4, 1), rng=0),
        lambda: nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 1)),
        (5, 4),
    ),
    "CNN with BatchNorm in front of and behind Flatten": Case(
        lambda: Sequential(
            Conv2D(3, 4, (3, 2), stride=2, padding=1),
            BatchNorm(4),
            ReLU(),
            MaxPool2D(2),
            Flatten(),
            BatchNorm(24),
            ReLU(),
            Dense(24, 5),
            rng=0,
        ),
        lambda: nn.Sequential(
            nn.Conv2d(3, 4, (3, 2), stride=2, padding=1),
            nn.BatchNorm2d(4, eps=1e-3, momentum=0.3),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.BatchNorm1d(24),
            nn.ReLU(),
            nn.Linear(24, 5),
        ),
        (5, 9, 13, 3),
        {"input_shape": (9, 13, 3)},
        IMAGES,
    ),
    "LSTM": Case(
        lambda: Sequential(LSTM(3, 5), Dense(5, 2), rng=0),
        lambda: nn.Sequential(last("LSTM", 3, 5), nn.Linear(5, 2)),
        (4, 7, 3),
        {"names": {"0": "0.rnn"}},
    ),
    "GPT": Case(
        own_gpt,
        lambda: gpt(nn.Embedding(9, 6)),
        IDS,
        {"names": {"0": "tokens", "1": "positions", "2": "blocks.0", "3": "blocks.1", "4": "norm", "5": "head"}},
    ),
    "GRU, and one in two layers": Case(
        lambda: Sequential(GRU(3, 5, return_sequences=True), GRU(5, 5, return_sequences=True), GRU(5, 5), rng=0),
        lambda: nn.Sequential(every("GRU", 3, 5, num_layers=2), last("GRU", 5, 5)),
        (4, 7, 3),
        {"names": {"0": "0.rnn", "1": "0.rnn:1", "2": "1.rnn"}},
    ),
    "RNN": Case(lambda: RNN(3, 5, rng=0), lambda: last("RNN", 3, 5), (4, 7, 3), {"names": {"": "rnn"}}),
    **{
        f"bidirectional {own.__name__}": Case(
            lambda own=own: Bidirectional(own(3, 5, return_sequences=True, rng=0), rng=1),  # type: ignore[misc]
            lambda own=own: every(own.__name__, 3, 5, bidirectional=True),  # type: ignore[misc]
            (4, 7, 3),
            {"names": {"": "rnn"}},
        )
        for own in (RNN, LSTM, GRU)
    },
    "Conv1D": Case(
        lambda: Sequential(Conv1D(3, 4, 3, dilation=2), ReLU(), Flatten(), Dense(12, 2), rng=0),
        lambda: nn.Sequential(nn.Conv1d(3, 4, 3, dilation=2), nn.ReLU(), nn.Flatten(), nn.Linear(12, 2)),
        (5, 7, 3),
        {"input_shape": (7, 3)},
        SEQUENCES,
    ),
    "sequences, flattened": Case(
        lambda: Sequential(Embedding(11, 4), Flatten(), Dense(32, 2), rng=0),
        lambda: nn.Sequential(nn.Embedding(11, 4), nn.Flatten(), nn.Linear(32, 2)),
        IDS,
    ),
    "depthwise and pointwise": Case(
        lambda: Sequential(DepthwiseConv2D(3, 3, multiplier=2), Conv2D(6, 4, 1), GlobalAveragePool2D(), rng=0),
        lambda: nn.Sequential(nn.Conv2d(3, 6, 3, groups=3), nn.Conv2d(6, 4, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        (2, 5, 6, 3),
        {},
        IMAGES,
    ),
    "decoder, from a row to an image": Case(
        lambda: Sequential(
            Dense(3, 24),
            BatchNorm(24),
            ReLU(),
            Reshape(2, 3, 4),
            ConvTranspose2D(4, 2, (3, 2), stride=2),
            Sigmoid(),
            Flatten(),
            Dense(60, 1),
            rng=0,
        ),
        lambda: nn.Sequential(
            nn.Linear(3, 24),
            nn.BatchNorm1d(24),
            nn.ReLU(),
            nn.Unflatten(1, (4, 2, 3)),
            nn.ConvTranspose2d(4, 2, (3, 2), stride=2),
            nn.Sigmoid(),
            nn.Flatten(),
            nn.Linear(60, 1),
        ),
        (5, 3),
        {"input_shape": (3,)},
    ),
    "norms": Case(
        lambda: Sequential(Dense(4, 6), LayerNorm(6), Dense(6, 6), RMSNorm(6), PReLU(6), GroupNorm(2, 6), rng=0),
        lambda: nn.Sequential(
            nn.Linear(4, 6), nn.LayerNorm(6, eps=1e-3), nn.Linear(6, 6), nn.RMSNorm(6), nn.PReLU(6), nn.GroupNorm(2, 6)
        ),
        (5, 4),
    ),
    "attention": Case(
        lambda: SelfAttention(6, 3, use_bias=False, rng=0),
        lambda: Apply(
            lambda self, x: self.mha(x, x, x)[0], mha=nn.MultiheadAttention(6, 3, batch_first=True, bias=False)
        ),
        (4, 5, 6),
        {"names": {"": "mha"}},
    ),
    "branches, joined behind Flatten": Case(
        lambda: Sequential(
            Branches(Sequential(Conv2D(2, 3, 2), Flatten()), Sequential(Flatten(), Dense(24, 5))),
            Concatenate(),
            LayerNorm(23),
            Dense(23, 2),
            rng=0,
        ),
        lambda: Apply(
            lambda self, x: self.out(self.norm(torch.cat([self.conv(x).flatten(1), self.fc(x.flatten(1))], 1))),
            conv=nn.Conv2d(2, 3, 2),
            fc=nn.Linear(24, 5),
            norm=nn.LayerNorm(23),
            out=nn.Linear(23, 2),
        ),
        (5, 3, 4, 2),
        {"input_shape": (3, 4, 2), "names": {"0.0.0": "conv", "0.1.1": "fc", "2": "norm", "3": "out"}},
        IMAGES,
    ),
    "a tied autoencoder behind Flatten": Case(
        lambda: Sequential(Flatten(), Tied(Dense(24, 5), Tanh()), Dense(24, 2), rng=0),
        lambda: Apply(
            lambda self, x: self.out(torch.tanh(self.encoder(x.flatten(1))) @ self.encoder.weight),
            encoder=nn.Linear(24, 5),
            out=nn.Linear(24, 2),
        ),
        (5, 3, 4, 2),
        {"input_shape": (3, 4, 2), "names": {"1.0": "encoder", "2": "out"}},
        IMAGES,
    ),
    "residual behind Flatten": Case(
        lambda: Sequential(
            Flatten(), Residual(Dense(24, 24), ReLU()), Branches(Identity(), Dense(24, 24)), Add(), rng=0
        ),
        lambda: Apply(
            lambda self, x: (
                (lambda h: h + self.b(h))((lambda f: f + torch.relu(self.a(f)))(x.flatten(1)))
                .unflatten(1, (2, 3, 4))
                .movedim(1, -1)
                .flatten(1)
            ),
            a=nn.Linear(24, 24),
            b=nn.Linear(24, 24),
        ),
        (5, 3, 4, 2),
        {"input_shape": (3, 4, 2), "names": {"1.0": "a", "2.1": "b"}},
        IMAGES,
    ),
}
"""By name; the first four are those that everybody has."""

LOADED: dict[str, Case] = {
    "a norm without bias": Case(
        lambda: Sequential(Dense(4, 6), LayerNorm(6), PReLU(), rng=0),
        lambda: nn.Sequential(nn.Linear(4, 6), nn.LayerNorm(6, bias=False), nn.PReLU()),
        (5, 4),
    ),
    "a norm without scale": Case(
        lambda: Sequential(Dense(4, 6), BatchNorm(6), rng=0),
        lambda: nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6, affine=False)),
        (5, 4),
    ),
    "a GRU without biases": Case(lambda: GRU(3, 5, rng=0), lambda: last("GRU", 3, 5, bias=False), (4, 7, 3)),
    "a GPT that holds its positions itself, and has tied weights": Case(
        lambda: Tied(*own_gpt()[:-1], rng=0),
        lambda: gpt(nn.Parameter(torch.zeros(1, 9, 6)), tied=True),
        IDS,
        {"names": {"2": "blocks.0", "3": "blocks.1"}},
    ),
    "a GPT whose head is the embedding itself": Case(
        lambda: Tied(*own_gpt()[:-1], rng=0),
        lambda: gpt(nn.Embedding(9, 6), tied=True, shown=False),
        IDS,
        {"names": {"0": "tokens", "2": "blocks.0", "3": "blocks.1"}},
    ),
    "attention of one's own": Case(
        lambda: SelfAttention(6, 2, causal=True, rng=0),
        lambda: Apply(own_attention, qkv=nn.Linear(6, 18), out=nn.Linear(6, 6)),
        (4, 5, 6),
    ),
    "an LSTM without biases": Case(
        lambda: Bidirectional(LSTM(3, 5, return_sequences=True, rng=0), rng=1),
        lambda: every("LSTM", 3, 5, bias=False, bidirectional=True),
        (4, 7, 3),
    ),
}
"""PyTorch's layers can do without parameters that minidl's always have, and models store the same in other ways."""
