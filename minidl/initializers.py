"""Initial values of weights: plain functions ``(rng, shape) -> array``.

The shape of a weight matrix is (in, out): each output is a sum over ``in`` inputs. All functions but `constant` and
`zeros` depend on these two numbers and raise a `ShapeError` for any other shape. A layer whose weights have more axes
draws a matrix and reshapes it, such as (k·k·channels, filters) for the kernels of a convolution.
"""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import TypeAlias

import numpy as np

from minidl.errors import ShapeError
from minidl.typing import Array, Shape

__all__ = [
    "Initializer",
    "constant",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "lecun_normal",
    "lecun_uniform",
    "orthogonal",
    "zeros",
]

Initializer: TypeAlias = "Callable[[np.random.Generator, Shape], Array]"


def he_normal(rng: np.random.Generator, shape: Shape) -> Array:
    """Normal numbers of variance ``2 / in``, which preserves the variance through ReLU layers (He et al. 2015).

    Raises:
        ShapeError: a shape other than (in, out).

    >>> he_normal(np.random.default_rng(0), (200, 300)).var().round(3)
    np.float64(0.01)
    >>> kernels = he_normal(np.random.default_rng(0), (3 * 3 * 16, 32)).reshape(3, 3, 16, 32)
    """
    return rng.normal(0.0, sqrt(2.0 / _fans(shape)[0]), shape)


def he_uniform(rng: np.random.Generator, shape: Shape) -> Array:
    """Uniform numbers of variance ``2 / in``. See `he_normal`.

    >>> he_uniform(np.random.default_rng(0), (200, 300)).var().round(3)
    np.float64(0.01)
    """
    return _uniform(rng, shape, 2.0 / _fans(shape)[0])


def glorot_normal(rng: np.random.Generator, shape: Shape) -> Array:
    """Normal numbers of variance ``2 / (in + out)``. See `glorot_uniform`.

    >>> glorot_normal(np.random.default_rng(0), (200, 300)).var().round(3)
    np.float64(0.004)
    """
    return rng.normal(0.0, sqrt(2.0 / sum(_fans(shape))), shape)


def glorot_uniform(rng: np.random.Generator, shape: Shape) -> Array:
    """Uniform numbers of variance ``2 / (in + out)``, intended for sigmoid and tanh (Glorot and Bengio 2010).

    >>> glorot_uniform(np.random.default_rng(0), (200, 300)).var().round(3)
    np.float64(0.004)
    """
    return _uniform(rng, shape, 2.0 / sum(_fans(shape)))


def lecun_normal(rng: np.random.Generator, shape: Shape) -> Array:
    """Normal numbers of variance ``1 / in``, which preserves the variance through linear layers (LeCun et al. 1998).

    >>> lecun_normal(np.random.default_rng(0), (200, 300)).var().round(3)
    np.float64(0.005)
    """
    return rng.normal(0.0, sqrt(1.0 / _fans(shape)[0]), shape)


def lecun_uniform(rng: np.random.Generator, shape: Shape) -> Array:
    """Uniform numbers of variance ``1 / in``. See `lecun_normal`.

    >>> lecun_uniform(np.random.default_rng(0), (200, 300)).var().round(3)
    np.float64(0.005)
    """
    return _uniform(rng, shape, 1.0 / _fans(shape)[0])


def orthogonal(rng: np.random.Generator, shape: Shape) -> Array:
    """A random matrix with orthonormal columns, or rows if it is wide, which preserves lengths (Saxe et al. 2014).

    Each element has variance ``1 / max(in, out)``.

    >>> w = orthogonal(np.random.default_rng(0), (3, 2))
    >>> bool(np.allclose(w.T @ w, np.eye(2)))
    True
    """
    rows, columns = _fans(shape)
    q, r = np.linalg.qr(rng.normal(size=(max(rows, columns), min(rows, columns))))
    q *= np.sign(np.diag(r))  # otherwise q would not be uniform among all such matrices
    return q if rows >= columns else q.T


def constant(value: float) -> Initializer:
    """Return an initializer that sets all elements to the same number.

    >>> constant(0.5)(np.random.default_rng(0), (2,))
    array([0.5, 0.5])
    """
    return lambda rng, shape: np.full(shape, float(value))  # noqa: ARG005  (all initializers have one signature)


def zeros(rng: np.random.Generator, shape: Shape) -> Array:  # noqa: ARG001  (all initializers have one signature)
    """Zeros, as for a bias.

    >>> zeros(np.random.default_rng(0), (2,))
    array([0., 0.])
    """
    return np.zeros(shape)


def _fans(shape: Shape) -> tuple[int, int]:
    """Return the numbers of inputs and outputs of a weight matrix."""
    if len(shape) != 2 or min(shape) < 1:
        raise ShapeError(
            f"an initializer takes the shape (inputs, outputs) of a matrix, got {shape}; for a kernel, draw "
            "(k * k * channels, filters) and reshape"
        )
    return shape[0], shape[1]


def _uniform(rng: np.random.Generator, shape: Shape, variance: float) -> Array:
    """Uniform numbers in ±√(3 v), whose variance is v."""
    limit = sqrt(3.0 * variance)
    return rng.uniform(-limit, limit, shape)
