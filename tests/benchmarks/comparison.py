"""What became slower since an earlier run: --json writes the times of a run, --compare reads those of another."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import NamedTuple

from tests.benchmarks.report import commit, cpu, table, time
from tests.benchmarks.rounds import Result, Times

__all__ = ["compared", "write"]

NOISE = 0.05
"""Changes up to this share are not reported, nor those within the spreads of both runs."""


class Change(NamedTuple):
    """One workload of minidl in two runs. The machine is what the competitors' times changed by, 1 without any."""

    workload: str
    threads: str
    before: Times
    now: Times
    machine: float

    @property
    def ratio(self) -> float:
        """How much longer it takes now, on a machine of the same speed."""
        return self.now.median / self.before.median / self.machine

    @property
    def is_slower(self) -> bool:
        spread = sum(times.spread for times in (self.before, self.now) if len(times.seconds) > 1)
        return self.ratio > 1 + max(NOISE, spread)

    @property
    def cells(self) -> tuple[str, ...]:
        then, now = time(self.before.median), time(self.now.median)
        return self.workload, self.threads, then, now, f"{self.machine:.2f}", f"{self.ratio:.2f}"


def write(path: Path, results: Mapping[tuple[str, int], Result]) -> None:
    """Write the seconds of each round to a file, by threads, workload and competitor."""
    seconds: dict[str, dict[str, dict[str, list[float]]]] = {}
    for (_, threads), result in results.items():
        for (workload, peer), times in result.times.items():
            seconds.setdefault(str(threads), {}).setdefault(workload, {})[peer] = times.seconds
    path.write_text(json.dumps({"cpu": cpu(), "commit": commit(), "seconds": seconds}, indent=1))


def compared(path: Path, results: Mapping[tuple[str, int], Result]) -> str:
    """What became slower since the run in a file, as Markdown."""
    old = json.loads(path.read_text())
    found = list(_changes(old["seconds"], results))
    slower = sorted((change for change in found if change.is_slower), key=lambda change: -change.ratio)
    lines = [f"## Slower than at commit {old['commit']}: {len(slower)} of {len(found)} workloads\n"]
    if old["cpu"] != cpu():
        lines.append(f"**That run was on another processor, {old['cpu']}.**\n")
    if slower:
        head = ("", "threads", "then", "now", "others' change", "times as long")
        lines.append(table(head, [change.cells for change in slower]))
    return "\n".join(lines)


def _changes(
    old: Mapping[str, Mapping[str, Mapping[str, list[float]]]], results: Mapping[tuple[str, int], Result]
) -> Iterator[Change]:
    for (_, threads), result in results.items():
        for workload in dict.fromkeys(workload for workload, _ in result.times):
            then = old.get(str(threads), {}).get(workload, {})
            if "minidl" not in then:
                continue
            now = {peer: times for (name, peer), times in result.times.items() if name == workload}
            others = [peer for peer in now if peer in then and not peer.startswith("minidl")]
            machine = median(now[peer].median / Times(then[peer]).median for peer in others) if others else 1.0
            yield Change(workload, str(threads), Times(then["minidl"]), now["minidl"], machine)
