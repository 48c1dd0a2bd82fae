"""What the tests of shards run on every rank."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from minidl import Batches, Callback, Checkpoint, CrossEntropyLoss, Momentum, Run, Trainer, metrics
from minidl.typing import Array
from tests.integrations.mpi_programs import data, network, parallel, weights
from tests.integrations.mpi_ranks import comm

SIZES = (300, 403, 300)
METRICS = {"accuracy": metrics.accuracy, "balanced": metrics.balanced_accuracy}


def rank() -> int:
    number: int = comm().rank
    return number


def shards(*arrays: Array) -> list[Any]:
    """The samples of each of three ranks."""
    ends = np.cumsum(SIZES)
    parts = [slice(end - size, end) for end, size in zip(ends, SIZES, strict=True)]
    return [tuple(array[part] for array in arrays) for part in parts]


def pieces(shard: tuple[Array, ...], size: int) -> list[tuple[Array, ...]]:
    return [tuple(array[i : i + size] for array in shard) for i in range(0, len(shard[0]), size)]


def joint(size: int, *arrays: Array) -> list[tuple[Array, ...]]:
    """The batches of all ranks together, as long as one of them has any."""
    by_rank = [pieces(shard, size) for shard in shards(*arrays)]
    steps = [[parts[step] for parts in by_rank if step < len(parts)] for step in range(max(map(len, by_rank)))]
    return [tuple(np.concatenate(part) for part in zip(*step, strict=True)) for step in steps]


def trained(kind: Callable[..., Trainer], x: Any, y: Any = None, **options: Any) -> dict[str, Any]:
    model = network()
    trainer = kind(model, CrossEntropyLoss(), Momentum(model.parameters(), lr=0.05))
    history = trainer.fit(x, y, epochs=3, **options)
    return {"theta": model.parameters().value.copy(), "loss": history.loss, "epochs": history.epochs}


def own_data() -> dict[str, Any]:
    """Each row: each rank has its own samples, and one process has all of them in the same batches."""
    x, y = data()
    w = weights(len(x))
    own, weighted = shards(x, y)[rank()], shards(x, y, w)[rank()]
    plain: dict[str, Any] = {"shuffle": False, "batch_size": 89, "shard": True}
    measured: dict[str, Any] = {"metrics": METRICS}
    rows = {
        "arrays": (
            trained(parallel, own[0], own[1], **plain, **measured, validation=own),
            trained(Trainer, joint(30, x, y), **measured, validation=(x, y)),
        ),
        "weights": (
            trained(parallel, weighted[0], weighted[1], sample_weight=weighted[2], **plain),
            trained(Trainer, joint(30, x, y, w)),
        ),
        "batches": (
            trained(parallel, pieces(own, 25), shard=True, validation=pieces(own, 77), **measured),
            trained(Trainer, joint(25, x, y), validation=(x, y), **measured),
        ),
    }
    model = network()
    trainer = parallel(model, CrossEntropyLoss(), Momentum(model.parameters(), lr=0.05))
    evaluated = trainer.evaluate(own[0], own[1], METRICS, shard=True, batch_size=64), trainer.evaluate(x, y, METRICS)
    return {"rows": {name: {"parallel": a, "one": b} for name, (a, b) in rows.items()}, "evaluated": evaluated}


def orders() -> list[list[int]]:
    """The samples that this rank trains on in each epoch, in order."""
    seen: list[int] = []

    def look(x: Array, _: Any) -> Array:
        seen.extend(x[:, 0].astype(int).tolist())
        return x

    n = 20 + rank()
    x = np.zeros((n, 6))
    x[:, 0] = np.arange(n)
    model = network()
    trainer = parallel(model, CrossEntropyLoss(), Momentum(model.parameters(), lr=1e-9))
    trainer.fit(x, np.zeros(n, int), epochs=2, batch_size=6, augment=look, rng=4, shard=True)
    return [seen[:n], seen[n:]]


class GoOn(Callback):
    """Continues a run that something had stopped."""

    def on_fit_begin(self, run: Run) -> None:
        run.reason = None


class StopAt(Callback):
    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_end(self, run: Run) -> None:
        if run.step == self.step:
            run.stop("enough")


def resumed(folder: str) -> dict[str, Any]:
    """A run on shards that is stopped within an epoch and resumed, and one that is not."""
    own = shards(*data())[rank()]
    path = Path(folder) / "run.npz"

    def fit(x: Any, y: Any, *callbacks: Callback, **options: Any) -> dict[str, Any]:
        model = network()
        trainer = parallel(model, CrossEntropyLoss(), Momentum(model.parameters(), lr=0.05), callbacks)
        history = trainer.fit(x, y, epochs=3, shard=True, **options)
        return {"theta": model.parameters().value.copy(), "loss": history.loss}

    arrays: dict[str, Any] = {"batch_size": 90, "rng": 1}
    whole = fit(own[0], own[1], **arrays)
    stopped = fit(own[0], own[1], Checkpoint(path), StopAt(26), **arrays)
    result: dict[str, Any] = {"whole": whole, "stopped": stopped}
    result["again"] = fit(own[0], own[1], GoOn(), resume_from=path, **arrays)
    batches = Batches(*own, batch_size=30, rng=1)
    fit(batches, None, Checkpoint(path, every_steps=5, every_epochs=None), StopAt(5))
    try:
        fit(batches, None, resume_from=path)
    except Exception as error:
        result["refused"] = str(error)
    return result


def balanced() -> str:
    model = network()
    trainer = parallel(model, CrossEntropyLoss(), Momentum(model.parameters(), lr=0.05))
    try:
        trainer.fit(*data(20), class_weight="balanced", shard=True)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""
