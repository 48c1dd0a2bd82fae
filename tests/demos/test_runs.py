"""Recorded runs of demos: what is kept, and when it is no longer valid."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.demos.conftest import demo_runs

DEMO = """\
import sys
from pathlib import Path

folder = Path(sys.argv[-1])
folder.mkdir(exist_ok=True)
(folder / "picture.png").write_text("drawn")
with open("count.txt", "a") as file:
    file.write("run ")
print("ä result")
{more}
if __name__ == "__main__":
    pass
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project with one demo, and the folder where its runs are kept."""
    monkeypatch.setattr(demo_runs, "ROOT", tmp_path)
    monkeypatch.setattr(demo_runs, "RECORDS", tmp_path / "runs")
    demo_runs.shared.cache_clear()
    (tmp_path / "demos").mkdir()
    write(tmp_path, "")
    yield tmp_path
    demo_runs.shared.cache_clear()


def write(folder: Path, more: str) -> None:
    (folder / "demos" / "small.py").write_text(DEMO.format(more=more), encoding="utf-8")


def times(folder: Path) -> int:
    return (folder / "runs" / "count.txt").read_text().count("run")


def test_a_run_is_kept_with_its_pictures(folder: Path) -> None:
    assert demo_runs.recorded("small") is None
    first = demo_runs.record("small")
    assert (first.text, first.errors, first.status) == ("ä result\n", "", 0)
    assert demo_runs.record("small") == demo_runs.recorded("small") == first
    assert (first.folder / "picture.png").read_text() == "drawn"
    assert times(folder) == 1


@pytest.mark.parametrize("changed", ["demos/small.py", "demos/helper.py", "minidl/layers/dense.py", "minidl/data.csv"])
def test_a_run_is_no_longer_valid_after_a_change(folder: Path, changed: str) -> None:
    demo_runs.record("small")
    path = folder / changed
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(path.read_text(encoding="utf-8") + "x = 1\n" if path.exists() else "y = 2\n", encoding="utf-8")
    demo_runs.shared.cache_clear()
    assert demo_runs.recorded("small") is None
    demo_runs.record("small")
    assert times(folder) == 2


@pytest.mark.parametrize(
    ("more", "status", "words"),
    [
        ("raise SystemExit(3)", 3, ""),
        ("import warnings; warnings.warn('old')", 1, "UserWarning: old"),
        ("print('oops', file=sys.stderr)", 0, "oops"),
    ],
)
def test_a_run_that_fails_is_not_kept(folder: Path, more: str, status: int, words: str) -> None:
    write(folder, more)
    failed = demo_runs.record("small")
    assert failed.status == status
    assert words in failed.errors
    assert demo_runs.recorded("small") is None


def test_pictures_of_an_older_run_are_removed(folder: Path) -> None:
    (demo_runs.record("small").folder / "old.png").write_text("old")
    write(folder, "x = 1")
    assert [path.name for path in demo_runs.record("small").folder.iterdir()] == ["picture.png"]


def test_several_demos_are_recorded_at_once(folder: Path) -> None:
    (folder / "demos" / "other.py").write_text(DEMO.format(more="print('more')"), encoding="utf-8")
    runs = demo_runs.start(["small", "other"])
    assert [run.result().text for run in runs.values()] == ["ä result\n", "ä result\nmore\n"]
    assert demo_runs.recorded("other") == runs["other"].result()
