"""The built site in a browser, at the widths of a desk and a phone; skipped where Chromium is not installed.

A page is opened once, and then shown at all widths in both colours.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.browser import CHROMIUM, Browser, browser, served
from tests.docs.exercises import CHAPTERS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]
DESK, PHONE = 1300, 390

WIDE = "[...document.querySelectorAll('html, body, .content')].some(e => e.scrollWidth > e.clientWidth + 1)"
"""On a phone the theme lets the column of text scroll by itself, which is no better for a reader."""

SCROLLED_CODE = """
[...document.querySelectorAll('.highlight pre')].filter(pre =>
    !pre.closest('.highlight-text, .highlight-none, .sphx-glr-script-out') && pre.scrollWidth > pre.clientWidth + 1
).map(pre => pre.innerText.slice(0, 60))
"""
"""What programs print may scroll by itself: columns of numbers would not stay under each other on several lines."""

BROKEN_WORDS = r"""
[...document.querySelectorAll('td, th')].filter(cell => cell.getClientRects().length).flatMap(cell => {
    const broken = [], texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT)
    while (texts.nextNode()) {
        for (const word of texts.currentNode.data.matchAll(/[\p{L}\p{N}_]+/gu)) {
            const range = document.createRange()
            range.setStart(texts.currentNode, word.index)
            range.setEnd(texts.currentNode, word.index + word[0].length)
            const lines = [...range.getClientRects()].filter(box => box.width).map(box => Math.round(box.top))
            if (new Set(lines).size > 1) broken.push(word[0])
        }
    }
    return broken
})
"""
"""Words in tables that continue on another line."""

SHADE = "getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0]"


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    with served(site) as found:
        yield found


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


def all_pages(site: Path) -> list[str]:
    """The pages, without the playground, which has tests of its own."""
    pages = sorted(path.relative_to(site).as_posix() for path in site.rglob("*.html"))
    return [page for page in pages if not page.startswith("playground/")]


def test_pages_fit_and_nothing_is_amiss(site: Path, address: str, tab: Browser) -> None:
    found: list[object] = []
    for page in all_pages(site):
        tab.show(DESK)
        tab.open(address + page)
        found += tab.complaints()
        found += [url for url in tab.requests() if not url.startswith((address, "data:"))]
        found += tab.evaluate("[...document.images].filter(i => i.complete && !i.naturalWidth).map(i => i.src)")
        tab.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        for width in (DESK, PHONE):
            for dark in (False, True):
                tab.show(width, dark=dark)
                if (int(tab.evaluate(SHADE)) < 64) != dark:
                    found.append(f"{page} has the wrong colours, dark: {dark}")
            checks = {"page": f"[{WIDE}].filter(Boolean)", "code": SCROLLED_CODE, "table": BROKEN_WORDS}
            for what, script in checks.items():
                found += [f"{page} at {width} pixels, {what}: {each}" for each in tab.evaluate(script)]
    assert not found, "\n".join(map(str, found))


TABLE = """
document.body.innerHTML = `<div class="content" style="width: 300px; overflow-x: auto">
<table style="width: 60px; table-layout: fixed; overflow-wrap: anywhere"><td>unbreakable</td><td>a b</td></table>
<div class="highlight-python"><div class="highlight" style="width: 100px"><pre style="white-space: pre; overflow: auto">
${'wide '.repeat(50)}</pre></div></div><div style="width: 400px">wide</div></div>`
"""


def test_what_does_not_fit_is_found(address: str, tab: Browser) -> None:
    tab.show(PHONE)
    tab.open(address + "genindex.html")
    assert not tab.evaluate(WIDE)
    tab.evaluate(TABLE)
    assert tab.evaluate(WIDE)
    assert len(tab.evaluate(SCROLLED_CODE)) == 1
    assert tab.evaluate(BROKEN_WORDS) == ["unbreakable"]


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_mathematics_is_drawn_with_its_font(address: str, tab: Browser, width: int) -> None:
    tab.show(width)
    tab.open(address + "learn/gradients.html")
    tab.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
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


SEARCHED = {
    "Momentum": "reference/optimizers.html#minidl.Momentum",
    "chain rule": "learn/gradients.html",
    "overfitting": "learn/",
    "freeze": "learn/",
    "imbalance": "learn/",
    "saliency": "learn/",
    "regularization": "learn/",
}
"""Words that readers search for, and where at least one of the results leads."""


@pytest.mark.parametrize("words", SEARCHED)
def test_search_finds(address: str, tab: Browser, words: str) -> None:
    tab.show(PHONE if words == "chain rule" else DESK)
    tab.open(address + "search.html?q=" + words.replace(" ", "+"))
    links = "[...document.querySelectorAll('#search-results ul.search li a')]"
    tab.wait_for(f"{links}.some(a => a.href.includes({SEARCHED[words]!r}))")
    assert tab.complaints() == []


def test_the_menu_of_a_phone_opens(address: str, tab: Browser) -> None:
    tab.show(PHONE)
    tab.open(address + "index.html")
    left = "document.querySelector('.sidebar-drawer').getBoundingClientRect().left"
    assert tab.evaluate(left) < 0
    tab.evaluate("document.querySelector('.mobile-header label[for=__navigation]').click()")
    tab.wait_for(f"{left} >= 0")
    tab.wait_for("document.querySelector('.sidebar-drawer a[href*=\"learn/start\"]').getClientRects().length")


COPY_ALL = """
(async () => {
    const copied = []
    document.addEventListener('copy', () => copied.push(
        document.activeElement.value?.slice(document.activeElement.selectionStart, document.activeElement.selectionEnd)
        ?? getSelection().toString()))
    for (const button of document.querySelectorAll('.highlight-python button.copybtn')) {
        button.click()
        await new Promise(done => setTimeout(done))
    }
    return copied
})()
"""


@pytest.mark.parametrize("page", ["start", "descent", "training", "images"])
def test_buttons_copy_code_without_prompts_and_results(address: str, tab: Browser, page: str) -> None:
    tab.show(DESK)
    tab.open(f"{address}learn/{page}.html")
    tab.wait_for("document.querySelectorAll('.highlight-python button.copybtn').length")
    copied = tab.evaluate(COPY_ALL)
    shown = tab.evaluate("[...document.querySelectorAll('.highlight-python pre')].map(pre => pre.innerText)")
    assert len(copied) == len(shown) > 5
    for text, original in zip(copied, shown, strict=True):
        assert ">>>" not in text
        compile(text, page, "exec")  # a result among the code would hardly be valid Python
        commands = [line[4:].rstrip() for line in original.splitlines() if line.startswith((">>>", "..."))]
        if commands:
            assert [line.rstrip() for line in text.splitlines()] == commands


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_solutions_are_hidden_until_they_are_clicked(address: str, tab: Browser, chapter: str) -> None:
    tab.show(PHONE, dark=True)
    tab.open(f"{address}learn/{chapter}.html")
    visible = "[...document.querySelectorAll('details.solution pre')].filter(pre => pre.checkVisibility()).length"
    assert tab.evaluate("document.querySelectorAll('details.solution').length") >= 3
    assert tab.evaluate(visible) == 0
    tab.evaluate("document.querySelectorAll('details.solution summary').forEach(summary => summary.click())")
    assert tab.evaluate(visible) >= 3
