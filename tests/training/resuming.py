"""A small fit, and how to end it in the middle."""

from collections.abc import Callable
from typing import Any

import numpy as np

from minidl import SGD, Adam, Callback, Dense, Group, MSELoss, Optimizer, Run, Sequential, Tanh, Trainer
from tests.helpers import bits

N = 20
X = np.random.default_rng(0).normal(size=(N, 3))
Y = X[:, :1] ** 2


def trainer(
    *callbacks: Callback, layer: Any = None, loss: Any = MSELoss, optimizer: Callable[..., Optimizer] = SGD
) -> Trainer:
    model = Sequential(Dense(3, 4), layer() if layer else Tanh(), Dense(4, 1), rng=0)
    return Trainer(model, loss(), optimizer(model.parameters(), lr=0.05), callbacks)


def fit(trainer: Trainer, epochs: int = 4, **options: Any) -> list[bytes]:
    """Fit, and return the parameters at the end."""
    trainer.fit(X, Y, **{"epochs": epochs, "batch_size": 5, "rng": 1, **options})
    return bits(trainer.model.parameters().value)


class StopError(Exception):
    """Ends a run in the middle."""


class Stop(Callback):
    """Raises after `after` steps."""

    last = True

    def __init__(self, after: int) -> None:
        self.after = after

    def on_step_end(self, run: Run) -> None:
        if run.step == self.after:
            raise StopError


def grouped(*factors: float, swapped: bool = False) -> Callable[..., Optimizer]:
    """Return a function that makes an Adam with two groups: the parameters of each layer."""

    def make(parameters: Any, lr: float) -> Optimizer:
        parts = [list(parameters)[:2], list(parameters)[2:]]
        return Adam(list(map(Group, reversed(parts) if swapped else parts, factors)), lr=lr)

    return make
