"""What was measured on one kind of CPU, as a file: `make bench` writes it, and the page is made of all such files."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.benchmarks.footprint import Footprint
from tests.benchmarks.goals import Results
from tests.benchmarks.rounds import ROOT, Result, Times
from tests.benchmarks.workloads import GROUPS

__all__ = ["FOLDER", "Record", "empty", "load", "records", "stamp"]

FOLDER = Path(__file__).parent / "results"
"""One file for each kind of CPU that was measured."""


@dataclass
class Record:
    """All that was measured on one kind of CPU.

    Attributes:
        kind: the processor and its widest vector instructions.
        machine: what else to know of the machine.
    """

    kind: str
    machine: dict[str, str]
    results: Results = field(default_factory=dict)
    footprints: dict[str, Footprint] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """The file of this kind of CPU."""
        return FOLDER / f"{re.sub(r'[^a-z0-9]+', '-', self.kind.lower()).strip('-')}.json"

    def write(self, path: Path) -> None:
        """Write everything to a file."""
        results = [_as_dict(key, result) for (key, _), result in self.results.items()]
        costs = {name: asdict(cost) for name, cost in self.footprints.items()}
        record = {"kind": self.kind, "machine": self.machine, "results": results, "footprints": costs}
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(record) + "\n")

    def update(self, newer: Record) -> None:
        """Replace what `newer` measured again, and keep the rest."""
        self.machine = newer.machine
        self.results |= newer.results
        self.footprints |= newer.footprints


def _as_dict(key: str, result: Result) -> dict[str, Any]:
    times = [[*names, [float(f"{s:.4g}") for s in each.seconds]] for names, each in result.times.items()]
    gaps = {workload: [float(f"{gap:.1g}"), peer] for workload, (gap, peer) in result.gaps.items()}
    memory = {peer: {name: round(mb, 1) for name, mb in each.items()} for peer, each in result.memory.items()}
    others = {name: getattr(result, name) for name in ("threads", "blas", "versions", "missing", "when")}
    return {"group": key, "times": times, "gaps": gaps, "memory": memory, **others}


def load(path: Path) -> Record:
    """Read a file that `Record.write` wrote. Groups that no longer exist are left out."""
    data = json.loads(path.read_text())
    known = {group.key: group for group in GROUPS}
    results: Results = {}
    for each in data["results"]:
        if each["group"] in known:
            times = {(workload, peer): Times(seconds) for workload, peer, seconds in each["times"]}
            gaps = {workload: (gap, peer) for workload, (gap, peer) in each["gaps"].items()}
            others = {name: each[name] for name in ("memory", "blas", "versions", "missing", "when")}
            result = Result(known[each["group"]], each["threads"], times, gaps, **others)
            results[each["group"], each["threads"]] = result
    costs = {name: Footprint(**cost) for name, cost in data["footprints"].items()}
    return Record(data["kind"], data["machine"], results, costs)


def records() -> list[Record]:
    """What was measured on each kind of CPU, in the order of their names."""
    return [load(path) for path in sorted(FOLDER.glob("*.json"))]


def empty() -> Record:
    """An empty record of this machine."""
    machine = {
        "processors": str(os.cpu_count()),
        "system": f"{platform.system()}, Python {platform.python_version()}",
    }
    return Record(f"{_cpu()} with {_instructions()}", machine)


def stamp(load_average: float, *, quick: bool) -> str:
    """The day, what git calls the code that was measured, and whether its figures may be quoted.

    Args:
        load_average: how busy the machine was at the beginning.
        quick: whether there are only few and short rounds.
    """
    doubts = ["the machine was busy"] * (load_average > 0.5) + ["a quick run"] * quick
    advice = f"; **{' and '.join(doubts)}: do not quote these figures**" if doubts else ""
    return f"{datetime.now(UTC):%Y-%m-%d}, commit {_commit()}, load {load_average:.2f} at the beginning{advice}"


def _commit() -> str:
    """What git calls the code that was measured."""
    command = ["git", "describe", "--always", "--dirty", "--exclude", "*"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def _cpu() -> str:
    """The name of the processor."""
    return _cpuinfo().get("model name", platform.processor() or platform.machine())


def _instructions() -> str:
    """The widest vector instructions, which decide how fast matrix products are."""
    flags = _cpuinfo().get("flags", "").split()
    return "AVX-512" if "avx512f" in flags else "AVX2" if "avx2" in flags else "no AVX2"


def _cpuinfo() -> dict[str, str]:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return {}
    fields = (line.split(":", 1) for line in reversed(lines) if ":" in line)
    return {name.strip(): value.strip() for name, value in fields}
