"""Data sets drawn from a seed.

Those of two classes return targets (n, 1) of 0.0 and 1.0, as the binary losses take them. `make_blobs` returns classes
(n,), as `CrossEntropyLoss` takes them. Arguments are named as in scikit-learn, with ``rng`` for ``random_state``.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import pi

import numpy as np

from minidl.arguments import flag, generator, got, number, real_numbers, whole_number
from minidl.errors import HyperparameterError, ShapeError
from minidl.typing import Array, ArrayLike, Seed

__all__ = ["make_blobs", "make_circles", "make_moons", "make_spirals", "make_xor"]


def make_xor(n_samples: int = 200, *, noise: float = 0.25, rng: Seed = None) -> tuple[Array, Array]:
    """Four Gaussian clouds at (±1, ±1). Class 1 is where the signs of the two features differ.

    Args:
        n_samples: number n of samples, divided among the four clouds as evenly as possible, in random order.
        noise: standard deviation of a cloud. A sample keeps the class of the cloud from which it was drawn.
        rng: seed or generator.

    Returns:
        x of shape (n, 2) and y of shape (n, 1), 0.0 or 1.0.

    Raises:
        HyperparameterError: n_samples that is not a positive integer, noise that is negative or not finite.

    >>> x, y = make_xor(4, noise=0.0, rng=0)
    >>> sorted(zip(x.tolist(), y[:, 0].tolist()))
    [([-1.0, -1.0], 0.0), ([-1.0, 1.0], 1.0), ([1.0, -1.0], 1.0), ([1.0, 1.0], 0.0)]
    """
    n_samples, noise = whole_number("n_samples", n_samples, 1), number("noise", noise, at_least=0)
    draws = generator(rng)
    cloud = draws.permutation(np.arange(n_samples) % 4)
    centers = np.array([[1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]])
    x = centers[cloud] + draws.normal(0.0, noise, (n_samples, 2))
    y = (cloud % 2).astype(np.float64)[:, None]
    return x, y


def make_moons(
    n_samples: int = 100, *, shuffle: bool = True, noise: float = 0.0, rng: Seed = None
) -> tuple[Array, Array]:
    """Two interleaving half circles: (cos t, sin t) and (1 − cos t, ½ − sin t), 0 ≤ t ≤ π.

    Args:
        n_samples: number n of samples, half of each class.
        shuffle: whether the samples are in random order.
        noise: standard deviation of the Gaussian noise added to each feature.
        rng: seed or generator.

    Returns:
        x of shape (n, 2) and y of shape (n, 1), 0.0 or 1.0.

    Raises:
        HyperparameterError: arguments out of range.

    >>> x, y = make_moons(4, shuffle=False)
    >>> x.round(3).tolist()
    [[1.0, 0.0], [-1.0, 0.0], [0.0, 0.5], [2.0, 0.5]]
    """
    n_samples, noise = whole_number("n_samples", n_samples, 1), number("noise", noise, at_least=0)
    angles = [np.linspace(0.0, pi, count) for count in _halves(n_samples)]
    outer = np.column_stack([np.cos(angles[0]), np.sin(angles[0])])
    inner = np.column_stack([1.0 - np.cos(angles[1]), 0.5 - np.sin(angles[1])])
    return _two_classes(outer, inner, shuffle, noise, rng)


def make_circles(
    n_samples: int = 100, *, shuffle: bool = True, noise: float = 0.0, factor: float = 0.8, rng: Seed = None
) -> tuple[Array, Array]:
    """A circle of radius 1, class 0, around one of radius `factor`, class 1.

    Args:
        n_samples: number n of samples, half of each class.
        shuffle: whether the samples are in random order.
        noise: standard deviation of the Gaussian noise added to each feature.
        factor: radius of the inner circle, at least 0 and below 1.
        rng: seed or generator.

    Returns:
        x of shape (n, 2) and y of shape (n, 1), 0.0 or 1.0.

    Raises:
        HyperparameterError: arguments out of range.

    >>> x, y = make_circles(4, shuffle=False, factor=0.5)
    >>> np.hypot(*x.T).round(3).tolist(), y[:, 0].tolist()
    ([1.0, 1.0, 0.5, 0.5], [0.0, 0.0, 1.0, 1.0])
    """
    n_samples, noise = whole_number("n_samples", n_samples, 1), number("noise", noise, at_least=0)
    factor = number("factor", factor, at_least=0, below=1)
    angles = [np.linspace(0.0, 2.0 * pi, count, endpoint=False) for count in _halves(n_samples)]
    outer, inner = (np.column_stack([np.cos(angle), np.sin(angle)]) for angle in angles)
    return _two_classes(outer, factor * inner, shuffle, noise, rng)


def make_spirals(
    n_samples: int = 200, *, shuffle: bool = True, noise: float = 0.0, turns: float = 1.5, rng: Seed = None
) -> tuple[Array, Array]:
    """Two intertwined spirals: radius r from 0 to 1 at the angle ``2π turns r``, class 1 rotated by π.

    Args:
        n_samples: number n of samples, half of each class.
        shuffle: whether the samples are in random order.
        noise: standard deviation of the Gaussian noise added to each feature.
        turns: number of times that a spiral winds around the origin, above 0.
        rng: seed or generator.

    Returns:
        x of shape (n, 2) and y of shape (n, 1), 0.0 or 1.0.

    Raises:
        HyperparameterError: arguments out of range.

    >>> x, y = make_spirals(6, shuffle=False, turns=1.0)
    >>> x.round(3).tolist()
    [[0.0, 0.0], [-0.5, 0.0], [1.0, -0.0], [-0.0, -0.0], [0.5, -0.0], [-1.0, 0.0]]
    """
    n_samples, noise = whole_number("n_samples", n_samples, 1), number("noise", noise, at_least=0)
    turns = number("turns", turns, above=0)
    radii = [np.linspace(0.0, 1.0, count) for count in _halves(n_samples)]
    arms = [np.column_stack([r * np.cos(2.0 * pi * turns * r), r * np.sin(2.0 * pi * turns * r)]) for r in radii]
    return _two_classes(arms[0], -arms[1], shuffle, noise, rng)


def make_blobs(
    n_samples: int = 100,
    n_features: int = 2,
    *,
    centers: int | ArrayLike = 3,
    cluster_std: float = 1.0,
    center_box: Sequence[float] = (-10.0, 10.0),
    shuffle: bool = True,
    rng: Seed = None,
) -> tuple[Array, Array]:
    """Gaussian clouds, one for each class.

    Args:
        n_samples: number n of samples, divided among the classes as evenly as possible.
        n_features: number d of features. It is ignored if the centers are passed.
        centers: number k of classes, whose centers are drawn from the box, or the centers themselves, (k, d).
        cluster_std: standard deviation of a cloud.
        center_box: smallest and largest coordinate of a center that is drawn.
        shuffle: whether the samples are in random order.
        rng: seed or generator.

    Returns:
        x of shape (n, d) and y of shape (n,), integers from 0.

    Raises:
        HyperparameterError, ShapeError: arguments out of range.

    >>> x, y = make_blobs(4, centers=[[0.0, 0.0], [9.0, 9.0]], cluster_std=0.0, shuffle=False)
    >>> x.tolist(), y.tolist()
    ([[0.0, 0.0], [9.0, 9.0], [0.0, 0.0], [9.0, 9.0]], [0, 1, 0, 1])
    """
    n_samples, cluster_std = whole_number("n_samples", n_samples, 1), number("cluster_std", cluster_std, at_least=0)
    draws, shuffle = generator(rng), flag("shuffle", shuffle)
    if not isinstance(centers, list | tuple) and np.ndim(centers) == 0:
        shape = whole_number("centers", centers, 1), whole_number("n_features", n_features, 1)
        if not isinstance(center_box, list | tuple) or len(center_box) != 2:
            raise HyperparameterError(f"center_box must be two numbers, such as (-10, 10), {got(center_box)}")
        low, high = (number("center_box", bound) for bound in center_box)
        middles = draws.uniform(low, high, shape)
    else:
        middles = real_numbers(centers, "centers", np.float64)
        if middles.ndim != 2 or middles.size == 0:
            raise ShapeError(f"centers must be a number or an array (k, d), got shape {middles.shape}")
    y = np.arange(n_samples) % len(middles)
    if shuffle:
        y = draws.permutation(y)
    return middles[y] + draws.normal(0.0, cluster_std, (n_samples, middles.shape[1])), y


def _halves(n_samples: int) -> Sequence[int]:
    return n_samples - n_samples // 2, n_samples // 2


def _two_classes(zeros: Array, ones: Array, shuffle: bool, noise: float, rng: Seed) -> tuple[Array, Array]:
    """Join the two classes, add noise and shuffle."""
    x = np.concatenate([zeros, ones])
    y = np.repeat([0.0, 1.0], [len(zeros), len(ones)])[:, None]
    if flag("shuffle", shuffle) or noise:
        draws = generator(rng)
        x = x + draws.normal(0.0, noise, x.shape)
        order = draws.permutation(len(x)) if shuffle else np.arange(len(x))
        x, y = x[order], y[order]
    return x, y
