"""Callbacks, stops and files of runs on several ranks."""

import csv
from pathlib import Path

import pytest

from tests.integrations.mpi_ranks import Ended, end, run, start
from tests.integrations.packages import real

real("mpi4py")

PROGRAMS = "tests.integrations.mpi_runs"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ended]:
    """A run of four epochs on two ranks, with its files."""
    folder = tmp_path_factory.mktemp("whole")
    return folder, end(start(2, f"{PROGRAMS}:uninterrupted", folder, str(folder)), folder)


def test_callbacks_that_decide_do_so_alike_on_all_ranks(whole: tuple[Path, Ended]) -> None:
    results = whole[1].results
    assert results[0] == results[1]
    assert len(results[0]["loss"]) == 4 * 10


def test_what_writes_does_so_once(whole: tuple[Path, Ended]) -> None:
    folder, ended = whole
    assert ended.errors.count("training: step 40/40") == 1
    assert (folder / "notes").read_text() == "".join(f"epoch {epoch} on rank 0\n" for epoch in range(1, 5))
    with (folder / "log.csv").open() as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["1", "2", "3", "4"]
    assert len(list(folder.glob("run*.npz"))) == 3


@pytest.mark.parametrize(
    ("kind", "steps", "reason"),
    [("stop", 17, "rank 1 has seen enough"), ("interrupt", 18, "interrupted by Ctrl-C")],
    ids=["stop", "interrupt"],
)
def test_a_run_that_one_rank_stops_resumes_to_the_same_bits(
    kind: str, steps: int, reason: str, whole: tuple[Path, Ended], tmp_path: Path
) -> None:
    # A signal takes effect one step later: its all-reduce tells the other ranks.
    for result in run(2, f"{PROGRAMS}:resumed", tmp_path, str(tmp_path), 17, kind):
        assert len(result["first"]["loss"]) == steps
        assert result["first"]["reason"] == reason
        assert result["second"] == whole[1].results[0]
