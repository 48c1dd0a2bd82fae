"""The exercises at the end of the chapters: files of their own, which the pages include, with hidden solutions."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from tests.docs.conftest import DOCS

LEARN = DOCS / "learn"
FOLDER = LEARN / "exercises"
CHAPTERS = ["start", "computes", "gradients", "descent", "xor", "training", "diagnosis", "extend", "images", "branches"]
CHAPTERS += ["sequences", "recipes", "parallel", "speed"]
"""The pages that teach. The others look something up, or describe the project."""

EXERCISE = re.compile(r"^\*\*(\d+)\. (.+?)\*\* ", re.MULTILINE)
OPENING = '<details class="solution">\n<summary>Solution</summary>\n\n'
SOLUTION = re.compile(re.escape(OPENING) + r"(.*?)^</details>$", re.DOTALL | re.MULTILINE)


class Exercise(NamedTuple):
    """One exercise: its number and title, what it asks, its solution, and the line where the solution begins."""

    number: int
    title: str
    task: str
    solution: str
    line: int


def exercises(path: Path) -> list[Exercise]:
    """All exercises of a file. One without exactly one solution is an error."""
    text = path.read_text(encoding="utf-8")
    starts = list(EXERCISE.finditer(text))
    ends = [start.start() for start in starts[1:]] + [len(text)]
    found = []
    for start, end in zip(starts, ends, strict=True):
        body = text[start.end() : end]
        solutions = list(SOLUTION.finditer(body))
        assert len(solutions) == 1, f"{path.name}, exercise {start[1]}: {len(solutions)} solutions"
        task, line = body[: solutions[0].start()].strip(), text[: start.end() + solutions[0].start(1)].count("\n")
        found.append(Exercise(int(start[1]), start[2], task, solutions[0][1], line))
    return found
