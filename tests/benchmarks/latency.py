"""How long a trained network takes for a few samples, as in a service that answers one request at a time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

from minidl.typing import Array

__all__ = ["Prediction", "request", "trained"]


@dataclass(frozen=True)
class Prediction:
    """A call of a multilayer perceptron with ReLU, float32. Each call is one step."""

    name: str
    sizes: tuple[int, ...]
    samples: int
    epochs: int
    check: int = 1

    @property
    def steps(self) -> int:
        return self.epochs


@lru_cache(1)
def request(spec: Prediction) -> Array:
    """The samples (samples, features)."""
    return np.random.default_rng(1).standard_normal((spec.samples, spec.sizes[0]), np.float32)


@lru_cache(1)
def trained(spec: Prediction) -> list[tuple[Array, Array]]:
    """For each layer W (inputs, outputs) and b."""
    rng = np.random.default_rng(2)
    return [
        (rng.standard_normal((a, b), np.float32) / np.float32(np.sqrt(a)), rng.standard_normal(b, np.float32))
        for a, b in pairwise(spec.sizes)
    ]
