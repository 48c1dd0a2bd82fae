"""The levels of contours, their names in the colour bar, and their colours."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.contour import QuadContourSet

from minidl import Beale, CubicValley, FunctionObjective, Himmelblau, Objective, Quadratic, Rosenbrock
from minidl.levels import level_name, roundest
from minidl.plotting import plot_contours
from tests.plotting.helpers import axes, render


def bar(ax: Axes) -> Any:
    """The colour bar of contours."""
    return next(artist for artist in ax.collections if isinstance(artist, QuadContourSet)).colorbar


def names(ax: Axes) -> list[str]:
    render(ax)
    return [label.get_text() for label in bar(ax).ax.get_yticklabels()]


def number(name: str) -> float:
    return float(name.replace("−", "-").replace(",", ""))


@pytest.mark.parametrize("objective", [CubicValley(), Rosenbrock(), Himmelblau(), Beale(), Quadratic(np.eye(2))])
def test_the_colour_bar_has_round_numbers_in_order(objective: Objective) -> None:
    ax = plot_contours(objective, ax=axes())
    shown = [number(name) for name in names(ax)]
    assert 5 <= len(shown) <= 9
    assert shown == sorted(set(shown))
    digits = [len(f"{abs(value):.12e}".split("e")[0].replace(".", "").rstrip("0")) for value in shown]
    assert sorted(digits)[-2] <= 2
    assert max(digits) <= 3  # the level of a saddle need not be round
    assert bar(ax).ax.get_ylabel() == "f"


@pytest.mark.usefixtures("fine_contours")
def test_the_level_of_a_saddle_is_named() -> None:
    assert "3" in names(plot_contours(CubicValley(), ax=axes(), xlim=(-1.5, 2.5), ylim=(-1.5, 1.5)))
    # Among far larger levels, it is about 0.
    assert "0" in names(plot_contours(CubicValley(), ax=axes(), xlim=(-10, 60), ylim=(-6, 6)))


def test_a_constant_has_its_value_in_the_middle() -> None:
    flat = FunctionObjective(lambda theta: 0 * theta[0] - 2.5, lambda theta: 0 * theta, start=[0.0, 0.0])
    assert names(plot_contours(flat, ax=axes())) == ["−2.5"]


def test_low_and_high_differ_in_brightness_and_neither_is_white() -> None:
    filled = next(
        artist for artist in plot_contours(Rosenbrock(), ax=axes()).collections if isinstance(artist, QuadContourSet)
    )
    colors = np.asarray(filled.get_facecolor())[:, :3]
    brightness = colors @ [0.299, 0.587, 0.114]
    assert brightness[0] < 0.5 < brightness[-1]
    assert (colors.min(axis=1) < 0.95).all()
    assert len({tuple(color) for color in colors.tolist()}) == len(colors)


@given(
    middle=st.floats(-1e100, 1e100, allow_subnormal=True),
    width=st.sampled_from([0.0, 1e-15, 1e-9, 1e-3, 0.3, 1.0, 9.0]),
)
def test_the_roundest_number_lies_in_its_interval(middle: float, width: float) -> None:
    low, high = middle - width * abs(middle), middle + width * abs(middle)
    found = roundest(low, high)
    assert low - 1e-12 * abs(low) <= found <= high + 1e-12 * abs(high)
    if low <= 0 <= high:
        assert found == 0


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (70, 160, 100),
        (30, 80, 50),
        (-80, -30, -50),
        (11, 19, 15),
        (6.1, 6.9, 6.5),
        (2.93, 2.99, 2.95),
        (2.991, 2.994, 2.992),
        (-3.1, 0.4, 0),
        (0.0012, 0.0019, 0.0015),
        (120_000, 190_000, 150_000),
        (90, 410, 200),
    ],
)
def test_the_roundest_number(low: float, high: float, expected: float) -> None:
    assert roundest(low, high) == expected


@pytest.mark.parametrize(
    ("level", "name"),
    [
        (0.0, "0"),
        (-0.5, "−0.5"),
        (3.0, "3"),
        (150.0, "150"),
        (-20_000.0, "−20,000"),
        (0.002, "0.002"),
        (5e-7, "5e−7"),
        (2e6, "2e6"),
        (-1e100, "−1e100"),
        (3e-200, "3e−200"),
    ],
)
def test_names_of_levels(level: float, name: str) -> None:
    assert level_name(level) == name
