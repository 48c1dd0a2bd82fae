"""What minidl is to reach, and whether it does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from tests.benchmarks.footprint import Footprint
from tests.benchmarks.rounds import Result

Results: TypeAlias = dict[tuple[str, int], Result]


@dataclass(frozen=True)
class Goal:
    """A figure with what it must and what it should be; None where nothing was measured.

    The figure depends on the CPU where a large part of it are matrix products, which each library takes from its own
    BLAS, or the speed of memory.
    """

    name: str
    must: float
    aim: float
    measured: float | None
    at_most: bool = False
    unit: str = ""
    on_cpu: bool = False  # whether it depends on the CPU

    @property
    def word(self) -> str:
        if self.measured is None:
            return "not measured"
        sign = -1.0 if self.at_most else 1.0
        if sign * self.measured < sign * self.must:
            return "**falls short**"
        return "holds, aim reached" if sign * self.measured >= sign * self.aim else "holds"

    @property
    def cells(self) -> tuple[str, ...]:
        sign = "≤" if self.at_most else "≥"
        shown = "–" if self.measured is None else f"{self.measured:.3g}{self.unit}"
        name = f"{self.name} (depends on the CPU)" if self.on_cpu else self.name
        return name, f"{sign} {self.must:g}{self.unit}", f"{sign} {self.aim:g}{self.unit}", shown, self.word


def goals(results: Results, footprints: dict[str, Footprint]) -> Iterator[Goal]:
    """All goals: ratios are a competitor's time over minidl's, on one thread unless it says otherwise."""

    def ratio(group: str, workload: str, peer: str, threads: int = 1) -> float | None:
        return _ratio(results, group, workload, peer, threads)

    for dtype in ("float32", "float64"):
        workload = f"W1 {dtype}"
        yield Goal(f"{workload} against PyTorch eager", 6, 9, ratio("W1", workload, "torch eager"))
        yield Goal(f"{workload} against JAX jit", 1.2, 1.5, ratio("W1", workload, "jax jit"))
        yield Goal(f"{workload} against JAX as it comes", 1.2, 2, ratio("W1", workload, "jax async"))
        yield Goal(f"{workload} against that with two threads", 1.2, 2, ratio("W1", workload, "jax async", 2))
        yield Goal(f"{workload} against scikit-learn", 2.6, 4, ratio("W1", workload, "sklearn"))
    yield Goal("W2 against PyTorch fused", 1.55, 1.9, ratio("W2", "W2", "torch fused"), on_cpu=True)
    yield Goal("W2 against scikit-learn", 2.1, 2.5, ratio("W2", "W2", "sklearn"))
    yield Goal("W2 against JAX jit", 0.92, 1.0, ratio("W2", "W2", "jax jit"), on_cpu=True)
    yield Goal("W2, share of the floor", 0.70, 0.75, ratio("W2", "W2", "numpy floor"))
    yield Goal("W3 against PyTorch eager", 1.7, 1.9, ratio("W3", "W3", "torch eager"), on_cpu=True)
    yield Goal("W3 against JAX jit", 1.05, 1.2, ratio("W3", "W3", "jax jit"), on_cpu=True)
    yield Goal("W3, share of the floor", 0.88, 0.93, ratio("W3", "W3", "numpy floor"))
    for workload, must, aim in (
        ("predict, 1 sample of 2-4-1", 2.0, 3.0),
        ("predict, 1 sample of 784-256-10", 1.8, 2.5),
        ("predict, 64 samples of 784-256-10", 1.05, 1.12),
    ):
        measured = ratio("latency", workload, "torch inference")
        yield Goal(f"{workload}, against PyTorch", must, aim, measured, on_cpu="784" in workload)
    layers = ratio("latency", "predict, 1 sample of 2-4-1", "minidl layers")
    checks = None if layers is None else 1 / layers - 1
    yield Goal("checks of predict over its layers, 2-4-1", 1.5, 0.7, checks, at_most=True)
    for workload, must, aim in (
        ("CNN 8×8, 1-16-32, batch 32", 1.7, 2.5),
        ("CNN 28×28, 1-16-32, batch 64", 1.0, 1.6),
        ("CNN 32×32, 3-32-64, batch 32", 0.72, 1.0),
    ):
        yield Goal(f"{workload}, against PyTorch", must, aim, ratio("CNN", workload, "torch eager"), on_cpu=True)
    for workload, must, aim in (("LSTM 32→128, T 64, batch 32", 0.75, 1.0), ("GRU 32→128, T 64, batch 32", 1.15, 1.5)):
        yield Goal(f"{workload}, against PyTorch", must, aim, ratio("RNN", workload, "torch eager"), on_cpu=True)
    for workload, must, aim in (
        ("GPT, 4 blocks of 128, T 64, batch 16", 1.0, 1.2),
        ("attention core, T 256", 0.9, 1.1),
        ("attention core, T 256, causal", 0.9, 1.1),
    ):
        yield Goal(f"{workload}, against PyTorch", must, aim, ratio("attention", workload, "torch eager"), on_cpu=True)
    yield Goal("W4 Rosenbrock against JAX jit", 1.0, 1.5, ratio("W4", "Rosenbrock", "jax jit"))
    for workload, name in (("Adam", "W5 Adam"), ("Adam, one array", "W5 Adam, one array")):
        yield Goal(f"{name}, against PyTorch's default", 2.5, 4, ratio("W5", workload, "torch eager"))
        yield Goal(f"{name}, against PyTorch's fused", 0.4, 0.6, ratio("W5", workload, "torch fused"), on_cpu=True)
    own = footprints.get("minidl")
    cost = 1e3 * own.own if own else None
    yield Goal("W6 import over `import numpy`", 9, 6, cost, at_most=True, unit=" ms", on_cpu=True)
    medium = results.get(("W2", 1))
    memory = medium.memory["minidl"]["now"] if medium else None
    yield Goal("W6 memory after W2", 70, 60, memory, at_most=True, unit=" MB")


def losses(results: Results) -> Iterator[tuple[str, str, str, float]]:
    """Workload, threads, competitor and ratio wherever somebody is faster: nobody should have to look for that."""
    for (_, threads), result in results.items():
        for (workload, peer), times in result.times.items():
            ratio = times.over(result.times[workload, "minidl"])
            if ratio < 1.0 and "floor" not in peer and not peer.startswith("minidl"):
                yield workload, str(threads), peer, ratio


def _ratio(results: Results, group: str, workload: str, peer: str, threads: int) -> float | None:
    result = results.get((group, threads))
    if result is None or (workload, peer) not in result.times:
        return None
    return result.times[workload, peer].over(result.times[workload, "minidl"])
