"""The text in the package: the same on every system, small, and with its source."""

import hashlib
from pathlib import Path

import minidl
from minidl import load_text

FOLDER = Path(minidl.__file__).parent / "datasets"


def test_the_text_is_the_same_everywhere() -> None:
    """It is read in text mode, so the newlines are one character each on every system."""
    text = load_text()
    digest = hashlib.sha256(text.encode("ascii")).hexdigest()
    assert digest == "8061549557aebd2fd6e353d18d9197cb707029112bd52d4d8b174583a925848a"
    assert "\r" not in text
    assert text.rstrip().endswith("Finis")


def test_the_file_is_small_and_says_where_it_is_from() -> None:
    assert (FOLDER / "persuasion.txt").stat().st_size < 500_000
    notice = (FOLDER / "persuasion_license.txt").read_text(encoding="utf-8")
    for words in ("Jane Austen", "public domain", "janeaustenr 1.0.0", "Julia Silge", "Project Gutenberg"):
        assert words in notice
