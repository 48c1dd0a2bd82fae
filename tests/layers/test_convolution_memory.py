"""How much memory a step of a convolution takes."""

import tracemalloc
from typing import Any

import numpy as np
import pytest

from minidl import Conv2D
from minidl.layers.kernels import parts, patches
from minidl.layers.windows import BLOCK, SMALL, Axis, axes_of


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (Conv2D(16, 32, padding=1), (64, 28, 28, 16)),
        (Conv2D(1, 16, padding=1), (64, 56, 56, 1)),
        (Conv2D(16, 16, padding=1), (16, 200, 8, 16)),
        (Conv2D(3, 32), (64, 32, 32, 3)),
        (Conv2D(32, 64, stride=2, padding=1), (64, 32, 32, 32)),
        # From here on, x and y have 2¹⁸ numbers or little more.
        (Conv2D(16, 32, padding=1), (32, 14, 14, 16)),
        (Conv2D(8, 8, padding=1), (64, 16, 16, 8)),
        (Conv2D(8, 8, 5, padding=2), (64, 16, 16, 8)),
        (Conv2D(32, 64, padding=1), (256, 4, 4, 32)),
        (Conv2D(1, 16, padding=1), (256, 8, 8, 1)),
        (Conv2D(16, 16, padding=1), (8, 32, 32, 16)),
        (Conv2D(32, 16, padding="same", dilation=2), (64, 10, 10, 32)),
    ],
    ids=repr,
)
def test_memory_of_a_step_is_at_most_twice_and_a_half_input_and_output(layer: Conv2D, shape: Any, dtype: Any) -> None:
    layer.astype(dtype)
    x = np.ones(shape, dtype)
    tracemalloc.start()
    try:
        y = layer.forward(x)
        grad = np.ones_like(y)
        layer.backward(grad)
        peak = tracemalloc.get_traced_memory()[1] + x.nbytes
    finally:
        tracemalloc.stop()
    assert peak <= 2.5 * (x.nbytes + y.nbytes)


@pytest.mark.parametrize("layer", [Conv2D(1, 16, padding=1), Conv2D(16, 32, padding=1), Conv2D(32, 64, 2)], ids=repr)
def test_memory_of_a_step_on_little_data_is_at_most_a_few_megabytes_more(layer: Conv2D) -> None:
    layer.astype(np.float32)
    x = np.ones((64, 6, 6, layer.channels), np.float32)
    tracemalloc.start()
    try:
        y = layer.forward(x)
        layer.backward(np.ones_like(y))
        peak = tracemalloc.get_traced_memory()[1] + x.nbytes
    finally:
        tracemalloc.stop()
    assert peak <= 2 * (x.nbytes + y.nbytes) + 2**20


@pytest.mark.parametrize(
    ("shape", "filters", "k", "stride"),
    [
        ((4000, 6, 5, 8), 8, 3, 1),
        ((4000, 7, 6, 1), 4, 3, 1),
        ((200, 20, 24, 8), 4, 3, 1),
        ((100, 40, 30, 6), 6, 5, 1),
        ((400, 30, 20, 6), 6, 3, 2),
        ((4000, 5, 5, 8), 2, 2, 1),
        ((100, 11, 11, 6), 30, 3, 1),
    ],
)
def test_what_is_copied_at_a_time_takes_at_most_half_of_input_and_output(
    shape: tuple[int, ...], filters: int, k: int, stride: int
) -> None:
    x = np.ones(shape, np.float32)
    axes = axes_of(2, k, stride, 1, 1)
    sweeps = tuple(map(Axis.forward, axes, shape[1:]))
    y = np.ones((len(x), *(sweep.places for sweep in sweeps), filters), np.float32)
    allowed = 4 * min(BLOCK, max(SMALL, (x.size + y.size) // 2))
    slices = list(parts(x, y, sweeps))
    assert np.concatenate([np.arange(len(x))[part] for part in slices]).tolist() == list(range(len(x)))
    tracemalloc.start()
    try:
        patches(x[slices[0]], sweeps)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert 0.6 * allowed < peak < allowed + 4096
