"""The page of the benchmarks: a section for each kind of CPU that was measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tests.benchmarks.footprint import Footprint
from tests.benchmarks.goals import Results, goals, losses
from tests.benchmarks.rounds import TOLERANCE, Result
from tests.benchmarks.store import Record
from tests.benchmarks.tables import share, table, time

__all__ = ["report", "section"]

INTRODUCTION = """\
# Benchmarks

A step of a small network takes a sixth of the time that it takes in PyTorch, and a step of a large one is hardly more
than its matrix products. JAX is faster at networks of middle size, and PyTorch at LSTMs and with its fused optimizers.

![One row for each workload, with the time of PyTorch, JAX and scikit-learn over that of minidl](images/benchmarks.png)

`make bench` measures all this on your machine and writes this page. `make bench QUICK=1` takes a minute and only shows
the result. `JSON=new.json` also writes the times to a file. `COMPARE=old.json` shows what became slower since such a
file was written, on a machine of the same speed.
"""

METHOD = f"""\
## How it is measured

- Each competitor runs in a process of its own, with its own number of threads. In each round, all are asked in turn,
  and the first one changes.
- A turn trains a new model from the same weights on the same data. It includes what its user would do at each step:
  taking a batch of the data in a new order, and reading the loss. minidl runs through `Trainer.fit` and `minimize`,
  with history and the check for finite numbers.
- Before timing, all must compute the same losses to {TOLERANCE:g}. In W5, they must move the parameters equally far.
- A time is the median over the rounds of the mean in one turn. ± is half of the distance between the quartiles.
- A ratio is the competitor's time divided by minidl's, the median over the rounds. Above 1, minidl is faster.
- The floor is the matrix products of a step alone, through the same BLAS.
- "jax jit" runs each step in the calling thread. "jax async" hands it to another thread, which is JAX's default.
- The environment variables `OPENBLAS_CORETYPE` and `OPENBLAS_L2_SIZE` are unset.
- **PyTorch's packages for x86 take their matrix products from Intel's MKL, which is slow on AMD processors with
  AVX-512.** "torch floor" beside "numpy floor" shows it. On Intel, expect smaller ratios against PyTorch wherever
  matrix products take most of the time.
"""

LATENCY = """\
"minidl layers" is `forward` alone, without the checks of `predict`. "torch inference" makes a tensor of the array, and
an array of the output. "torch tensors" is given a tensor and returns one. Both enter `torch.inference_mode()`."""

EXPLAINED = """\
What keeps some goals out of reach on this machine, measured apart from the tables:

- **W1.** NumPy's calls alone, written without any framework, take 0.8 of the time of a step. They cannot be faster than
  1.4 times JAX.
- **W2.** Adam takes 0.2 of the step, as NumPy passes over the parameters eleven times. JAX compiles the whole step into
  one program.
- **predict.** For one sample of 784-256-10, the product with the first matrix takes 0.45 of the call. For 2-4-1, NumPy
  takes half of it.
- **Import.** It reads about 140 small files, each in an eighth of a millisecond. The version of 2026-11-24 took 9.6 ms
  on another machine of this kind, and takes 18 ms here, as the current one does.
"""


def report(records: Sequence[Record]) -> str:
    """The whole page, but for its section on accuracy."""
    return "\n".join([INTRODUCTION, *(section(record) for record in records), METHOD])


def section(record: Record) -> str:
    """What was measured on one kind of CPU, the floor first."""
    parts = [f"## {record.kind}\n", *_floor(record.results), *_setting(record)]
    parts += ["### Goals\n", *_goals(record), EXPLAINED]
    for result in record.results.values():
        parts += _curves(result) if result.group.key == "growth" else _group(result)
    if record.footprints:
        parts += _footprints(record.footprints, record.results)
    return "\n".join(parts)


def _floor(results: Results) -> Iterator[str]:
    """What the bare matrix products take here: the rest of the section depends on it."""
    rows = []
    for (_, threads), result in results.items():
        for spec in result.group.specs:
            floor, own = result.times.get((spec.name, "numpy floor")), result.times.get((spec.name, "minidl"))
            if floor and own:
                others = result.times.get((spec.name, "torch floor"))
                slower = f"{others.over(floor):.2f}" if others else "–"
                rows.append((spec.name, str(threads), time(floor.median), f"{floor.over(own):.2f}", slower))
    if rows:
        head = ("floor: the matrix products alone", "threads", "NumPy", "share of minidl's step", "PyTorch over NumPy")
        yield table(head, rows)


def _setting(record: Record) -> Iterator[str]:
    results = record.results.values()
    versions = sorted({version for result in results for version in result.versions.values()})
    yield f"- {record.machine['processors']} processors, {record.machine['system']}"
    for when in sorted({result.when for result in results}):
        groups = dict.fromkeys(result.group.key for result in results if result.when == when)
        yield f"- {', '.join(groups)}: measured on {when}"
    yield f"- {', '.join(versions)}"
    blas: dict[tuple[str, int], list[str]] = {}
    for result in results:
        for peer, name in result.blas.items():
            peers = blas.setdefault((name, result.threads), [])
            if "jax" not in peer and peer.split()[0] not in peers:
                peers.append(peer.split()[0])
    for (name, _), peers in blas.items():
        if peers:
            yield f"- BLAS of {', '.join(peers)}: {name}"
    missing = {f"{peer}: {why}" for result in results for peer, why in result.missing.items()}
    for line in sorted(missing):
        yield f"- Not measured: {line}"
    yield ""


def _goals(record: Record) -> Iterator[str]:
    rows = [goal.cells for goal in goals(record.results, record.footprints)]
    yield table(("", "must", "aim", "measured", ""), rows)
    faster = [(workload, threads, peer, f"{ratio:.2f}") for workload, threads, peer, ratio in losses(record.results)]
    if faster:
        yield table(("faster than minidl", "threads", "who", "ratio"), faster)


def _group(result: Result) -> Iterator[str]:
    threads = "one thread" if result.threads == 1 else f"{result.threads} threads"
    yield f"### {result.group.key}: {result.group.title}; {threads}\n"
    for spec in result.group.specs:
        if (spec.name, "minidl") not in result.times:
            continue
        head = [
            spec.name,
            f"per {result.group.step}",
            "±",
            "ratio",
            *(["peak memory"] if result.group.memory else []),
        ]
        own, rows = result.times[spec.name, "minidl"], []
        for (name, peer), times in result.times.items():
            if name == spec.name:
                row = [peer, time(times.median), share(times.spread), f"{times.over(own):.2f}"]
                rows.append([*row, f"{result.memory[peer]['peak']:.0f} MB"] if result.group.memory else row)
        yield table(head, rows)
        gap, who = result.gaps[spec.name]
        if who:
            yield f"Largest disagreement with minidl: {gap:.0e} ({who}).\n"
    if result.group.key == "latency":
        yield f"{LATENCY}\n"
    if result.group.key == "W4":
        yield "minidl also keeps the path and watches for rest, cycles and divergence; the others read the loss only.\n"


def _curves(result: Result) -> Iterator[str]:
    yield f"### {result.group.title}\n"
    peers = [peer for peer in result.group.peers if peer in result.versions]
    rows = []
    for spec in result.group.specs:
        times = [result.times[spec.name, peer] for peer in peers]
        rows.append([spec.name, *(time(t.median) for t in times), *(f"{t.over(times[0]):.2f}" for t in times[1:])])
    yield table(["", *peers, *(f"ratio {peer}" for peer in peers[1:])], rows)


def _footprints(footprints: dict[str, Footprint], results: Results) -> Iterator[str]:
    yield "### W6: what it costs to have it\n"
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
