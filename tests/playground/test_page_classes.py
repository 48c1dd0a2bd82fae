"""The page with more than two classes. Skipped where Chromium is not installed."""

import json
from urllib.parse import quote

import numpy as np
import pytest

from tests.docs.browser import CHROMIUM
from tests.playground.page import Page

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]
KEY = "#classes-key"
LOSS = '[data-field="loss"]'
CLASSES = '[data-field="classes"]'
HELD_OUT = "filled: training, hollow: held out"
TABLE = "\n".join(f"{i}, {i * i % 7}, {['setosa', 'versicolor', 'virginica'][i % 3]}" for i in range(30))


def description(page: Page) -> str:
    found: str = page.evaluate("document.getElementById('boundary').ariaLabel")
    return found


def outputs(page: Page) -> list[str]:
    found: list[str] = page.evaluate(
        "[...document.querySelectorAll('.unit')].map(unit => unit.ariaLabel).filter(name => name.startsWith('Output'))"
    )
    return found


def test_two_classes_have_one_output(page: Page) -> None:
    page.open("networks&hidden=[3]")
    assert page.text(f"{KEY} li").split("\n") == ["class 0", "class 1", HELD_OUT]
    assert outputs(page) == ["Output"]
    assert page.shown(LOSS)
    assert not page.shown(CLASSES)
    assert "CrossEntropyLoss" not in page.text("form.controls")
    assert description(page).startswith("Decision boundary and data of 2 classes: 140 training samples")


def test_the_number_of_blobs_can_be_set(page: Page) -> None:
    page.open("networks&hidden=[]&data=blobs")
    assert "CrossEntropyLoss" not in page.text("#panel-networks .code-below pre")
    page.set(f"{CLASSES} input[type='number']", 4)
    page.tab.wait_for("document.querySelectorAll('#classes-key li').length === 5")
    page.wait("paused")
    page.tab.wait_for("location.hash.includes('classes=4')")
    assert outputs(page) == [f"Output, class {label}" for label in range(4)]
    assert not page.shown(LOSS)
    assert "With more than two classes, the loss is CrossEntropyLoss." in page.text("form.controls")
    assert "Without a hidden layer, the boundaries are lines." in page.text("form.controls")
    assert "Dense(2, 4)" in page.text("#panel-networks .code-below pre")
    assert "of 4 classes" in description(page)
    page.click('[name="data"][value="xor"]')
    page.tab.wait_for("document.querySelectorAll('#classes-key li').length === 3")
    assert page.shown(LOSS)


def test_as_many_pixels_may_be_of_other_classes(page: Page) -> None:
    # Two pictures more of the boundary have as many pixels as 25 units.
    places = ["networks&data=blobs&hidden=[8,8,8,4]", "networks&data=blobs&classes=3&hidden=[1]"]
    pixels = "document.getElementById('boundary').toDataURL()"
    expected = []
    for place in places:
        page.open("networks&hidden=[]")
        page.open(place)
        expected.append(page.evaluate(pixels))
    assert expected[0] != expected[1]
    for place, picture in zip(places * 2, expected * 2, strict=True):
        page.open(place)
        assert page.evaluate(pixels) == picture


def test_classes_of_a_table_have_their_names(page: Page) -> None:
    page.open(f"networks&hidden=[3]&data=csv&csv={quote(TABLE)}")
    names = ["setosa", "versicolor", "virginica"]
    assert page.text(f"{KEY} li").split("\n") == [*names, HELD_OUT]
    assert outputs(page) == [f"Output, {name}" for name in names]
    page.evaluate("document.activeElement.blur()")
    page.point_at(".unit[aria-label='Output, versicolor']", 0.5, 0.5)
    page.tab.wait_for("document.getElementById('boundary-title').textContent === 'Output, versicolor'")
    page.point_at("#losses", 0.5, 0.5)


def test_own_points_of_three_classes(page: Page) -> None:
    offered = "[...document.querySelectorAll('.points label')].filter(l => l.checkVisibility()).length"
    page.open("networks&data=points&test_share=0&hidden=[]&lr=0.5&epochs=300")
    assert page.evaluate(offered) == 3, "two classes, and the next one"
    for across, down in ((0.2, 0.2), (0.25, 0.3)):
        page.click_at("#boundary", across, down)
    for across, down in ((0.8, 0.8), (0.75, 0.7)):
        page.click_at("#boundary", across, down, shift=True)
    page.wait("paused")
    page.click(".points [value='2']")
    page.click_at("#boundary", 0.8, 0.2)
    page.tab.wait_for("document.querySelector('.points').innerText.includes('got 2, 2 and 1')")
    assert page.text(f"{KEY} li").split("\n") == ["class 0", "class 1", "class 2", HELD_OUT]
    page.click_at("#boundary", 0.75, 0.25)
    page.wait("paused")
    assert page.evaluate(offered) == 4
    page.click_at("#boundary", 0.25, 0.7, shift=True)  # after class 2 comes class 0
    page.tab.wait_for("location.hash.split('],[').length === 7")
    labels = page.evaluate("JSON.parse(decodeURIComponent(location.hash.match(/points=([^&]*)/)[1])).map(p => p[2])")
    assert labels == [1, 1, 0, 0, 2, 2, 0]
    page.press_button("Run")
    page.wait("finished")
    assert "100.0 % accuracy" in page.text("#network-numbers")
    page.press_button("Clear")
    page.tab.wait_for("document.querySelector('.points').innerText.includes('got 0 and 0')")
    assert page.evaluate(offered) == 3
    assert page.text(f"{KEY} li").split("\n") == ["class 0", "class 1", HELD_OUT]


def test_a_link_with_a_class_that_there_cannot_be_says_so(page: Page) -> None:
    page.open("networks&data=points&points=[[0,0,1000000000],[1,1,0]]")
    assert "Own points must be a whole number from 0 to 5, got 1000000000" in page.text(".points .field-error")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_each_region_has_the_colour_of_its_class(page: Page, dark: bool) -> None:
    page.load("networks&data=blobs&classes=6&noise=0&hidden=[]&lr=1&epochs=200", dark=dark)
    page.press_button("Run")
    page.wait("finished")
    found = """(() => {
      const canvas = document.getElementById("boundary"), labels = [0, 1, 2, 3, 4, 5];
      const style = getComputedStyle(document.documentElement);
      const colour = (name) => style.getPropertyValue(name).match(/\\w\\w/g).map((part) => parseInt(part, 16));
      const middle = colour("--middle");
      const away = (pixel, goal) => Math.hypot(...goal.map((value, i) => pixel[i] - value));
      const nearest = (pixel, share) => {
        const mixed = (end, i) => middle[i] + share * (end - middle[i]);
        const distances = labels.map((label) => away(pixel, colour(`--class${label}`).map(mixed)));
        return distances.indexOf(Math.min(...distances));
      };
      const read = (canvas) => {
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        return (at) => [...data.slice(4 * at, 4 * at + 3)];
      };
      const pixel = read(canvas);
      const regions = labels.map((label) => {
        const angle = (2 * Math.PI * label) / 6, half = 0.56 * 3;  // the limits around the middle
        const x = 34 + (canvas.clientWidth - 42) * (0.5 + (1.25 * Math.cos(angle)) / (2 * half));
        const y = 6 + (canvas.clientHeight - 28) * (0.5 - (1.25 * Math.sin(angle)) / (2 * half));
        return nearest(pixel(Math.round(y) * canvas.width + Math.round(x)), 0.4);
      });
      const outputs = [...document.querySelectorAll(".unit[aria-label^=Output] canvas")].map((small) => {
        const pixel = read(small), all = Array.from({ length: small.width * small.height }, (_, at) => pixel(at));
        const strongest = all.reduce((best, one) => (away(one, middle) > away(best, middle) ? one : best));
        return nearest(strongest, 0.9);
      });
      return [regions, outputs];
    })()"""
    assert page.evaluate(found) == [[0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 5]]
    page.tab.show(1300)


@pytest.mark.parametrize(
    ("chances", "winner", "shade"),
    [
        ([255, 0, 0], 0, 255),
        ([0, 255, 0], 1, 255),
        ([0, 0, 255], 2, 255),
        ([85, 85, 85], 0, 0),
        ([60, 25, 170], 2, 128),
    ],
)
def test_the_shade_of_a_region_grows_with_the_probability(
    page: Page, chances: list[int], winner: int, shade: int
) -> None:
    page.open("networks&hidden=[3]")
    arrays = json.dumps([[257 * chance] for chance in chances])
    found = page.module("regions", f"m.regions({arrays}.map(one => Uint16Array.from(one)))[0]")
    assert divmod(found, 256) == (winner, pytest.approx(shade, abs=1))


def test_borders_are_where_the_two_most_probable_classes_are_equal(page: Page) -> None:
    size, rng = 9, np.random.default_rng(0)
    across, up = np.meshgrid(np.linspace(-1, 1, size), np.linspace(-1, 1, size))
    scores = rng.normal(size=(5, 3)) @ np.stack([across.ravel(), up.ravel(), 0.1 * np.ones(size**2)])
    e = np.exp(3 * scores)
    chances = np.round(65535 * e / e.sum(axis=0)).reshape(5, size, size)
    page.open("networks&hidden=[3]")
    pictures = f"{json.dumps(chances.reshape(5, -1).tolist())}.map(one => Uint16Array.from(one))"
    segments = np.array(page.module("regions", f"m.borders({pictures}, {size})"))
    assert len(segments) > size
    for x, y in segments.reshape(-1, 2):
        column, row = min(int(x), size - 2), min(int(y), size - 2)
        right, above = x - column, y - row
        cell = chances[:, row : row + 2, column : column + 2]
        first, second = np.sort(cell @ [1 - right, right] @ [1 - above, above])[:-3:-1]
        assert first - second < 0.02 * 65535
    # Each side of a cell between two regions is crossed, unless it is the side of a third one.
    won = chances.argmax(axis=0)
    crossed = {(round(float(x), 6), int(y)) for x, y in segments.reshape(-1, 2) if y == int(y)}
    for row in range(size):
        for column in range(size - 1):
            if won[row, column] != won[row, column + 1]:
                assert any(column <= x <= column + 1 for x, y in crossed if y == row)
