"""The formulas of layers for images and sequences, by loops over all places."""

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
import sympy

from minidl.typing import Array

__all__ = ["averaged", "convolved", "convolved_line", "depthwise", "largest", "pooled", "transposed"]


def at(x: Array, i: int, j: int) -> Any:
    """What an image has at a place: 0 outside."""
    inside = 0 <= i < x.shape[1] and 0 <= j < x.shape[2]
    return x[:, i, j] if inside else np.full((len(x), x.shape[-1]), sympy.S.Zero)


def image(pixel: Callable[[int, int], Any], height: int, width: int) -> Array:
    """An image of what a function gives for each place."""
    return np.stack([np.stack([pixel(i, j) for j in range(width)], axis=1) for i in range(height)], axis=1)


def convolved(s: int, p: int, d: int, height: int, width: int) -> Callable[[Array, Array, Array], Array]:
    def formula(W: Array, b: Array, x: Array) -> Array:
        places = list(np.ndindex(W.shape[:2]))
        return image(
            lambda i, j: sum(at(x, s * i + d * u - p, s * j + d * v - p) @ W[u, v] for u, v in places) + b,
            height,
            width,
        )

    return formula


def convolved_line(W: Array, b: Array, x: Array) -> Array:
    return np.stack(
        [sum(x[:, i + u] @ W[u] for u in range(len(W))) + b for i in range(x.shape[1] - len(W) + 1)], axis=1
    )


def depthwise(W: Array, b: Array, x: Array) -> Array:
    places = list(np.ndindex(W.shape[:2]))

    def pixel(i: int, j: int) -> Any:
        products = sum(x[:, i + u, j + v, :, None] * W[u, v] for u, v in places)
        return np.reshape(products, (len(x), -1)) + b

    return image(pixel, 2, 1)


def transposed(W: Array, b: Array, x: Array) -> Array:
    """Of stride 2: each number of x puts the kernel to its place."""
    y = np.full((len(x), 2 * x.shape[1] + 1, 2 * x.shape[2] + 1, W.shape[-1]), sympy.S.Zero) + b
    for i, j, u, v in np.ndindex(*x.shape[1:3], *W.shape[:2]):
        y[:, 2 * i + u, 2 * j + v] += x[:, i, j] @ W[u, v]
    return y


def pooled(pool: Callable[..., Any]) -> Callable[[Array], Array]:
    """Side by side windows of 2 × 2, of which 1 × 2 fit into an image 3 × 4."""

    def formula(x: Array) -> Array:
        places = list(np.ndindex(2, 2))
        return image(lambda i, j: pool(*(x[:, 2 * i + u, 2 * j + v] for u, v in places)), 1, 2)

    return formula


def largest(*numbers: Array) -> Array:
    def larger(a: Any, b: Any) -> Any:
        return sympy.Piecewise((b, b > a), (a, True))

    return np.asarray(reduce(np.vectorize(larger, otypes=[object]), numbers))


def averaged(*numbers: Array) -> Array:
    return np.asarray(sum(numbers) / len(numbers))
