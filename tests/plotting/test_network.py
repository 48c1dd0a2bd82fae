"""The diagram of a network."""

from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba
from matplotlib.text import Annotation

from minidl import (
    Add,
    BatchNorm,
    Branches,
    Concatenate,
    DataError,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    HyperparameterError,
    Layer,
    LayerNorm,
    LeakyReLU,
    Multiply,
    Parallel,
    ReLU,
    Residual,
    Sequential,
    ShapeError,
    Siamese,
    Sigmoid,
    Softmax,
    Tanh,
    Tied,
)
from minidl.plotting import plot_network
from minidl.plotting.style import NEGATIVE, POSITIVE
from minidl.typing import Array, Shape
from tests.plotting.helpers import axes, boxes, legend, render, texts


def textbook() -> Sequential:
    """Two inputs, four ReLU units and a sigmoid output, with weights that can be followed by hand."""
    model = Sequential(Dense(2, 4), ReLU(), Dense(4, 1), Sigmoid())
    model.parameters().value = [1, -1, 0, 1, 0, 0, 0.5, 1, 0, 0, 1, 0, 1, 0, -1, 1, 1]
    return model


def edges(ax: Axes) -> list[LineCollection]:
    return [artist for artist in ax.collections if isinstance(artist, LineCollection)]


def colors_of(layer: LineCollection) -> list[tuple[float, ...]]:
    return [tuple(color) for color in np.asarray(layer.get_color()).tolist()]


def nodes(ax: Axes) -> list[Array]:
    return [np.asarray(line.get_xydata()) for line in ax.lines]


def test_a_node_for_each_unit_and_an_edge_for_each_weight() -> None:
    ax = plot_network(textbook(), axes())
    columns = nodes(ax)
    assert [len(column) for column in columns] == [2, 4, 1]
    assert [len(layer.get_segments()) for layer in edges(ax)] == [8, 4]
    for layer, (before, column) in zip(edges(ax), pairwise(columns), strict=True):
        ends = {tuple(np.ravel(segment)) for segment in layer.get_segments()}
        assert ends == {(*source, *target) for source in before.tolist() for target in column.tolist()}


def test_colour_dash_and_width_show_sign_and_size() -> None:
    layer = Dense(1, 4, use_bias=False)
    layer.weight.value = [[2.0, -1.0, 0.0, 1.0]]
    ax = plot_network(layer, axes())
    (drawn,) = edges(ax)
    heights = nodes(ax)[1][:, 1].tolist()
    targets = [heights.index(float(np.asarray(segment)[1, 1])) for segment in drawn.get_segments()]
    styles: Any = drawn.get_linestyle()
    found = zip(colors_of(drawn), np.atleast_1d(drawn.get_linewidth()), (bool(dash) for _, dash in styles), strict=True)
    by_target = dict(zip(targets, found, strict=True))
    colors, widths, dashed = zip(*(by_target[unit] for unit in range(4)), strict=True)
    assert colors[0] == colors[3] == to_rgba(POSITIVE)
    assert colors[1] == to_rgba(NEGATIVE)
    assert colors[2] not in (colors[0], colors[1])
    assert widths[0] > widths[1] == widths[3] > widths[2] > 0
    assert dashed == (False, True, False, False)


def test_the_first_unit_is_on_top() -> None:
    for column in nodes(plot_network(textbook(), axes())):
        assert (np.diff(column[:, 1]) < 0).all()


def test_everything_is_named() -> None:
    shown = texts(plot_network(textbook(), axes()))
    for name in ("Dense(2, 4)", "Dense(4, 1)", "inputs", "ReLU", "Sigmoid", "$x_{2}$", "$h_{4}$", r"$\hat{y}_{}$"):
        assert shown.count(name) == 1, name
    assert legend(plot_network(textbook(), axes())) == ["positive weight", "negative weight"]


def test_units_of_several_hidden_layers_have_different_names() -> None:
    model = Sequential(Dense(2, 2), ReLU(), Dense(2, 2), ReLU(), Dense(2, 2), rng=0)
    shown = texts(plot_network(model, axes(8, 4)))
    assert {"$h_{1,1}$", "$h_{2,2}$", "$o_{2}$", "outputs"} <= set(shown)


@pytest.mark.parametrize("size", [(6.3, 3.4), (4.0, 3.0)])
def test_every_value_is_written_next_to_its_edge_and_none_hides_another(size: tuple[float, float]) -> None:
    ax = plot_network(textbook(), axes(*size))
    shown = texts(ax)
    assert [shown.count(value) for value in ("1", "0", "−1", "0.5")] == [5, 4, 2, 1]
    assert [shown.count(value) for value in ("$b$ = 0", "$b$ = 1")] == [3, 2]
    drawn = boxes(ax)
    overlaps = [(a, b) for (a, first), (b, second) in combinations(drawn, 2) if first.overlaps(second)]
    assert overlaps == []
    inside = ax.get_figure(root=True).bbox  # type: ignore[union-attr]
    assert all(inside.x0 <= box.x0 and box.x1 <= inside.x1 and box.y1 <= inside.y1 for _, box in drawn)


def test_numbers_lie_on_their_edges() -> None:
    ax = plot_network(textbook(), axes())
    x, hidden = nodes(ax)[0], nodes(ax)[1]
    weight = textbook().layers[0].weight.value  # type: ignore[attr-defined]
    for (i, j), value in np.ndenumerate(weight):
        on_edge = [
            note.get_text() for note in ax.texts if isinstance(note, Annotation) and _on_line(note.xy, x[i], hidden[j])
        ]
        assert on_edge == [f"{value:g}".replace("-", "−")]


def _on_line(point: tuple[float, float], start: Array, end: Array) -> bool:
    share = (point[0] - start[0]) / (end[0] - start[0])
    return 0 < share < 0.99 and bool(abs(start[1] + share * (end[1] - start[1]) - point[1]) < 1e-9)


def test_values_are_left_out_without_room_and_can_be_forced() -> None:
    model, room = Sequential(Dense(6, 8), ReLU(), Dense(8, 2), rng=0), (4.0, 3.0)
    assert not any(text.startswith("$b$") for text in texts(plot_network(model, axes(*room))))
    forced = texts(plot_network(model, axes(*room), values=True))
    assert sum(text.startswith("$b$") for text in forced) == 10
    assert len(forced) - len(texts(plot_network(model, axes(*room)))) == 6 * 8 + 8 * 2 + 10
    assert "−1" not in texts(plot_network(textbook(), axes(), values=False))


def test_wide_layers_are_cut_in_the_middle() -> None:
    model = Sequential(Dense(64, 128), ReLU(), Dense(128, 10), rng=0)
    ax = plot_network(model, axes(8, 8))
    assert [len(column) for column in nodes(ax)] == [8, 8, 10]
    assert [len(layer.get_segments()) for layer in edges(ax)] == [64, 80]
    shown = texts(ax)
    assert shown.count("⋮") == 2
    assert {"inputs\n64 units", "ReLU\n128 units", "outputs", "$x_{64}$", "$h_{128}$", "$h_{4}$"} <= set(shown)
    assert "$h_{5}$" not in shown
    assert not any(text.startswith("$b$") for text in shown)
    for column in nodes(ax)[:2]:
        assert column[3, 1] > 0.5 > column[4, 1]


def test_the_last_units_shown_have_the_last_weights() -> None:
    layer = Dense(20, 1)
    layer.weight.value = np.arange(20.0)[:, None] - 16.5
    (drawn,) = edges(plot_network(layer, axes(), max_units=5))
    # Units 0, 1, 18 and 19: two negative weights and, drawn first as they are small, two positive ones.
    assert colors_of(drawn) == [to_rgba(POSITIVE, 0.6)] * 2 + [to_rgba(NEGATIVE, 0.6)] * 2


def test_nested_models_single_layers_and_missing_biases() -> None:
    nested = plot_network(Sequential(Sequential(Dense(2, 3), ReLU()), Dense(3, 1)), axes())
    assert [len(column) for column in nodes(nested)] == [2, 3, 1]
    single = plot_network(Dense(3, 2, use_bias=False), axes())
    assert [len(column) for column in nodes(single)] == [3, 2]
    assert not any(text.startswith("$b$") for text in texts(single))


def test_weights_of_zero_are_drawn() -> None:
    layer = Dense(1, 1)
    layer.weight.value = [[0.0]]
    ax = plot_network(layer, axes())
    render(ax)
    assert len(edges(ax)[0].get_segments()) == 1


def test_a_new_figure_is_large_enough_for_its_values() -> None:
    model = Sequential(Dense(2, 8), ReLU(), Dense(8, 1), Sigmoid(), rng=0)
    assert sum(text.startswith("$b$") for text in texts(plot_network(model))) == 9


class Halve(Layer):
    def output_shape(self, shape: Shape | None) -> Shape | None:
        return None if shape is None else (shape[0] // 2,)


class Unknown(Layer):
    pass


def test_layers_with_unknown_shapes_count_as_elementwise() -> None:
    assert "Unknown" in texts(plot_network(Sequential(Dense(2, 4), Unknown(), Dense(4, 1)), axes()))


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"at least one Dense layer, got Sequential\(ReLU"):
        plot_network(Sequential(ReLU()), axes())
    with pytest.raises(ShapeError, match=r"not Halve\(\)"):
        plot_network(Sequential(Dense(2, 4), Halve(), Dense(2, 1)), axes())
    with pytest.raises(HyperparameterError, match="max_units must be an integer, at least 3, got 2"):
        plot_network(textbook(), axes(), max_units=2)
    model = textbook()
    model.parameters().value = np.full(17, np.nan)
    with pytest.raises(DataError, match=r"Dense\(2, 4\) has weights that are NaN or infinite"):
        plot_network(model, axes())


def test_a_residual_names_its_shortcut() -> None:
    model = Sequential(Dense(2, 3), Tanh(), Residual(Dense(3, 3), Tanh()), Dense(3, 1), rng=0)
    assert "Tanh\n+ layer 1" in texts(plot_network(model, axes()))
    assert "Tanh\n+ hidden units" in texts(plot_network(model[:3], axes()))
    assert "+ inputs" in texts(plot_network(Sequential(Residual(Dense(2, 2)), rng=0), axes()))
    with pytest.raises(ShapeError, match="only if it begins with a Dense"):
        plot_network(Sequential(Dense(2, 3), Residual(BatchNorm(3), Dense(3, 3))), axes())


def test_layers_that_keep_the_number_of_units_are_named_below_them() -> None:
    model = Sequential(
        Flatten(), Dense(2, 20), BatchNorm(20), LeakyReLU(0.1), Dropout(0.2), Dense(20, 3), LayerNorm(3), Softmax()
    )
    shown = texts(plot_network(model, axes(9, 5)))
    assert "BatchNorm(20)\nLeakyReLU(negative_slope=0.1)\nDropout(p=0.2)\n20 units" in shown
    assert "LayerNorm(3)\nSoftmax" in shown


BRANCHED: list[tuple[Layer, list[str], int]] = [
    (
        Sequential(Branches(Dense(8, 1), Sequential(Dense(8, 4), ReLU(), Dense(4, 1))), Add(), Sigmoid()),
        ["Dense(8, 1)", "Dense(8, 4)", "ReLU", "Dense(4, 1)", "Add", "Sigmoid"],
        8,
    ),
    (
        Sequential(Parallel(Sequential(Embedding(9, 2), Flatten()), Dense(3, 4)), Concatenate(), Dense(6, 1)),
        ["Embedding(9, 2)", "Flatten", "Dense(3, 4)", "Concatenate", "Dense(6, 1)"],
        7,
    ),
    (
        Sequential(Siamese(Sequential(Dense(3, 2), Tanh())), Multiply(), Dense(2, 1)),
        ["shared by all:\nDense(3, 2)\nTanh", "Multiply", "Dense(2, 1)"],
        6,
    ),
    (
        Tied(Dense(8, 2), Residual(Dense(2, 2), Tanh())),
        ["Dense(8, 2)", "x + f(x)\nDense(2, 2)\nTanh", "$W^T$ of\nDense(8, 2)"],
        4,
    ),
    (Add(), ["Add"], 3),
]


def test_branches_share_one_input() -> None:
    ax = plot_network(Sequential(Branches(Dense(2, 1), Sequential(Dense(2, 4), Tanh(), Dense(4, 1))), Add()))
    assert [text.get_text() for text in ax.texts if text.get_text().startswith("$x")] == ["$x$"]
    begins = [text.xyann for text in ax.texts if isinstance(text, Annotation)]
    assert max(begins.count(begin) for begin in begins) == 2  # both branches


def test_a_shared_layer_returns_as_many_arrays_as_it_takes() -> None:
    ax = plot_network(Sequential(Siamese(Dense(2, 1)), Add()))
    shared, add = (patch.get_window_extent() for patch in ax.patches)
    ends = [ax.transData.transform((text.xyann, text.xy)) for text in ax.texts if isinstance(text, Annotation)]
    between = [(begin, end) for begin, end in ends if begin[0] >= shared.x1 - 1 and end[0] <= add.x0 + 1]
    assert len(between) == 2
    assert all(abs(begin[1] - end[1]) < 1 for begin, end in between)  # side by side


@pytest.mark.parametrize(("model", "blocks", "arrows"), BRANCHED)
def test_branches_are_drawn_as_blocks(model: Layer, blocks: list[str], arrows: int) -> None:
    ax = plot_network(model)
    texts = [text for text in ax.texts if text.get_text()]
    names = [text.get_text() for text in texts if not text.get_text().startswith("$x")]
    assert names == blocks
    assert len(ax.patches) == len(blocks)
    assert sum(isinstance(text, Annotation) for text in ax.texts) == arrows
    # Each text is inside its block, and no two blocks overlap.
    figure = ax.get_figure(root=True)
    assert figure is not None
    figure.canvas.draw()
    boxes = [patch.get_window_extent() for patch in ax.patches]
    for text, box in zip([text for text in texts if text.get_text() in blocks], boxes, strict=True):
        inner = text.get_window_extent()
        assert box.x0 <= inner.x0 <= inner.x1 <= box.x1
        assert box.y0 <= inner.y0 <= inner.y1 <= box.y1
    assert not any(one.overlaps(other) for index, one in enumerate(boxes) for other in boxes[:index])
