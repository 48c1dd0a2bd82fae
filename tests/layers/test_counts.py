"""What forward and backward of a layer ask of NumPy: how many calls, how much memory, and no slow habits."""

from collections import Counter

import numpy as np
import pytest

from minidl import ELU, GELU, BatchNorm, Layer, LayerNorm, LeakyReLU, ReLU
from minidl.typing import Array
from tests.spy import SLOW, allocated, counted, forget, new_ones_too, spied
from tests.tables import LAYERS, LayerCase

# Calls, and new memory as a multiple of the input's: what the present code takes.
COSTS = [
    (ReLU(), 5, 2.25),
    (LeakyReLU(), 6, 4.25),
    (ELU(), 7, 4.0),
    (ELU(0.5), 12, 6.25),
    (GELU(), 54, 21.0),
    (BatchNorm(64), 10, 6.0),
    (LayerNorm(64), 23, 6.3),
]


def spy_on(layer: Layer, x: Array) -> Counter[str]:
    """What NumPy is asked to do, by function; `allocated` tells the bytes."""
    grad = np.ones_like(layer.forward(x))
    forget()
    with new_ones_too():
        layer.forward(spied(x))
        layer.backward(spied(grad))
    return counted.copy()


@pytest.mark.parametrize(("layer", "most", "memory"), COSTS, ids=[repr(row[0]) for row in COSTS])
def test_calls_and_memory(layer: Layer, most: int, memory: float) -> None:
    x = np.random.default_rng(0).normal(size=(256, 64)).astype(np.float32)
    calls = spy_on(layer.astype(np.float32), x)
    assert calls.total() <= most, calls
    assert allocated.total() <= memory * x.nbytes, allocated


@pytest.mark.parametrize("case", LAYERS, ids=[case.name for case in LAYERS])
def test_no_slow_habits(case: LayerCase) -> None:
    x = case.draw(np.random.default_rng(0), 5, 2).astype(np.float32)
    calls = spy_on(case.make(2).astype(np.float32), x)
    assert not SLOW & calls.keys(), calls
