"""Titles of plots that are drawn during a run or frame by frame, and a colour bar that a grid of axes shares."""

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pytest
from matplotlib.animation import FuncAnimation

from minidl import CubicValley, HyperparameterError
from minidl.plotting import LivePlot, animate_descent, plot_contours, style
from tests.plotting.helpers import axes
from tests.plotting.living import fit, make

PATHS = {"a": [[0.0, 0.0], [1.0, 1.0]], "b": [[0.5, 0.0], [9.0, 9.0]]}


def test_contours_in_a_grid_may_share_one_colour_bar() -> None:
    with style():
        figure, (left, right) = plt.subplots(1, 2)
    plot_contours(CubicValley(), None, left, colorbar=False)
    assert len(figure.axes) == 2
    plot_contours(CubicValley(), None, right)
    assert len(figure.axes) == 3
    assert figure.axes[2].get_ylabel() == "f"
    wrong: Any = "no"
    with pytest.raises(HyperparameterError, match="colorbar must be True or False"):
        plot_contours(CubicValley(), colorbar=wrong)


def test_a_live_plot_has_a_title(path: Path) -> None:
    plot = LivePlot(path, title="the run of today")
    fit(make(plot))
    assert plot.figure is not None
    assert plot.figure.get_suptitle() == "the run of today"
    wrong: Any = 3
    with pytest.raises(TypeError, match=r"^title must be a string or None, got 3"):
        LivePlot(path, title=wrong)


def test_an_animation_has_a_title_and_labels(tmp_path: Path) -> None:
    ax = axes()
    file = tmp_path / "a.gif"
    animation = animate_descent(CubicValley(), PATHS, ax, path=file, title="a title", labels=("x", "y"))
    assert isinstance(animation, FuncAnimation)
    assert (ax.get_title(), ax.get_xlabel(), ax.get_ylabel()) == ("a title: step 1", "x", "y")
    wrong: Any = ["a title"]
    with pytest.raises(TypeError, match=r"^title must be a string"):
        animate_descent(CubicValley(), PATHS, title=wrong)
    assert plt.get_fignums() == []
