"""What the page says of mistakes, and how it fares with programs that print a lot. Skipped without Chromium."""

import re
from importlib.resources import files
from itertools import pairwise

import pytest

from tests.docs.browser import CHROMIUM
from tests.playground.page import Page

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]


@pytest.mark.parametrize(
    ("hidden", "message"),
    [
        ("[8,8,8,8,8,8,8,8,8]", "there must be at most 8 hidden layers, got 9"),
        ("[8,20]", "Units of the hidden layers must be a whole number from 1 to 16, got 20"),
    ],
)
def test_hidden_layers_have_messages_of_their_own(page: Page, hidden: str, message: str) -> None:
    page.open(f"networks&hidden={hidden}")
    assert page.text(".field-error") == message
    assert page.text(".counter-text") == "Change “Units of the hidden layers” to go on"
    page.open("networks&hidden=[]")
    assert page.text(".field-error") == ""
    assert "Without a hidden layer, the boundary is a line." in page.text("form.controls")


def test_the_code_of_the_picture_is_shown_once_there_is_a_picture(page: Page) -> None:
    title = "The code of this picture"
    page.open("networks&data=csv")
    assert title not in page.text("#panel-networks")
    page.open("networks&hidden=[3]")
    assert title in page.text("#panel-networks")


def test_no_style_depends_on_an_element_that_is_no_longer_empty() -> None:
    # Safari does not notice the change: the code of the picture was never shown there.
    style = (files("minidl.playground") / "page" / "style.css").read_text(encoding="utf-8")
    assert re.findall(r":has\([^{]*:empty", style) == []


def test_a_mistake_in_an_optimizer_names_its_label(page: Page) -> None:
    page.open('descent&optimizers=[{"name":"SGD","lr":-1}]')
    assert page.text("#panel-descent .field-error") == "Learning rate must be a number from 1e-06 to 100, got -1"
    assert page.text("#panel-descent .counter-text") == "Change “Optimizers” to go on"


def test_the_speeds_can_be_read_on_a_phone(page: Page) -> None:
    page.load("descent", width=390)
    needed, there = page.evaluate(
        "(() => { const field = document.querySelector('#panel-descent select[aria-label=Speed]');"
        "const copy = field.cloneNode(true); copy.style.width = 'auto'; copy.value = 'paced'; field.after(copy);"
        "const needed = copy.getBoundingClientRect().width; copy.remove();"
        "return [needed, field.getBoundingClientRect().width]; })()"
    )
    assert needed <= there + 1
    page.load()  # on a phone, the settings are folded


@pytest.mark.parametrize("loop", ["for i in range(200_000): print(i)", "while True: print('again')"])
def test_a_loop_that_prints_is_stopped(page: Page, loop: str) -> None:
    page.open("code&epochs=20&hidden=[3]")
    page.set("#code", f"{loop}\nwhile True: pass")
    page.press_button("Run")
    page.tab.wait_for("document.getElementById('output').textContent.length > 1000")
    page.press_button("Stop")
    page.tab.wait_for("document.getElementById('code-state').textContent === 'Stopped.'")
    length = page.evaluate("document.getElementById('output').textContent.length")
    page.evaluate("new Promise(done => setTimeout(done, 400))")
    assert page.evaluate("document.getElementById('output').textContent.length") == length
    page.set("#code", "print('begin')\nfor i in range(200_000): print(i)")
    page.press_button("Run")
    page.tab.wait_for("document.getElementById('code-state').textContent.startsWith('Done')")
    shown = page.evaluate("document.getElementById('output').textContent")
    assert len(shown) <= 200_001
    assert "again" not in shown


def test_the_labels_of_the_steps_do_not_overlap(page: Page) -> None:
    page.open("networks&data=spirals&hidden=[1]&epochs=472")  # 3304 steps, so that 3000 is near the end
    page.press_button("Run")
    page.wait("finished")
    spans = page.evaluate("""(() => {
        const {prototype} = CanvasRenderingContext2D, {fillText} = prototype, spans = [];
        prototype.fillText = function (text, x, y) {
            const {width} = this.measureText(text), left = {left: 0, center: width / 2, right: width}[this.textAlign];
            if (this.canvas.id === "losses" && this.textBaseline === "top") spans.push([x - left, x - left + width]);
        };
        dispatchEvent(new Event("resize"));
        prototype.fillText = fillText;
        return spans.sort((a, b) => a[0] - b[0]);
    })()""")
    assert len(spans) > 2
    assert all(left[1] < right[0] for left, right in pairwise(spans)), spans
