"""Models for sequences that are timed: sizes, data and initial weights."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from minidl.typing import Array

__all__ = ["Recurrence", "recurrent", "sequences"]


@dataclass(frozen=True)
class Recurrence:
    """A recurrent layer and a dense one on each of its outputs, by SGD on the mean squared error."""

    name: str
    kind: str  # "LSTM" or "GRU"
    inputs: int
    units: int
    length: int
    batch: int
    samples: int
    lr: float = 0.01
    epochs: int = 1
    check: int = 3

    @property
    def steps(self) -> int:
        return self.epochs * -(-self.samples // self.batch)


@lru_cache(1)
def sequences(spec: Recurrence) -> tuple[Array, Array]:
    """Sequences (samples, length, inputs) of random numbers, and a target for each time step."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal((spec.samples, spec.length, spec.inputs), np.float32)
    return x, np.cumsum(x[..., :1], axis=1, dtype=np.float32) / np.float32(np.sqrt(spec.length))


@lru_cache(1)
def recurrent(spec: Recurrence) -> list[Array]:
    """W (inputs, gates · units), U (units, gates · units) and the dense layer's (units, 1); biases are 0."""
    rng, gates = np.random.default_rng(2), {"LSTM": 4, "GRU": 3}[spec.kind]
    shapes = (spec.inputs, gates * spec.units), (spec.units, gates * spec.units), (spec.units, 1)
    return [rng.standard_normal(each, np.float32) / np.float32(np.sqrt(each[0])) for each in shapes]
