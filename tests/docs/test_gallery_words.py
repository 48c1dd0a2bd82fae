"""The gallery has a caption and a paragraph for every picture that a demo draws."""

import re
import tomllib

import pytest

from tests.docs.conftest import DOCS

WORDS = tomllib.loads((DOCS / "_ext" / "pictures.toml").read_text(encoding="utf-8"))
SOURCES = [path.read_text(encoding="utf-8") for path in sorted((DOCS.parent / "demos").glob("*.py"))]


def test_there_are_words_for_every_picture_and_no_others() -> None:
    drawn = {name for source in SOURCES for name in re.findall(r'"(\w+\.(?:png|gif))"', source)}
    assert sorted(WORDS) == sorted(drawn)


@pytest.mark.parametrize("name", WORDS)
def test_words_are_short_and_plain(name: str) -> None:
    caption, see = WORDS[name]["caption"], " ".join(WORDS[name]["see"].split())
    assert len(caption) < 80
    assert not caption.endswith(".")
    assert see.endswith(".")
    longest = max(re.split(r"(?<=[.:])\s", see), key=lambda sentence: len(sentence.split()))
    assert len(longest.split()) <= 25, longest
