"""Rows of a table, and who writes them."""

import csv
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from minidl import SGD, Callback, CSVLog, MSELoss, Trainer
from minidl.typing import Array
from tests.training.going_on import tell
from tests.training.test_trainer import network

ROWS = [{"loss": 0.1 * epoch, "other": 1 / epoch} for epoch in range(1, 6)]


def make(*callbacks: Callback) -> Trainer:
    model = network()
    return Trainer(model, MSELoss(), SGD(model.parameters(), 0.05), callbacks)


def stub(epoch: int = 0) -> Any:
    """A run of two steps an epoch."""
    return SimpleNamespace(epoch=epoch, step=2 * epoch, metrics={})


def write(log: CSVLog, rows: list[dict[str, float]], begin: int = 0) -> CSVLog:
    """Have a log write these rows, the first being that of epoch `begin` + 1."""
    run = stub(begin)
    for row in rows:
        run.epoch, run.step, run.metrics = run.epoch + 1, run.step + 2, row
        tell(log, run, "on_epoch_end")
    return log


def fresh(path: Path, **options: Any) -> CSVLog:
    log = CSVLog(path, **options)
    tell(log, stub(), "on_fit_begin")
    return log


def text_of(state: dict[str, Any]) -> str:
    return bytes(state["text"]).decode()


def mean_error(prediction: Array, target: Array) -> float:
    return float(np.abs(prediction - target).mean())


def read(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))
