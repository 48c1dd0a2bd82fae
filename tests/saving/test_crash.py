"""Killed at any moment, a run that saves leaves a file that loads."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_killed_200_times_a_run_ends_as_one_without_a_break() -> None:
    # In a process of its own, since pytest has threads, and forks of threads are not safe.
    command = [sys.executable, "-m", "tests.saving.crash", "--kills", "200"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "kills=200" in run.stdout
    assert "while_writing=0" not in run.stdout  # else no kill came at the moment that matters
