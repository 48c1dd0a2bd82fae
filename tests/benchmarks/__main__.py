"""Measure everything and write the page: python -m tests.benchmarks [--quick] [--only W1 W2] [--write PATH].

--json PATH writes the times to a file, and --compare PATH shows what became slower since such a file. --render writes
the page from the files of earlier runs.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from time import perf_counter

from tests.benchmarks.accuracy import SEEDS, insert, section
from tests.benchmarks.chart import draw
from tests.benchmarks.comparison import compared
from tests.benchmarks.footprint import footprints
from tests.benchmarks.report import report
from tests.benchmarks.report import section as measured
from tests.benchmarks.rounds import ROOT, measure
from tests.benchmarks.store import Record, empty, load, records, stamp
from tests.benchmarks.workloads import GROUPS

QUICK_SECONDS = 0.02
CHART = ROOT / "docs" / "images" / "benchmarks.png"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    keys = [*(group.key for group in GROUPS), "W6", "accuracy"]
    parser.add_argument("--quick", action="store_true", help="few and short rounds, one thread only")
    parser.add_argument("--only", nargs="+", choices=keys, default=keys, help="these workloads only")
    parser.add_argument("--write", type=Path, help="page to write, besides the file of this kind of CPU and the chart")
    parser.add_argument("--render", action="store_true", help="measure nothing, and write the page again")
    parser.add_argument("--json", type=Path, help="file that the times are written to")
    parser.add_argument("--compare", type=Path, help="file that --json wrote earlier: show what became slower since")
    chosen = parser.parse_args()
    begin = perf_counter()

    def say(what: str) -> None:
        print(f"{perf_counter() - begin:4.0f} s: {what}", file=sys.stderr)

    if not chosen.render:
        record = empty()
        when = stamp(os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan"), quick=chosen.quick)
        for group in (group for group in GROUPS if group.key in chosen.only):
            for threads in group.threads[:1] if chosen.quick else group.threads:
                say(f"{group.key}, threads: {threads}")
                rounds, seconds = (group.quick, QUICK_SECONDS) if chosen.quick else (group.rounds, group.seconds)
                record.results[group.key, threads] = measure(group, threads, rounds, seconds)
                record.results[group.key, threads].when = when
        if "W6" in chosen.only:
            say("W6")
            record.footprints = footprints(3 if chosen.quick else 15)
        print(measured(record))
        if chosen.json:
            record.write(chosen.json)
        if chosen.compare:
            print(compared(load(chosen.compare), record))
        if chosen.write:
            _keep(record)
    accuracy = ""
    if "accuracy" in chosen.only and not chosen.render:
        say("accuracy")
        accuracy = section(2 if chosen.quick else SEEDS)
        print(accuracy)
    if chosen.write:
        _write(chosen.write, accuracy)


def _keep(record: Record) -> None:
    """Write what was measured to the file of this kind of CPU. What was not measured stays there."""
    if record.path.exists():
        older = load(record.path)
        older.update(record)
        record = older
    record.write(record.path)


def _write(path: Path, accuracy: str) -> None:
    """Write the page and its chart from all that was ever measured. Without a new section on accuracy, keep the old."""
    found = records()
    draw(found, CHART)
    path.write_text(insert(path.read_text(), report(found), accuracy))


if __name__ == "__main__":
    main()
