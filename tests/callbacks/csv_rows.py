"""Rows of a CSVLog, and how to have it write them without a run."""

import csv
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from minidl import CSVLog
from tests.callbacks.recording import tell

ROWS = [{"loss": 0.1 * epoch, "other": 1 / epoch} for epoch in range(1, 6)]


def stub(epoch: int = 0) -> Any:
    """A run of two steps per epoch."""
    return SimpleNamespace(epoch=epoch, step=2 * epoch, first_step=0, metrics={}, measures=None, callbacks=[])


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


def read(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))
