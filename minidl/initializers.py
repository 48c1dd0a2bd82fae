"""Initial values of weights: plain functions ``(rng, shape) -> array``.

For a matrix of shape (in, out) that multiplies rows from the right, ``in`` numbers are summed for each output.
"""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import TypeAlias

import numpy as np

from minidl.typing import Array, Shape

__all__ = ["Initializer", "glorot_uniform", "he_normal", "zeros"]

Initializer: TypeAlias = "Callable[[np.random.Generator, Shape], Array]"


def he_normal(rng: np.random.Generator, shape: Shape) -> Array:
    """Normal numbers of variance ``2 / in``, which keeps the size of signals through ReLU layers (He et al. 2015).

    >>> he_normal(np.random.default_rng(0), (200, 300)).var().round(3)
    np.float64(0.01)
    """
    return rng.normal(0.0, sqrt(2.0 / shape[0]), shape)


def glorot_uniform(rng: np.random.Generator, shape: Shape) -> Array:
    """Uniform numbers of variance ``2 / (in + out)``, made for sigmoid and tanh (Glorot and Bengio 2010).

    >>> glorot_uniform(np.random.default_rng(0), (200, 300)).var().round(3)
    np.float64(0.004)
    """
    limit = sqrt(6.0 / (shape[0] + shape[-1]))
    return rng.uniform(-limit, limit, shape)


def zeros(rng: np.random.Generator, shape: Shape) -> Array:  # noqa: ARG001  (all initializers are called alike)
    """Zeros, as for a bias.

    >>> zeros(np.random.default_rng(0), (2,))
    array([0., 0.])
    """
    return np.zeros(shape)
