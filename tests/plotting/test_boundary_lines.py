"""What a plot of a decision boundary says beside the line: no boundary, a plateau, units, and names of classes."""

import numpy as np
import pytest
from matplotlib.collections import LineCollection

from minidl import Dense, HyperparameterError, Identity, Layer, ReLU, Residual, Sequential, ShapeError, Sigmoid
from minidl.plotting import plot_decision_boundary
from minidl.typing import Array
from tests.plotting.helpers import axes, legend, render, texts
from tests.plotting.test_boundary import LOGIT, PROBABILITY, X, Y, boundaries, linear, wheel


class Plateau(Layer):
    """A logit of `height` where x₁ < 2, which then rises by 3 per unit."""

    gives_probabilities = False

    def __init__(self, height: float, *, probability: bool = False) -> None:
        self.height, self.gives_probabilities = height, probability

    def forward(self, x: Array) -> Array:
        logit = self.height + 3 * np.maximum(0.0, x[:, :1] - 2)
        return np.asarray(1 / (1 + np.exp(-logit)) if self.gives_probabilities else logit)


@pytest.mark.parametrize(
    ("bias", "said"), [(-50.0, "no boundary: class 0 everywhere"), (50.0, "no boundary: class 1 everywhere")]
)
def test_a_plane_of_one_class_says_that_there_is_no_boundary(bias: float, said: str) -> None:
    for model in (linear([[1.0], [0.0]], [bias]), linear([[0.0, 1.0], [0.0, 0.0]], [-bias, 0.0])):
        ax = plot_decision_boundary(model, X, Y, axes())
        assert texts(ax) == [said]
        assert boundaries(ax) == []
        assert legend(ax) == ["class 0", "class 1"]


@pytest.mark.parametrize("probability", [True, False])
@pytest.mark.parametrize("height", [1e-9, -1e-9, 0.02])
def test_a_plateau_at_the_threshold_is_marked(height: float, probability: bool) -> None:
    ax = plot_decision_boundary(Plateau(height, probability=probability), X, Y, axes())
    name = "plateau at ½: undecided" if probability else "plateau at the threshold: undecided"
    assert legend(ax)[-1] == name
    plain = plot_decision_boundary(linear([[1.0], [0.0]], [-2.0]), X, Y, axes())
    assert not any("plateau" in label for label in legend(plain))
    render(ax)


@pytest.mark.parametrize("height", [-1.0, 0.5])
def test_a_plateau_elsewhere_is_not_marked(height: float) -> None:
    assert "undecided" not in "".join(legend(plot_decision_boundary(Plateau(height), X, Y, axes())))


def test_the_boundary_beside_a_plateau_is_straight() -> None:
    ax = plot_decision_boundary(Plateau(-1e-9), X, Y, axes())
    (line,) = boundaries(ax)
    np.testing.assert_allclose(line[:, 0], 2.0, atol=1e-3)


def test_units_of_the_first_layer_have_dashed_lines() -> None:
    first = linear([[1.0, 0.0], [0.0, 1.0]], [-1.0, -3.0])
    model = Sequential(Sequential(first, ReLU()), Dense(2, 1, rng=0), Sigmoid())
    ax = plot_decision_boundary(model, X, Y, axes(), units=True)
    (units,) = (lines for lines in ax.collections if isinstance(lines, LineCollection) and lines.get_label() == "units")
    upright, level = (np.asarray(path.vertices) for path in units.get_paths())
    np.testing.assert_allclose(upright[:, 0], 1.0, atol=2e-3)
    np.testing.assert_allclose(level[:, 1], 3.0, atol=2e-3)
    assert legend(ax)[-1] == "units"
    assert "units" not in legend(plot_decision_boundary(model, X, Y, axes()))


def test_units_without_a_bias_have_lines_through_0() -> None:
    model = Sequential(Dense(2, 2, use_bias=False, rng=0), Dense(2, 1, rng=0))
    ax = plot_decision_boundary(model, X - 2, Y, axes(), units=True)
    for path in ax.collections[-1].get_paths():
        (x1, y1), (x2, y2) = np.asarray(path.vertices)
        assert abs(x1 * y2 - x2 * y1) < 2e-2


def test_only_dense_layers_have_units_with_lines() -> None:
    with pytest.raises(ShapeError, match=r"begins with Identity"):
        plot_decision_boundary(Sequential(Residual(Identity()), LOGIT), X, Y, axes(), units=True)
    with pytest.raises(HyperparameterError, match="units must be True or False"):
        plot_decision_boundary(LOGIT, X, Y, axes(), units=2)  # type: ignore[arg-type]


def test_classes_have_names() -> None:
    ax = plot_decision_boundary(PROBABILITY, X, Y, axes(), classes=("circle", "square"))
    assert legend(ax) == ["circle", "square", "boundary"]
    assert ax.get_figure(root=True).axes[1].get_ylabel() == "probability of square"  # type: ignore[union-attr]
    model, x, y = wheel(3)
    assert legend(plot_decision_boundary(model, x, y, axes(), classes="abc"))[:3] == ["a", "b", "c"]
    with pytest.raises(ShapeError, match="classes must name all 3 classes, got 2 names"):
        plot_decision_boundary(model, x, y, axes(), classes=("a", "b"))


def test_the_colour_bar_can_be_left_out() -> None:
    ax = plot_decision_boundary(PROBABILITY, X, Y, axes(), colorbar=False)
    assert ax.get_figure(root=True).axes == [ax]  # type: ignore[union-attr]
