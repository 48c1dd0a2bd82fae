"""What prepares Python for the browser works at home as well."""

import io
import linecache
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from minidl.playground.browser import MatplotlibFinder, flush_lines, forget_sources

PROGRAM = """
import linecache, sys
sys.path.insert(0, {package!r})
from minidl.playground.browser import MatplotlibFinder, flush_lines, forget_sources

sys.path[:] = [folder for folder in sys.path if "site-packages" not in folder]  # another Matplotlib may be there
sys.meta_path.insert(0, MatplotlibFinder({archive!r}, {folder!r}))
flush_lines()
import json.tool
assert {archive!r} not in sys.path
import PIL
assert PIL.NAME == "PIL", PIL
import matplotlib
import matplotlib.part
print(open(matplotlib.DATA + "/style").read(), matplotlib.part.NAME, "✓")
forget_sources()
"""


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A zip file with what a small Matplotlib consists of."""
    archive = tmp_path / "matplotlib.zip"
    with ZipFile(tmp_path / "mpl-data.zip", "w") as data:
        data.writestr("style", "the style")
    with ZipFile(archive, "w") as target:
        target.writestr("matplotlib/__init__.py", "import os; DATA = os.path.dirname(__file__) + '/mpl-data'")
        target.writestr("matplotlib/part.py", "NAME = __name__")
        target.writestr("PIL/__init__.py", "NAME = __name__")
        target.write(tmp_path / "mpl-data.zip", "matplotlib/mpl-data.zip")
    return archive


def test_matplotlib_is_imported_with_its_data(archive: Path, tmp_path: Path) -> None:
    package = str(Path(__file__).parents[2])
    program = PROGRAM.format(package=package, archive=str(archive), folder=str(tmp_path / "data"))
    command = [sys.executable, "-I", "-c", program]
    run = subprocess.run(command, capture_output=True, encoding="utf-8", env={"PYTHONIOENCODING": "ascii"})
    assert (run.stdout, run.stderr) == ("the style matplotlib.part ✓\n", "")


def test_only_its_own_names_are_found(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    finder = MatplotlibFinder(str(archive), str(tmp_path / "data"))
    assert finder.find_spec("json") is None
    assert finder.find_spec("matplotlibrary") is None
    assert str(archive) not in sys.path
    assert finder.find_spec("matplotlib.pyplot") is None  # found by Python in the path
    spec = finder.find_spec("matplotlib")
    assert spec is not None
    assert spec.origin == f"{tmp_path}/data/__init__.py"
    assert (tmp_path / "data" / "mpl-data" / "style").read_text() == "the style"
    assert sys.path.count(str(archive)) == 1


def test_sources_of_turns_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[object] = []
    monkeypatch.setattr(linecache, "_register_code", lambda *code: kept.append(code), raising=False)
    forget_sources()
    vars(linecache)["_register_code"](None, "x = 1", "<turn 1>")
    assert kept == []


def test_an_interpreter_that_keeps_no_sources_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(linecache, "_register_code", raising=False)
    forget_sources()
    assert not hasattr(linecache, "_register_code")


def test_each_line_appears_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    monkeypatch.setattr(sys, "stderr", io.StringIO())  # it cannot be set up, and need not be
    flush_lines()
    print("∂ \ud800")
    assert raw.getvalue() == "∂ \\ud800\n".encode()
