"""Benchmarks: what `--compare` reports as slower than in an earlier run."""

from pathlib import Path

import pytest

from tests.benchmarks.chart import PEERS, ROWS, _ratios, draw
from tests.benchmarks.comparison import compared
from tests.benchmarks.footprint import Footprint
from tests.benchmarks.report import report
from tests.benchmarks.rounds import Result, Times
from tests.benchmarks.store import Record, load, stamp
from tests.benchmarks.workloads import GROUPS

GROUP = next(group for group in GROUPS if group.key == "W1")
Results = dict[tuple[str, int], Result]


def results(*seconds: float, peer: float = 1.0, name: str = "torch eager") -> Results:
    times = {("w", "minidl"): Times(list(seconds)), ("w", name): Times([peer] * len(seconds))}
    return {("W1", 1): Result(GROUP, 1, times)}


def record(found: Results, kind: str = "a CPU") -> Record:
    return Record(kind, {"processors": "2", "system": "Linux"}, found)


def written(path: Path, found: Results, kind: str = "a CPU") -> Record:
    """The record after it was written to a file and read again."""
    record(found, kind).write(path)
    return load(path)


@pytest.mark.parametrize(
    ("now", "slower"),
    [
        (results(1.2, 1.2, 1.2), "1.20"),
        (results(1.04, 1.04, 1.04), None),  # too little
        (results(0.5, 0.5, 0.5), None),
        (results(0.8, 1.1, 1.4), None),  # within its spread
        (results(2.0, 2.0, 2.0, peer=2.0), None),  # the machine is slower
        (results(1.0, 1.0, 1.0, peer=0.5), "2.00"),  # the machine is faster
        (results(2.0, 2.0, 2.0, peer=2.0, name="minidl layers"), "2.00"),  # which says nothing about the machine
        (results(2.0, 2.0, 2.0, peer=2.0, name="jax jit"), "2.00"),  # not measured then
        (results(2.0), "2.00"),
    ],
)
def test_what_became_slower_is_reported(now: Results, slower: str | None, tmp_path: Path) -> None:
    old = written(tmp_path / "old.json", results(1.0, 1.0, 1.0) | {("W2", 2): Result(GROUP, 2)})
    told = compared(old, record(now))
    assert f"{int(slower is not None)} of 1 workloads" in told
    assert (f"| {slower}" in told) == (slower is not None)
    assert "another processor" not in told


def test_new_workloads_and_other_processors(tmp_path: Path) -> None:
    two = {("W1", 2): Result(GROUP, 2, results(1.0)["W1", 1].times)}
    old = written(tmp_path / "old.json", two, "an abacus")
    told = compared(old, record(results(5.0) | two))
    assert "0 of 1 workloads" in told
    assert "on another processor, an abacus" in told


def test_a_file_holds_all_that_the_page_shows(tmp_path: Path) -> None:
    spec = GROUP.specs[0].name
    times = {(spec, peer): Times([1.0, 2.0, seconds]) for peer, seconds in (("minidl", 1.0), ("torch eager", 8.0))}
    memory = {peer: {"now": 40.0, "peak": 50.0} for _, peer in times}
    about = {"blas": {"minidl": "openblas"}, "versions": {"minidl": "minidl 1"}, "missing": {"jax jit": "not here"}}
    found = {("W1", 1): Result(GROUP, 1, times, {spec: (1e-7, "torch eager")}, memory, **about, when="2026-01-01")}
    whole = record(found)
    whole.footprints = {"minidl": Footprint(0.1, 0.01, 30.0, 2.0, 60.0)}
    whole.write(tmp_path / "a.json")
    page = report([load(tmp_path / "a.json")])
    assert page == report([whole])
    for told in (
        "W1: measured on 2026-01-01",
        "openblas",
        "jax jit: not here",
        "torch eager",
        "50 MB",
        "10.00 ms",
        "(torch eager)",
    ):
        assert told in page, told


def test_a_second_run_replaces_what_it_measured_and_keeps_the_rest() -> None:
    first, second = record(results(1.0)), record({("W2", 1): Result(GROUP, 1, when="later")})
    first.update(second)
    assert list(first.results) == [("W1", 1), ("W2", 1)]
    first.update(record(results(3.0)))
    assert first.results["W1", 1].times["w", "minidl"].median == 3.0


@pytest.mark.parametrize(
    ("load_average", "quick", "doubt"),
    [(0.1, False, None), (0.9, False, "the machine was busy: do"), (0.1, True, "a quick run: do")],
)
def test_figures_that_should_not_be_quoted_say_so(load_average: float, quick: bool, doubt: str | None) -> None:
    when = stamp(load_average, quick=quick)
    assert f"load {load_average:.2f}" in when
    assert (doubt or "commit") in when
    assert ("do not quote" in when) == (doubt is not None)


def test_each_row_of_the_chart_is_a_workload_that_is_measured() -> None:
    measured = {(group.key, spec.name) for group in GROUPS for spec in group.specs}
    assert [row for row in ROWS if row[1:] not in measured] == []
    peers = {peer for group in GROUPS for peer in group.peers}
    assert {peer for _, _, names in PEERS.values() for peer in names} <= peers


def test_the_chart_has_a_mark_where_each_library_was_measured(tmp_path: Path) -> None:
    times = {("W1 float32", peer): Times([seconds]) for peer, seconds in (("minidl", 1.0), ("torch eager", 8.0))}
    found = record({("W1", 1): Result(GROUP, 1, times)})
    assert list(_ratios(found.results)) == [("PyTorch", 8.0, 1)]
    draw([found, found], tmp_path / "chart.png")
    assert (tmp_path / "chart.png").stat().st_size > 10_000
