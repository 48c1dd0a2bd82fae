"""Where windows lie: counted by hand, and against a plain loop over all places."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import HyperparameterError, ShapeError
from minidl.layers.windows import (
    BLOCK,
    Axis,
    axes_of,
    blocks,
    cells,
    check_padding,
    check_size,
    cropped,
    padded,
    windows,
)

small = st.integers(1, 4)
axes = st.builds(Axis, small, small, small, st.one_of(st.integers(0, 5), st.just("same")))


@pytest.mark.parametrize(
    ("n", "size", "stride", "dilation", "margins", "places"),
    [
        (5, 3, 1, 1, (1, 1), 5),
        (5, 2, 1, 1, (0, 1), 5),
        (6, 3, 2, 1, (0, 1), 3),
        (7, 3, 2, 1, (1, 1), 4),
        (5, 4, 1, 1, (1, 2), 5),
        (5, 3, 1, 2, (2, 2), 5),
        (7, 1, 3, 1, (0, 0), 3),
        (6, 1, 4, 1, (0, 0), 2),
        (1, 3, 2, 1, (1, 1), 1),
    ],
)
def test_same_padding_puts_an_odd_rest_at_the_end(
    n: int, size: int, stride: int, dilation: int, margins: tuple[int, int], places: int
) -> None:
    axis = Axis(size, stride, dilation, "same")
    assert axis.margins(n) == margins
    assert axis.forward(n).places == places == -(-n // stride)


@given(axes, st.integers(1, 9))
def test_windows_against_a_plain_loop(axis: Axis, n: int) -> None:
    before, after = axis.margins(n)
    line = [0.0] * before + [float(i) for i in range(1, n + 1)] + [0.0] * after
    expected, start = [], 0
    while start + axis.dilation * (axis.size - 1) < len(line):
        expected.append([line[start + axis.dilation * k] for k in range(axis.size)])
        start += axis.stride
    if not expected:
        with pytest.raises(
            ShapeError, match=rf"reaches over {axis.reach} does not fit into {n} with {before + after} of"
        ):
            axis.forward(n)
        return
    sweeps = (axis.forward(n),)
    wide = padded(np.arange(1.0, n + 1).reshape(1, n, 1), sweeps)
    assert wide[0, :, 0].tolist() == line
    assert windows(wide, sweeps)[0, ..., 0].tolist() == expected
    assert [cell[0, :, 0].tolist() for cell in cells(wide, sweeps)] == np.transpose(expected).tolist()
    assert cropped(wide, sweeps, (1, n, 1))[0, :, 0].tolist() == list(range(1, n + 1))


@given(axes, st.integers(1, 9))
def test_as_many_numbers_as_windows_need_have_so_many_windows(axis: Axis, n: int) -> None:
    for extra in range(axis.stride if axis.padding != "same" else 1):
        size = axis.transposed(n, extra)
        if size > 0:
            assert axis.forward(size).places == n


def test_padding_is_filled_and_nothing_is_copied_without() -> None:
    x = np.ones((2, 3, 4, 1), np.float32)
    wide = padded(x, tuple(map(Axis.forward, axes_of(2, 2, 1, 1, (1, 0)), x.shape[1:])), -np.inf)
    assert wide.shape == (2, 5, 4, 1)
    assert wide.dtype == np.float32
    assert wide[0, :, 0, 0].tolist() == [-np.inf, 1, 1, 1, -np.inf]
    assert padded(x, tuple(map(Axis.forward, axes_of(2, 2, 1, 1, 0), x.shape[1:]))) is x


def test_blocks_cover_all_samples_and_are_no_larger_than_the_cache() -> None:
    assert list(blocks(3, 10 * BLOCK)) == [slice(0, 1), slice(1, 2), slice(2, 3)]
    assert list(blocks(3, 1)) == [slice(0, BLOCK)]
    assert [part.stop - part.start for part in blocks(10, BLOCK // 4)] == [4, 4, 4]


@pytest.mark.parametrize(("value", "size"), [(2, 2), ((1, 2), (1, 2)), ([1, 2], (1, 2)), (np.int64(3), 3)])
def test_sizes_become_integers_of_python(value: Any, size: Any) -> None:
    for got in (check_size("k", value, 2), check_padding("p", value, 2)):
        assert got == size
        assert all(type(each) is int for each in (got if isinstance(got, tuple) else (got,)))


@pytest.mark.parametrize("wrong", [0, -1, 2.0, "2", None, True, (1,), (1, 2, 3), (1, 0), (1, 2.5), ((1, 2), 3)])
def test_other_sizes_are_refused(wrong: Any) -> None:
    with pytest.raises(HyperparameterError, match=r"k must be an integer, at least 1, or a tuple of 2, got"):
        check_size("k", wrong, 2)


def test_other_paddings_are_refused() -> None:
    assert check_padding("p", "same", 2) == "same"
    assert check_padding("p", (0, 1), 2) == (0, 1)
    with pytest.raises(HyperparameterError, match=r'p must be "same" or a number, got \'valid\'; no padding is 0'):
        check_padding("p", "valid", 2)
    with pytest.raises(HyperparameterError, match=r"p must be an integer, at least 0, or a tuple of 2, got -1"):
        check_padding("p", -1, 2)
