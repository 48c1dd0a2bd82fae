"""The page as static files, with Python in a worker. Skipped without Chromium or what `make playground` fetches."""

from collections.abc import Iterator

import pytest

from minidl.playground.presets import PRESETS
from tests.docs.browser import CHROMIUM, browser, served
from tests.playground.built import build_or_skip
from tests.playground.page import Page

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]
XOR = next(preset for preset in PRESETS if preset["id"] == "xor")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    folder = build_or_skip(tmp_path_factory.mktemp("built") / "playground")
    with served(folder) as address, browser(tmp_path_factory.mktemp("browser")) as tab:
        yield Page(tab, address)


@pytest.fixture(autouse=True)
def nothing_is_amiss(page: Page) -> Iterator[None]:
    yield
    assert page.tab.complaints() == []
    assert page.foreign() == []


def test_what_is_loaded_is_told_and_then_a_preset_runs(page: Page) -> None:
    page.tab.show(1300)
    page.tab.call(
        "Page.addScriptToEvaluateOnNewDocument",
        source="""window.told = []; addEventListener("DOMContentLoaded", () => {
            const text = document.getElementById("loading-text");
            new MutationObserver(() => told.push(text.textContent)).observe(text, {childList: true});
        });""",
    )
    page.load("preset=xor")
    told = page.evaluate("told")
    assert any("MB" in text and "Python" in text for text in told), told
    assert told[-1].endswith("(100 %)")
    assert not page.shown("#loading")
    page.press_button("Run")
    page.wait("finished", seconds=60)
    assert "100.0 % accuracy" in page.text("#network-numbers dd:nth-of-type(2)")
    low, high = XOR["expect"]["train_loss"]
    assert low <= float(page.text("#network-numbers dd:nth-of-type(1)").split()[0]) <= high


def test_the_pages_of_the_guide_are_linked_to(page: Page) -> None:
    page.open("preset=xor")
    links = page.evaluate("[...document.querySelectorAll('#panel-networks .lesson a, #links a')].map(a => a.href)")
    guide = page.address.rstrip("/") + "/learn/"
    assert links == [f"{guide}playground.html", f"{guide}xor.html#{XOR['learn'].partition('#')[2]}"]


def test_an_endless_loop_is_stopped_and_the_picture_comes_back(page: Page) -> None:
    page.stop_an_endless_loop()
