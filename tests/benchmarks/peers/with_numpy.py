"""NumPy as tutorials write it, and the floor: the matrix products alone, through the same BLAS."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from minidl.typing import Array
from tests.benchmarks.workloads import Network, Run, data, weights

VERSION = f"NumPy {np.__version__}"


def network(spec: Network, variant: str) -> Run:
    return floor(spec) if variant == "floor" else tutorial(spec)


def floor(spec: Network) -> Run:
    """Forward, backward to the weights and to the inputs but not to the data, into arrays that exist already."""
    shapes, batches = list(pairwise(spec.sizes)), -(-spec.samples // spec.batch)
    x = [np.ones((spec.batch, a), spec.dtype) for a in spec.sizes]
    grads = [np.ones_like(array) for array in x]
    W = [np.ones(shape, spec.dtype) for shape in shapes]
    dW = [np.ones_like(array) for array in W]

    def run(epochs: int, _shuffle: bool) -> list[float]:
        for _ in range(epochs * batches):
            for i in range(len(W)):
                np.dot(x[i], W[i], out=x[i + 1])
            for i in reversed(range(len(W))):
                np.dot(x[i].T, grads[i + 1], out=dW[i])
                if i > 0:
                    np.dot(grads[i + 1], W[i].T, out=grads[i])
            for array in (*x[1:], *grads[:-1]):  # products of products would soon overflow
                array[:1] = 1.0
        return []

    for array in W:
        array *= 1e-3
    return run


def tutorial(spec: Network) -> Run:
    np.seterr(over="ignore")  # exp of a large logit, as tutorials leave it
    x, y = data(spec)
    theta = [array.copy() for pair in weights(spec) for array in pair]
    first, second = [np.zeros_like(p) for p in theta], [np.zeros_like(p) for p in theta]
    rng, t = np.random.default_rng(0), 0

    def step(x: Array, y: Array) -> float:
        nonlocal t
        inputs, z = [x], x
        for i in range(0, len(theta), 2):
            z = inputs[-1] @ theta[i] + theta[i + 1]
            inputs.append(np.where(z > 0, z, 0))
        loss, delta = cross_entropy(z, y, spec.binary)
        grads: list[Array] = []
        for i in range(len(theta) - 2, -1, -2):
            grads = [inputs[i // 2].T @ delta, delta.sum(axis=0), *grads]
            delta = delta @ theta[i].T
            delta = np.where(inputs[i // 2] > 0, delta, 0)
        t += 1
        for i, g in enumerate(grads):
            if spec.rule == "adam":
                first[i] = 0.9 * first[i] + 0.1 * g
                second[i] = 0.999 * second[i] + 0.001 * g**2
                m, s = first[i] / (1 - 0.9**t), second[i] / (1 - 0.999**t)
                theta[i] -= spec.lr * m / (np.sqrt(s) + 1e-8)
            else:
                first[i] = 0.9 * first[i] + g
                theta[i] -= spec.lr * first[i]
        return loss

    def run(epochs: int, shuffle: bool) -> list[float]:
        means = []
        for _ in range(epochs):
            if spec.batch >= len(x):  # then the others leave the data as they are, too
                means.append(step(x, y))
                continue
            order, losses = rng.permutation(len(x)) if shuffle else np.arange(len(x)), []
            for begin in range(0, len(x), spec.batch):
                chosen = order[begin : begin + spec.batch]
                losses.append(step(x[chosen], y[chosen]) * len(chosen))
            means.append(sum(losses) / len(x))
        return means

    return run


def cross_entropy(z: Array, y: Array, binary: bool) -> tuple[float, Array]:
    if binary:
        p = np.clip(1 / (1 + np.exp(-z)), 1e-7, 1 - 1e-7)
        return float(-np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))), (p - y) / len(y)
    e = np.exp(z - z.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    target = np.eye(z.shape[1], dtype=z.dtype)[y]
    return float(-np.mean(np.log(p[np.arange(len(y)), y]))), (p - target) / len(y)
