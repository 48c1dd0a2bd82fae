"""Contours are close together where a function is low, and one passes through its flattest point."""

import numpy as np
import pytest

from minidl import CubicValley, Rosenbrock
from minidl.levels import contour_levels
from minidl.modules import Objective
from minidl.typing import Array


def grid(objective: Objective, size: int = 41) -> Array:
    x, y = np.meshgrid(np.linspace(-2, 2, size), np.linspace(-1.5, 1.5, size))
    return objective.values_at(np.column_stack([x.ravel(), y.ravel()])).reshape(size, size)


def levels_of(values: Array) -> Array:
    return contour_levels(values)[0]


@pytest.mark.parametrize("objective", [CubicValley(), Rosenbrock()], ids=repr)
def test_levels_rise_and_lie_closer_where_the_function_is_low(objective: Objective) -> None:
    values = grid(objective)
    levels = levels_of(values)
    assert (np.diff(levels) > 0).all()
    assert values.min() < levels[1] < levels[-2] < values.max()  # the outermost are rounded
    below = np.searchsorted(levels, np.median(values))
    assert below > 0.6 * len(levels)


def test_one_level_lies_at_the_saddle() -> None:
    levels = levels_of(grid(CubicValley()))
    assert 0 < 3 - levels[np.abs(levels - 3).argmin()] < 0.01


def test_values_that_are_not_finite_are_left_out() -> None:
    values = grid(Rosenbrock())
    holes = values.copy()
    holes[:5] = np.nan
    holes[-1] = np.inf
    assert (levels_of(holes) >= 0).all()
    assert np.isfinite(levels_of(holes)).all()


def test_a_level_parts_two_plateaus() -> None:
    levels = levels_of(np.repeat([-1.0, 1.0], 18).reshape(6, 6))
    assert len(levels) > 1  # Matplotlib fills the areas between levels
    assert (np.diff(levels) > 0).all()
    assert ((levels > -1) & (levels < 1)).any()


@pytest.mark.parametrize("low", [0.0, -1.7e308, 1e308])
def test_levels_of_values_near_the_largest_float_are_finite(low: float) -> None:
    values = np.linspace(low / 2, 1.7e308 / 2, 400).reshape(20, 20) * 2
    assert np.isfinite(levels_of(values)).all()


def test_a_flat_function_has_two_levels_around_it() -> None:
    assert levels_of(np.full((5, 5), 2.0)).tolist() == [1.5, 2.5]
