"""Ctrl-C and SIGTERM: a run ends after the present step, keeps everything and can be resumed. The second time, it ends
at once."""

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
from minidl import (
    SGD,
    Callback,
    Checkpoint,
    Dense,
    DivergenceError,
    EarlyStopping,
    MinidlWarning,
    Quadratic,
    RecordPath,
    Run,
    Sequential,
    Trainer,
    minimize,
)
from minidl.interruption import INTERRUPTED, TERMINATED
from minidl.run import EVENTS
from minidl.typing import Array
from tests.callbacks.recording import At, Hooks
from tests.helpers import bits
from tests.saving.helpers import entry
from tests.training import endless
from tests.training.factories import make_trainer
from tests.training.failing import Elementwise, Raises

BATCHES = 3
DEFAULT = signal.default_int_handler


def press() -> None:
    """Press Ctrl-C."""
    os.kill(os.getpid(), signal.SIGINT)


def terminate() -> None:
    """Do what a batch system does before it kills."""
    os.kill(os.getpid(), signal.SIGTERM)


def interrupt() -> None:
    raise KeyboardInterrupt


PLACES = [("on_fit_begin", 1), ("on_epoch_begin", 1), ("on_step_begin", 1), ("on_step_end", 1), ("on_epoch_end", 1)]
PLACES += [("on_epoch_begin", 2), ("on_step_begin", 2), ("on_step_end", 2), ("on_step_end", 3), ("on_epoch_end", 2)]
pytestmark = pytest.mark.usefixtures("python_handler")


def check_whole(trainer: Trainer, path: RecordPath, run: Run) -> None:
    """What an interrupted run leaves is what a run of as many steps leaves."""
    whole, points = endless.trainer(), RecordPath()
    whole.callbacks = [points]
    endless.fit(whole, 4)
    steps = len(trainer.history.loss)
    assert steps == run.step == trainer.optimizer.steps == len(path.points) - 1
    assert trainer.history.loss == whole.history.loss[:steps]
    assert bits(trainer.model.parameters().value) == bits(points.points[steps])
    assert trainer.history.reason == run.interrupted
    assert signal.getsignal(signal.SIGINT) is DEFAULT
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert trainer.model.training


@pytest.mark.parametrize(("do", "reason"), [(press, INTERRUPTED), (interrupt, INTERRUPTED), (terminate, TERMINATED)])
@pytest.mark.parametrize(("event", "nth"), PLACES)
def test_it_ends_after_the_present_step_with_everything_kept(event: str, nth: int, do: Any, reason: str) -> None:
    path, at, other = RecordPath(), At(event, nth, do), At()
    trainer = endless.trainer(path, other, at)
    endless.fit(trainer, 10**6)
    check_whole(trainer, path, at.run)
    steps = {"on_fit_begin": 0, "on_step_begin": nth - 1, "on_step_end": nth, "on_epoch_end": BATCHES * nth}
    assert at.run.step - steps.get(event, BATCHES * (nth - 1)) in (0, 1)
    assert at.counts["on_step_end"] == other.counts["on_step_end"] == at.run.step
    assert at.counts["on_fit_end"] == other.counts["on_fit_begin"] == other.counts["on_fit_end"] == 1
    assert at.reason == other.reason == trainer.history.reason == reason


def test_in_on_fit_end_it_waits_until_all_are_notified() -> None:
    first, second = At("on_fit_end", 1, press), At()
    trainer = endless.trainer(first, second)
    try:
        endless.fit(trainer, 2)
    except KeyboardInterrupt:
        pytest.fail("it raised")
    assert second.counts["on_fit_end"] == 1
    assert trainer.history.reason == INTERRUPTED
    assert signal.getsignal(signal.SIGINT) is DEFAULT


@pytest.mark.parametrize("event", EVENTS)
def test_pressed_twice_it_raises_at_once_and_all_are_notified_of_the_end(event: str) -> None:
    pressed: list[int] = []

    def twice() -> None:
        for time in (1, 2):
            pressed.append(time)
            press()

    at, other = At(event, 1, twice), At()
    trainer = endless.trainer(at, other)
    with pytest.raises(KeyboardInterrupt) as caught:
        endless.fit(trainer, 2)
    assert pressed == [1, 2]
    assert caught.value.__context__ is None
    assert at.counts["on_fit_end"] == 1
    assert other.counts["on_fit_end"] == other.counts["on_fit_begin"] == (event != "on_fit_begin")
    assert signal.getsignal(signal.SIGINT) is DEFAULT
    assert trainer.model.training
    assert trainer.history.reason == INTERRUPTED


def test_a_keyboard_interrupt_in_a_layer_leaves_the_step_untaken() -> None:
    model, path = Sequential(Dense(3, 1), Raises(KeyboardInterrupt, 4), rng=0), RecordPath()
    trainer = make_trainer(model, path)
    endless.fit(trainer, 2)
    assert len(trainer.history.loss) == trainer.optimizer.steps == 3
    assert bits(model.parameters().value) == bits(path.points[3])
    assert trainer.history.reason == INTERRUPTED


def test_a_step_that_diverges_while_it_is_pressed_reports_the_divergence() -> None:
    class Presses(Elementwise):
        pressed = False

        def forward(self, x: Array) -> Array:
            if not self.pressed:
                self.pressed = True
                press()
            return x * np.nan

    with pytest.raises(DivergenceError, match="stopped being finite at step 0"):
        endless.fit(make_trainer(Sequential(Dense(3, 1), Presses(), rng=0)), 2)


@pytest.mark.parametrize("handler", [lambda *_: None, signal.SIG_IGN])
@pytest.mark.parametrize(("number", "send"), [(signal.SIGINT, press), (signal.SIGTERM, terminate)])
def test_a_handler_of_somebody_else_is_left_alone(handler: Any, number: signal.Signals, send: Any) -> None:
    before = signal.signal(number, handler)
    try:
        trainer = endless.trainer(At("on_step_begin", 2, send))
        endless.fit(trainer, 2)
        assert trainer.history.reason is None
        assert len(trainer.history.loss) == 2 * BATCHES
        assert signal.getsignal(number) is handler
    finally:
        signal.signal(number, before)


def test_ctrl_c_after_sigterm_raises_at_once() -> None:
    def both() -> None:
        terminate()
        press()

    trainer = endless.trainer(At("on_step_begin", 2, both))
    with pytest.raises(KeyboardInterrupt):
        endless.fit(trainer, 2)
    assert trainer.history.reason == TERMINATED
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_handler_that_is_set_during_the_run_stays() -> None:
    def handler(*_: Any) -> None: ...

    endless.fit(endless.trainer(At("on_step_begin", 2, lambda: signal.signal(signal.SIGINT, handler))), 1)
    assert signal.getsignal(signal.SIGINT) is handler


def test_in_another_thread_nothing_is_touched() -> None:
    seen: list[Any] = []
    at = At("on_step_begin", 2, lambda: seen.extend(map(signal.getsignal, (signal.SIGINT, signal.SIGTERM))))
    trainer = endless.trainer(at)
    thread = threading.Thread(target=endless.fit, args=[trainer, 2])
    thread.start()
    thread.join()
    assert seen == [DEFAULT, signal.SIG_DFL]
    assert len(trainer.history.loss) == 2 * BATCHES


@pytest.mark.parametrize("do", [press, interrupt])
@pytest.mark.parametrize("event", ["on_step_begin", "on_step_end"])
def test_minimize_ends_after_the_present_step_too(do: Any, event: str) -> None:
    bowl = Quadratic([[1.0, 0.0], [0.0, 3.0]], start=[1.0, 2.0])
    at = At(event, 5, do)
    descent = minimize(bowl, SGD(bowl.parameters(), 0.01), 10**6, [at])
    assert descent.steps - (4 if event == "on_step_begin" else 5) in (0, 1)
    assert (descent.fate, descent.reason) == ("unfinished", INTERRUPTED)
    assert descent.path is not None
    assert [*descent.loss, descent.value] == [bowl.value(point) for point in descent.path]
    assert bits(descent.path[-1]) == bits(descent.theta) == bits(bowl.parameters().value)
    assert at.counts["on_fit_end"] == 1
    assert signal.getsignal(signal.SIGINT) is DEFAULT


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
