"""The network, the data and the trainer that most tests begin with, and what two trainers agree in."""

from typing import Any

import numpy as np

from minidl import SGD, Callback, Dense, Layer, Loss, MSELoss, ReLU, Sequential, Trainer
from minidl.typing import Array


def network(seed: int = 0) -> Sequential:
    return Sequential(Dense(2, 4), ReLU(), Dense(4, 1), rng=seed)


def data(n: int = 7, seed: int = 1) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 2)), rng.integers(0, 2, (n, 1)).astype(float)


def make_trainer(
    model: Layer | None = None, *callbacks: Callback, loss: Loss | None = None, optimizer: Any = SGD, lr: float = 0.1
) -> Trainer:
    model = model or network()
    return Trainer(model, loss or MSELoss(), optimizer(model.parameters(), lr), callbacks)


def mean_error(prediction: Array, target: Array) -> float:
    """A metric."""
    return float(np.abs(prediction - target).mean())


def agree(one: Trainer, other: Trainer, tolerance: float = 1e-12) -> None:
    """Two trainers have the same parameters and the same history."""
    options: dict[str, Any] = {"rtol": tolerance, "atol": tolerance}
    np.testing.assert_allclose(one.model.parameters().value, other.model.parameters().value, **options)
    np.testing.assert_allclose(one.history.loss, other.history.loss, **options)
    assert one.history.epochs.keys() == other.history.epochs.keys()
    for name, values in one.history.epochs.items():
        np.testing.assert_allclose(values, other.history.epochs[name], err_msg=name, **options)
