"""README's first program prints what stands below it, and its commands exist."""

import contextlib
import io
import re

import pytest

from tests.docs.conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def test_the_program_prints_what_stands_below_it() -> None:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(blocks("python")[0], "README.md", "exec"), {})
    assert printed.getvalue() == blocks("text")[0]


def test_the_program_is_short() -> None:
    lines = blocks("python")[0].splitlines()
    assert len(lines) <= 15
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("target", sorted(set(re.findall(r"`make ([a-z]+)", README))))
def test_the_commands_exist(target: str) -> None:
    assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE)


@pytest.mark.parametrize("part", ["opening", "purpose"])
def test_the_landing_page_includes_what_readme_marks(part: str) -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    for marker in (f"<!-- {part}: begin -->", f"<!-- {part}: end -->"):
        assert README.count(marker) == index.count(marker) == 1
