"""Random numbers for each rank, from generators that stay equal on all ranks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from minidl.modules import Module
from minidl.modules.places import generators_in

__all__ = ["distinct_generators", "on_streams", "rank_streams"]


def distinct_generators(modules: Iterable[Module]) -> list[np.random.Generator]:
    """Return the generators of modules and all below them. One that several share is listed once."""
    found: list[np.random.Generator] = []
    for root in modules:
        for _, module in root.modules():
            found += [each for each in generators_in(vars(module)) if all(each is not other for other in found)]
    return found


@contextmanager
def rank_streams(generators: Sequence[np.random.Generator], rank: int) -> Iterator[list[int]]:
    """Have generators draw from streams of this rank inside a ``with`` block, which is told their seeds.

    The seeds are drawn from the generators themselves. After the block, each generator has drawn one number, whatever
    its stream was used for. Generators that were equal on all ranks are equal again, so one rank can save them for all.
    """
    seeds = [int(generator.integers(2**63)) for generator in generators]
    with on_streams(generators, seeds, rank):
        yield seeds


@contextmanager
def on_streams(generators: Sequence[np.random.Generator], seeds: Sequence[int], rank: int) -> Iterator[None]:
    """Have generators draw from the streams of a rank that belong to seeds inside a ``with`` block.

    >>> generator = np.random.default_rng(0)
    >>> with on_streams([generator], [7], rank=0):
    ...     first = generator.random()
    >>> with on_streams([generator], [7], rank=1):
    ...     second = generator.random()
    >>> first != second, generator.random() == np.random.default_rng(0).random()
    (True, True)
    """
    before = [generator.bit_generator.state for generator in generators]
    for generator, seed in zip(generators, seeds, strict=True):
        # The child that SeedSequence(seed).spawn returns for this rank.
        stream = np.random.SeedSequence(seed, spawn_key=(rank,))
        generator.bit_generator.state = type(generator.bit_generator)(stream).state
    try:
        yield
    finally:
        for generator, state in zip(generators, before, strict=True):
            generator.bit_generator.state = state
