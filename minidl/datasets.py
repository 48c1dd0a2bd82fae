"""Small data sets, made from a seed."""

from __future__ import annotations

import numpy as np

from minidl.errors import HyperparameterError
from minidl.typing import Array, Seed

__all__ = ["make_xor"]


def make_xor(n: int = 200, noise: float = 0.25, *, rng: Seed = None) -> tuple[Array, Array]:
    """Four Gaussian clouds at (±1, ±1); class 1 where the signs of the two features differ.

    Args:
        n: number of samples, spread over the four clouds as evenly as possible, in random order.
        noise: standard deviation of a cloud. A sample keeps the class of the cloud that it was drawn from.
        rng: seed or generator.

    Returns:
        x of shape (n, 2) and y of shape (n, 1), 0.0 or 1.0.

    Raises:
        HyperparameterError: n that is no integer or below 1, noise that is negative or not finite.

    >>> x, y = make_xor(4, noise=0.0, rng=0)
    >>> sorted(zip(x.tolist(), y[:, 0].tolist()))
    [([-1.0, -1.0], 0.0), ([-1.0, 1.0], 1.0), ([1.0, -1.0], 1.0), ([1.0, 1.0], 0.0)]
    """
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
        raise HyperparameterError(f"n must be an integer of at least 1, got {n!r}")
    if not 0.0 <= noise < float("inf"):
        raise HyperparameterError(f"noise must be at least 0 and finite, got {noise}")
    generator = np.random.default_rng(rng)
    cloud = generator.permutation(np.arange(n) % 4)
    centers = np.array([[1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]])
    x = centers[cloud] + generator.normal(0.0, noise, (n, 2))
    y = (cloud % 2).astype(np.float64)[:, None]
    return x, y
