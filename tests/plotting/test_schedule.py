"""Learning-rate schedules."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from minidl import DataError, HyperparameterError
from minidl.plotting import plot_schedule
from minidl.schedules import cosine, linear_warmup, step_decay
from tests.plotting.helpers import axes, legend, render


def test_draws_the_factor_of_each_step() -> None:
    ax = plot_schedule(step_decay(2, 0.5), 5, axes())
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), [[0, 1], [1, 1], [2, 0.5], [3, 0.5], [4, 0.25]])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("step", "factor of the learning rate")
    assert legend(ax) == []


def test_several_schedules_are_labelled_and_multiplied_by_the_learning_rate() -> None:
    ax = plot_schedule({"down": cosine(10), "up": linear_warmup(10)}, 11, axes(), lr=0.2)
    assert legend(ax) == ["down", "up"]
    assert ax.get_ylabel() == "learning rate"
    for line, ends in zip(ax.lines, ([0.2, 0.0], [0.0, 0.2]), strict=True):
        np.testing.assert_allclose(np.asarray(line.get_ydata())[[0, -1]], ends, atol=1e-15)
    looks = {(line.get_color(), str(line.get_linestyle())) for line in ax.lines}
    assert len(looks) == 2
    render(ax)


def test_the_axis_begins_at_zero_and_a_single_step_is_visible() -> None:
    ax = plot_schedule(lambda step: 1.0 + step, 1, axes())
    assert ax.get_ylim()[0] == 0.0
    assert ax.lines[0].get_marker() not in ("None", "", None)


def test_the_axis_goes_down_to_the_smallest_factor_below_zero() -> None:
    steps: Any = np.int64(4)
    ax = plot_schedule({"a": lambda step: 1.0 - step, "b": lambda step: -0.5 * step}, steps, axes())
    assert ax.get_ylim()[0] == -2.0


def test_ticks_are_few_whole_and_round() -> None:
    locator = plot_schedule(cosine(3), 3, axes()).xaxis.get_major_locator()
    for last in range(1, 400):
        ticks = [float(tick) for tick in locator.tick_values(0.0, last) if tick <= last]
        assert 2 <= len(ticks) <= 7
        apart = ticks[1] - ticks[0]
        assert apart in (1, 2, 5, 10, 20, 25, 50, 100)


def test_a_thin_grid_lies_below_the_lines() -> None:
    ax = plot_schedule(cosine(3), 3, axes())
    for line in (*ax.get_xgridlines(), *ax.get_ygridlines()):
        assert (line.get_visible(), line.get_linewidth()) == (True, 0.6)
    assert ax.get_axisbelow() is True


def test_a_schedule_without_a_name_is_not_in_the_legend() -> None:
    ax = plot_schedule({"": cosine(3), "up": linear_warmup(3)}, 3, axes())
    assert len(ax.lines) == 2
    assert legend(ax) == ["up"]


def test_factors_can_be_numbers_of_any_type() -> None:
    ax = plot_schedule(lambda step: Fraction(1, step + 1), 3, axes())  # type: ignore[arg-type,return-value]
    assert np.asarray(ax.lines[0].get_ydata()).tolist() == [1.0, 1 / 2, 1 / 3]


def test_makes_a_new_figure() -> None:
    figure = plot_schedule(cosine(3), 3).get_figure()
    assert isinstance(figure, Figure)
    assert figure.get_size_inches().tolist() == [6.0, 3.4]


def test_errors() -> None:
    ax = axes()
    with pytest.raises(DataError, match="at least one schedule"):
        plot_schedule({}, 3, ax)
    with pytest.raises(DataError, match=r"the schedule 'odd' must return finite factors, got nan at step 2"):
        plot_schedule({"odd": lambda step: float("nan") if step == 2 else 1.0}, 3, ax)
    for steps in (0, -1, 2.5, True):
        with pytest.raises(HyperparameterError, match="steps must be a positive integer"):
            plot_schedule(cosine(3), steps, ax)  # type: ignore[arg-type]
    for lr in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(HyperparameterError, match="lr must be a finite number, above 0"):
            plot_schedule(cosine(3), 3, ax, lr=lr)
    assert not ax.lines
