"""Plots of runs and their models: title, labels, and a place in a grid of axes."""

from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.animation import FuncAnimation
from matplotlib.axes import Axes

from minidl import BCEWithLogitsLoss, CubicValley, Dense, HyperparameterError, RateSearch, ReLU, Sequential, make_xor
from minidl.plotting import (
    LivePlot,
    animate_descent,
    plot_activations,
    plot_contours,
    plot_gradient_flow,
    plot_history,
    plot_rate_search,
    plot_schedule,
    style,
)
from minidl.schedules import cosine
from tests.plotting.helpers import axes, render
from tests.plotting.living import fit, make

X, Y = make_xor(40, rng=0)
MODEL = Sequential(Dense(2, 8), ReLU(), Dense(8, 1), rng=1)
SEARCH = RateSearch(1e-2, [1e-3, 1e-2, 0.1], [3.0, 2.0, 9.0], [3.0, 2.5, 4.0])
PATHS = {"a": [[0.0, 0.0], [1.0, 1.0]], "b": [[0.5, 0.0], [9.0, 9.0]]}

PLOTS: dict[str, Callable[..., Axes]] = {
    "contours": lambda ax=None, **words: plot_contours(CubicValley(), PATHS, ax, **words),
    "history": lambda ax=None, **words: plot_history({"a": [3.0, 2.0], "b": [2.0, 1.0]}, ax, **words),
    "schedule": lambda ax=None, **words: plot_schedule({"cosine": cosine(9)}, 9, ax, **words),
    "rates": lambda ax=None, **words: plot_rate_search(SEARCH, ax, **words),
    "activations": lambda ax=None, **words: plot_activations(MODEL, X, ax, **words),
    "flow": lambda ax=None, **words: plot_gradient_flow(MODEL, BCEWithLogitsLoss(), X, Y, ax, **words),
}


@pytest.mark.parametrize("name", PLOTS)
def test_a_title_and_labels_replace_those_of_the_plot(name: str) -> None:
    ax = PLOTS[name](axes(), title="a title", labels=("to the right", "up"))
    assert (ax.get_title(), ax.get_xlabel(), ax.get_ylabel()) == ("a title", "to the right", "up")
    usual = PLOTS[name](axes())
    assert usual.get_xlabel() not in ("", "to the right")
    assert usual.get_title() != "a title"


@pytest.mark.parametrize("words", [{"title": 3}, {"labels": "xy"}, {"labels": ("x",)}, {"labels": ("x", 2)}])
@pytest.mark.parametrize("name", PLOTS)
def test_words_that_are_not_strings_are_refused_before_a_figure_opens(name: str, words: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=f"^{next(iter(words))} must be"):
        PLOTS[name](**words)
    assert plt.get_fignums() == []


@pytest.mark.parametrize("name", PLOTS)
def test_plots_in_a_grid_of_axes_do_not_overlap(name: str) -> None:
    with style():
        figure, grid = plt.subplots(2, 2, figsize=(10, 8))
    for ax in grid.flat:
        PLOTS[name](ax, title="a title")
    canvas: Any = figure.canvas
    render(grid[0, 0])
    boxes = [ax.get_tightbbox(canvas.get_renderer()) for ax in grid.flat]
    for one, other in combinations(boxes, 2):
        width, height = np.minimum(one.max, other.max) - np.maximum(one.min, other.min)
        assert min(width, height) < 1  # a pixel
    for box in boxes:
        assert (box.min > -1).all()
        assert (box.max < np.add(figure.bbox.max, 1)).all()
    assert len({round(ax.get_position().width, 6) for ax in grid.flat}) == 1


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
