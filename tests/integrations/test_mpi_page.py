"""The programs of the page about more than one process run as it says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integrations.mpi_ranks import MPIRUN, OPTIONS, ROOT
from tests.integrations.packages import real

PAGE = ROOT / "docs" / "learn" / "parallel.md"
ALONE, RANKS = [sys.executable], [str(MPIRUN), *OPTIONS, "-n", "2", sys.executable, "-m", "mpi4py"]


def run_program(text: str, folder: Path, command: list[str], *arguments: str) -> str:
    """Run a program of the page, and return what it prints."""
    (found,) = (code for code in re.findall(r"^```py\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.M) if text in code)
    path = folder / "program.py"
    path.write_text(found, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, str(path), *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("command", [ALONE, RANKS], ids=["one process", "two ranks"])
def test_the_script_runs_alone_and_on_ranks(command: list[str], tmp_path: Path) -> None:
    real("mpi4py")
    printed = run_program("# train.py", tmp_path, command)
    (loss,) = re.findall(r"^\{'loss': (0\.\d+)\}$", printed, re.MULTILINE)
    assert float(loss) < 0.2
    assert (tmp_path / "run.npz").exists()


def test_the_demo_draws_the_same_curve_for_all_ranks(tmp_path: Path) -> None:
    real("mpi4py")
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    command = [*ALONE, str(ROOT / "demos" / "parallel.py"), "--out", str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    found = re.findall(r"^   (one process|\d ranks?) +loss (\S+)   at most (\S+) from one process$", done.stdout, re.M)
    assert [name for name, _, _ in found] == ["one process", "1 rank", "2 ranks", "4 ranks"]
    assert len({loss for _, loss, _ in found}) == 1
    assert all(float(apart) < 1e-12 for _, _, apart in found)
    assert (tmp_path / "parallel.png").exists()


def test_the_sweep_runs_in_a_pool_of_processes(tmp_path: Path) -> None:
    printed = run_program("ProcessPoolExecutor", tmp_path, ALONE)
    scores = dict(line.split(": ") for line in printed.splitlines())
    assert list(scores) == ["0.0003", "0.001", "0.003", "0.01", "0.03"]
    assert all(0 < float(score) < 2.5 for score in scores.values())
