"""Every chapter ends in three exercises, and each solution runs by itself and shows what the page says."""

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.docs.exercises import CHAPTERS, FOLDER, LEARN, Exercise, exercises
from tests.docs.test_snippets import SNIPPET, run

ALL = [(chapter, exercise) for chapter in CHAPTERS for exercise in exercises(FOLDER / f"{chapter}.md")]
IDS = [f"{chapter}-{exercise.number}" for chapter, exercise in ALL]
INCLUDED = "\n```{{include}} exercises/{}.md\n```\n"
RESULT = re.compile(r"^(?:>>> .*\n(?:\.\.\. .*\n)*(?!>>>|\.\.\. |```).+|assert .+)$", re.MULTILINE)


def run_solution(chapter: str, exercise: Exercise, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run all code of a solution in a new module, as if it had been copied into a file."""
    module = ModuleType(f"{chapter}_{exercise.number}")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    for code in SNIPPET.finditer(exercise.solution):
        line = exercise.line + exercise.solution[: code.start(2)].count("\n")
        run(code[2], vars(module), FOLDER / f"{chapter}.md", line)


@pytest.mark.parametrize(("chapter", "exercise"), ALL, ids=IDS)
def test_solution_runs(chapter: str, exercise: Exercise, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run_solution(chapter, exercise, monkeypatch)


@pytest.mark.parametrize("exercise", [each for _, each in ALL], ids=IDS)
def test_solution_shows_a_result(exercise: Exercise) -> None:
    assert RESULT.search(exercise.solution), "nothing in this solution can fail"
    assert len(exercise.task.split()) >= 15


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_ends_in_three_exercises(chapter: str) -> None:
    assert [each.number for each in exercises(FOLDER / f"{chapter}.md")] == [1, 2, 3]
    page = (LEARN / f"{chapter}.md").read_text(encoding="utf-8")
    assert page.count("{include} exercises/") == 1
    assert page.endswith(INCLUDED.format(chapter))


def test_no_exercises_are_left_out() -> None:
    assert sorted(path.stem for path in FOLDER.iterdir()) == sorted(CHAPTERS)


GOOD = '**1. A sum.** What is 1 + 1?\n\n<details class="solution">\n<summary>Solution</summary>\n\nTwo.\n\n</details>\n'


def test_an_exercise_without_a_solution_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(GOOD + "\n**2. Another.** And 2 + 2?\n", encoding="utf-8")
    with pytest.raises(AssertionError, match="exercise 2: 0 solutions"):
        exercises(page)


def test_an_exercise_has_its_parts_and_its_line(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("## Exercises\n\n" + GOOD, encoding="utf-8")
    assert exercises(page) == [Exercise(1, "A sum.", "What is 1 + 1?", "Two.\n\n", line=7)]


def test_a_wrong_solution_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = "```python\n>>> 1 + 1\n3\n```\n"
    assert RESULT.search(wrong)
    with pytest.raises(AssertionError, match="Expected"):
        run_solution("start", Exercise(1, "", "", wrong, 0), monkeypatch)


SILENT = [">>> x = 1\n>>> y = 2\n", ">>> for x in ():\n...     y = x\n", "x = 1\n"]


@pytest.mark.parametrize("solution", ["Two.\n", *(f"```python\n{code}```\n" for code in SILENT)])
def test_a_solution_without_a_result_is_found(solution: str) -> None:
    assert not RESULT.search(solution)
