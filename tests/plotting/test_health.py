"""Activations and gradients, layer by layer."""

import copy
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from minidl import (
    BatchNorm,
    CrossEntropyLoss,
    DataError,
    Dense,
    Dropout,
    EmpiricalRisk,
    Layer,
    LayerNorm,
    MSELoss,
    ReLU,
    Residual,
    Sequential,
    ShapeError,
    Sigmoid,
    Tanh,
)
from minidl.initializers import zeros
from minidl.modules import training_as
from minidl.plotting import dead_share, gradient_flow, plot_activations, plot_gradient_flow
from minidl.typing import Array
from tests.plotting.helpers import axes, boxes, render, texts

X = np.random.default_rng(0).normal(size=(50, 4))
LABELS = np.arange(50) % 3


def everything() -> Sequential:
    return Sequential(
        Dense(4, 6),
        BatchNorm(6),
        ReLU(),
        Dropout(0.25, rng=3),
        Residual(Dense(6, 6), Tanh()),
        Sequential(LayerNorm(6), ReLU()),
        Dense(6, 3),
        rng=0,
    )


def rows(ax: Axes) -> list[str]:
    return [label.get_text() for label in ax.get_yticklabels()]


def snapshot(model: Sequential) -> Any:
    """Everything that a model holds, including what forward cached and the state of its generators."""
    attributes = {
        f"{path}.{name}": copy.deepcopy(value.bit_generator.state if isinstance(value, np.random.Generator) else value)
        for path, module in model.modules()
        for name, value in vars(module).items()
        if not callable(value) and name not in ("layers",)
    }
    gradients = {name: parameter.grad.copy() for name, parameter in model.named_parameters()}
    values = {name: parameter.value.copy() for name, parameter in model.named_parameters()}
    return attributes, gradients, values


def assert_same(before: Any, after: Any) -> None:
    if isinstance(before, dict):
        assert before.keys() == after.keys()
        for key in before:
            assert_same(before[key], after[key])
    elif isinstance(before, np.ndarray):
        np.testing.assert_array_equal(before, after)
    elif isinstance(before, tuple):
        for a, b in zip(before, after, strict=True):
            assert_same(a, b)
    elif isinstance(before, int | float | str | bool | type(None)):
        assert before == after


@pytest.mark.parametrize("training", [True, False])
def test_nothing_about_the_model_changes(training: bool) -> None:
    model, loss = everything(), CrossEntropyLoss()
    vector = model.parameters()
    loss.forward(model.forward(X), LABELS)
    model.backward(loss.backward())
    model[1].training = training
    before = snapshot(model)
    plot_activations(model, X[:20], axes())
    plot_activations(model, X[:20], axes(), training=False)
    plot_gradient_flow(model, loss, X[:20], LABELS[:20], axes())
    dead_share(model, X[:20])
    gradient_flow(model, loss, X[:20], LABELS[:20])
    assert_same(before, snapshot(model))
    assert not vector.moved
    expected = model.backward(loss.backward())  # both still hold what forward cached
    assert expected.shape == X.shape


class Failing(Layer):
    """Fails in backward, after the layers behind it have written their gradients."""

    def forward(self, x: Array) -> Array:
        return x

    def backward(self, grad: Array) -> Array:
        raise ArithmeticError("no gradient")


def test_nothing_about_the_model_changes_if_a_layer_fails() -> None:
    model, loss = Sequential(Dense(4, 6), Failing(), everything()[1:], rng=0), CrossEntropyLoss()
    model.parameters().grad = np.arange(model.parameters().size)
    before = snapshot(model)
    with pytest.raises(ArithmeticError, match="no gradient"):
        plot_gradient_flow(model, loss, X, LABELS, axes())
    assert_same(before, snapshot(model))
    assert model.training


@pytest.mark.parametrize("around", [None, True, False])
def test_the_mode_is_that_of_the_argument_whatever_surrounds_the_call(around: bool | None) -> None:
    model, below = Sequential(BatchNorm(4), ReLU()), -100.0 - np.abs(X)
    with training_as(around):
        assert dead_share(model, below) == {"1": 0.0}
        assert dead_share(model, below, training=False) == {"1": 1.0}


def test_one_row_per_layer_in_the_order_of_computation() -> None:
    ax = plot_activations(everything(), X, axes(6, 6))
    names = ["0  Dense(4, 6)", "1  BatchNorm(6)", "2  ReLU()", "3  Dropout(p=0.25)", "4.0  Dense(6, 6)", "4.1  Tanh()"]
    assert rows(ax) == [*names, "4  Residual", "5.0  LayerNorm(6)", "5.1  ReLU()", "6  Dense(6, 3)"]
    assert ax.get_ylim()[0] > ax.get_ylim()[1]  # the first layer is on top
    render(ax)


def test_long_names_lose_their_keyword_arguments() -> None:
    model = Sequential(Dense(4, 2, use_bias=False, initializer=zeros))
    assert rows(plot_activations(model, X, axes())) == ["0  Dense(4, 2)"]
    assert rows(plot_activations(model[0], X, axes())) == ["Dense(4, 2)"]


def test_bands_are_quantiles() -> None:
    x = np.linspace(-1.0, 3.0, 401)[:, None]
    model = Sequential(Dense(1, 1))
    model.parameters().value = [2.0, 1.0]
    ax = plot_activations(model, x, axes())
    ends = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in ax.patches]  # type: ignore[attr-defined]
    np.testing.assert_allclose(ends, [(-0.92, 6.92), (1.0, 5.0)], atol=1e-9)
    np.testing.assert_allclose(np.asarray(ax.lines[0].get_xydata()), [[3.0, 0.0]], atol=1e-9)


def test_training_decides_what_batch_norm_and_dropout_do() -> None:
    def width(ax: Axes, row: int) -> float:
        return float(ax.patches[row].get_width())  # type: ignore[attr-defined]

    model = Sequential(BatchNorm(4))
    assert width(plot_activations(model, 100 * X, axes()), 0) < 10
    assert width(plot_activations(model, 100 * X, axes(), training=False), 0) > 100


def test_layers_of_very_different_size_are_all_visible() -> None:
    model = Sequential(Dense(4, 8), Dense(8, 8), Dense(8, 8), rng=0)
    for index in (1, 2):
        layer = model[index]
        assert isinstance(layer, Dense)
        layer.weight.value = 1e-3 * layer.weight.value
    ax = plot_activations(model, X, axes())
    assert ax.get_xscale() == "symlog"
    assert 2 < len(ax.get_xticks()) < 9
    assert plot_activations(Sequential(Dense(4, 8), rng=0), X, axes()).get_xscale() == "linear"
    render(ax)


@pytest.mark.parametrize("layer", [BatchNorm(4), Sigmoid(), Dense(4, 4, initializer=zeros)])
@pytest.mark.parametrize("scale", [1.0, 1e-4])
@pytest.mark.parametrize("factor", [1.0, -1.0])
def test_the_widest_bar_ends_inside_the_frame_on_both_sides(layer: Layer, scale: float, factor: float) -> None:
    model = Sequential(Dense(4, 4, use_bias=False, rng=0), layer)
    model[0].parameters().value = factor * scale * model[0].parameters().value
    given = axes()
    left, right = plot_activations(model, X, given).get_xlim()
    ends = np.array([(bar.get_x(), bar.get_x() + bar.get_width()) for bar in given.patches])  # type: ignore[attr-defined]
    transform = given.xaxis.get_transform()
    frame, bars = transform.transform([left, right]), transform.transform(ends.ravel())
    margin = 0.03 * (frame[1] - frame[0])
    assert frame[0] + margin < bars.min()
    assert bars.max() < frame[1] - margin


def test_dead_units_are_those_that_no_sample_activates() -> None:
    model = Sequential(Dense(1, 4), ReLU(), Residual(Dense(4, 4), ReLU()), rng=0)
    first = model[0]
    assert isinstance(first, Dense)
    first.weight.value, first.bias.value = [[1.0, -1.0, 1.0, 0.0]], [0.0, 0.0, -2.0, 0.0]
    inner = model[2]
    assert isinstance(inner, Sequential)
    inner[0].parameters().value = np.zeros(20)
    x = np.array([[1.0], [2.0], [0.5]])  # the third unit reaches at most 0, where its derivative is 0, too
    assert dead_share(model, x) == {"1": 0.75, "2.1": 1.0}
    assert dead_share(model, [[-1.0], [2.5]]) == {"1": 0.25, "2.1": 1.0}
    assert texts(plot_activations(model, x, axes())) == ["75% dead", "100% dead"]
    assert dead_share(Sequential(Dense(1, 1), Sigmoid()), x) == {}


def test_twenty_layers_stay_readable() -> None:
    model = Sequential(*(layer for _ in range(10) for layer in (Dense(4, 4), ReLU())), rng=0)
    ax = plot_activations(model, X)
    found = boxes(ax)
    assert len(found) == 10
    for (_, upper), (_, lower) in pairwise(found):
        assert not upper.overlaps(lower)
    labels = [label.get_window_extent() for label in ax.get_yticklabels()]
    assert not any(a.overlaps(b) for a, b in pairwise(labels))


def test_the_flow_is_the_root_mean_square_of_the_gradients_in_training() -> None:
    model = Sequential(Dense(4, 5), Tanh(), BatchNorm(5), Dense(5, 3), rng=0)
    risk = EmpiricalRisk(model, CrossEntropyLoss(), X, LABELS)
    gradient = risk.gradient(model.parameters().value)
    model.training = False
    parts = np.split(gradient, np.cumsum([25, 10]))
    expected = {path: float(np.sqrt(np.mean(part**2))) for path, part in zip("023", parts, strict=True)}
    assert gradient_flow(model, CrossEntropyLoss(), X, LABELS) == pytest.approx(expected, rel=1e-12)
    ax = plot_gradient_flow(model, CrossEntropyLoss(), X, LABELS, axes())
    np.testing.assert_allclose(np.asarray(ax.lines[0].get_xdata()), list(expected.values()))
    assert rows(ax) == ["0  Dense(4, 5)", "2  BatchNorm(5)", "3  Dense(5, 3)"]
    assert ax.get_title() == f"first layer / last layer: {expected['0'] / expected['3']:.2g}"


def deep(scale: float, depth: int = 12) -> Sequential:
    model = Sequential(*(Dense(4, 4) for _ in range(depth)), rng=0)
    model.parameters().value = scale * model.parameters().value
    return model


@pytest.mark.parametrize(("scale", "side"), [(0.1, "vanish"), (10.0, "explode")])
def test_vanishing_and_exploding_gradients_are_visible(scale: float, side: str) -> None:
    ax = plot_gradient_flow(deep(scale), MSELoss(), X, X, axes())
    sizes = np.asarray(ax.lines[0].get_xdata())
    assert (sizes[0] < 1e-3 * sizes[-1]) == (side == "vanish")
    assert ax.get_xscale() == "log"
    low, high = ax.get_xlim()
    assert low < sizes.min() < sizes.max() < high
    render(ax)


def test_gradients_of_equal_size_look_equal() -> None:
    low, high = plot_gradient_flow(Sequential(Dense(4, 4, rng=0)), MSELoss(), X, X, axes()).get_xlim()
    assert high / low >= 100


def test_gradients_that_are_zero_or_not_finite_are_marked() -> None:
    dead = Sequential(Dense(4, 4, initializer=zeros), Dense(4, 4, initializer=zeros))
    assert gradient_flow(dead, MSELoss(), X, X)["0"] == 0.0
    ax = plot_gradient_flow(dead, MSELoss(), X, X, axes())
    assert texts(ax) == ["gradient 0"]
    render(ax)
    ax = plot_gradient_flow(deep(1e60), MSELoss(), X, X, axes())
    assert set(texts(ax)) == {"not finite"}
    render(ax)
    tiny = gradient_flow(Sequential(Dense(1, 1, rng=0)), MSELoss(), [[1e-170]], [[1e-160]])["0"]
    assert 0 < tiny < 1e-150  # its square underflows


def test_panels_can_share_an_axis() -> None:
    left, right = Figure().subplots(1, 2, sharex=True)
    plot_gradient_flow(deep(0.1), MSELoss(), X, X, left)
    plot_gradient_flow(deep(1.0), MSELoss(), X, X, right)
    low, high = left.get_xlim()
    for ax in (left, right):
        sizes = np.asarray(ax.lines[0].get_xdata())
        assert low < sizes.min() < sizes.max() < high


def broken() -> Sequential:
    model = Sequential(Dense(4, 4), ReLU(), rng=0)
    weight: Array = model.parameters().value
    weight[0] = np.nan
    return model


def test_errors() -> None:
    loss = MSELoss()
    with pytest.raises(DataError, match=r"0  Dense\(4, 4\) returns NaN or infinity"):
        plot_activations(broken(), X, axes())
    with pytest.raises(ShapeError, match="no layer with parameters"):
        plot_gradient_flow(Sequential(ReLU()), loss, X, X, axes())
    with pytest.raises(ShapeError, match="no layer whose outputs"):
        plot_activations(Sequential(), X, axes())
    with pytest.raises(ShapeError, match="x has 50 samples but y has 20"):
        gradient_flow(Sequential(Dense(4, 4)), loss, X, X[:20])
    with pytest.raises(ShapeError, match=r"takes samples of shape \(4,\)"):
        dead_share(Sequential(Dense(4, 4)), X[:, :3])
