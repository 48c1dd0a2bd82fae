"""What prepares Python for the browser works at home as well."""

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

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


def test_matplotlib_is_found_with_its_data(tmp_path: Path) -> None:
    archive, folder = tmp_path / "matplotlib.zip", tmp_path / "data"
    with ZipFile(tmp_path / "mpl-data.zip", "w") as data:
        data.writestr("style", "the style")
    with ZipFile(archive, "w") as target:
        target.writestr("matplotlib/__init__.py", "import os; DATA = os.path.dirname(__file__) + '/mpl-data'")
        target.writestr("matplotlib/part.py", "NAME = __name__")
        target.writestr("PIL/__init__.py", "NAME = __name__")
        target.write(tmp_path / "mpl-data.zip", "matplotlib/mpl-data.zip")
    package = str(Path(__file__).parents[2])
    program = PROGRAM.format(package=package, archive=str(archive), folder=str(folder))
    command = [sys.executable, "-I", "-c", program]
    run = subprocess.run(command, capture_output=True, encoding="utf-8", env={"PYTHONIOENCODING": "ascii"})
    assert (run.stdout, run.stderr) == ("the style matplotlib.part ✓\n", "")


def test_sources_of_turns_are_not_kept() -> None:
    """The interpreter registers them here, if it is new enough."""
    program = (
        "import linecache\n"
        "linecache._register_code = lambda *_: print('kept')\n"
        "from minidl.playground.browser import forget_sources\n"
        "forget_sources()\n"
        "linecache._register_code(None, 'x = 1', '<turn 1>')\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert (run.stdout, run.stderr) == ("", "")
