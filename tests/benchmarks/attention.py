"""What is timed of attention: sizes, data and initial weights, the same for every competitor."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from minidl.typing import Array


@dataclass(frozen=True)
class Language:
    """A causal transformer that predicts the next of `ids` characters: pre-norm blocks with exact GELU, by SGD."""

    name: str
    length: int
    batch: int
    samples: int
    blocks: int = 4
    features: int = 128
    heads: int = 4
    ids: int = 65
    lr: float = 0.01
    epochs: int = 1
    check: int = 3

    @property
    def steps(self) -> int:
        return self.epochs * -(-self.samples // self.batch)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes of the weights by minidl's names; matrices are (in, out). Biases are 0, scales 1."""
        d, shapes = self.features, {"0.weight": (self.ids, self.features), "1.weight": (self.length, self.features)}
        for i in range(2, 2 + self.blocks):
            shapes |= {f"{i}.0.1.input.weight": (d, 3 * d), f"{i}.0.1.output.weight": (d, d)}
            shapes |= {f"{i}.1.1.weight": (d, 4 * d), f"{i}.1.3.weight": (4 * d, d)}
        return {**shapes, f"{3 + self.blocks}.weight": (d, self.ids)}


@dataclass(frozen=True)
class Attention:
    """Scaled dot-product attention alone, from queries, keys and values in one array: forward and backward."""

    name: str
    length: int
    batch: int
    causal: bool
    heads: int = 4
    size: int = 32
    epochs: int = 4
    check: int = 2

    @property
    def steps(self) -> int:
        return self.epochs


@lru_cache(1)
def texts(spec: Language) -> tuple[Array, Array]:
    """Random ids (samples, length), and as targets the same one place on."""
    ids = np.random.default_rng(1).integers(0, spec.ids, (spec.samples, spec.length + 1))
    return ids[:, :-1].copy(), ids[:, 1:].copy()


@lru_cache(1)
def matrices(spec: Language) -> dict[str, Array]:
    """The weights by name, with the variance 1 / inputs."""
    rng = np.random.default_rng(2)
    return {
        name: rng.standard_normal(shape, np.float32) / np.float32(np.sqrt(spec.features if name < "2" else shape[0]))
        for name, shape in spec.shapes.items()
    }


@lru_cache(1)
def heads(spec: Attention) -> tuple[Array, Array]:
    """Queries, keys and values (batch, length, 3 · heads · size), and dL/dy (batch, length, heads · size)."""
    rng, width = np.random.default_rng(1), spec.heads * spec.size
    return tuple(rng.standard_normal((spec.batch, spec.length, k * width), np.float32) for k in (3, 1))  # type: ignore[return-value]
