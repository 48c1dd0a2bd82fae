"""What became slower since an earlier run, whose times are in a file."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from typing import NamedTuple

from tests.benchmarks.rounds import Times
from tests.benchmarks.store import Record
from tests.benchmarks.tables import table, time

__all__ = ["compared"]

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


def compared(old: Record, new: Record) -> str:
    """What became slower since an earlier run, as Markdown."""
    found = list(_changes(old, new))
    slower = sorted((change for change in found if change.is_slower), key=lambda change: -change.ratio)
    whens = ", ".join(sorted({result.when for result in old.results.values()}))
    lines = [f"## Slower than on {whens}: {len(slower)} of {len(found)} workloads\n"]
    if old.kind != new.kind:
        lines.append(f"**That run was on another processor, {old.kind}.**\n")
    if slower:
        head = ("", "threads", "then", "now", "others' change", "times as long")
        lines.append(table(head, [change.cells for change in slower]))
    return "\n".join(lines)


def _changes(old: Record, new: Record) -> Iterator[Change]:
    for key, result in new.results.items():
        before = old.results[key].times if key in old.results else {}
        for workload in dict.fromkeys(workload for workload, _ in result.times):
            then = {peer: times for (name, peer), times in before.items() if name == workload}
            if "minidl" not in then:
                continue
            now = {peer: times for (name, peer), times in result.times.items() if name == workload}
            others = [peer for peer in now if peer in then and not peer.startswith("minidl")]
            machine = median(now[peer].median / then[peer].median for peer in others) if others else 1.0
            yield Change(workload, str(result.threads), then["minidl"], now["minidl"], machine)
