"""The report, as Markdown that also reads well on a screen."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from math import isnan
from pathlib import Path

from tests.benchmarks.footprint import Footprint
from tests.benchmarks.goals import Results, goals, losses
from tests.benchmarks.rounds import ROOT, TOLERANCE, Result

MKL = """\
**PyTorch's matrix products run on Intel's MKL in its x86 packages, and that is slow on AMD processors, as "torch floor"
shows beside "numpy floor": the products alone. On Intel expect smaller ratios against PyTorch at W2 and W3.**"""

LATENCY = """\
"minidl layers" is `forward` alone, without the checks of `predict`. "torch inference" makes a tensor of the array, and
an array of the output. "torch tensors" is given a tensor and returns one. Both enter `torch.inference_mode()`."""

INTRODUCTION = f"""\
# Benchmarks

How long a training step takes here, and in what one would use instead; `make bench` measures it anew and writes
this page, `make bench QUICK=1` takes a minute and only shows it. `JSON=new.json` also writes the times to a file, and
`COMPARE=old.json` shows what became slower since such a file, on a machine of the same speed.

Each competitor runs in a process of its own, with its own number of threads; within a round all are asked in turn,
and the first one changes. Every turn trains a fresh model from the same weights on the same data and includes what its
user would do each step: taking a mini-batch out of the data in a new order, and reading the loss. minidl runs through
`Trainer.fit` and `minimize`, with history and finite check. Before timing, all must compute the same losses (W5: move
the parameters as far) to {TOLERANCE:g}. Times are medians over the rounds of the mean in one turn; ± is half of the
distance between the quartiles; a ratio is the competitor's time over minidl's, the median of the rounds: above 1,
minidl is faster. The floor is the matrix products alone, through the same BLAS. "jax jit" runs each step in the calling
thread, "jax async" hands it to another, JAX's default. `OPENBLAS_CORETYPE` and `OPENBLAS_L2_SIZE` are unset.
"""


def report(results: Results, footprints: dict[str, Footprint], *, quick: bool, load: float, minutes: float) -> str:
    """The whole page."""
    parts = [INTRODUCTION, *_setting(results, quick, load, minutes), "## Goals\n", _goals(results, footprints)]
    for result in results.values():
        parts += _curves(result) if result.group.key == "growth" else _group(result)
    if footprints:
        parts += _footprints(footprints, results)
    return "\n".join(parts)


def _setting(results: Results, quick: bool, load: float, minutes: float) -> Iterator[str]:
    versions = sorted({version for result in results.values() for version in result.versions.values()})
    yield "## Machine\n"
    yield f"- {cpu()}, {os.cpu_count()} processors, {platform.system()}, Python {platform.python_version()}"
    yield f"- {datetime.now(UTC):%Y-%m-%d}, {minutes:.1f} minutes, load {load:.2f} at the beginning" + (
        "; **the machine was busy, do not quote these figures**" if load > 0.5 else ""
    )
    if quick:
        yield "- **A quick run: few rounds, do not quote these figures**"
    yield f"- {', '.join(versions)}; minidl as of commit {commit()}"
    blas: dict[tuple[str, int], list[str]]
    blas = {(blas, result.threads): [] for result in results.values() for blas in result.blas.values()}
    for result in results.values():
        for peer, name in result.blas.items():
            if "jax" not in peer and peer.split()[0] not in blas[name, result.threads]:
                blas[name, result.threads].append(peer.split()[0])
    for (name, _), peers in blas.items():
        if peers:
            yield f"- BLAS of {', '.join(peers)}: {name}"
    missing = {f"{peer}: {why}" for result in results.values() for peer, why in result.missing.items()}
    for line in sorted(missing):
        yield f"- Not measured: {line}"
    yield ""


def _goals(results: Results, footprints: dict[str, Footprint]) -> str:
    rows = [goal.cells for goal in goals(results, footprints)]
    faster = [(workload, threads, peer, f"{ratio:.2f}") for workload, threads, peer, ratio in losses(results)]
    reached = table(("", "must", "aim", "measured", ""), rows)
    missed = table(("faster than minidl", "threads", "who", "ratio"), faster)
    return "\n".join([reached, MKL, "", missed])


def _group(result: Result) -> Iterator[str]:
    threads = "one thread" if result.threads == 1 else f"{result.threads} threads"
    yield f"## {result.group.key}: {result.group.title}; {threads}\n"
    for spec in result.group.specs:
        head = [spec.name, f"a {result.group.step}", "±", "ratio", *(["peak memory"] if result.group.memory else [])]
        own, rows = result.times[spec.name, "minidl"], []
        for (name, peer), times in result.times.items():
            if name == spec.name:
                row = [peer, time(times.median), _share(times.spread), f"{times.over(own):.2f}"]
                rows.append([*row, f"{result.memory[peer]['peak']:.0f} MB"] if result.group.memory else row)
        yield table(head, rows)
        gap, who = result.gaps[spec.name]
        if who:
            yield f"Largest disagreement with minidl: {gap:.0e} ({who}).\n"
    if result.group.key in ("W2", "W3") and any("torch" in peer for peer in result.versions):
        yield f"{MKL}\n"
    if result.group.key == "latency":
        yield f"{LATENCY}\n"
    if result.group.key == "W4":
        yield "minidl also keeps the path and watches for rest, cycles and divergence; the others read the loss only.\n"


def _curves(result: Result) -> Iterator[str]:
    yield f"## {result.group.title}\n"
    peers = [peer for peer in result.group.peers if peer in result.versions]
    rows = []
    for spec in result.group.specs:
        times = [result.times[spec.name, peer] for peer in peers]
        rows.append([spec.name, *(time(t.median) for t in times), *(f"{t.over(times[0]):.2f}" for t in times[1:])])
    yield table(["", *peers, *(f"ratio {peer}" for peer in peers[1:])], rows)


def _footprints(footprints: dict[str, Footprint], results: Results) -> Iterator[str]:
    yield "## W6: what it costs to have it\n"
    rows = []
    for name, f in footprints.items():
        over = "–" if name == "numpy" else time(f.own)
        sizes = f"{f.memory:.0f} MB", f"{f.size:.1f} MB", f"{f.with_dependencies:.0f} MB"
        rows.append([name, time(f.numpy + f.own), over, *sizes])
    yield table(("", "import", "over NumPy", "memory after import", "size", "with all it needs"), rows)
    if ("W2", 1) in results:
        memory = results["W2", 1].memory.items()
        rows = [[peer, f"{m['now']:.0f} MB", f"{m['peak']:.0f} MB"] for peer, m in memory]
        yield table(("after W2, one thread", "memory", "peak"), rows)


def time(seconds: float) -> str:
    """Seconds in a readable unit."""
    if seconds < 1e-3:
        return f"{seconds * 1e6:.1f} µs"
    return f"{seconds * 1e3:.2f} ms" if seconds < 0.1 else f"{seconds * 1e3:.0f} ms"


def _share(value: float) -> str:
    return "–" if isnan(value) else f"{value:.0%}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    cells = [list(head), *(list(row) for row in rows)]
    widths = [max(3, *(len(row[i]) for row in cells)) for i in range(len(head))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    lines = [
        [cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in [cells[0], rule, *cells[1:]]
    ]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def commit() -> str:
    """What git calls the code that was measured."""
    command = ["git", "describe", "--always", "--dirty", "--exclude", "*"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def cpu() -> str:
    """The name of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    fields = dict(line.split(":", 1) for line in reversed(lines) if ":" in line)
    known = {name.strip(): value.strip() for name, value in fields.items()}
    return known.get("model name", platform.machine())
