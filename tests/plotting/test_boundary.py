"""The decision boundary of a classifier."""

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection, QuadMesh

from minidl import (
    Concatenate,
    DataError,
    Dense,
    Dropout,
    Flatten,
    HyperparameterError,
    Identity,
    Layer,
    Residual,
    Sequential,
    ShapeError,
    Sigmoid,
)
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


class Certain(Layer):
    """A user's layer that returns probabilities: ½ on the line x₁ = 2."""

    gives_probabilities = True

    def forward(self, x: Array) -> Array:
        return np.asarray(1 / (1 + np.exp(2 - x[:, :1])))


class Constant(Layer):
    """The same output everywhere."""

    def __init__(self, value: float, outputs: int = 1) -> None:
        self.value, self.outputs = value, outputs

    def forward(self, x: Array) -> Array:
        return np.full((len(x), self.outputs), self.value)


def boundaries(ax: Axes) -> list[Array]:
    drawn = [artist for artist in ax.collections if isinstance(artist, LineCollection)]
    return [np.asarray(path.vertices) for lines in drawn for path in lines.get_paths()]


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


@pytest.mark.parametrize("x", [[[1.0, 2.0]], [[1.0, 2.0], [1.0, 5.0]], [[1e200, 2.0]]])
def test_a_feature_with_one_value_is_shown_in_a_plane_of_visible_size(x: list[list[float]]) -> None:
    ax = plot_decision_boundary(linear([[1.0], [1.0]], [-3.0]), x, [0] * len(x), axes())
    render(ax)
    for (low, high), values in zip((ax.get_xlim(), ax.get_ylim()), np.transpose(x), strict=True):
        assert low < values.min() <= values.max() < high
        assert high - low > 1.0


def test_classes_that_begin_with_an_underscore_need_no_legend() -> None:
    ax = plot_decision_boundary(linear([[0.0], [0.0]], [9.0]), [[0.0, 1.0]], [0], axes(), classes=["_a", "_b"])
    render(ax)
    assert "no boundary: _b everywhere" in [text.get_text() for text in ax.texts]


def test_several_inputs_are_refused() -> None:
    model = Sequential(Concatenate(), Dense(2, 1))
    with pytest.raises(DataError, match=r"x must be one array \(n, 2\) to be drawn in a plane, got a tuple of 2"):
        plot_decision_boundary(model, (X[:2, :1], X[:2, 1:]), Y[:2])


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


def colour_bar(ax: Axes) -> str:
    return ax.get_figure(root=True).axes[1].get_ylabel()  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "model",
    [
        Certain(),
        Sequential(Certain()),
        Sequential(PROBABILITY, Identity()),
        Sequential(PROBABILITY, Dropout(0.5, rng=0)),
        Sequential(Certain(), Sequential(Identity(), Flatten()), Sequential()),
    ],
)
def test_probabilities_are_recognized_wherever_they_come_from(model: Layer) -> None:
    ax = plot_decision_boundary(model, X, Y, axes())
    assert colour_bar(ax) == "probability of class 1"
    (line,) = boundaries(ax)
    np.testing.assert_allclose(line[:, 0], 2.0, atol=1e-3)


@pytest.mark.parametrize("last", [Dense(1, 1, rng=0), Residual(Identity()), Residual(), Sequential(Dense(1, 1, rng=0))])
def test_what_follows_a_sigmoid_may_turn_probabilities_into_other_numbers(last: Layer) -> None:
    ax = plot_decision_boundary(Sequential(PROBABILITY, last), X, Y, axes())
    assert colour_bar(ax) == "output (logit of class 1)"


def wheel(k: int) -> tuple[Layer, Array, Array]:
    """A model that splits the plane into k sectors, with one sample in each."""
    angles = 2 * np.pi * np.arange(k) / k
    x = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return linear(x.T.tolist(), [0.0] * k), x, np.arange(k)


@pytest.mark.parametrize("k", [2, 3, 8, 10])
def test_up_to_ten_classes_differ_in_colour_and_in_marker(k: int) -> None:
    ax = plot_decision_boundary(*wheel(k), axes())
    assert len({tuple(np.ravel(cloud.get_facecolor())) for cloud in clouds(ax)}) == k
    assert len({np.asarray(cloud.get_paths()[0].vertices).tobytes() for cloud in clouds(ax)}) == k
    assert len({tuple(color) for color in background(ax).to_rgba(np.arange(k))}) == k
    render(ax)


def test_more_classes_differ_in_colour_or_in_marker() -> None:
    ax = plot_decision_boundary(*wheel(30), axes())
    looks = {(str(cloud.get_facecolor()), np.asarray(cloud.get_paths()[0].vertices).tobytes()) for cloud in clouds(ax)}
    assert len(looks) == 30


@pytest.mark.parametrize("threshold", [np.inf, -np.inf, np.nan, 1e300, 10**400, "0.5", [0.5]])
@pytest.mark.parametrize("model", [PROBABILITY, LOGIT])
def test_a_threshold_is_a_finite_number(model: Layer, threshold: float) -> None:
    with pytest.raises(HyperparameterError, match="threshold must be a finite number"):
        plot_decision_boundary(model, X, Y, threshold=threshold)


@pytest.mark.long
@pytest.mark.parametrize("threshold", [0, 1, -3.0, 5e-324, 1e9, -1e20, 1e100, np.float32(0.5)])
@pytest.mark.parametrize("model", [PROBABILITY, LOGIT, Constant(1e9), Constant(1e20), Constant(1e-320)])
def test_any_finite_threshold_can_be_drawn(model: Layer, threshold: float) -> None:
    render(plot_decision_boundary(model, X, Y, axes(), threshold=threshold))


@pytest.mark.parametrize("value", [0.0, 1e-320, -1e308, 1e308])
@pytest.mark.parametrize("outputs", [1, 3])
def test_outputs_of_any_size_can_be_drawn(value: float, outputs: int) -> None:
    render(plot_decision_boundary(Constant(value, outputs), X, Y, axes()))


def test_something_else_than_a_model_is_refused() -> None:
    with pytest.raises(TypeError, match="model must be of type Layer, got 3"):
        plot_decision_boundary(3, X, Y, axes())  # type: ignore[arg-type]
