"""What the tests of parallel training run on every rank."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minidl import (
    SGD,
    Adam,
    BatchNorm,
    Conv2D,
    CrossEntropyLoss,
    Dense,
    Dropout,
    GlobalAveragePool2D,
    Layer,
    Loss,
    Momentum,
    MSELoss,
    Optimizer,
    ReLU,
    Sequential,
    Tanh,
    Trainer,
    metrics,
)
from minidl.integrations.mpi import ParallelTrainer
from minidl.run import Callback
from minidl.typing import Array
from tests.integrations.mpi_ranks import comm

OPTIMIZERS: dict[str, Callable[[Any], Optimizer]] = {
    "SGD": lambda parameters: SGD(parameters, lr=0.1),
    "Momentum": lambda parameters: Momentum(parameters, lr=0.05),
    "Adam": lambda parameters: Adam(parameters, lr=0.003),
    "clipped": lambda parameters: Momentum(parameters, lr=0.05).clip(norm=0.5),
}


def parallel(model: Layer, loss: Loss, optimizer: Optimizer, callbacks: Sequence[Callback] = ()) -> ParallelTrainer:
    """Return a trainer on all ranks, be they processes or threads."""
    return ParallelTrainer(model, loss, optimizer, callbacks, comm=comm())


def data(n: int = 1003) -> tuple[Array, Array]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, 6))
    return x, (x[:, 0] * x[:, 1] > 0) * 1 + (x[:, 2] > 0.5)


def network() -> Sequential:
    return Sequential(Dense(6, 16), Tanh(), Dense(16, 3), rng=1)


def normalised() -> Sequential:
    return Sequential(Dense(6, 16), BatchNorm(16), ReLU(), Dense(16, 3), rng=1)


def images() -> Sequential:
    return Sequential(Conv2D(1, 4, 2), BatchNorm(4), ReLU(), GlobalAveragePool2D(), Dense(4, 3), rng=1)


def trained(kind: Callable[..., Trainer], model: Layer, optimizer: str = "Momentum", **options: Any) -> dict[str, Any]:
    """Train, and return what there is to compare."""
    x, y = options.pop("data", None) or data()
    trainer = kind(model, CrossEntropyLoss(), OPTIMIZERS[optimizer](model.parameters()))
    history = trainer.fit(x, y, **{"epochs": 5, "batch_size": 100, "rng": 2} | options)
    state = {name: np.array(value) for name, value in model.state().items()}
    return {"theta": model.parameters().value.copy(), "loss": history.loss, "epochs": history.epochs, "state": state}


def both(model: Callable[[], Layer], **options: Any) -> dict[str, Any]:
    """Train on all ranks, and on one."""
    return {"parallel": trained(parallel, model(), **options), "one": trained(Trainer, model(), **options)}


def weights(n: int) -> Array:
    result = np.random.default_rng(3).integers(0, 4, n) * 0.5
    result[:100] = 0.0  # without shuffling, a batch in which nothing counts
    return result


def like_one() -> dict[str, Any]:
    """Each row: training on all ranks and on one process."""
    rows: dict[str, Any] = {name: both(network, optimizer=name) for name in OPTIMIZERS}
    for name in ("SGD", "Momentum"):
        rows[f"{name} in float32"] = both(lambda: network().astype(np.float32), optimizer=name)
    x, y = data()
    rows["accumulate"] = both(network, accumulate=3, batch_size=30)
    rows["weights"] = both(network, sample_weight=weights(len(x)), shuffle=False)
    rows["class weights"] = both(network, class_weight="balanced")
    rows["all at once"] = both(network, batch_size=None, epochs=20)
    rows["fewer samples than ranks"] = both(network, data=(x[:2], y[:2]), batch_size=None)
    measures = {"accuracy": metrics.accuracy, "balanced": metrics.balanced_accuracy}  # one is a mean over samples
    rows["measured"] = both(network, validation=0.2, metrics=measures, training_loss=True)
    rows["batches"] = both(network, data=(batches(), None), batch_size=None, rng=None, epochs=2, accumulate=2)
    return rows


def batches() -> list[tuple[Array, ...]]:
    """Batches of several sizes, one of them without weight."""
    x, y = data(110)
    sizes = (40, 1, 30, 20, 19)
    starts = np.cumsum((0, *sizes))
    weight = weights(110)
    weight[41:71] = 0.0
    weight[:40] = 0.5
    parts = [slice(start, start + n) for start, n in zip(starts, sizes, strict=False)]
    return [(x[part], y[part], weight[part]) for part in parts]


def like_accumulate(ranks: int) -> dict[str, Any]:
    """Each row: training on all ranks, and on one process with as many parts per step."""
    rows = {}
    for name, model in {"plain": network, "BatchNorm": normalised, "images": images}.items():
        x, y = data()
        given = (x[:, :4].reshape(-1, 2, 2, 1), y) if model is images else (x, y)
        for optimizer in OPTIMIZERS:
            options: dict[str, Any] = {"optimizer": optimizer, "data": given}
            rows[f"{name}, {optimizer}"] = {
                "parallel": trained(parallel, model(), batch_size=50 * ranks, **options),
                "one": trained(Trainer, model(), batch_size=50, accumulate=ranks, **options),
            }
    return rows


def statistics() -> dict[str, Any]:
    """The running statistics after some steps, on all ranks and on one process."""
    rows = {}
    settings: dict[str, dict[str, Any]] = {"once": {}, "accumulated": {"accumulate": 2, "batch_size": 60}}
    for name, options in settings.items():
        result = {}
        for where, kind in {"parallel": parallel, "one": Trainer}.items():
            model = Sequential(BatchNorm(6, momentum=0.3), Dense(6, 3), rng=0)  # its statistics are of the data alone
            x, y = data()
            x[:, 1] += 1e5  # squares would lose the variance
            result[where] = trained(kind, model, data=(x, y), epochs=2, **options)
        rows[name] = result
    return rows


def dropped() -> dict[str, Any]:
    """The masks that each rank draws, in two steps of a fit in which all samples are ones."""
    seen: list[Array] = []

    class Looking(Dropout):
        def forward(self, x: Array) -> Array:
            y = super().forward(x)
            if self.training:
                seen.append(y != 0)
            return y

    layer = Looking(0.5, rng=5)
    model = Sequential(layer, Dense(8, 1), rng=0)
    trainer = parallel(model, MSELoss(), SGD(model.parameters(), lr=0.1))
    trainer.fit(np.ones((40, 8)), np.ones((40, 1)), epochs=2)
    return {"masks": seen, "after": layer.rng.bit_generator.state, "theta": model.parameters().value.copy()}


def different_start() -> dict[str, Any]:
    """Training from weights, an optimizer and a generator that are not those of rank 0."""
    rank = comm().rank
    model = Sequential(Dense(6, 16), BatchNorm(16), Dropout(0.2, rng=rank), Dense(16, 3), rng=rank)
    optimizer = Adam(model.parameters(), lr=0.01 * (rank + 1))
    trainer = parallel(model, CrossEntropyLoss(), optimizer)
    history = trainer.fit(*data(), epochs=2, batch_size=64)  # and orders of a generator without a seed
    return {"state": model.state(), "loss": history.loss, "optimizer": optimizer.state()}
