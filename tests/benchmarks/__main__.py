"""Measure everything and write the page: python -m tests.benchmarks [--quick] [--only W1 W2] [--write PATH].

--json PATH writes the times to a file, and --compare PATH shows what became slower since such a file.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from time import perf_counter

from tests.benchmarks.accuracy import SEEDS, insert, section
from tests.benchmarks.comparison import compared, write
from tests.benchmarks.footprint import footprints
from tests.benchmarks.goals import Results
from tests.benchmarks.report import report
from tests.benchmarks.rounds import measure
from tests.benchmarks.workloads import GROUPS

QUICK_SECONDS = 0.02


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    keys = [*(group.key for group in GROUPS), "W6", "accuracy"]
    parser.add_argument("--quick", action="store_true", help="few and short rounds, one thread only")
    parser.add_argument("--only", nargs="+", choices=keys, default=keys, help="these workloads only")
    parser.add_argument("--write", type=Path, help="file that the report is written to, besides showing it")
    parser.add_argument("--json", type=Path, help="file that the times are written to")
    parser.add_argument("--compare", type=Path, help="file that --json wrote earlier: show what became slower since")
    chosen = parser.parse_args()
    begin, load = perf_counter(), os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    results: Results = {}
    for group in (group for group in GROUPS if group.key in chosen.only):
        for threads in group.threads[:1] if chosen.quick else group.threads:
            print(f"{perf_counter() - begin:4.0f} s: {group.key}, threads: {threads}", file=sys.stderr)
            rounds, seconds = (group.quick, QUICK_SECONDS) if chosen.quick else (group.rounds, group.seconds)
            results[group.key, threads] = measure(group, threads, rounds, seconds)
    costs = footprints(3 if chosen.quick else 15) if "W6" in chosen.only else {}
    page = report(results, costs, quick=chosen.quick, load=load, minutes=(perf_counter() - begin) / 60)
    if "accuracy" in chosen.only:
        print(f"{perf_counter() - begin:4.0f} s: accuracy", file=sys.stderr)
        page = insert(page, section(2 if chosen.quick else SEEDS))
    print(page)
    if chosen.json:
        write(chosen.json, results)
    if chosen.compare:
        print(compared(chosen.compare, results))
    if chosen.write:
        chosen.write.write_text(page)


if __name__ == "__main__":
    main()
