"""Running statistics of BatchNorm that are those of the batches of all ranks together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from typing import TypeAlias

from minidl.layers import BatchNorm
from minidl.modules import Module
from minidl.typing import Array

__all__ = ["Moments", "batch_norms", "collected", "combine", "track_combined"]

Moments: TypeAlias = tuple[int, Array, Array]
"""The number of samples, and their mean and variance per feature."""


def batch_norms(model: Module) -> list[BatchNorm]:
    """Return the `BatchNorm` layers of a model, each once."""
    found: list[BatchNorm] = []
    for _, module in model.modules():
        if isinstance(module, BatchNorm) and all(module is not other for other in found):
            found.append(module)
    return found


@contextmanager
def collected(norms: Sequence[BatchNorm], moments: list[list[Moments]]) -> Iterator[None]:
    """Inside a ``with`` block, have layers report the moments of their batches instead of tracking them.

    Args:
        norms: the layers.
        moments: for each layer, the list to which its moments are added, one entry per forward in training.
    """
    for norm, own in zip(norms, moments, strict=True):

        def report(n: int, mean: Array, variance: Array, own: list[Moments] = own) -> None:
            own.append((n, mean, variance))

        vars(norm)["track"] = report
    try:
        yield
    finally:
        for norm in norms:
            vars(norm).pop("track", None)


def combine(parts: Sequence[Moments]) -> Moments:
    """Return the moments of all samples together from those of the parts.

    ``m = Σ n m / N``,  ``v = Σ n (v + (m − M)²) / N`` with M the mean of all, which is mean square minus squared mean
    without its cancellation.

    >>> import numpy as np
    >>> combine([(1, np.array([0.0]), np.array([0.0])), (3, np.array([4.0]), np.array([0.0]))])
    (4, array([3.]), array([3.]))
    """
    whole = sum(n for n, _, _ in parts)
    mean: Array = sum(n / whole * m for n, m, _ in parts)  # type: ignore[assignment]  # there is at least one part
    variance: Array = sum(n / whole * (v + (m - mean) ** 2) for n, m, v in parts)
    return whole, mean, variance


def track_combined(norms: Sequence[BatchNorm], everyone: Sequence[Sequence[Sequence[Moments]]]) -> None:
    """Have layers track what all ranks have collected.

    Args:
        norms: the layers.
        everyone: for each rank and each layer, the moments in order. A rank may have fewer than others.
    """
    for norm, by_rank in zip(norms, zip(*everyone, strict=True), strict=True):
        for calls in zip_longest(*by_rank):
            norm.track(*combine([moments for moments in calls if moments is not None]))
