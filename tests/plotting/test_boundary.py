"""The decision boundary of a classifier."""

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection, QuadMesh
from matplotlib.contour import ContourSet

from minidl import DataError, Dense, Layer, Sequential, ShapeError, Sigmoid
from minidl.plotting import plot_decision_boundary
from minidl.typing import Array
from tests.plotting.helpers import axes, legend, render

X = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0], [4.0, 4.0]])
Y = np.array([0.0, 1.0, 0.0, 1.0])


def linear(weight: list[list[float]], bias: list[float]) -> Dense:
    layer = Dense(2, len(bias))
    layer.weight.value, layer.bias.value = weight, bias
    return layer


# Class 1 to the right of x₁ = 2 by the logit, of x₁ = 2 + ln 3 by a probability of ¾.
LOGIT = linear([[1.0], [0.0]], [-2.0])
PROBABILITY = Sequential(linear([[1.0], [0.0]], [-2.0]), Sigmoid())


def boundaries(ax: Axes) -> list[Array]:
    contours = [artist for artist in ax.collections if isinstance(artist, ContourSet)]
    lines = [np.asarray(path.vertices) for contour in contours for path in contour.get_paths()]
    return [line for line in lines if len(line)]


def background(ax: Axes) -> QuadMesh:
    (mesh,) = (artist for artist in ax.collections if isinstance(artist, QuadMesh))
    return mesh


def clouds(ax: Axes) -> list[PathCollection]:
    return [artist for artist in ax.collections if isinstance(artist, PathCollection)]


@pytest.mark.parametrize(
    ("model", "threshold", "where"),
    [(LOGIT, None, 2.0), (PROBABILITY, None, 2.0), (PROBABILITY, 0.75, 2 + np.log(3)), (LOGIT, 0.5, 2.5)],
)
def test_the_boundary_is_where_the_threshold_is_met(model: Layer, threshold: float | None, where: float) -> None:
    ax = plot_decision_boundary(model, X, Y, axes(), threshold=threshold)
    (line,) = boundaries(ax)
    np.testing.assert_allclose(line[:, 0], where, atol=1e-3)
    assert np.ptp(line[:, 1]) > 4
    render(ax)


def test_the_background_shows_the_predictions() -> None:
    ax = plot_decision_boundary(PROBABILITY, X, Y, axes())
    mesh = background(ax)
    corners = np.asarray(mesh.get_coordinates())[:, :, 0]
    x = (corners[:-1, :-1] + corners[1:, 1:]) / 2
    np.testing.assert_allclose(np.asarray(mesh.get_array()), 1 / (1 + np.exp(2 - x)), atol=1e-6)
    low, middle, high = mesh.to_rgba(np.array([0.0, 0.5, 1.0]))
    np.testing.assert_allclose(middle, 1.0, atol=0.01)
    assert low[0] > low[2]
    assert high[0] < high[2]


def test_the_colour_bar_names_probabilities_and_logits() -> None:
    labels = []
    for model in (PROBABILITY, Sequential(PROBABILITY), LOGIT):
        ax = plot_decision_boundary(model, X, Y, axes())
        labels.append(ax.get_figure(root=True).axes[1].get_ylabel())  # type: ignore[union-attr]
    assert labels == ["probability of class 1", "probability of class 1", "output (logit of class 1)"]


@pytest.mark.parametrize("y", [Y, Y[:, None], Y.astype(int), Y.astype(bool), np.eye(2)[Y.astype(int)]])
def test_each_class_has_its_own_marker_and_colour(y: Array) -> None:
    ax = plot_decision_boundary(PROBABILITY, X, y, axes())
    zero, one = clouds(ax)
    np.testing.assert_array_equal(zero.get_offsets(), X[Y == 0])
    np.testing.assert_array_equal(one.get_offsets(), X[Y == 1])
    assert not np.array_equal(zero.get_facecolor(), one.get_facecolor())
    assert np.shape(zero.get_paths()[0].vertices) != np.shape(one.get_paths()[0].vertices)
    assert legend(ax) == ["class 0", "class 1", "boundary"]


def test_no_boundary_if_all_predictions_are_one_class() -> None:
    for model in (linear([[0.0], [0.0]], [0.0]), linear([[0.0], [0.0]], [3.0])):
        ax = plot_decision_boundary(model, X, Y, axes())
        assert boundaries(ax) == []
        render(ax)


def test_the_largest_of_several_scores_decides() -> None:
    model = linear([[1.0, 0.0, -1.0], [0.0, 0.0, 0.0]], [-3.0, 0.0, 1.0])
    ax = plot_decision_boundary(model, X, [2, 0, 1, 0], axes())
    row = np.asarray(background(ax).get_array())[100]
    assert row[0] == 2
    assert row[100] == 1
    assert row[-1] == 0
    places = np.concatenate(boundaries(ax))[:, 0]
    assert sorted(set(places.round(2).tolist())) == [1.0, 3.0]
    assert legend(ax) == ["class 0", "class 1", "class 2", "boundary"]
    render(ax)


def test_the_box_around_data_on_a_line_is_a_plane() -> None:
    ax = plot_decision_boundary(PROBABILITY, [[1.0, 5.0], [3.0, 5.0]], [0, 1], axes())
    render(ax)
    assert ax.get_ylim()[0] < 5 < ax.get_ylim()[1]


def test_models_and_data_of_the_wrong_shape_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"must take 2 inputs.*Dense\(3, 1\)"):
        plot_decision_boundary(Dense(3, 1), X, Y, axes())
    with pytest.raises(ShapeError, match=r"shape \(n, 2\) to be drawn in a plane, got \(4, 3\)"):
        plot_decision_boundary(LOGIT, np.ones((4, 3)), Y, axes())
    with pytest.raises(ShapeError, match="x has 4 samples but y has 3"):
        plot_decision_boundary(LOGIT, X, Y[:3], axes())
    with pytest.raises(ShapeError, match=r"got \(4, 3\)"):
        plot_decision_boundary(LOGIT, X, np.ones((4, 3)), axes())


@pytest.mark.parametrize("y", [[-1, 1, -1, 1], [0.5, 0, 1, 0], [0, 1, 2, 0]])
def test_classes_are_counted_from_0(y: list[float]) -> None:
    with pytest.raises(DataError, match=r"classes 0 to 1.*number the classes from 0"):
        plot_decision_boundary(LOGIT, X, y, axes())


def test_a_model_that_diverged_is_refused() -> None:
    model = Dense(2, 1)
    model.weight.value = [[np.nan], [1.0]]
    with pytest.raises(DataError, match="predicts NaN or infinity"):
        plot_decision_boundary(model, X, Y, axes())
