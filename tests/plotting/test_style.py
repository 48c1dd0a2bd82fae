"""One style for all plots, applied locally."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import matplotlib.style
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from minidl import CubicValley, DataError, Dense, FunctionObjective, Sequential, make_xor
from minidl.plotting import (
    plot_calibration,
    plot_confusion,
    plot_contours,
    plot_decision_boundary,
    plot_history,
    plot_network,
    plot_precision_recall,
    plot_roc,
    style,
)
from minidl.plotting.style import FONT, SMALL_FONT, canvas, legend_below, look
from tests.plotting.helpers import axes, render

PLOTS = {
    "network": lambda ax=None: plot_network(Sequential(Dense(2, 2), Dense(2, 1), rng=0), ax),
    "contours": lambda ax=None: plot_contours(CubicValley(), {"a": [[0.0, 0.0], [9.0, 9.0]]}, ax),
    "history": lambda ax=None: plot_history({"a": [3.0, 2.0]}, ax),
    "confusion": lambda ax=None: plot_confusion([[2, 1], [0, 3]], ax),
    "roc": lambda ax=None: plot_roc({"a": [0.1, 0.3, 0.2, 0.8]}, [0, 0, 1, 1], ax),
    "precision_recall": lambda ax=None: plot_precision_recall([0.1, 0.3, 0.2, 0.8], [0, 0, 1, 1], ax),
    "calibration": lambda ax=None: plot_calibration([0.1, 0.3, 0.2, 0.8], [0, 0, 1, 1], ax),
    "boundary": lambda ax=None: plot_decision_boundary(Sequential(Dense(2, 1, rng=0)), *make_xor(9, rng=0), ax),
}


def in_a_new_process(code: str, **environment: str) -> str:
    process = subprocess.run(
        [sys.executable, "-c", code], env={"MPLBACKEND": "svg"} | environment, capture_output=True, text=True
    )
    assert process.returncode == 0, process.stderr
    return process.stdout.strip()


@pytest.mark.parametrize("name", PLOTS)
def test_settings_do_not_change(name: str) -> None:
    before = dict(mpl.rcParams)
    PLOTS[name]()
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize("name", PLOTS)
def test_the_axes_given_are_drawn_on_and_returned(name: str) -> None:
    given = axes()
    empty = render(given)
    assert PLOTS[name](given) is given
    assert (render(given) != empty).any()
    assert plt.get_fignums() == []


@pytest.mark.parametrize("name", PLOTS)
def test_without_axes_pyplot_gets_one_new_figure(name: str) -> None:
    ax = PLOTS[name]()
    assert isinstance(ax, Axes)
    assert [plt.figure(number) for number in plt.get_fignums()] == [ax.figure]


@pytest.mark.parametrize("name", PLOTS)
def test_plots_are_reproducible_and_ignore_the_user_settings(name: str) -> None:
    first = render(PLOTS[name]())
    with mpl.rc_context({"font.size": 30, "lines.linewidth": 9, "axes.facecolor": "black", "axes.grid": True}):
        second = render(PLOTS[name]())
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("name", PLOTS)
def test_axes_made_elsewhere_get_the_fonts(name: str) -> None:
    with mpl.rc_context({"font.size": 30}):
        given = Figure().subplots()
    ax = PLOTS[name](given)
    render(ax)
    assert ax.xaxis.label.get_fontsize() == FONT
    assert {tick.label1.get_fontsize() for tick in ax.xaxis.get_major_ticks()} == {SMALL_FONT}


@pytest.mark.parametrize("name", PLOTS)
def test_an_array_of_axes_is_refused_with_advice(name: str) -> None:
    with pytest.raises(TypeError, match=r"one Axes or None, got ndarray.*axes\[0, 0\]"):
        PLOTS[name](Figure().subplots(2, 2))


def test_style_ends_with_its_block() -> None:
    before = dict(mpl.rcParams)
    with style():
        assert mpl.rcParams["legend.fontsize"] == SMALL_FONT
        assert dict(mpl.rcParams) != before
    assert dict(mpl.rcParams) == before


def test_style_ends_after_an_error() -> None:
    before = dict(mpl.rcParams)
    with pytest.raises(ZeroDivisionError), canvas(None, (1.0, 1.0)):
        raise ZeroDivisionError
    assert dict(mpl.rcParams) == before


def test_what_a_style_does_not_set_stays_as_it_was_set_inside() -> None:
    with mpl.rc_context({"interactive": False, "lines.linewidth": 7.0}):
        with style():
            mpl.rcParams.update({"interactive": True, "lines.linewidth": 5.0, "axes.grid": True})
        assert mpl.rcParams["interactive"]
        assert (mpl.rcParams["lines.linewidth"], mpl.rcParams["axes.grid"]) == (7.0, False)


def test_a_backend_that_the_first_plot_loads_keeps_the_settings_that_it_makes(tmp_path: Path) -> None:
    (tmp_path / "loud.py").write_text(
        "from matplotlib.backends.backend_agg import *\n"
        "import matplotlib\n"
        "matplotlib.rcParams.update({'interactive': True, 'figure.figsize': (3.0, 2.0)})\n"
    )
    shown = in_a_new_process(
        "import matplotlib as mpl\n"
        "from minidl.plotting import plot_history\n"
        "assert not mpl.rcParams['interactive']\n"
        "plot_history([3.0, 2.0])\n"
        "print(mpl.rcParams['interactive'], mpl.rcParams['figure.figsize'])",
        MPLBACKEND="module://loud",
        PYTHONPATH=os.pathsep.join([str(tmp_path), *sys.path]),
    )
    assert shown == "True [3.0, 2.0]"


@pytest.mark.parametrize("name", PLOTS)
def test_a_plot_that_fails_closes_its_figure(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: Axes) -> None:
        raise MemoryError

    mine = plt.figure()
    monkeypatch.setattr(sys.modules["minidl.plotting.style"], "_dress", fails)
    with pytest.raises(MemoryError):
        PLOTS[name]()
    assert plt.get_fignums() == [mine.number]


def test_an_error_while_a_plot_draws_leaves_no_figure_open_and_those_of_others_alone() -> None:
    nowhere = FunctionObjective(lambda _: float("nan"), start=[0.0, 0.0])
    with pytest.raises(DataError, match="no finite value"):
        plot_contours(nowhere)
    assert plt.get_fignums() == []
    ax = plt.figure().subplots()
    with pytest.raises(DataError, match="no finite value"):
        plot_contours(nowhere, ax=ax)
    assert plt.get_fignums() == [ax.get_figure(root=True).number]  # type: ignore[union-attr]


def test_lines_differ_in_more_than_colour() -> None:
    looks = [look(index) for index in range(35)]
    assert len({(one.color, str(one.linestyle)) for one in looks}) == 35
    assert len({(one.marker, str(one.linestyle)) for one in looks}) == 35


def test_the_legend_below_covers_nothing() -> None:
    ax = axes()
    ax.plot([0, 1], [0, 1])
    ax.set_xlabel("x")
    legend_below(ax, [Line2D([], [], label=f"line {index}") for index in range(9)])
    render(ax)
    box: Any = ax.get_legend().get_window_extent()  # type: ignore[union-attr]
    assert box.y0 > 0
    assert box.y1 < ax.xaxis.label.get_window_extent().y0 < ax.get_window_extent().y0


def test_minidl_alone_does_not_load_matplotlib() -> None:
    assert in_a_new_process("import minidl, sys; print('matplotlib' in sys.modules)") == "False"


def test_importing_leaves_the_backend_to_the_user() -> None:
    assert in_a_new_process("import minidl.plotting, matplotlib; print(matplotlib.get_backend())") == "svg"
