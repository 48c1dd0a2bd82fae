"""The built site in a browser, at the widths of a desk and a phone; skipped where Chromium is not installed."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.docs.browser import CHROMIUM, Browser, browser

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]
DESK, PHONE = 1400, 390


class Handler(SimpleHTTPRequestHandler):
    """Serves files without a word about each."""

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """Where the site is served on this machine: search fetches pages, which browsers refuse for plain files."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(site)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


def all_pages(site: Path) -> list[str]:
    """The pages, without the playground, which has tests of its own."""
    pages = sorted(path.relative_to(site).as_posix() for path in site.rglob("*.html"))
    return [page for page in pages if not page.startswith("playground/")]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [DESK, PHONE])
def test_pages_fit_and_nothing_is_amiss(site: Path, address: str, tab: Browser, width: int, dark: bool) -> None:
    tab.show(width, dark=dark)
    for page in all_pages(site):
        tab.open(address + page)
        assert tab.complaints() == [], page
        foreign = [url for url in tab.requests() if not url.startswith((address, "data:"))]
        assert foreign == [], page
        # On a phone the theme lets the column of text scroll by itself, which is no better for a reader.
        wide = tab.evaluate(
            "[...document.querySelectorAll('html, body, .content')].some(e => e.scrollWidth > e.clientWidth + 1)"
        )
        assert not wide, f"{page} is wider than {width} pixels"
        broken = tab.evaluate("[...document.images].filter(i => i.complete && !i.naturalWidth).map(i => i.src)")
        assert broken == [], page
        shade = tab.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0]")
        assert (int(shade) < 64) == dark, page


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_mathematics_is_drawn_with_its_font(address: str, tab: Browser, width: int) -> None:
    tab.show(width)
    tab.open(address + "learn/gradients.html")
    assert tab.evaluate("document.fonts.check('16px \"STIX Two Math\"')")
    assert tab.evaluate("[...document.fonts].some(f => f.family.includes('STIX') && f.status == 'loaded')")
    boxes = "[...document.querySelectorAll('math')].map(m => m.getBoundingClientRect())"
    sizes = tab.evaluate(f"{boxes}.map(box => [box.width, box.height])")
    assert len(sizes) > 10
    assert all(wide > 3 and high > 3 for wide, high in sizes)
    # A fraction is a fraction: its numerator stands above its denominator.
    assert tab.evaluate(
        "[...document.querySelectorAll('mfrac')].every(f => f.children[0].getBoundingClientRect().bottom"
        " <= f.children[1].getBoundingClientRect().top + 1)"
    )


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_search_finds_names_and_words(address: str, tab: Browser, width: int) -> None:
    tab.show(width)
    found = {"Momentum": "reference/optimizers.html#minidl.Momentum", "chain rule": "learn/gradients.html"}
    for words, page in found.items():
        tab.open(address + "search.html?q=" + words.replace(" ", "+"))
        tab.wait_for("document.querySelector('#search-results ul.search li a')")
        tab.wait_for(f"[...document.querySelectorAll('#search-results a')].some(a => a.href.includes({page!r}))")
        assert tab.complaints() == []


def test_the_menu_of_a_phone_opens(address: str, tab: Browser) -> None:
    tab.show(PHONE)
    tab.open(address + "index.html")
    left = "document.querySelector('.sidebar-drawer').getBoundingClientRect().left"
    assert tab.evaluate(left) < 0
    tab.evaluate("document.querySelector('.mobile-header label[for=__navigation]').click()")
    tab.wait_for(f"{left} >= 0")
    tab.wait_for("document.querySelector('.sidebar-drawer a[href*=\"learn/start\"]').getClientRects().length")
