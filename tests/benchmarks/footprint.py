"""What it costs to have a library at all: time and memory of its import, and room on the disk."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from statistics import median

from packaging.requirements import Requirement

from tests.benchmarks.rounds import ROOT, environment

# Memory is read here, not through the worker, which would bring minidl along.
CODE = """
import json, sys
from time import perf_counter
begin = perf_counter()
import numpy
middle = perf_counter()
if len(sys.argv) > 1:
    __import__(sys.argv[1])
end = perf_counter()
try:
    with open("/proc/self/status") as file:
        memory = int(next(line for line in file if line.startswith("VmRSS")).split()[1]) / 1024
except FileNotFoundError:
    memory = float("nan")
print(json.dumps([middle - begin, end - middle, memory]))
"""

DISTRIBUTIONS = {
    "numpy": "numpy",
    "minidl": "minidl",
    "torch": "torch",
    "jax": "jax",
    "sklearn.neural_network": "scikit-learn",
}


@dataclass
class Footprint:
    """Seconds and megabytes; nan where they could not be had."""

    numpy: float
    own: float
    memory: float
    size: float
    with_dependencies: float


def footprints(times: int) -> dict[str, Footprint]:
    """What each library costs, each import in a fresh process, in turn; libraries that are not here are left out."""
    found: dict[str, list[list[float]]] = {}
    here = [module for module, name in DISTRIBUTIONS.items() if _installed(name)]
    for turn in range(times + 1):  # the first one only fills the file cache and compiles to byte code
        for module in here:
            if turn <= (times if module in ("numpy", "minidl") else max(1, times // 3)):
                found.setdefault(module, []).append(_imported(module))
    result = {}
    for module, runs in found.items():
        numpy, own, memory = (median(column) for column in zip(*runs[1:], strict=True))
        name = DISTRIBUTIONS[module]
        result[name] = Footprint(numpy, own, memory, _size(name), sum(_size(part) for part in _closure(name)))
    return result


def _imported(module: str) -> list[float]:
    command = [sys.executable, "-c", CODE, *([] if module == "numpy" else [module])]
    run = subprocess.run(command, cwd=ROOT, env=environment(1), capture_output=True, text=True, check=True)
    answer: list[float] = json.loads(run.stdout)
    return answer


def _installed(name: str) -> bool:
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _size(name: str) -> float:
    """Megabytes on the disk without byte code; minidl itself is installed as a link to its sources."""
    if name == "minidl":
        files = [path for path in (ROOT / "minidl").rglob("*") if path.is_file()]
    else:
        files = [Path(str(file.locate())) for file in metadata.distribution(name).files or ()]
    return sum(path.stat().st_size for path in files if path.suffix != ".pyc" and path.is_file()) / 1e6


def _closure(name: str) -> set[str]:
    """The distribution and all that it needs, as far as it is installed."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        part = waiting.pop().lower().replace("_", "-")
        if part in found or not _installed(part):
            continue
        found.add(part)
        for line in metadata.requires(part) or ():
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(requirement.name)
    return found
