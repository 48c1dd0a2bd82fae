"""What all figures have in common: a title, labels, axes in a grid, and nothing left open after an error."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from minidl import StateError, plotting
from minidl.plotting import style
from tests.plotting.figures import FIGURES
from tests.plotting.helpers import render

all_figures = pytest.mark.parametrize("name", FIGURES)
TEXTS = {"title": "A title", "labels": ("across", "upwards")}


def shown(ax: Axes) -> list[str]:
    """All texts that the finished figure shows."""
    render(ax)
    figure = ax.get_figure(root=True)
    assert figure is not None
    return [text.get_text() for text in figure.findobj(Text) if text.get_visible() and text.get_text()]


def grid(*, layout: bool) -> list[Axes]:
    """Four axes of one figure."""
    with style(), mpl.rc_context({"figure.constrained_layout.use": layout}):
        figure = Figure(figsize=(10, 8))
    return list(figure.subplots(2, 2).flat)


def test_every_figure_has_a_row() -> None:
    drawing = {name for name in plotting.__all__ if name.startswith(("plot_", "animate_"))}
    assert {name.split()[0] for name in FIGURES} == drawing


@all_figures
def test_the_title_and_the_labels_are_shown_in_place_of_others(name: str) -> None:
    plain, ax = FIGURES[name](), FIGURES[name](**TEXTS)
    texts = shown(ax)
    for wanted in ("A title", "across", "upwards"):
        assert any(wanted in text for text in texts), f"{wanted!r} is not among {texts}"
    assert not {plain.get_xlabel(), plain.get_ylabel()} & set(texts)


@all_figures
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"title": 3}, "title must be a string or None, got 3"),
        ({"labels": "xy"}, "labels must be two strings, for the x axis and the y axis, or None, got 'xy'"),
        ({"labels": ("x",)}, "labels must be two strings"),
        ({"labels": ("x", 1)}, "labels must be two strings"),
    ],
)
def test_a_title_and_labels_of_another_kind_are_refused(name: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        FIGURES[name](**options)
    assert plt.get_fignums() == []


@all_figures
@pytest.mark.parametrize("layout", [True, False])
def test_in_a_grid_a_figure_keeps_to_its_axes(name: str, layout: bool) -> None:
    panels = grid(layout=layout)
    before = [(len(ax.get_children()), ax.get_title()) for ax in panels]
    mine = panels[1]
    assert FIGURES[name](mine, **TEXTS) is mine
    render(mine)
    assert plt.get_fignums() == []
    others = [ax for ax in panels if ax is not mine]
    assert [(len(ax.get_children()), ax.get_title()) for ax in others] == before[:1] + before[2:]
    if layout:
        figure, box = mine.get_figure(root=True), mine.get_tightbbox()
        assert figure is not None
        assert box is not None
        assert not any(box.overlaps(ax.get_window_extent()) for ax in others)
        assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1
        assert figure.bbox.y0 <= box.y0 < box.y1 <= figure.bbox.y1


@all_figures
def test_a_grid_takes_the_same_figure_in_all_of_its_axes(name: str) -> None:
    panels = grid(layout=True)
    for ax in panels:
        FIGURES[name](ax)
    render(panels[0])
    for one, other in combinations([ax.get_tightbbox() for ax in panels], 2):
        assert one is not None
        assert other is not None
        width, height = np.minimum(one.max, other.max) - np.maximum(one.min, other.min)
        assert min(width, height) < 1  # a pixel
    sizes = np.array([ax.get_window_extent().size for ax in panels])
    assert sizes.min() > 100
    np.testing.assert_allclose(sizes, sizes[[0]].repeat(4, axis=0), rtol=0.1)


@pytest.mark.parametrize("name", ["animate_boundary", "plot_confusion", "plot_decision_boundary"])
@pytest.mark.parametrize("classes", [2, 0.5, True])
def test_names_of_classes_are_a_list(name: str, classes: object) -> None:
    with pytest.raises(TypeError, match="classes must be a list of 2 names or None, got "):
        FIGURES[name](classes=classes)
    assert plt.get_fignums() == []


@all_figures
@pytest.mark.parametrize("projection", ["3d", "polar"])
def test_axes_with_a_projection_are_refused(name: str, projection: str) -> None:
    ax = Figure().add_subplot(projection=projection)
    before = len(ax.get_children())
    with pytest.raises(TypeError, match=r"^ax must be two-dimensional Cartesian axes, got (Axes3D|PolarAxes)"):
        FIGURES[name](ax)
    assert len(ax.get_children()) == before


@all_figures
def test_axes_that_were_removed_are_refused(name: str) -> None:
    ax = Figure().subplots()
    ax.remove()
    with pytest.raises(StateError, match="ax has been removed from its figure"):
        FIGURES[name](ax)


@all_figures
def test_a_panel_of_a_subfigure_is_drawn_on(name: str) -> None:
    panels: Any = Figure(figsize=(10, 5), layout="constrained").subfigures(1, 2)
    left, right = panels
    ax = right.subplots()
    FIGURES[name](ax)
    render(ax)
    assert not left.axes
    assert left.bbox.x1 <= ax.get_tightbbox().x0


@all_figures
def test_a_figure_that_fails_when_it_is_nearly_finished_is_closed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise MemoryError

    mine = plt.figure()
    monkeypatch.setattr(Axes, "set_title", fails)
    with pytest.raises(MemoryError):
        FIGURES[name](**TEXTS)
    assert plt.get_fignums() == [mine.number]


@all_figures
def test_axes_that_were_passed_in_stay_open_when_a_figure_fails(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise MemoryError

    ax = plt.figure().subplots()
    monkeypatch.setattr(Axes, "set_title", fails)
    with pytest.raises(MemoryError):
        FIGURES[name](ax, **TEXTS)
    assert len(plt.get_fignums()) == 1
