"""Blocks of parameters that fit into the processor's cache."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np

from minidl.parameters import ParameterVector
from minidl.typing import Array

__all__ = ["BLOCK", "Block", "cut_blocks", "keep_freed_memory"]

BLOCK = 98304
"""The size of a block. Its temporaries stay in the cache: Adam on 10 million parameters takes 11 ms instead of 18."""

LARGEST_KEPT = 2**25 - 2**16  # bytes, a little less than the 32 MB up to which glibc adapts its threshold


class Block(NamedTuple):
    """A stretch of the parameters that is updated in one call."""

    arrays: tuple[Array, ...]  # theta, grad and the slots
    factor: float  # of the learning rate
    decay: bool  # whether weight decay applies


def cut_blocks(
    vectors: Sequence[ParameterVector], factors: Sequence[float], slots: Iterable[Array], size: int
) -> list[Block]:
    """Cut parameters, gradients and slots into blocks of at most `size` elements, as views.

    Args:
        vectors: the parameters.
        factors: for each vector, the factor of the learning rate.
        slots: arrays that are as long as all vectors together.
        size: the largest number of elements in a block.
    """
    slots = list(slots)
    blocks, offset = [], 0
    for vector, factor in zip(vectors, factors, strict=True):
        for decay, start, stop in _stretches(vector):
            for begin in range(start, stop, size):
                end = min(begin + size, stop)
                remembered = (slot[offset + begin : offset + end] for slot in slots)
                blocks.append(Block((vector.value[begin:end], vector.grad[begin:end], *remembered), factor, decay))
        offset += vector.size
    return blocks


def _stretches(vector: ParameterVector) -> Iterator[tuple[bool, int, int]]:
    """Triples (decay, start, stop) of neighbouring parameters to which weight decay applies, or does not."""
    start = 0
    for decay, parameters in groupby(vector, key=lambda parameter: parameter.decay):
        stop = start + sum(parameter.size for parameter in parameters)
        yield decay, start, stop
        start = stop


def keep_freed_memory() -> None:
    """Have the C library keep freed memory for the next temporaries instead of returning it to the system.

    glibc keeps up to twice the largest block that was freed so far. Before a large block was freed, each call may take
    its temporaries from the system again, page by page. A plainly written rule then takes up to five times as long.
    """
    np.empty(LARGEST_KEPT, np.uint8)
