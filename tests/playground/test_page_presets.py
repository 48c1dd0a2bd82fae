"""Each preset, opened by its link, shows its stated result. Skipped where Chromium is not installed."""

import re
from typing import Any

import pytest

from minidl.playground.presets import PRESETS
from minidl.playground.session import Session
from tests.docs.browser import CHROMIUM
from tests.docs.conftest import DOCS
from tests.playground.page import Page

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]


def of(tab: str) -> list[Any]:
    return [pytest.param(preset, id=preset["id"]) for preset in PRESETS if preset["tab"] == tab]


def run(page: Page, preset: dict[str, Any]) -> None:
    page.open(f"preset={preset['id']}")
    panel = f"#panel-{preset['tab']}"
    assert page.text(f"{panel} .presets [aria-pressed='true']") == preset["title"]
    assert page.text(f"{panel} .question") == preset["question"]
    page.set(f"{panel} select[aria-label='Speed']", "full")
    page.press_button("Run")
    page.wait("finished", seconds=60)


@pytest.mark.parametrize("preset", of("networks"))
def test_a_network_ends_as_stated(page: Page, preset: dict[str, Any]) -> None:
    run(page, preset)
    losses, expect = shown_losses(page), preset["expect"]
    for part, loss in zip(("train_loss", "test_loss"), losses, strict=True):
        low, high = expect.get(part, (0.0, float("inf")))
        assert low <= loss <= high
    fate = page.text("#panel-networks .fate")
    if "fate" in expect:
        assert (expect["fate"] or "") in fate
        assert bool(fate) == bool(expect["fate"])


@pytest.mark.parametrize("preset", of("descent"))
def test_descents_end_as_stated(page: Page, preset: dict[str, Any]) -> None:
    run(page, preset)
    assert page.text("#fates b").split("\n") == preset["expect"]["fates"]


def test_the_page_shows_the_numbers_of_the_session(page: Page) -> None:
    session, settings = Session(), {"hidden": [4], "data": "moons", "epochs": 30}
    frame = session.handle({"do": "networks", "settings": settings})
    while not frame["finished"]:
        frame = session.handle({"do": "step", "steps": 100_000, "budget_ms": 60_000})
    page.open("networks&hidden=[4]&data=moons&epochs=30")
    page.press_button("Run")
    page.wait("finished")
    assert shown_losses(page) == pytest.approx([frame["loss"]["train"], frame["loss"]["test"]], rel=6e-3)
    assert page.text(".counter-text").startswith(f"step {frame['step']}, epoch 30")


def test_words_change_slowly_enough_to_be_read_and_to_be_heard(page: Page) -> None:
    page.open("preset=overfitting&epochs=100000")
    page.evaluate("""(() => {
        window.changes = {".fate": 0, ".counter-text": 0};
        for (const selector of Object.keys(changes))
            new MutationObserver(() => changes[selector]++).observe(
                document.querySelector(`#panel-networks ${selector}`),
                {childList: true, characterData: true, subtree: true},
            );
    })()""")
    page.press_button("Run")
    page.tab.wait_for("document.querySelector('#panel-networks .fate').textContent.startsWith('Overfitting')")
    changed = page.evaluate(
        "changes = {'.fate': 0, '.counter-text': 0}, new Promise(d => setTimeout(() => d(changes), 2000))"
    )
    assert changed[".fate"] <= 1
    assert 2 <= changed[".counter-text"] <= 9  # four per second
    heard = page.text("#panel-networks .fate")
    page.press_button("Pause")
    page.wait("paused")
    assert page.text("#panel-networks .fate") != heard  # the numbers of now


def shown_losses(page: Page) -> list[float]:
    """The losses of the training data and of the test data, as the page shows them, with three digits."""
    return [float(text) for text in re.findall(r"([\d.e-]+) loss", page.text("#network-numbers").replace("−", "-"))]


def test_changing_a_preset_is_said(page: Page) -> None:
    page.open("preset=xor")
    assert not page.shown(".lesson .hint")
    page.choose("Activation", "Tanh")
    page.wait("paused")
    assert "changed" in page.text(".lesson .hint")
    assert "preset" not in page.evaluate("new Promise(done => setTimeout(() => done(location.hash), 400))")
    assert page.evaluate("document.querySelector('#panel-networks .presets [aria-pressed=true]')") is None


@pytest.mark.parametrize("page_of_guide", sorted((DOCS / "learn").glob("*.md")), ids=lambda path: path.stem)
def test_links_from_the_guide_name_presets(page_of_guide: Any) -> None:
    text = page_of_guide.read_text(encoding="utf-8")
    known = {preset["id"] for preset in PRESETS}
    assert set(re.findall(r"playground/index\.html#preset=(\w+)", text)) <= known
