"""What is timed: sizes, data and initial weights, the same for every competitor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TypeAlias

import numpy as np

from minidl.typing import Array
from tests.benchmarks.attention import Attention, Language
from tests.benchmarks.latency import Prediction
from tests.benchmarks.sequences import Recurrence

Run: TypeAlias = Callable[[int, bool], list[float]]
"""Train for a number of epochs or steps, shuffled or not. Return a figure for each, by which the peers must agree."""


@dataclass(frozen=True)
class Network:
    """A multilayer perceptron with ReLU, on binary targets if there is one output, else on classes."""

    name: str
    sizes: tuple[int, ...]
    batch: int
    samples: int
    rule: str  # "momentum" or "adam"
    lr: float
    dtype: str = "float32"
    epochs: int = 1  # of one call of fit
    check: int = 3  # epochs compared before timing

    @property
    def steps(self) -> int:
        return self.epochs * -(-self.samples // self.batch)

    @property
    def binary(self) -> bool:
        return self.sizes[-1] == 1

    @property
    def products(self) -> int:
        """Multiplications of a step: forward, weights and inputs, but no gradient for the data."""
        terms = [a * b for a, b in pairwise(self.sizes)]
        return self.batch * (3 * sum(terms) - terms[0])


@dataclass(frozen=True)
class Images:
    """A network for square images of 10 classes, by SGD: conv 3 × 3, ReLU, max-pool 2, twice, then dense."""

    name: str
    size: int
    channels: tuple[int, int, int]  # of the data and of the two convolutions
    batch: int
    samples: int
    lr: float = 0.01
    epochs: int = 1
    check: int = 3

    @property
    def steps(self) -> int:
        return self.epochs * -(-self.samples // self.batch)

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """The shapes of the weights: two kernels (3, 3, channels, filters) and a matrix."""
        a, b, c = self.channels
        return (3, 3, a, b), (3, 3, b, c), ((self.size // 4) ** 2 * c, 10)


@dataclass(frozen=True)
class Function:
    """A function of two numbers, minimised by plain gradient descent."""

    name: str
    start: tuple[float, float]
    lr: float
    epochs: int  # steps of one call of minimize
    check: int = 50

    @property
    def steps(self) -> int:
        return self.epochs


@dataclass(frozen=True)
class Rule:
    """An optimizer alone, by default on ten matrices of a million numbers each; gradients stay the same."""

    name: str
    rule: str
    shapes: tuple[tuple[int, ...], ...] = ((1000, 1000),) * 10
    lr: float = 1e-3
    epochs: int = 10
    check: int = 3

    @property
    def steps(self) -> int:
        return self.epochs


Spec: TypeAlias = Network | Prediction | Images | Recurrence | Language | Attention | Function | Rule


@lru_cache(1)
def data(spec: Network) -> tuple[Array, Array]:
    """Inputs (samples, features), and targets (samples, 1) of 0 and 1 or (samples,) of classes."""
    x = np.random.default_rng(1).standard_normal((spec.samples, spec.sizes[0]), np.float32).astype(spec.dtype)
    if spec.binary:
        return x, (x[:, :1] * x[:, 1:2] < 0).astype(spec.dtype)
    return x, x[:, : spec.sizes[-1]].argmax(axis=1).astype(np.int64)


@lru_cache(1)
def weights(spec: Network) -> list[tuple[Array, Array]]:
    """For each layer W (inputs, outputs), drawn after He et al. 2015, and b = 0."""
    rng, pairs = np.random.default_rng(2), pairwise(spec.sizes)
    return [
        ((rng.standard_normal((a, b), np.float32) * np.sqrt(2 / a)).astype(spec.dtype), np.zeros(b, spec.dtype))
        for a, b in pairs
    ]


@lru_cache(1)
def pictures(spec: Images) -> tuple[Array, Array]:
    """Images (samples, height, width, channels) of random numbers, and targets (samples,) of classes."""
    rng, shape = np.random.default_rng(1), (spec.samples, spec.size, spec.size, spec.channels[0])
    return rng.standard_normal(shape, np.float32), rng.integers(0, 10, spec.samples)


@lru_cache(1)
def kernels(spec: Images) -> list[Array]:
    """The weights of each layer, drawn after He et al. 2015; biases are 0."""
    rng = np.random.default_rng(2)
    return [rng.standard_normal(each, np.float32) * np.float32(np.sqrt(2 / np.prod(each[:-1]))) for each in spec.shapes]


@lru_cache(1)
def parameters(shapes: tuple[tuple[int, ...], ...]) -> tuple[list[Array], list[Array]]:
    """Values and gradients, float32."""
    rng = np.random.default_rng(3)
    values, grads = ([rng.standard_normal(shape, np.float32) for shape in shapes] for _ in range(2))
    return values, grads


def moved(spec: Rule, arrays: list[Array]) -> float:
    """A figure by which optimizers must agree: how far one value in a thousand went, in learning rates."""
    begin, _ = parameters(spec.shapes)
    steps = [
        array.ravel()[::997].astype(np.float64) - first.ravel()[::997]
        for array, first in zip(arrays, begin, strict=True)
    ]
    return float(np.mean([np.abs(step).mean() for step in steps])) / spec.lr


@dataclass(frozen=True)
class Group:
    """Workloads that share their worker processes."""

    key: str
    title: str
    specs: tuple[Spec, ...]
    peers: tuple[str, ...]
    threads: tuple[int, ...] = (1,)
    rounds: int = 15
    quick: int = 2  # rounds of a quick run
    seconds: float = 0.15  # of one turn, at least
    memory: bool = False
    step: str = "step"  # what is timed


XOR = {"sizes": (2, 4, 1), "batch": 200, "samples": 200, "rule": "momentum", "lr": 0.1, "epochs": 1000, "check": 50}
MEDIUM = Network("W2", (784, 256, 128, 10), 128, 1280, "adam", 1e-3, epochs=5)
LARGE = Network("W3", (1024, 2048, 2048, 1024, 10), 256, 512, "momentum", 1e-3)
NETWORK_PEERS = ("minidl", "numpy tutorial", "torch eager", "torch fused", "jax jit", "sklearn")


def grown(name: str, batch: int = 128, width: int = 128, depth: int = 2) -> Network:
    """A point of the curves: how the step grows with batch, width and the number of hidden layers."""
    spec = Network(name, (64, *[width] * depth, 10), batch, 4 * batch, "momentum", 1e-4)
    epochs = max(1, min(100, int(2e9 / (4 * spec.products))))
    return Network(spec.name, spec.sizes, spec.batch, spec.samples, spec.rule, spec.lr, epochs=epochs, check=1)


CURVES = (
    *(grown(f"batch {n}", batch=n) for n in (1, 16, 256, 4096)),
    *(grown(f"width {n}", width=n) for n in (16, 64, 256, 1024, 4096)),
    *(grown(f"depth {n}", depth=n) for n in (1, 4, 16, 64)),
)

GROUPS = (
    Group(
        "W1",
        "XOR 2-4-1, 200 points, full batch, momentum",
        (
            Network("W1 float64", dtype="float64", **XOR),  # type: ignore[arg-type]
            Network("W1 float32", dtype="float32", **XOR),  # type: ignore[arg-type]
        ),
        (*NETWORK_PEERS, "jax async"),
        (1, 2),
        memory=True,
    ),
    Group(
        "W2",
        "MLP 784-256-128-10, batch 128, Adam, float32",
        (MEDIUM,),
        (*NETWORK_PEERS, "numpy floor", "torch floor"),
        (1, 2),
        memory=True,
    ),
    Group(
        "W3",
        "MLP 1024-2048-2048-1024-10, batch 256, momentum, float32",
        (LARGE,),
        (*NETWORK_PEERS, "numpy floor", "torch floor"),
        (1, 2),
        rounds=9,
        memory=True,
    ),
    Group(
        "latency",
        "Calls of a trained network, float32",
        (
            Prediction("predict, 1 sample of 2-4-1", (2, 4, 1), 1, 1000),
            Prediction("predict, 1 sample of 784-256-10", (784, 256, 10), 1, 500),
            Prediction("predict, 64 samples of 784-256-10", (784, 256, 10), 64, 50),
        ),
        ("minidl", "minidl layers", "torch inference", "torch tensors"),
        step="call",
    ),
    Group(
        "CNN",
        "Convolutional networks on images, float32, SGD",
        (
            Images("CNN 8×8, 1-16-32, batch 32", 8, (1, 16, 32), 32, 320, epochs=10),
            Images("CNN 28×28, 1-16-32, batch 64", 28, (1, 16, 32), 64, 320),
            Images("CNN 32×32, 3-32-64, batch 32", 32, (3, 32, 64), 32, 160),
        ),
        ("minidl", "torch eager"),
    ),
    Group(
        "RNN",
        "Recurrent layers on sequences of 64 time steps, float32, SGD",
        (
            Recurrence("LSTM 32→128, T 64, batch 32", "LSTM", 32, 128, 64, 32, 320),
            Recurrence("GRU 32→128, T 64, batch 32", "GRU", 32, 128, 64, 32, 320),
        ),
        ("minidl", "torch eager"),
    ),
    Group(
        "attention",
        "Attention and a transformer for characters, float32",
        (
            Language("GPT, 4 blocks of 128, T 64, batch 16", 64, 16, 64),
            Attention("attention core, T 256", 256, 8, causal=False),
            Attention("attention core, T 256, causal", 256, 8, causal=True),
        ),
        ("minidl", "torch eager"),
    ),
    Group(
        "W4",
        "Functions of two numbers, gradient descent, float64",
        (
            Function("CubicValley", (0.5, 0.5), 1e-4, epochs=1000),
            Function("Rosenbrock", (-1.2, 1.0), 1e-3, epochs=1000),
        ),
        ("minidl", "torch eager", "jax jit"),
    ),
    Group(
        "W5",
        "Optimizers alone, 10 million parameters in ten matrices, float32",
        (
            *(Rule(name, name.lower()) for name in ("SGD", "Momentum", "Adam", "AdamW", "RMSProp")),
            Rule("Adam, one array", "adam", shapes=((10_000_000,),)),
        ),
        ("minidl", "torch eager", "torch foreach", "torch fused"),
        (1, 2),
        rounds=7,
        quick=1,
    ),
    Group(
        "growth",
        "How the step grows: 64-128-128-10, batch 128, momentum, float32, one of the three changed",
        CURVES,
        ("minidl", "torch eager"),
        rounds=5,
        quick=1,
        seconds=0.1,
    ),
)
