"""The built site: nothing comes from elsewhere, every link leads somewhere, and it holds what it should."""

import re
import zlib
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urljoin

import pytest

from tests.docs.conftest import DOCS, ROOT
from tests.docs.test_reference import public_names

# Attributes by which a page fetches something, as opposed to links that a reader follows.
FETCHED = {("img", "src"), ("script", "src"), ("link", "href"), ("source", "src"), ("iframe", "src"), ("video", "src")}
ADDRESS = r"[\"'`]?((?:https?:)?//[^\"'`)\s]+)"
# An address in a comment or a message is no request; these words in front of one are.
STYLE = re.compile(rf"(?:url\(|@import)\s*{ADDRESS}")
SCRIPT = re.compile(rf"(?:fetch\(|import\(|importScripts\(|\.src\s*=|\.open\(\"GET\",)\s*{ADDRESS}")
DEMOS = sorted(path.stem for path in (ROOT / "demos").glob("*.py") if "__main__" in path.read_text(encoding="utf-8"))


class Page(NamedTuple):
    """What a page of the site has: names to link to, links, what it fetches, and how many formulas."""

    names: set[str]
    links: list[str]
    fetched: list[str]
    formulas: int
    pictures: list[tuple[str, str]]


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page(set(), [], [], 0, [])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        page, values = self.page, {name: value or "" for name, value in attrs}
        page.names.update(values[name] for name in ("id", "name") if name in values)
        if tag == "a" and "href" in values:
            page.links.append(values["href"])
        if tag == "math":
            self.page = page._replace(formulas=page.formulas + 1)
        if tag == "img":
            page.pictures.append((values["src"], values.get("alt", "")))
        page.fetched.extend(value for name, value in values.items() if (tag, name) in FETCHED)


@cache
def pages(site: Path) -> dict[str, Page]:
    found = {}
    for path in sorted(site.rglob("*.html")):
        reader = Reader()
        reader.feed(path.read_text(encoding="utf-8"))
        found[path.relative_to(site).as_posix()] = reader.page
    return found


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    wrong = []
    for name, page in pages(site).items():
        for address in page.fetched:
            target = site / urljoin(name, unquote(address.partition("?")[0].partition("#")[0]))
            if re.match(r"(?!data:)[a-z]+:|//", address) or not (address.startswith("data:") or target.exists()):
                wrong.append((name, address))
    assert wrong == []


def test_styles_and_scripts_fetch_nothing_from_elsewhere(site: Path) -> None:
    wrong = []
    for pattern, kinds in ((STYLE, (".css", ".html")), (SCRIPT, (".js", ".html"))):
        for path in (path for path in site.rglob("*") if path.suffix in kinds):
            wrong += [(path.name, address) for address in pattern.findall(path.read_text(encoding="utf-8"))]
    assert wrong == []


@pytest.mark.parametrize(
    "text", ["@import url(https://a.b/c.css)", "src: url('//a.b/c.woff')", "@import 'https://a.b'"]
)
def test_a_foreign_style_is_found(text: str) -> None:
    assert STYLE.findall(text)


@pytest.mark.parametrize("text", ["fetch('https://a.b/c')", 'script.src = "//a.b/c.js"', "import(`https://a.b/c.js`)"])
def test_a_foreign_script_is_found(text: str) -> None:
    assert SCRIPT.findall(text)


def test_links_lead_somewhere(site: Path) -> None:
    found = pages(site)
    wrong = []
    for name, page in found.items():
        for link in page.links:
            place, _, anchor = unquote(link).partition("#")
            if re.match(r"[a-z]+:", place):
                continue
            target = urljoin(name, place) if place else name
            there = (site / target).exists()
            if target.startswith("playground/"):
                anchor = ""  # what follows names a preset, not a place in the page
            if not there or (anchor and target in found and anchor not in found[target].names):
                wrong.append((name, link))
    assert wrong == []


def test_every_picture_has_more_than_three_words(site: Path) -> None:
    shown = [(name, src, alt) for name, page in pages(site).items() for src, alt in page.pictures]
    # Words would only repeat the title below the small pictures of the gallery.
    assert [(name, src) for name, src, alt in shown if len(alt.split()) <= 3 and "_thumb." not in src] == []


def test_mathematics_is_there_before_any_script_runs(site: Path) -> None:
    assert sum(page.formulas for page in pages(site).values()) >= 50
    for name in pages(site):
        text = re.sub(r"<(pre|code|script)\b.*?</\1>", "", (site / name).read_text(encoding="utf-8"), flags=re.DOTALL)
        assert not re.search(r"\\(?:frac|sum|partial|begin)\b", text), f"{name} shows LaTeX"
    font = site / "_static" / "stix-two-math.woff"
    assert 100_000 < font.stat().st_size < 500_000


def test_every_public_name_can_be_linked_to(site: Path) -> None:
    inventory = (site / "objects.inv").read_bytes().split(b"\n", 4)
    names = {line.split(" ")[0] for line in zlib.decompress(inventory[4]).decode().splitlines()}
    assert [name for name in public_names() if name not in names] == []


@pytest.mark.parametrize("demo", DEMOS)
def test_the_gallery_shows_what_a_demo_printed_and_drew(site: Path, demo: str) -> None:
    page, text = pages(site)[f"gallery/{demo}.html"], (site / "gallery" / f"{demo}.html").read_text(encoding="utf-8")
    drawn = re.findall(r"picture: (\S+)", text)
    assert len([src for src, _ in page.pictures if f"sphx_glr_{demo}_" in src]) == len(drawn) > 0
    assert re.search(r"Total running time of the script:</strong> \(\d+ minutes [\d.]+ seconds\)", text)
    for suffix in (".py", ".ipynb", ".zip"):
        assert any(link.endswith(f"/{demo}{suffix}") for link in page.links), f"no {demo}{suffix} to download"
    assert f'href="{demo}.html' in (site / "gallery" / "index.html").read_text(encoding="utf-8")


def test_animations_are_small(site: Path) -> None:
    sizes = {path.name: path.stat().st_size for path in site.rglob("*.gif")}
    assert sizes
    assert max(sizes.values()) < 2_000_000, sizes


def test_every_page_is_built(site: Path) -> None:
    sources = [*DOCS.glob("*.md"), *DOCS.glob("learn/*.md"), *DOCS.glob("reference/*.rst")]
    assert [path.name for path in sources if not (site / path.relative_to(DOCS)).with_suffix(".html").exists()] == []


def test_every_page_leads_to_its_source(site: Path) -> None:
    made = {"genindex.html", "search.html"}  # these have none
    names = [name for name in pages(site) if name not in made and not name.startswith(("_", "playground/"))]
    assert [name for name in names if not any("_sources/" in link for link in pages(site)[name].links)] == []


def test_terms_lead_to_the_glossary(site: Path) -> None:
    chapters = [name for name in pages(site) if re.fullmatch(r"learn/(?!glossary)\w+\.html", name)]
    links = {name: [link for link in pages(site)[name].links if "glossary.html#term-" in link] for name in chapters}
    assert len(chapters) > 15
    assert [name for name, found in links.items() if len(found) < 3 or len(set(found)) < len(found)] == []
