"""Ctrl-C and SIGTERM from another process and with a checkpoint: nothing is lost, and the run can be resumed."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from time import sleep
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import Callback, Checkpoint, EarlyStopping, MinidlWarning, Run, Trainer
from minidl.interruption import INTERRUPTED, TERMINATED
from tests.callbacks.recording import At, Hooks
from tests.helpers import bits
from tests.run.test_interruption import BATCHES, PLACES, press, terminate
from tests.saving.helpers import entry
from tests.training import endless

pytestmark = pytest.mark.usefixtures("python_handler")


def run(folder: Path, *options: str) -> subprocess.Popen[str]:
    """The endless script, in its fourth step."""
    command = [sys.executable, "-m", "tests.training.endless", str(folder), *options]
    process = subprocess.Popen(
        command,
        cwd=Path(minidl.__file__).parent.parent,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    return process


def check_resumed(path: Path, loss: list[float]) -> None:
    """A run resumed from the file ends as one without a break, and has lost no step."""
    whole, resumed = endless.trainer(), endless.trainer()
    assert entry(path, "run")["step"] == len(loss)
    epochs = len(loss) // BATCHES + 2
    endless.fit(whole, epochs)
    endless.fit(resumed, epochs, resume_from=path)
    assert resumed.history.loss[: len(loss)] == loss
    assert resumed.history.loss == whole.history.loss
    assert resumed.history.epochs == whole.history.epochs
    assert resumed.history.reason is None
    assert bits(*resumed.model.state().values()) == bits(*whole.model.state().values())


@pytest.mark.parametrize(("number", "reason"), [(signal.SIGINT, INTERRUPTED), (signal.SIGTERM, TERMINATED)])
def test_from_another_process(number: signal.Signals, reason: str, tmp_path: Path) -> None:
    process = run(tmp_path)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    ended, told = out.splitlines()
    left = json.loads(told)
    assert ended == "ended"
    assert (left["reason"], left["restored"]) == (reason, True)
    assert len(left["loss"]) >= 3


def test_twice_from_another_process(tmp_path: Path) -> None:
    process = run(tmp_path, "--slow")
    process.send_signal(signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.3)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == -signal.SIGINT
    assert out == "ended\n"
    assert err.endswith("KeyboardInterrupt\n")


@pytest.mark.parametrize("do", [press, terminate])
@pytest.mark.parametrize(("event", "nth"), PLACES)
def test_a_checkpoint_saves_once_more_and_the_run_resumes(event: str, nth: int, do: Any, tmp_path: Path) -> None:
    file = tmp_path / "run.npz"
    trainer = endless.trainer(Checkpoint(file, every_epochs=None), At(event, nth, do))
    endless.fit(trainer, 10**6)
    check_resumed(file, trainer.history.loss)


def test_after_the_last_step_it_is_saved_as_well(tmp_path: Path) -> None:
    file = tmp_path / "run.npz"
    trainer = endless.trainer(At("on_epoch_end", 2, press), Checkpoint(file, every_epochs=None))
    endless.fit(trainer, 2)
    assert trainer.history.reason == INTERRUPTED
    assert entry(file, "run")["epoch"] == 2


def test_a_run_that_had_ended_before_it_was_pressed_stays_so(tmp_path: Path) -> None:
    def train(*callbacks: Callback, **options: Any) -> Trainer:
        trainer = endless.trainer(EarlyStopping(patience=1, min_delta=100.0), *callbacks)
        endless.fit(trainer, 9, **options)
        return trainer

    file = tmp_path / "run.npz"
    first = train(At("on_epoch_end", 2, press), Checkpoint(file))
    assert str(first.history.reason).startswith("validation_loss has not improved")
    with pytest.warns(MinidlWarning, match="that had ended"):
        again = train(resume_from=file)
    assert (again.history.loss, again.history.reason) == (first.history.loss, first.history.reason)


def test_at_any_moment_no_step_is_lost(tmp_path: Path) -> None:
    rng, file = np.random.default_rng(0), tmp_path / "run.npz"
    begun = threading.Event()

    def begin(run: Run) -> None:
        begun.set()
        assert run.step < 100_000, "the run does not end"

    def later(seconds: float) -> None:
        begun.wait()
        sleep(seconds)
        press()

    for seconds in rng.uniform(0.0, 2e-3, size=100):
        begun.clear()
        trainer = endless.trainer(Hooks(on_step_end=begin), Checkpoint(file, every_epochs=None))
        thread = threading.Thread(target=later, args=[seconds])
        thread.start()
        endless.fit(trainer, 10**9)
        thread.join()
        assert trainer.history.reason == INTERRUPTED
        assert entry(file, "run")["step"] == len(trainer.history.loss)
    check_resumed(file, trainer.history.loss)
