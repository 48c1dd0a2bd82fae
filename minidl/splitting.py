"""Splitting data into parts to train on and to measure on."""

from __future__ import annotations

import numpy as np

from minidl.arguments import number
from minidl.errors import HyperparameterError
from minidl.typing import Array

__all__ = ["hold_out"]


def hold_out(n: int, share: float, *, classes: Array | None = None, seed: int = 0) -> tuple[Array, Array]:
    """Split n samples. Return the indices to train on and those of the held-out data, each in order.

    The split is random but the same for the same seed, so that a second fit does not train on what the first held out.
    With classes, the share is that of each class, up to rounding. At least one sample of each class is left to train
    on, so a class with one sample is not held out.

    Args:
        n: the number of samples.
        share: the share of held-out data, above 0 and below 1.
        classes: the class of each sample, (n,), None if there are no classes.
        seed: an integer of at least 0. Another one makes another choice.

    Raises:
        HyperparameterError: a share that leaves no training data or no held-out data.

    >>> rest, held = hold_out(5, 0.4)
    >>> len(rest), len(held)
    (3, 2)
    >>> y = np.repeat([0, 1, 2], [80, 20, 1])
    >>> rest, held = hold_out(101, 0.1, classes=y)
    >>> np.bincount(y[rest]), np.bincount(y[held])
    (array([72, 18,  1]), array([8, 2]))
    """
    share = number("the share of held-out data", share, above=0, below=1)
    order = np.random.default_rng(seed).permutation(n)
    held = np.sort(order[: round(share * n)] if classes is None else _of_each(classes, order, share))
    if not 0 < len(held) < n:
        why = "" if classes is None else ", as one sample of each class is always trained on"
        raise HyperparameterError(
            f"{share:g} of {n} samples leaves nothing to train on or to hold out{why}; use another share"
        )
    trained = np.ones(n, dtype=bool)
    trained[held] = False
    return np.flatnonzero(trained), held


def _of_each(classes: Array, order: Array, share: float) -> Array:
    """The samples to hold out: of each class those that come first in an order of all samples."""
    _, first, shuffled, sizes = np.unique(classes[order], return_index=True, return_inverse=True, return_counts=True)
    exact = share * sizes
    counts = exact.astype(int)  # so at least one of each is left
    missing = round(share * sizes[sizes > 1].sum()) - counts.sum()
    # The classes that have lost most by rounding down get one more. Of equals, it is those that come first.
    losers = np.lexsort((first, counts - exact))
    counts[losers[counts[losers] < sizes[losers] - 1][: max(missing, 0)]] += 1
    by_class = np.argsort(shuffled, kind="stable")
    rank = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    held: Array = order[by_class[rank < np.repeat(counts, sizes)]]
    return held
