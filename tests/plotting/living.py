"""Runs to plot while they are running."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from minidl import (
    SGD,
    Callback,
    Dense,
    History,
    MSELoss,
    Run,
    Trainer,
)
from minidl.plotting import LivePlot
from minidl.typing import Array

PNG = b"\x89PNG\r\n\x1a\n"
X = np.linspace(-1, 1, 8)[:, None]


class Clock(Callback):
    """A clock on which each step takes one second, and each picture `drawing` seconds."""

    def __init__(self) -> None:
        self.now, self.drawing = 50.0, 0.0
        self.drawn: list[int] = []

    def __call__(self) -> float:
        return self.now

    def on_step_begin(self, run: Run) -> None:
        self.now += 1.0


def make(*callbacks: Callback) -> Trainer:
    model = Dense(1, 1, rng=0)
    return Trainer(model, MSELoss(), SGD(model.parameters(), lr=0.1), callbacks)


def fit(trainer: Trainer, epochs: int = 5, **options: Any) -> History:
    return trainer.fit(X, 2 * X, epochs=epochs, batch_size=4, rng=0, **options)


def mean_error(prediction: Array, target: Array) -> float:
    return float(np.abs(prediction - target).mean())


def panels(plot: LivePlot) -> list[Axes]:
    assert plot.figure is not None
    return plot.figure.axes
