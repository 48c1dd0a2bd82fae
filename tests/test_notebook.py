"""What notebooks show: the points of a chart are where its ticks say, and a table has the cells of the text."""

import re
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import SGD, Dense, History, Quadratic, ReLU, Sequential, minimize
from minidl.notebook import BAR, LINES, chart
from minidl.typing import Array
from tests.training.factories import data, make_trainer

SVG = "{http://www.w3.org/2000/svg}"


class Read:
    """A chart as a reader of it sees it."""

    def __init__(self, html: str) -> None:
        self.tree = ElementTree.fromstring(html)
        self.title = self.tree[0].text
        every = list(self.tree.iter(f"{SVG}text"))
        texts = {side: [each for each in every if each.get("text-anchor") == side] for side in SIDES}
        self.legend = [each.text for each in texts["start"]]
        self.up = [(float(each.text or ""), float(each.get("y", "")) - 4) for each in texts["end"]]
        *across, name, other = texts["middle"]
        self.names = [name.text, other.text]
        self.across = [(float(each.text or ""), float(each.get("x", ""))) for each in across]
        lines = [each for each in self.tree.iter(f"{SVG}path") if each.get("stroke-width")]
        self.dashes = [each.get("stroke-dasharray") for each in lines]
        self.paths = [each.get("d", "") for each in lines if each.get("fill") == "none"]

    def curve(self, index: int = 0, *, log: bool = False) -> Array:
        """The points of a curve, in the numbers of the axes."""
        pixels = np.array(re.findall(r"(-?[\d.]+) (-?[\d.]+)", self.paths[index].replace(BAR, "")), float)
        scale = np.log10 if log else np.asarray
        across, up = np.array(self.across), np.array(self.up)
        x = np.polyval(np.polyfit(across[:, 1], across[:, 0], 1), pixels[:, 0])
        y = np.polyval(np.polyfit(up[:, 1], scale(up[:, 0]), 1), pixels[:, 1])
        return np.column_stack([x, 10**y if log else y])


SIDES = ("start", "middle", "end")


def test_the_points_are_where_the_ticks_say() -> None:
    values = [3.0, 1.0, 4.0, 1.5, 9.0, 2.6]
    read = Read(chart("a title", {"loss": values}, "step", "the loss", first=1))
    assert (read.title, read.names, read.legend) == ("a title", ["step", "the loss"], [])
    np.testing.assert_allclose(read.curve(), np.column_stack([range(1, 7), values]), atol=0.03)


def test_values_that_span_decades_have_a_logarithmic_axis() -> None:
    values = np.geomspace(1e-6, 10.0, 50)
    read = Read(chart("", {"loss": values}, "step", "loss"))
    np.testing.assert_allclose(read.curve(log=True)[:, 1], values, rtol=0.05)
    assert len({tick for tick, _ in read.up}) >= 3
    np.testing.assert_allclose(Read(chart("", {"a": [-1.0, 1000.0]}, "x", "y")).curve()[:, 1], [-1, 1000], atol=5)


def test_two_curves_have_a_legend_and_differ_in_more_than_colour() -> None:
    read = Read(chart("", {"loss": [1.0, 2.0], "validation loss": [2.0, 3.0, 4.0]}, "epoch", "loss"))
    assert read.legend == ["loss", "validation loss"]
    np.testing.assert_allclose(read.curve(1), [[0, 2], [1, 3], [2, 4]], atol=0.02)
    assert len({dashes for _, dashes in LINES}) == len(LINES)
    assert len(set(read.dashes)) == 2


def luminance(color: str) -> float:
    """As in the Web Content Accessibility Guidelines."""
    parts = np.array([int(color[index : index + 2], 16) for index in (1, 3, 5)]) / 255
    linear = np.where(parts <= 0.03928, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("page", ["#ffffff", "#111111", "#1e1e1e"])
def test_it_can_be_read_on_a_light_and_on_a_dark_page(page: str) -> None:
    for color, _ in LINES:
        low, high = sorted([luminance(color), luminance(page)])
        assert (high + 0.05) / (low + 0.05) >= 3.0
    shown = chart("t", {"a": [1.0, 2.0], "b": [1.0, 3.0]}, "x", "y")
    used = set(re.findall(r'(?:stroke|fill|color)[=:]"?([#\w]+)', shown))
    assert used == {"currentColor", "none", LINES[0][0], LINES[1][0]}


def test_values_that_are_not_finite_leave_gaps() -> None:
    read = Read(chart("", {"a": [1.0, 2.0, np.nan, 3.0, np.inf, 2.0, 1.0]}, "x", "y"))
    assert [len(part.split()) // 2 for part in read.paths[0].split("M")[1:] if BAR not in part] == [2, 2]
    np.testing.assert_allclose(read.curve(), [[0, 1], [1, 2], [3, 3], [5, 2], [6, 1]], atol=0.02)
    assert read.paths[0].count(BAR) == 1


@pytest.mark.parametrize(
    "values", [[1.0], [0.0, 0.0], [-5.0, -5.0], [1e300, -1e300], [np.nan, 1e-300], [1e-300, 1e300]]
)
def test_odd_values_are_drawn(values: list[float]) -> None:
    read = Read(chart("", {"a": values}, "x", "y"))
    pixels = np.array(re.findall(r"(-?[\d.]+) (-?[\d.]+)", read.paths[0].replace(BAR, "")), float)
    assert len(pixels) == np.isfinite(values).sum()
    assert ((pixels >= 0) & (pixels <= [560, 260])).all()
    assert read.up


def test_of_many_points_the_extremes_and_the_last_are_drawn() -> None:
    values = np.random.default_rng(0).normal(size=(2, 100_000)) + 20
    values[0, 31_415], values[1, 27_182] = 3.0, 40.0
    shown = chart("", {"a": values[0], "b": values[1]}, "step", "loss")
    assert len(shown) < 7000
    read = Read(shown)
    first, second = read.curve(0), read.curve(1)
    np.testing.assert_allclose(first[first[:, 1].argmin()], [31_415, 3.0], rtol=0.01)
    np.testing.assert_allclose(second[second[:, 1].argmax()], [27_182, 40.0], rtol=0.01)
    np.testing.assert_allclose(second[-1], [99_999, values[1, -1]], rtol=0.01)
    gap = np.where(np.arange(100_000) // 20_000 == 2, np.nan, values[0])
    assert Read(chart("", {"a": gap}, "step", "loss")).paths[0].count("M") == 2


NUMBERS = st.floats(-1e90, 1e90).filter(lambda value: value == 0 or abs(value) > 1e-90)


@given(st.lists(NUMBERS, min_size=1, max_size=3), st.integers(0, 10**9))
def test_ticks_are_few_and_their_labels_differ(values: list[float], first: int) -> None:
    read = Read(chart("", {"a": values}, "x", "y", first=first))
    for ticks, most in ((read.up, 8), (read.across, 8)):
        assert 1 <= len(ticks) <= most
        assert all(low < high for (low, _), (high, _) in pairwise(ticks))


def test_text_is_escaped() -> None:
    read = Read(chart('<b>&"', {"<a>": [1.0], "b": [2.0]}, "<x>", 'the "y"'))
    assert (read.title, read.legend, read.names) == ('<b>&"', ["<a>", "b"], ["<x>", 'the "y"'])


def html_of(thing: Any) -> str:
    shown = thing._repr_html_()
    assert isinstance(shown, str)
    return shown


def test_a_history_shows_its_epochs_or_its_steps() -> None:
    assert History()._repr_html_() is None
    trainer = make_trainer()
    history = trainer.fit(*data(), epochs=5, batch_size=2)
    steps = Read(html_of(history))
    assert (steps.title, steps.names, steps.legend) == (repr(history), ["step", "loss"], [])
    log = max(history.loss) > 100 * min(history.loss)
    points = np.column_stack([range(20), history.loss])
    np.testing.assert_allclose(steps.curve(log=log), points, atol=0.02, rtol=0.02)
    trainer = make_trainer()
    history = trainer.fit(*data(), epochs=5, validation=data(5))
    epochs = Read(html_of(history))
    assert (epochs.names, epochs.legend) == (["epoch", "loss"], ["loss", "validation loss"])
    measured = [history.epochs["loss"], history.epochs["validation_loss"]]
    for index, values in enumerate(measured):
        np.testing.assert_allclose(epochs.curve(index), np.column_stack([range(1, 6), values]), atol=0.02, rtol=0.01)


def test_a_descent_shows_the_value_at_each_point() -> None:
    bowl = Quadratic([[1.0, 0.0], [0.0, 2.0]])
    descent = minimize(bowl, SGD(bowl.parameters(), lr=0.1), steps=6)
    read = Read(html_of(descent))
    assert (read.title, read.names) == (repr(descent), ["step", "value"])
    np.testing.assert_allclose(read.curve()[:, 1], [*descent.loss, descent.value], atol=0.02 * max(descent.loss))
    assert Read(html_of(minimize(bowl, SGD(bowl.parameters(), lr=0.1), steps=0))).paths


def test_a_summary_shows_the_cells_of_its_text() -> None:
    model = Sequential(Dense(3, 2), ReLU(), Dense(2, 1))
    model[0].trainable = False
    summary = model.summary()
    table = ElementTree.fromstring(html_of(summary))
    cells = [[cell.text or "" for cell in row] for row in table.iter("tr")]
    lines = [line for line in repr(summary).splitlines() if "─" not in line]
    assert [" ".join(filter(None, row)) for row in cells] == [re.sub("  +", " ", line).strip() for line in lines]
    assert "call summary(x.shape[1:])" in html_of(Sequential(ReLU()).summary())
