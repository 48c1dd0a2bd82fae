"""Links between README, the pages and files of the repository lead somewhere; pictures in it are small."""

import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.docs.conftest import DOCS, GENERATED, PAGES, ROOT

CODE = re.compile(r"^(```+|~~~+).*?^\1\s*$|`[^`\n]+`", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\[(?:[^\]\[]|\[[^\]]*\])*\]\(<?([^)\s>]+)>?\)")
HEADING = re.compile(r"^#+ (.+?)#*$", re.MULTILINE)


def links(page: Path) -> list[str]:
    """The targets of links and pictures, without those in code."""
    return LINK.findall(CODE.sub("", page.read_text(encoding="utf-8")))


def anchors(page: Path) -> set[str]:
    """The names by which headings are linked to."""
    text = re.sub(r"^```.*?^```\s*$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    titles = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).strip().lower() for title in HEADING.findall(text))
    return {re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in titles}


def broken(page: Path) -> list[str]:
    """The links of a page that lead nowhere; those into the network are not followed."""
    wrong, text = [], page.read_text(encoding="utf-8")
    for link in links(page):
        place, _, anchor = unquote(link).partition("#")
        if re.match(r"[a-z]+:", place):
            continue
        target = (page.parent / place).resolve() if place else page
        if target.is_relative_to(DOCS) and target.relative_to(DOCS).parts[:1] in [(name,) for name in GENERATED]:
            continue  # the build of the site checks it
        if target.suffix == ".gif" and f'"{place}"' in text:
            continue  # the page has the code that writes it
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            wrong.append(link)
    return wrong


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    assert broken(page) == []


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# The `one` way\n\n[a](#the-one-way) [b](#two) [c](page.md) [d](no.md) ![e](no.png) `[f](g)`\n")
    assert broken(page) == ["#two", "no.md", "no.png"]


@pytest.mark.parametrize("picture", sorted((DOCS / "images").iterdir()), ids=lambda path: path.name)
def test_pictures_are_small(picture: Path) -> None:
    assert picture.stat().st_size < 300_000
