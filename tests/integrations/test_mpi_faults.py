"""What ends one rank ends all of them, soon and with one message."""

import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.integrations.mpi_ranks import Ended, end, run, start
from tests.integrations.packages import real

real("mpi4py")

PROGRAMS, RUNS = "tests.integrations.mpi_faults", "tests.integrations.mpi_runs"
SOON = 10.0
"""Seconds."""


def ended_by_fault(ranks: int, program: str, folder: Path, *arguments: Any) -> Ended:
    """Run until a fault, and check that all ranks end soon after it."""
    ended = end(start(ranks, f"{PROGRAMS}:{program}", folder, str(folder), *arguments), folder)
    took = time.time() - float((folder / "time").read_text())
    assert took < SOON, ended.errors
    assert ended.code != 0
    assert ended.results == {}
    return ended


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("kill", "signal 9"),
        ("exit", "exit"),
        ("quiet exit", "exit"),
        ("exception", "ValueError: this rank has a bug"),
        ("Ctrl-C twice", "KeyboardInterrupt"),
    ],
)
def test_a_fault_on_one_rank_ends_all_and_the_run_resumes_to_the_same_bits(
    kind: str, message: str, tmp_path: Path
) -> None:
    folders = [tmp_path / name for name in ("broken", "whole")]
    for folder in folders:
        folder.mkdir()
    ended = ended_by_fault(2, "broken", folders[0], kind)
    assert message in ended.errors
    resumed = run(2, f"{RUNS}:resumed_after_fault", folders[0], str(folders[0]))
    whole = run(2, f"{RUNS}:uninterrupted", folders[1], str(folders[1]))
    assert resumed[0] == resumed[1] == whole[0]


def test_ctrl_c_at_mpirun_ends_all_and_the_run_resumes_to_the_same_bits(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("broken", "whole")]
    for folder in folders:
        folder.mkdir()
    job = start(2, f"{PROGRAMS}:slow", folders[0], str(folders[0]))
    deadline = time.monotonic() + 60
    while not (folders[0] / "time").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    job.send_signal(signal.SIGINT)
    began = time.monotonic()
    end(job, folders[0])
    assert time.monotonic() - began < SOON
    resumed = run(2, f"{RUNS}:resumed_after_fault", folders[0], str(folders[0]))
    assert resumed == run(2, f"{RUNS}:uninterrupted", folders[1], str(folders[1]))


def test_ctrl_c_outside_of_a_fit_ends_all(tmp_path: Path) -> None:
    assert "KeyboardInterrupt" in ended_by_fault(2, "interrupted_outside", tmp_path).errors


def test_divergence_on_one_rank_ends_all_with_one_message(tmp_path: Path) -> None:
    ended = ended_by_fault(3, "diverged", tmp_path, False)
    assert ended.errors.count("DivergenceError: rank 2: loss or gradient") == 1


def test_a_full_disk_on_rank_0_warns_and_the_run_goes_on(tmp_path: Path) -> None:
    ended = end(start(2, f"{PROGRAMS}:full_disk", tmp_path, str(tmp_path)), tmp_path)
    assert ended.code == 0
    assert ended.errors.count("No space left on device") == 1
    assert ended.results[0] == ended.results[1]
    assert len(ended.results[0]["loss"]) == 40


def test_plain_python_is_warned_of_once(tmp_path: Path) -> None:
    ended = end(start(2, f"{PROGRAMS}:plain", tmp_path, runner=()), tmp_path)
    assert ended.code == 0
    assert ended.errors.count("python -m mpi4py") == 1
    (tmp_path / "0.result").unlink()
    assert "mpi4py" not in end(start(2, f"{PROGRAMS}:plain", tmp_path), tmp_path).errors
