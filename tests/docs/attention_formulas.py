"""The formulas of attention and of positions, head by head and position by position."""

from collections.abc import Callable
from typing import Any

import numpy as np
import sympy

from minidl.typing import Array

__all__ = ["at_positions", "attended", "cross_attention", "one_head", "self_attention", "softmax_rows", "waves"]

exp = np.vectorize(sympy.exp, otypes=[object])


def softmax_rows(S: Array) -> Any:
    return exp(S) / exp(S).sum(axis=-1, keepdims=True)


def one_head(Q: Array, K: Array, V: Array) -> Any:
    """``A V`` for one head of one sample."""
    return softmax_rows(Q @ K.T / sympy.sqrt(Q.shape[1])) @ V


def attended(Q: Array, K: Array, V: Array, heads: int, *, causal: bool = False) -> Array:
    """All heads of a batch, side by side. A position that looks at earlier ones alone is a softmax of fewer scores."""
    samples = []
    for q, k, v in zip(Q, K, V, strict=True):
        parts = zip(*(np.split(array, heads, axis=1) for array in (q, k, v)), strict=True)
        outputs = []
        for part_q, part_k, part_v in parts:
            ends = [i + 1 if causal else len(k) for i in range(len(q))]
            rows = [one_head(part_q[i : i + 1], part_k[:end], part_v[:end]) for i, end in enumerate(ends)]
            outputs.append(np.concatenate(rows))
        samples.append(np.concatenate(outputs, axis=1))
    return np.stack(samples)


def self_attention(heads: int, *, causal: bool = False) -> Callable[..., Array]:
    def formula(W: Array, b: Array, W_out: Array, b_out: Array, x: Array) -> Any:
        Q, K, V = np.split(x @ W + b, 3, axis=2)
        return attended(Q, K, V, heads, causal=causal) @ W_out + b_out

    return formula


def cross_attention(
    W: Array, b: Array, W_memory: Array, b_memory: Array, W_out: Array, b_out: Array, x: Array, memory: Array
) -> Any:
    """Of two heads."""
    K, V = np.split(memory @ W_memory + b_memory, 2, axis=2)
    return attended(x @ W + b, K, V, 2) @ W_out + b_out


def at_positions(W: Array, x: Array) -> Any:
    return x + W[: x.shape[1]]


def waves(x: Array) -> Any:
    """x and the waves of each position: sine, cosine, sine."""
    angles = [[t, t, t / 10000 ** (2 / 3)] for t in range(x.shape[1])]
    return x + np.array([[np.sin(a), np.cos(b), np.sin(c)] for a, b, c in angles])
