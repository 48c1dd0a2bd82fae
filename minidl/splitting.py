"""Splitting data into parts to train on and to measure on."""

from __future__ import annotations

import numpy as np

from minidl.arguments import number
from minidl.errors import HyperparameterError
from minidl.typing import Array

__all__ = ["hold_out"]


def hold_out(n: int, share: float) -> tuple[Array, Array]:
    """Split n samples, and return the indices to train on and those of the held-out data, each in order.

    The split is random but always the same, so that a second fit does not train on what the first held out.

    Args:
        n: the number of samples.
        share: the share of held-out data, above 0 and below 1.

    Raises:
        HyperparameterError: a share that leaves no training data or no held-out data.

    >>> rest, held = hold_out(5, 0.4)
    >>> len(rest), len(held)
    (3, 2)
    """
    count = round(number("the share of held-out data", share, above=0, below=1) * n)
    if not 0 < count < n:
        raise HyperparameterError(
            f"{share:g} of {n} samples leaves nothing to train on or to hold out; use another share"
        )
    order = np.random.default_rng(0).permutation(n)
    return np.sort(order[count:]), np.sort(order[:count])
