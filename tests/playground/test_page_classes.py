"""The page with more than two classes. Skipped where Chromium is not installed."""

import json
from typing import Any
from urllib.parse import quote

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


def module(page: Page, name: str, expression: str) -> Any:
    """The value of an expression of what a module exports, as ``m``."""
    return page.evaluate(f"import(new URL('app/{name}.js', location.href)).then(m => {expression})")


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


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_each_region_has_the_colour_of_its_class(page: Page, dark: bool) -> None:
    page.load("networks&data=blobs&classes=6&noise=0&hidden=[]&lr=1&epochs=200", dark=dark)
    page.press_button("Run")
    page.wait("finished")
    script = """(() => {
      const canvas = document.getElementById("boundary"), found = [];
      const context = canvas.getContext("2d"), style = getComputedStyle(document.documentElement);
      const colour = (name) => style.getPropertyValue(name).match(/\\w\\w/g).map((part) => parseInt(part, 16));
      for (let label = 0; label < 6; label++) {
        const angle = (2 * Math.PI * label) / 6, half = 0.56 * 3;  // the limits around the middle
        const x = 34 + (canvas.clientWidth - 42) * (0.5 + (1.25 * Math.cos(angle)) / (2 * half));
        const y = 6 + (canvas.clientHeight - 28) * (0.5 - (1.25 * Math.sin(angle)) / (2 * half));
        const pixel = [...context.getImageData(Math.round(x), Math.round(y), 1, 1).data].slice(0, 3);
        const away = (other) => {
          const middle = colour("--middle"), end = colour(`--class${other}`);
          return Math.hypot(...pixel.map((value, i) => value - (0.6 * middle[i] + 0.4 * end[i])));
        };
        const distances = [0, 1, 2, 3, 4, 5].map(away);
        found.push(distances.indexOf(Math.min(...distances)));
      }
      return found;
    })()"""
    assert page.evaluate(script) == [0, 1, 2, 3, 4, 5]
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
    arrays = json.dumps([[chance] for chance in chances])
    found = module(page, "regions", f"m.regions({arrays}.map(one => Uint8Array.from(one)))[0]")
    assert divmod(found, 256) == (winner, pytest.approx(shade, abs=1))


def test_a_border_is_where_two_classes_are_equal_and_no_other_is_more_probable(page: Page) -> None:
    page.open("networks&hidden=[3]")
    pictures = "[[200, 100, 20, 10], [50, 100, 30, 45], [5, 55, 205, 200]].map(one => Uint8Array.from(one))"
    leads = [module(page, "regions", f"[...m.lead({pictures}, {label})]") for label in range(3)]
    assert leads == [[150, 0, -185, -190], [-150, 0, -175, -155], [-195, -45, 175, 155]]
