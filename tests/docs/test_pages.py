"""The form of the pages: code of at most 80 columns, and words for every picture."""

from pathlib import Path

import pytest

from tests.docs.conftest import DOCS, PAGES, ROOT
from tests.docs.pages import Block, blocks, pictures, prose

COLUMNS = 80
PRINTED = DOCS / "assignment.md"
"""It shows what the demos print, in tables that are wider."""


def wide(page: Path, text: str) -> list[str]:
    """The lines of code that do not fit, with the number of each line."""
    return [
        f"{page.name}:{number}: {len(line)} columns: {line}"
        for block in blocks(text)
        if not (page == PRINTED and block.kind == "text")
        for number, line in enumerate(block.lines, block.first)
        if len(line) > COLUMNS
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_code_fits(page: Path) -> None:
    found = wide(page, page.read_text(encoding="utf-8"))
    assert not found, "\n".join(found)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_pictures_have_more_than_three_words(page: Path) -> None:
    found = [picture for picture in pictures(page.read_text(encoding="utf-8")) if len(picture[0].split()) <= 3]
    assert not found


PAGE = """# A page

![A line](line.png) and <img src="a.gif" alt="Four words, at least">

```{plot}
:alt: Two bars, and a line that is longer than all of the code and so has more than eighty columns
:include-source: true

x = 1
```

```{plot}
:include-source: false

hidden = 1
```

```{plot}
:nofigs:
:include-source: false

writes = "movie.gif"
```

- an item

  ```sh
  make test
  ```
"""


def test_a_page_is_cut_into_blocks_and_pictures() -> None:
    assert list(blocks(PAGE)) == [Block("{plot}", ["", "", "", "x = 1"], 6), Block("sh", ["  make test"], 28)]
    assert [words.split(",")[0] for words, _ in pictures(PAGE)] == ["A line", "Four words", "Two bars", ""]
    assert prose(PAGE).count("\n") == PAGE.count("\n")


def test_wide_code_is_found() -> None:
    page = f"```python\nx = {'1' * 80}\n```\n"
    assert [found.split(": ")[:2] for found in wide(DOCS / "page.md", page)] == [["page.md:2", "84 columns"]]
    assert wide(DOCS / "page.md", page.replace("1" * 80, "1" * 76)) == []
    printed = page.replace("python", "text")
    assert wide(DOCS / "page.md", printed)
    assert wide(PRINTED, printed) == []
