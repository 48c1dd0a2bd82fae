"""The spelling of pages, code and tests: codespell's list of mistakes, and for pages one spelling of each word."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.conftest import PAGES, ROOT
from tests.docs.pages import prose

WHERE = ("README.md", "CHANGELOG.md", "Makefile", "docs", "demos", "minidl", "tests")

SPELLINGS = """
analyze->analyse
behavior->behaviour
behaviors->behaviours
center->centre
centered->centred
color->colour
colors->colours
favor->favour
gray->grey
initialise->initialize
initialised->initialized
labeled->labelled
minimise->minimize
minimised->minimized
minimises->minimizes
modeling->modelling
neighbor->neighbour
neighboring->neighbouring
neighbors->neighbours
normalise->normalize
normalised->normalized
normalises->normalizes
optimise->optimize
optimised->optimized
recognise->recognize
recognises->recognizes
summarise->summarize
summarises->summarizes
"""
"""British words, with -ize. In code, such words are names that others have chosen."""


def mistakes(*arguments: str, folder: Path = ROOT) -> list[str]:
    """The lines that codespell prints. It reads its settings from pyproject.toml in its folder."""
    command = [sys.executable, "-m", "codespell_lib", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", check=False)
    assert not done.stderr, done.stderr
    return done.stdout.splitlines()


def test_nothing_is_misspelt() -> None:
    found = mistakes(*WHERE)
    assert not found, "\n".join(found)


def test_pages_spell_each_word_in_one_way(tmp_path: Path) -> None:
    own = tmp_path / "spellings.txt"
    own.write_text(SPELLINGS.lstrip(), encoding="utf-8")
    for page in PAGES:
        name = page.relative_to(ROOT).as_posix().replace("/", " ")
        (tmp_path / name).write_text(prose(page.read_text(encoding="utf-8")), encoding="utf-8")
    found = mistakes("-D", str(own), "--skip", own.name, ".", folder=tmp_path)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("text", ["It is d|efinately wrong.", "x = 1  # the sum, w|ich is one"])
def test_a_mistake_is_found(text: str, tmp_path: Path) -> None:
    # The bar keeps this file itself free of mistakes.
    (tmp_path / "page.md").write_text(text.replace("|", ""), encoding="utf-8")
    [line] = mistakes("page.md", folder=tmp_path)
    assert re.match(r"\.?/?page\.md:1: \w+ ==> ", line)


def test_code_may_spell_as_it_must() -> None:
    page = "The colour is `color`.\n\n```python\nplot(color='grey')\n```\n\n![A grey line](color.png)\n"
    assert prose(page).split() == ["The", "colour", "is", ".", "![A", "grey", "line]"]
