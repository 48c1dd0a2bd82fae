"""The pages of recipes and of bridges: scripts of their own, with what they print."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from tests.docs.conftest import DOCS, ROOT

PAGE = DOCS / "learn" / "recipes.md"
COMPANY = DOCS / "learn" / "company.md"
OPTIONAL = ("pandas", "polars")
"""Packages that some of the recipes need. The test of those is among the tests of the integrations."""

TITLE = re.compile(r"^## (.+)$", re.MULTILINE)
SCRIPT = re.compile(r"^```(?:python|\{plot\})\n(?::[^\n]+\n)*(.*?)^```$", re.DOTALL | re.MULTILINE)
OUTPUT = re.compile(r"^```text\n(.*?)^```$", re.DOTALL | re.MULTILINE)


class Recipe(NamedTuple):
    """A section of the page."""

    title: str
    code: str
    output: str

    @property
    def packages(self) -> list[str]:
        """The optional packages that it imports."""
        return [name for name in OPTIONAL if re.search(rf"^(?:import|from) {name}\b", self.code, re.MULTILINE)]

    @property
    def lines(self) -> int:
        """How many lines of code it has."""
        return sum(bool(line.strip()) for line in self.code.splitlines())


def recipes(page: Path = PAGE) -> list[Recipe]:
    """All recipes of a page. A section without exactly one script and one output is an error."""
    _, *parts = TITLE.split(page.read_text(encoding="utf-8"))
    found = []
    for title, text in zip(parts[::2], parts[1::2], strict=True):
        [code], [output] = SCRIPT.findall(text), OUTPUT.findall(text)
        found.append(Recipe(title, code, output))
    return found


def run(recipe: Recipe, folder: Path) -> str:
    """Run a recipe as a reader would, as a file, and return what it printed. Warnings are errors."""
    script = folder / "recipe.py"
    script.write_text(recipe.code, encoding="utf-8")
    surroundings = {**os.environ, "MPLBACKEND": "agg", "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, str(script)]
    done = subprocess.run(command, cwd=folder, env=surroundings, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr, done.stderr
    return done.stdout
