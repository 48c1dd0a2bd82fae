"""A resumed run in TensorBoard is that of one without a break."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from minidl import (
    Callback,
    Checkpoint,
    History,
    StateError,
)
from minidl.integrations import TensorBoard
from tests.integrations.event_files import FIT, curves, expected
from tests.training.factories import data, make_trainer, network
from tests.training.resuming import Stop, StopError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "runs" / "first"


def fit(folder: Path, *callbacks: Callback, **options: Any) -> History:
    trainer = make_trainer(network(), TensorBoard(folder, every_step=True), *callbacks)
    return trainer.fit(*data(), epochs=4, **{**FIT, **options})


@pytest.mark.parametrize(
    ("every", "crashes"),
    [
        *[(1, [2]), (1, [3]), (2, [3]), (2, [5]), (3, [4]), (3, [8]), (4, [5]), (5, [9]), (6, [11])],
        *[(2, [3, 8]), (3, [5, 7, 11]), (4, [6, 7]), (1, [1, 2, 3])],
    ],
)
def test_a_run_resumed_after_crashes_shows_each_epoch_and_step_once(
    every: int, crashes: list[int], tmp_path: Path
) -> None:
    whole, broken, checkpoint = tmp_path / "whole", tmp_path / "broken", tmp_path / "run.npz"
    history = fit(whole)
    for step in crashes:
        resume_from = checkpoint if checkpoint.exists() else None
        saves = Checkpoint(checkpoint, every_steps=every, every_epochs=None)
        with pytest.raises(StopError):
            fit(broken, saves, Stop(step), resume_from=resume_from)
    fit(broken, resume_from=checkpoint)
    assert curves(broken) == curves(whole)
    assert curves(broken / "steps") == curves(whole / "steps")
    assert curves(broken / "steps")["loss"] == expected(history.loss)


def test_a_run_killed_while_it_writes_shows_what_it_wrote(folder: Path) -> None:
    make_trainer(network(), TensorBoard(folder)).fit(*data(), epochs=2, **FIT)
    (file,) = folder.iterdir()
    file.write_bytes(file.read_bytes()[:-100])  # half an event
    assert [number for number, _ in curves(folder)["loss"]] == [1]
    script = f"""
import os
from minidl import Callback
from minidl.integrations import TensorBoard
from tests.training.factories import data, make_trainer, network

class Kill(Callback):
    def on_step_end(self, run):
        if run.step == 5:
            os.kill(os.getpid(), 9)

board = TensorBoard({str(folder)!r}, every_step=True, overwrite=True)
make_trainer(network(), board, Kill()).fit(*data(), epochs=4, batch_size=3, rng=0)
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -9
    assert [number for number, _ in curves(folder)["loss"]] == [1]
    assert [number for number, _ in curves(folder / "steps")["loss"]] == [1, 2, 3, 4, 5]


def test_a_resumption_that_fails_hides_nothing(folder: Path, tmp_path: Path) -> None:
    class Refuses(Callback):
        def state(self) -> dict[str, Any]:
            return {"some": 1}

        def load_state(self, state: Any) -> None:
            raise StateError("not this one")

    checkpoint = tmp_path / "run.npz"
    make_trainer(network(), TensorBoard(folder), Refuses(), Checkpoint(checkpoint)).fit(*data(), epochs=3, **FIT)
    before = curves(folder)
    trainer = make_trainer(network(), TensorBoard(folder), Refuses())
    with pytest.raises(Exception, match="not this one"):
        trainer.fit(*data(), epochs=9, resume_from=checkpoint, **FIT)
    assert curves(folder) == before
    with pytest.raises(StateError, match="holds another run"):  # the folder is that of the first run as before
        trainer.fit(*data(), epochs=1, **FIT)
