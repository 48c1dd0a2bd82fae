"""Confusion matrices."""

from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from minidl import DataError, HyperparameterError, ShapeError
from minidl.metrics import confusion_matrix
from minidl.plotting import plot_confusion
from tests.plotting.helpers import axes, boxes, render, texts

MATRIX = np.array([[6, 2], [0, 0]])


def names(ax: Axes) -> tuple[list[str], list[str]]:
    render(ax)
    across, down = ([label.get_text() for label in side.get_ticklabels()] for side in (ax.xaxis, ax.yaxis))
    return across, down


def test_rows_are_true_classes_and_columns_predicted_ones() -> None:
    ax = plot_confusion(confusion_matrix([1, 1, 0], [0, 1, 1]), axes())
    assert texts(ax) == ["0", "1", "1", "1"]
    assert [text.get_position() for text in ax.texts] == [(0, 0), (1, 0), (0, 1), (1, 1)]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted class", "true class")
    assert ax.get_ylim() == (1.5, -0.5)  # the first row is on top, as in the matrix
    assert names(ax) == (["0", "1"], ["0", "1"])


def test_colours_are_shares_of_the_row_and_an_empty_row_is_white() -> None:
    ax = plot_confusion(MATRIX, axes())
    np.testing.assert_array_equal(np.asarray(ax.images[0].get_array()), [[0.75, 0.25], [0.0, 0.0]])
    assert ax.images[0].get_clim() == (0.0, 1.0)
    shades: Any = ax.images[0].to_rgba(np.array([0.0, 0.25, 0.75]))
    assert shades[0].tolist() == [1, 1, 1, 1]
    assert (np.diff(shades[:, 0]) < 0).all()


@pytest.mark.parametrize(
    ("matrix", "normalize", "expected"),
    [
        (MATRIX, True, ["0.75", "0.25", "0.00", "0.00"]),
        (MATRIX * 2000, False, ["12000", "4000", "0", "0"]),
        (MATRIX / 7, False, ["0.857", "0.286", "0", "0"]),
    ],
)
def test_what_is_written(matrix: Any, normalize: bool, expected: list[str]) -> None:
    assert texts(plot_confusion(matrix, axes(), normalize=normalize)) == expected


@pytest.mark.parametrize("k", [1, 3, 15])
@pytest.mark.parametrize("largest", [7, 123456])
def test_numbers_fit_into_their_cells_or_are_left_out(k: int, largest: int) -> None:
    for ax in (plot_confusion(np.full((k, k), largest)), plot_confusion(np.full((k, k), largest), axes())):
        found = boxes(ax)
        cell = ax.get_window_extent().width / k
        assert len(found) in (0, k * k)
        assert all(box.width < cell and box.height < cell for _, box in found)
    assert len(found) == k * k or k * largest > 10**6


@pytest.mark.parametrize(("k", "zeros"), [(20, 380), (21, 0)])
def test_zeros_are_written_for_few_classes_only(k: int, zeros: int) -> None:
    found = texts(plot_confusion(7 * np.eye(k)))
    assert (found.count("7"), found.count("0"), len(found)) == (k, zeros, k + zeros)


def test_hundreds_of_classes_have_few_ticks_and_no_numbers() -> None:
    ax = plot_confusion(np.eye(200))
    assert texts(ax) == []
    render(ax)
    assert len(ax.get_xticks()) == len(ax.get_yticks()) < 15


@pytest.mark.parametrize(("classes", "rotation"), [(["a", "b"], 0.0), (["a", "a rather long name of a class"], 90.0)])
def test_classes_have_names(classes: list[str], rotation: float) -> None:
    ax = plot_confusion(MATRIX, axes(), classes=classes)
    assert names(ax) == (classes, classes)
    assert {label.get_rotation() for label in ax.get_xticklabels()} == {rotation}


def test_a_new_figure_grows_with_the_classes() -> None:
    sizes = []
    for k in (2, 10, 100):
        figure = plot_confusion(np.eye(k)).get_figure()
        assert isinstance(figure, Figure)
        sizes.append(figure.get_size_inches()[0])
    assert sizes[0] < sizes[1] <= sizes[2] < 9


def test_errors() -> None:
    ax = axes()
    swapped: Any = plot_confusion
    for wrong in ([0, 1], [[1, 2]], np.zeros((2, 2, 2))):
        with pytest.raises(ShapeError, match=r"matrix must be square, .* pass confusion_matrix\(prediction, target\)$"):
            swapped(wrong, [0, 1])
    with pytest.raises(DataError, match="matrix must hold counts, which are not negative, got -1"):
        plot_confusion([[1, -1], [0, 1]], ax)
    with pytest.raises(ShapeError, match="classes must name all 2 classes, got 3"):
        plot_confusion(MATRIX, ax, classes=["a", "b", "c"])
    wrong_flag: Any = "true"
    with pytest.raises(HyperparameterError, match="normalize must be True or False, got 'true'"):
        plot_confusion(MATRIX, ax, normalize=wrong_flag)
    assert not ax.images
