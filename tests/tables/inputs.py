"""Inputs for the layers of the table."""

import numpy as np

from minidl.typing import Array, Batch
from tests.tables.common import Rng


def normal(rng: Rng, batch: int, width: int) -> Array:
    return rng.normal(size=(batch, width))


def images(rng: Rng, batch: int, width: int) -> Array:
    return rng.normal(size=(batch, 2, width))


def pixels(rng: Rng, batch: int, width: int) -> Array:
    return rng.normal(size=(batch, 4, 3, width))


def channels(rng: Rng, batch: int, width: int) -> Array:
    return rng.normal(size=(batch, 2, 3, width))


def sequences(rng: Rng, batch: int, width: int) -> Array:
    return rng.normal(size=(batch, 3, width))


def ids(rng: Rng, batch: int, width: int) -> Array:
    """Ids below 7, some of which are repeated."""
    return rng.integers(0, 7, (batch, 2 * width))


def pair(rng: Rng, batch: int, width: int) -> Batch:
    return normal(rng, batch, width), normal(rng, batch, width)


def uneven(rng: Rng, batch: int, width: int) -> Batch:
    """Two inputs of different shapes."""
    return normal(rng, batch, width), rng.normal(size=(batch, 2, width + 1))


def ids_and_floats(rng: Rng, batch: int, width: int) -> Batch:
    return ids(rng, batch, width), normal(rng, batch, width)


def masked(rng: Rng, batch: int, width: int) -> Batch:
    """Sequences of three steps, of which the first is always data, and their mask."""
    mask = rng.random((batch, 3)) < 0.5
    mask[:, 0] = True
    return rng.normal(size=(batch, 3, width)), mask


def gaps(rng: Rng, batch: int, width: int) -> Batch:
    """Sequences of four steps and a mask with gaps, at the beginning and the end, too. A sequence may hold no data."""
    return rng.normal(size=(batch, 4, width)), rng.random((batch, 4)) < 0.6


def fours(rng: Rng, batch: int, _: int) -> Array:
    return rng.normal(size=(batch, 3, 4))


def left_padded(rng: Rng, batch: int, width: int) -> Batch:
    """Sequences of three steps, of which the first may be masked, and in the first sequence all of them."""
    mask = np.sort(rng.random((batch, 3)) < 0.7)
    mask[0] = False
    return rng.normal(size=(batch, 3, width)), mask


def with_memory(rng: Rng, batch: int, width: int) -> Batch:
    """Queries of two steps, and a memory of three."""
    return images(rng, batch, width), rng.normal(size=(batch, 3, width + 1))


def with_masked_memory(rng: Rng, batch: int, width: int) -> Batch:
    memory, mask = left_padded(rng, batch, width)
    return (images(rng, batch, width), memory), mask
