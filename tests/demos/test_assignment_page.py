"""docs/assignment.md quotes what the demos print."""

import math
import re

import pytest
from PIL import Image

from tests.demos.conftest import ROOT, Demo, of_demo
from tests.demos.test_demos import ITEMS, PICTURES

pytestmark = pytest.mark.slow

PAGE = (ROOT / "docs" / "assignment.md").read_text(encoding="utf-8")
PARTS = re.split(r"^(?=## Q)", PAGE, flags=re.MULTILINE)[1:]
BLOCKS = {
    name: re.findall(r"^```text\n(.*?)^```$", part, re.DOTALL | re.MULTILINE)
    for name, part in zip(ITEMS, PARTS, strict=True)
}
"""What the page quotes of each demo."""
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")


# In thousands of trainings another machine's rounding may decide one or two otherwise.
EXACT, STUDY = {"rel_tol": 1e-3, "abs_tol": 1e-4}, {"rel_tol": 0.1, "abs_tol": 1.0}


def agree(quoted: str, printed: str, tolerance: dict[str, float] = EXACT) -> bool:
    """Whether two lines have the same words, and numbers that differ by rounding at most."""
    if NUMBER.sub("#", quoted).split() != NUMBER.sub("#", printed).split():
        return False
    pairs = zip(NUMBER.findall(quoted), NUMBER.findall(printed), strict=True)
    return all(math.isclose(float(a), float(b), **tolerance) for a, b in pairs)


def contains(printed: str, block: str, tolerance: dict[str, float]) -> bool:
    """Whether the lines of a block stand one after the other in what was printed."""
    wanted, lines = block.splitlines(), printed.splitlines()
    windows = (lines[start : start + len(wanted)] for start in range(len(lines) - len(wanted) + 1))
    return any(all(map(agree, wanted, window, [tolerance] * len(wanted))) for window in windows)


@of_demo(*ITEMS)
def test_numbers_on_the_page_are_what_the_demo_prints(demo: Demo) -> None:
    for block in BLOCKS[demo.name]:
        tolerance = STUDY if "seeds" in block else EXACT
        assert contains(demo.text, block, tolerance), (
            f"demos/{demo.name}.py does not print this; run it and copy what it prints:\n{block}"
        )


def test_every_block_of_the_page_belongs_to_a_question() -> None:
    assert all(BLOCKS.values())
    assert sum(map(len, BLOCKS.values())) == PAGE.count("\n```text\n")


def test_the_comparison_notices_a_wrong_number() -> None:
    line = "(1, 1)      lr 0.001           blew up        293     -114.3"
    assert agree(line, "   " + line)
    assert agree(line, line.replace("-114.3", "-114.32"))
    assert not agree(line, line.replace("-114.3", "-115.3"))
    assert not agree(line, line.replace("blew up", "cycle"))


def test_every_item_is_answered() -> None:
    for items in ITEMS.values():
        for item in items:
            assert f"**{item}**" in PAGE


def test_pictures_on_the_page_are_small_and_the_demos_draw_them() -> None:
    shown = re.findall(r"!\[[^\]]+\]\(images/([^)]+)\)", PAGE)
    drawn = [picture for pictures in PICTURES.values() for picture in pictures]
    assert sorted(shown) == sorted(drawn)
    for picture in shown:
        path = ROOT / "docs" / "images" / picture
        assert path.stat().st_size < 300_000, f"{picture} is too large for the page"
        with Image.open(path) as image:
            image.verify()
