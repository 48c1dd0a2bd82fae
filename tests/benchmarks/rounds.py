"""Starting the competitors, checking that they agree, and timing them in turn."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from math import inf, isfinite
from pathlib import Path
from statistics import median, quantiles
from time import sleep
from typing import Any

from tests.benchmarks.workloads import Group, Spec

ROOT = Path(__file__).parents[2]
TOLERANCE = 1e-5
PAUSE = 0.03  # seconds between turns, in which the threads of the last one stop spinning

# Set for debugging or for other libraries, these would decide the result: the first turns AVX-512 kernels off.
UNSET = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "MKL_DEBUG_CPU_TYPE", "PYTHONDONTWRITEBYTECODE", "XLA_FLAGS")


def environment(threads: int) -> dict[str, str]:
    """The environment of a worker with a given number of threads."""
    n = str(threads)
    counts = {f"{name}_NUM_THREADS": n for name in ("OPENBLAS", "OMP", "MKL", "NUMEXPR")}
    # NPROC is what really bounds XLA's pool of threads; the flag alone leaves a second core busy.
    xla = {"NPROC": n, "XLA_FLAGS": f"--xla_cpu_multi_thread_eigen={str(threads > 1).lower()}", "JAX_PLATFORMS": "cpu"}
    kept = {name: value for name, value in os.environ.items() if name not in UNSET}
    return {**kept, **counts, **xla}


class Worker:
    """A competitor in a process of its own."""

    def __init__(self, peer: str, threads: int) -> None:
        self.peer = peer
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.worker", peer],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=environment(threads),
        )

    def answer(self) -> dict[str, Any]:
        """The next answer; a worker that died says so."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        answer: dict[str, Any] = json.loads(line) if line else {"missing": "its process died"}
        return answer

    def ask(self, **command: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        try:
            print(json.dumps(command), file=self.process.stdin, flush=True)
        except BrokenPipeError:
            return {"missing": "its process died"}
        return self.answer()

    def stop(self) -> None:
        self.process.communicate()


@dataclass
class Times:
    """Seconds a step of one competitor at one workload, one number a round."""

    seconds: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return median(self.seconds)

    @property
    def spread(self) -> float:
        """Half of the distance between the quartiles, as a share of the median."""
        if len(self.seconds) < 2:
            return float("nan")
        low, _, high = quantiles(self.seconds, n=4, method="inclusive")
        return (high - low) / 2 / self.median

    def over(self, other: Times) -> float:
        """The median of the ratios in each round, in which both were asked shortly one after the other."""
        return median(mine / theirs for mine, theirs in zip(self.seconds, other.seconds, strict=True))


@dataclass
class Result:
    """All that was found out about one group at one number of threads."""

    group: Group
    threads: int
    times: dict[tuple[str, str], Times] = field(default_factory=dict)  # by workload and competitor
    gaps: dict[str, tuple[float, str]] = field(default_factory=dict)  # by workload: how far apart, and who
    memory: dict[str, dict[str, float]] = field(default_factory=dict)
    blas: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    when: str = ""  # see `stamp` in store.py


def measure(group: Group, threads: int, rounds: int, seconds: float) -> Result:
    """Run one group: all competitors are started, checked against minidl, and then asked in turn."""
    result = Result(group, threads)
    started = [Worker(peer, threads) for peer in group.peers]
    workers = []
    for worker in started:
        hello = worker.answer()
        if "missing" in hello:
            result.missing[worker.peer] = hello["missing"]
        else:
            result.versions[worker.peer] = hello["version"]
            workers.append(worker)
    try:
        for spec in group.specs:
            able = check(result, workers, spec)
            turns = [(worker, result.times.setdefault((spec.name, worker.peer), Times())) for worker in able]
            for i in range(rounds):
                # The first of each round changes, so that nobody always follows the same neighbour's heat.
                for worker, times in turns[i % len(turns) :] + turns[: i % len(turns)]:
                    sleep(PAUSE)
                    answer = worker.ask(do="time", spec=spec.name, seconds=seconds)
                    if "missing" in answer:
                        raise SystemExit(f"{worker.peer} failed at {spec.name}: {answer['missing']}")
                    times.seconds.append(answer["seconds"])
        for worker in (worker for worker in workers if worker.process.poll() is None):
            result.memory[worker.peer] = worker.ask(do="memory")
            result.blas[worker.peer] = worker.ask(do="blas")["blas"]
    finally:
        for worker in started:
            worker.stop()
    return result


def largest_gap(figures: list[float], expected: list[float]) -> float:
    """How far figures are from what is expected, relative to that where it is above 1; infinite if one is no number."""
    gaps = [abs(a - b) / max(1.0, abs(b)) for a, b in zip(figures, expected, strict=True)]
    return max(gap if isfinite(gap) else inf for gap in gaps)


def check(result: Result, workers: list[Worker], spec: Spec) -> list[Worker]:
    """The workers that can do this workload, after comparing what they compute from the same start."""
    able: list[Worker] = []
    expected: list[float] = []
    worst = (0.0, "")
    for worker in workers:  # minidl comes first
        answer = worker.ask(do="check", spec=spec.name)
        if "missing" in answer:
            result.missing[f"{worker.peer}, {spec.name}"] = answer["missing"]
            continue
        able.append(worker)
        figures = answer["figures"]
        expected = expected or figures
        if figures:  # the floor computes no loss
            if len(figures) != len(expected):
                raise SystemExit(f"{spec.name}: {worker.peer} gives {len(figures)} figures, minidl {len(expected)}")
            worst = max(worst, (largest_gap(figures, expected), worker.peer))
    result.gaps[spec.name] = worst
    if worst[0] > TOLERANCE:
        raise SystemExit(f"{spec.name}: {worst[1]} computes something else than minidl, {worst[0]:.1e} apart")
    return able
