"""All ranks begin, stop and fail together."""

from pathlib import Path

import numpy as np
import pytest

from tests.integrations.mpi_ranks import hows, run

RUNS, FAULTS = "tests.integrations.mpi_runs", "tests.integrations.mpi_faults"


@pytest.fixture(params=hows())
def how(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def test_a_stop_on_one_rank_at_any_event_stops_all_as_it_stops_one_process(how: str, tmp_path: Path) -> None:
    for result in run(3, f"{RUNS}:stops", tmp_path, how=how):
        for event, counts in result.items():
            assert counts["parallel"] == counts["one"], event


@pytest.mark.filterwarnings("ignore:.*that had ended:minidl.MinidlWarning")
def test_callbacks_that_write_do_so_on_one_rank_and_a_stopped_run_resumes(how: str, tmp_path: Path) -> None:
    for name in ("whole", "stopped"):
        (tmp_path / name).mkdir()
    whole = run(2, f"{RUNS}:uninterrupted", tmp_path / "whole", str(tmp_path / "whole"), how=how)
    folder = tmp_path / "stopped"
    for result in run(2, f"{RUNS}:resumed", folder, str(folder), 17, "stop", how=how):
        assert len(result["first"]["loss"]) == 17
        assert result["second"] == whole[0] == whole[1]
    notes = (tmp_path / "whole" / "notes").read_text()
    assert notes == "".join(f"epoch {epoch} on rank 0\n" for epoch in range(1, 5))


@pytest.mark.filterwarnings("ignore:.*that had ended:minidl.MinidlWarning")
def test_another_number_of_ranks_resumes_a_run(how: str, tmp_path: Path) -> None:
    before = run(2, f"{RUNS}:stopped", tmp_path, str(tmp_path), how=how)[0]
    results = run(3, f"{RUNS}:resumed_after_fault", tmp_path, str(tmp_path), how=how)
    assert results[0] == results[1] == results[2]
    assert results[0]["loss"][:17] == before["loss"]
    assert len(results[0]["loss"]) == 40


def test_all_ranks_diverge_together_and_name_the_rank(how: str, tmp_path: Path) -> None:
    results = run(2, f"{FAULTS}:diverged", tmp_path, str(tmp_path), True, how=how)
    for result in results:
        assert result["text"].startswith("rank 1: loss or gradient stopped being finite at step 2, ")
        assert "layer 0, Dense(6, 16)" in result["text"]
        assert result["layer"] == "0"
        assert result["unchanged"]
        assert np.isfinite(result["then"])
    assert results[0] == results[1]


def test_different_data_without_shards_are_refused_on_all_ranks(how: str, tmp_path: Path) -> None:
    for text in run(3, f"{FAULTS}:different_data", tmp_path, how=how):
        assert text.startswith(
            "StateError: all ranks must run the same script on the same data, but the targets on rank 0 are not "
        )
        assert "pass shard=True" in text


def test_a_float_that_overflows_on_one_rank_diverges_on_all(how: str, tmp_path: Path) -> None:
    for text in run(2, f"{FAULTS}:overflowed", tmp_path, how=how):
        assert text.startswith("rank 1: loss or gradient stopped being finite at step 0, ")
        assert "OverflowError" in text


def test_other_buffers_are_those_of_rank_0_after_each_epoch(how: str, tmp_path: Path) -> None:
    assert run(2, f"{FAULTS}:buffers", tmp_path, how=how) == [[3.0, 6.0], [3.0, 6.0]]


def test_balanced_classes_of_shards_are_refused(how: str, tmp_path: Path) -> None:
    for text in run(2, "tests.integrations.mpi_shards:balanced", tmp_path, how=how):
        assert text.startswith('HyperparameterError: class_weight="balanced" needs all samples on every rank')
