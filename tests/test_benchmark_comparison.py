"""Benchmarks: what `--compare` reports as slower than in an earlier run."""

from pathlib import Path

import pytest

from tests.benchmarks import comparison
from tests.benchmarks.comparison import compared, write
from tests.benchmarks.rounds import Result, Times
from tests.benchmarks.workloads import Group

GROUP = Group("W", "any", (), ())


def results(*seconds: float, peer: float = 1.0, name: str = "torch eager") -> dict[tuple[str, int], Result]:
    times = {("w", "minidl"): Times(list(seconds)), ("w", name): Times([peer] * len(seconds))}
    return {("W", 1): Result(GROUP, 1, times)}


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
def test_what_became_slower_is_reported(now: dict[tuple[str, int], Result], slower: str | None, tmp_path: Path) -> None:
    write(tmp_path / "old.json", results(1.0, 1.0, 1.0) | {("X", 2): Result(GROUP, 2)})
    report = compared(tmp_path / "old.json", now)
    assert f"{int(slower is not None)} of 1 workloads" in report
    assert (f"| {slower}" in report) == (slower is not None)
    assert "another processor" not in report


def test_new_workloads_and_other_processors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "old.json", {("W", 2): results(1.0)["W", 1]})
    monkeypatch.setattr(comparison, "cpu", lambda: "an abacus")
    report = compared(tmp_path / "old.json", results(5.0) | {("W", 2): Result(GROUP, 2, results(1.0)["W", 1].times)})
    assert "0 of 1 workloads" in report
    assert "on another processor" in report
