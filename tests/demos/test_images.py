"""The demo of images: what it finds, its numbers on the pages, and how it measures saliency."""

import re
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

from minidl import Dense, Flatten, Sequential, load_fashion
from tests.demos.conftest import ROOT, Demo, of_demo
from tests.demos.test_functions import load

SHARE = r"(\d+\.\d+) ± (\d+\.\d+)"
ROW = rf"^\|? *(CNN|MLP|wide MLP)\s+\|?\s*([\d,]+)\s+\|?\s*{SHARE}\s+\|?\s*{SHARE}(?: \|)?$"


class Row(NamedTuple):
    """A network in the table of accuracies: mean and standard deviation, on images as they are and moved."""

    name: str
    size: int
    mean: float
    spread: float
    moved: float
    spread_moved: float


def rows(text: str) -> list[Row]:
    """The rows of the table, as printed or on a page."""
    found = re.findall(ROW, text, re.MULTILINE)
    return [Row(name, int(size.replace(",", "")), *map(float, numbers)) for name, size, *numbers in found]


@pytest.mark.slow
@pytest.mark.long
@of_demo("images")
def test_a_cnn_is_better_than_dense_networks_most_of_all_on_moved_images(demo: Demo) -> None:
    digits, fashion = rows(demo.text)[:3], rows(demo.text)[3:]
    for cnn, mlp, wide in (digits, fashion):
        assert [cnn.name, mlp.name, wide.name] == ["CNN", "MLP", "wide MLP"]
        assert mlp.size == pytest.approx(cnn.size, rel=0.03)
        assert wide.size > 10 * cnn.size
        assert cnn.mean > mlp.mean + 0.5
        assert cnn.moved > max(mlp.moved, wide.moved) + 10
    assert digits[0].mean > 97.5
    assert fashion[0].mean > 86.5


@pytest.mark.slow
@pytest.mark.long
@of_demo("images")
def test_the_page_of_demos_quotes_what_is_printed(demo: Demo) -> None:
    page = (ROOT / "docs" / "demos.md").read_text(encoding="utf-8")
    for printed, quoted in zip(rows(demo.text), rows(page), strict=True):
        assert (printed.name, printed.size) == (quoted.name, quoted.size)
        # Another machine's rounding decides a few images otherwise.
        assert (printed.mean, printed.moved) == pytest.approx((quoted.mean, quoted.moved), abs=2)


@pytest.mark.slow
@pytest.mark.long
@of_demo("images")
def test_the_count_of_mistakes_belongs_to_the_printed_accuracy(demo: Demo) -> None:
    (wrong,) = re.findall(r"(\d+) of 1,000 test images are misclassified", demo.text)
    cnn = rows(demo.text)[3]
    # A value of three is at most 1.155 standard deviations from their mean.
    assert 100 - int(wrong) / 10 == pytest.approx(cnn.mean, abs=1.2 * cnn.spread + 0.02)


def test_saliency_of_two_linear_classes_is_proportional_to_the_difference_of_their_weights() -> None:
    demo = load("images")
    model = Sequential(Flatten(), Dense(16, 2, rng=0))
    x, y = np.random.default_rng(0).normal(size=(2, 4, 4, 1)), np.array([1, 0])
    found = demo.saliency(model, x, y)
    weight = model.parameters().value[:32].reshape(16, 2)
    slope = np.abs(weight[:, 0] - weight[:, 1]).reshape(4, 4, 1)
    for image in found:
        np.testing.assert_allclose(image / image.max(), slope / slope.max(), rtol=1e-10)


def test_the_worst_mistakes_are_those_with_the_least_belief_in_the_true_class() -> None:
    demo = load("images")
    x, y = (array[:40] for array in load_fashion(images=True)[:2])
    probabilities = np.full((40, 10), 0.01)
    probabilities[np.arange(40), y] = 0.91
    wrong = np.arange(3, 12)
    rival = (y[wrong] + 1) % 10
    probabilities[wrong, y[wrong]], probabilities[wrong, rival] = 0.001 * wrong, 0.92 - 0.001 * wrong
    titles: list[tuple[str, str]] = []

    class Pictures:
        def save(self, figure: Figure, name: str) -> None:
            titles.extend((ax.get_title(), ax.get_xlabel()) for ax in figure.axes)
            plt.close(figure)

    assert demo.draw_mistakes(Pictures(), x, y, probabilities) == len(wrong)
    expected = [
        (demo.CLASSES[y[k]], f"predicted: {demo.CLASSES[r]} ({0.92 - 0.001 * k:.0%})")
        for k, r in zip(wrong[:8], rival, strict=False)
    ]
    assert titles == expected
