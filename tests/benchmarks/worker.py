"""The process of one competitor: reads commands from standard input and answers, both as lines of JSON.

python -m tests.benchmarks.worker "torch fused"
"""

from __future__ import annotations

import importlib
import json
import sys
from time import perf_counter
from typing import Any

from tests.benchmarks.attention import Attention, Language
from tests.benchmarks.latency import Prediction
from tests.benchmarks.sequences import Recurrence
from tests.benchmarks.workloads import GROUPS, Function, Images, Network, Rule, Run, Spec

SPECS: dict[str, Spec] = {spec.name: spec for group in GROUPS for spec in group.specs}


def main() -> None:
    library, _, variant = sys.argv[1].partition(" ")
    try:
        peer = importlib.import_module(f"tests.benchmarks.peers.with_{library}")
    except ImportError as error:
        print(json.dumps({"missing": str(error)}), flush=True)
        return
    print(json.dumps({"version": peer.VERSION}), flush=True)
    for line in sys.stdin:
        try:
            answer = obey(peer, variant, json.loads(line))
        except NotImplementedError as error:
            answer = {"missing": str(error)}
        print(json.dumps(answer), flush=True)


def obey(peer: Any, variant: str, command: dict[str, Any]) -> dict[str, Any]:
    if command["do"] == "memory":
        return memory()
    if command["do"] == "blas":
        return {"blas": blas(peer)}
    spec = SPECS[command["spec"]]
    run = start(peer, variant, spec)
    if command["do"] == "check":
        return {"figures": run(spec.check, False)}
    return {"seconds": timed(run, spec, command["seconds"])}


def start(peer: Any, variant: str, spec: Spec) -> Run:
    """A fresh model on the initial weights: each turn does the same work."""
    kinds = {Network: "network", Images: "images", Rule: "optimizer", Function: "function"}
    kinds |= {Prediction: "prediction", Recurrence: "recurrence", Language: "language", Attention: "attention"}
    run: Run = getattr(peer, kinds[type(spec)])(spec, variant)
    return run


def timed(run: Run, spec: Spec, seconds: float) -> float:
    """Seconds a step, the mean over as many calls as fill the time; what compiles or fills caches goes before."""
    run(1, True)
    if isinstance(spec, Function) and len(run(spec.epochs, True)) != spec.steps:
        raise ValueError(f"{spec.name} ended early, so that not every step was timed")
    calls, begin = 0, perf_counter()
    while True:
        run(spec.epochs, True)
        calls += 1
        passed = perf_counter() - begin
        if passed >= seconds:
            return passed / (calls * spec.steps)


def memory() -> dict[str, float]:
    """Megabytes in use now, and at most so far; ru_maxrss would also count the parent's before the fork."""
    try:
        with open("/proc/self/status") as file:
            status = dict(line.split(":", 1) for line in file)
        return {"now": int(status["VmRSS"].split()[0]) / 1024, "peak": int(status["VmHWM"].split()[0]) / 1024}
    except FileNotFoundError:
        import resource

        unit = 2**20 if sys.platform == "darwin" else 2**10
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
        return {"now": peak, "peak": peak}


def blas(peer: Any) -> str:
    """Which BLAS, on which core, with how many threads."""
    if hasattr(peer, "blas"):
        own: str = peer.blas()
        return own
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return "unknown without threadpoolctl"
    found = {
        f"{pool['internal_api']} {pool['version']}, core {pool.get('architecture', '?')}, {pool['num_threads']} threads"
        for pool in threadpool_info()
        if pool["user_api"] == "blas"
    }
    return "; ".join(sorted(found)) or "unknown"


if __name__ == "__main__":
    main()
