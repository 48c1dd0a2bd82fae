"""Lines where a function changes its sign."""

import numpy as np
import pytest

from minidl.plotting.crossings import crossings
from minidl.typing import Array

XS, YS = np.linspace(-1.0, 1.0, 21), np.linspace(-2.0, 2.0, 21)
GRID = np.stack(np.meshgrid(XS, YS), axis=-1)


def circle(points: Array) -> Array:
    return np.asarray(np.hypot(points[..., 0], points[..., 1]) < 0.7)


@pytest.mark.parametrize("x", [0.123456, -0.987, 0.5 + 1e-9, 0.5 - 1e-9])
def test_a_step_is_found_to_a_thousandth_of_a_cell(x: float) -> None:
    (line,) = crossings(lambda points: points[..., 0] > x, XS, YS, GRID[..., 0] > x)
    np.testing.assert_allclose(line[:, 0], x, atol=1e-3 * (XS[1] - XS[0]))
    np.testing.assert_allclose(np.sort(line[:, 1]), YS)


def test_a_closed_line_is_closed() -> None:
    (line,) = crossings(circle, XS, YS, circle(GRID))
    np.testing.assert_allclose(np.hypot(*line.T), 0.7, atol=2e-4)
    np.testing.assert_array_equal(line[0], line[-1])


def test_a_kink_does_not_make_the_line_zigzag() -> None:
    """A plateau slightly above 0 on one side of a slanted line, and a slope that falls away on the other side."""

    def positive(points: Array) -> Array:
        return np.asarray(1e-9 - np.maximum(0.0, points[..., 0] + 0.37 * points[..., 1]) > 0)

    (line,) = crossings(positive, XS, YS, positive(GRID))
    np.testing.assert_allclose(line[:, 0], -0.37 * line[:, 1], atol=1e-3 * (YS[1] - YS[0]))


def test_two_lines_stay_apart() -> None:
    def outside(points: Array) -> Array:
        return np.asarray(np.abs(points[..., 0]) > 0.33)

    lines = crossings(outside, XS, YS, outside(GRID))
    assert sorted(line[:, 0].mean().round(2) for line in lines) == [-0.33, 0.33]


@pytest.mark.parametrize("everywhere", [True, False])
def test_a_function_of_one_sign_has_no_line(everywhere: bool) -> None:
    assert crossings(lambda points: np.full(len(points), everywhere), XS, YS, np.full((21, 21), everywhere)) == []
