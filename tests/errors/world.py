"""A world that an error must not change, and cases of errors in it."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from minidl import SGD, BCELoss, CubicValley, Dense, MinidlError, Momentum, ReLU, Sequential, Sigmoid, Trainer
from minidl.typing import Array


class World:
    """Models and optimizers in use, none of which a failed call may change."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.x, self.y = rng.normal(size=(6, 2)), rng.integers(0, 2, (6, 1)).astype(float)
        self.net = Sequential(Dense(2, 3), ReLU(), Sequential(Dense(3, 1), Sigmoid()), rng=0)
        self.optimizer = Momentum(self.net.parameters(), lr=0.1)
        self.trainer = Trainer(self.net, BCELoss(), self.optimizer)
        self.trainer.fit(self.x, self.y, epochs=2)
        self.valley = CubicValley(1.0, 1.0)
        self.descent = SGD(self.valley.parameters(), lr=1e-4)

    def with_x(self, value: float) -> Array:
        x = self.x.copy()
        x[4, 1] = value
        return x


class ErrorCase(NamedTuple):
    """What goes wrong, and what the message or its notes contain: where, what was expected, what came, what to do."""

    name: str
    provoke: Callable[[World], object]
    error: type[MinidlError]
    words: tuple[str, ...]


def case(name: str, provoke: Callable[[World], object], error: type[MinidlError], *words: str) -> ErrorCase:
    return ErrorCase(name, provoke, error, words)
