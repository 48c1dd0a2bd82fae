"""Ctrl-C and SIGTERM: a run ends after the current step, keeps everything and can be resumed. The second time, it ends
at once."""

import os
import signal
import threading
from typing import Any

import numpy as np
import pytest

from minidl import (
    SGD,
    Dense,
    DivergenceError,
    Quadratic,
    RecordPath,
    Run,
    Sequential,
    Trainer,
    minimize,
)
from minidl.events import EVENTS
from minidl.interruption import INTERRUPTED, TERMINATED
from minidl.typing import Array
from tests.callbacks.recording import At
from tests.helpers import bits
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
