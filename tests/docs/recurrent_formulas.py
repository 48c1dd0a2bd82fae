"""The formulas of recurrent layers, one time step after the other."""

from typing import Any

import numpy as np
import sympy

from minidl.typing import Array

__all__ = ["gru", "lstm", "rnn"]

tanh = np.vectorize(sympy.tanh, otypes=[object])
sigma = np.vectorize(lambda t: 1 / (1 + sympy.exp(-t)), otypes=[object])


def blocks(array: Array, count: int) -> list[Array]:
    return np.split(array, count, axis=-1)


def rnn(W: Array, U: Array, b: Array, x: Array) -> Any:
    """Every h."""
    h, hs = 0 * b[None], []
    for t in range(x.shape[1]):
        h = tanh(x[:, t] @ W + h @ U + b)
        hs.append(h)
    return np.stack(hs, axis=1)


def lstm(W: Array, U: Array, b: Array, x: Array) -> Any:
    """The last h."""
    h = c = 0 * U[None, :, 0]
    for t in range(x.shape[1]):
        i, f, g, o = blocks(x[:, t] @ W + h @ U + b, 4)
        c = sigma(f) * c + sigma(i) * tanh(g)
        h = sigma(o) * tanh(c)
    return h


def gru(W: Array, U: Array, b: Array, x: Array) -> Any:
    """The last h."""
    h = 0 * U[None, :, 0]
    for t in range(x.shape[1]):
        (W_r, W_z, W_n), (U_r, U_z, U_n), (b_r, b_z, b_n, b_m) = blocks(W, 3), blocks(U, 3), blocks(b, 4)
        r, z = sigma(x[:, t] @ W_r + h @ U_r + b_r), sigma(x[:, t] @ W_z + h @ U_z + b_z)
        n = tanh(x[:, t] @ W_n + b_n + r * (h @ U_n + b_m))
        h = (1 - z) * n + z * h
    return h
