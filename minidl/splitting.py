"""Splitting data into parts to train on and to measure on."""

from __future__ import annotations

import numpy as np

from minidl.arguments import number
from minidl.batch import rows, samples
from minidl.errors import HyperparameterError
from minidl.typing import Batch

__all__ = ["hold_out"]


def hold_out(x: Batch, y: Batch, share: float) -> tuple[tuple[Batch, Batch], tuple[Batch, Batch]]:
    """Split samples into training data (x, y) and held-out data (x, y).

    The split is random but always the same, so that a second fit does not train on what the first held out.

    Args:
        x, y: inputs and targets, with the samples along the first axis.
        share: the share of held-out data, above 0 and below 1.

    Raises:
        HyperparameterError: a share that leaves no training data or no held-out data.

    >>> (x, _), (held, _) = hold_out(np.arange(5), np.arange(5), 0.4)
    >>> len(x), len(held)
    (3, 2)
    """
    n = samples(x)
    count = round(number("the share of held-out data", share, above=0, below=1) * n)
    if not 0 < count < n:
        raise HyperparameterError(
            f"{share:g} of {n} samples leaves nothing to train on or to hold out; use another share"
        )
    order = np.random.default_rng(0).permutation(n)
    held, rest = np.sort(order[:count]), np.sort(order[count:])
    return (rows(x, rest), rows(y, rest)), (rows(x, held), rows(y, held))
