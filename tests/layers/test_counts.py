"""What forward and backward of a layer ask of NumPy: how many calls, how much memory, and no slow habits."""

from collections import Counter

import numpy as np
import pytest

from minidl import ELU, GELU, BatchNorm, GroupNorm, Layer, LayerNorm, LeakyReLU, PReLU, ReLU, RMSNorm
from minidl.batch import as_floats, mapped
from minidl.typing import Batch
from tests.helpers import ones_like
from tests.spy import SLOW, allocated, counted, forget, new_ones_too, spied
from tests.tables import LAYERS, LayerCase

# The most passes over an array, which are the time of these layers, and the most new memory, as a multiple of the
# input's. That is 10 to 15 % above what was measured, and at least one call.
COSTS = [
    (ReLU(), 6, 2.5),
    (LeakyReLU(), 7, 4.75),
    (ELU(), 8, 4.5),
    (ELU(0.5), 14, 7.0),
    (GELU(), 32, 8.0),
    (BatchNorm(64), 12, 6.75),
    (LayerNorm(64), 32, 7.0),
    (GroupNorm(8, 64), 40, 18.0),
    (RMSNorm(64), 17, 7.0),
    (PReLU(64), 13, 9.0),
]


def spy_on(layer: Layer, x: Batch) -> Counter[str]:
    """The calls of NumPy by function. `allocated` holds the bytes."""
    grad = ones_like(layer.forward(x))
    forget()
    with new_ones_too():
        layer.forward(mapped(spied, x))
        layer.backward(mapped(spied, grad))
    return counted.copy()


@pytest.mark.parametrize(("layer", "most", "memory"), COSTS, ids=[repr(row[0]) for row in COSTS])
def test_calls_and_memory(layer: Layer, most: int, memory: float) -> None:
    x = np.random.default_rng(0).normal(size=(256, 64)).astype(np.float32)
    calls = spy_on(layer.astype(np.float32), x)
    assert calls.total() <= most, calls
    assert allocated.total() <= memory * x.nbytes, allocated


@pytest.mark.parametrize("case", LAYERS, ids=[case.name for case in LAYERS])
def test_no_slow_habits(case: LayerCase) -> None:
    x = as_floats(case.draw(np.random.default_rng(0), 5, 2), np.float32)
    calls = spy_on(case.make(2).astype(np.float32), x)
    assert not SLOW & calls.keys(), calls
