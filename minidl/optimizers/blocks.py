"""Blocks of parameters that fit into the processor's cache."""

from __future__ import annotations

import dis
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np

from minidl.errors import warn
from minidl.parameters import ParameterVector
from minidl.typing import Array

__all__ = ["BLOCK", "Block", "cut_blocks", "keep_freed_memory", "warn_if_still"]

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
    """Cut trainable parameters, gradients and slots into blocks of at most `size` elements, as views.

    Args:
        vectors: the parameters.
        factors: for each vector, the factor of the learning rate.
        slots: arrays that are as long as all vectors together.
        size: the largest number of elements in a block.

    Raises:
        StateError: parameters that have moved.
    """
    slots = list(slots)
    blocks, offset = [], 0
    for vector, factor in zip(vectors, factors, strict=True):
        value, grad = vector.value, vector.grad
        for decay, start, stop in _stretches(vector):
            for begin in range(start, stop, size):
                end = min(begin + size, stop)
                remembered = (slot[offset + begin : offset + end] for slot in slots)
                blocks.append(Block((value[begin:end], grad[begin:end], *remembered), factor, decay))
        offset += vector.size
    return blocks


def _stretches(vector: ParameterVector) -> Iterator[tuple[bool, int, int]]:
    """Triples (decay, start, stop) of neighbouring parameters to which weight decay applies, or does not.

    Those that are not trainable are left out.
    """
    start = 0
    for (decay, trainable), parameters in groupby(vector, key=lambda each: (each.decay, each.trainable)):
        stop = start + sum(parameter.size for parameter in parameters)
        if trainable:
            yield decay, start, stop
        start = stop


def keep_freed_memory() -> None:
    """Have the C library keep freed memory for the next temporaries instead of returning it to the system.

    glibc keeps up to twice the largest block that was freed so far. Before a large block was freed, each call may take
    its temporaries from the system again, page by page. A plainly written rule then takes up to five times as long.
    """
    np.empty(LARGEST_KEPT, np.uint8)


def warn_if_still(kind: type, before: Array, block: Block) -> None:
    """Warn if the first step has left a block as it was because `update` makes a new theta.

    Args:
        kind: the class of the optimizer.
        before: the values of the block before the step.
        block: the block after it.
    """
    theta, grad, *_ = block.arrays
    if np.array_equal(theta, before) and grad.any() and _rebinds_theta(getattr(kind, "update", None)):
        warn(
            f"{kind.__name__}: the first step moved no parameter, because update makes a new array and calls it theta; "
            "change theta in place, with theta -= … instead of theta = theta - …"
        )


def _rebinds_theta(update: Any) -> bool:
    """Whether a method assigns to its first argument after self other than by -= and the like."""
    if not hasattr(update, "__code__"):
        return False
    name, operation = update.__code__.co_varnames[1:2], ""
    for each in dis.get_instructions(update):
        stored = each.argval if isinstance(each.argval, tuple) else (each.argval,)  # Python 3.13 joins instructions
        if each.opname.startswith("STORE_FAST") and stored[:1] == name and not operation.endswith("="):
            return True
        operation = each.argrepr if each.opname == "BINARY_OP" else ""
    return False
