"""Timer: exact on a clock that is set by hand."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from minidl import SGD, Callback, Checkpoint, Quadratic, Timer, Trainer, minimize
from minidl.callbacks import timer as module
from tests.callbacks.recording import At, Clock, Hooks, States, fails, resume, tell
from tests.helpers import python_calls
from tests.training.factories import data, make_trainer, network
from tests.training.resuming import Stop, StopError


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock(2.0, 5.0)  # as with validation after each epoch
    monkeypatch.setattr(module, "perf_counter", clock)
    return clock


def make(*callbacks: Callback) -> Trainer:
    return make_trainer(network(), *callbacks)


def fit(trainer: Trainer, epochs: int, batch_size: int = 4) -> None:
    trainer.fit(*data(7), epochs=epochs, batch_size=batch_size)


def test_seconds_epochs_and_steps_of_one_fit(clock: Clock) -> None:
    timer = Timer()
    fit(make(clock, timer), epochs=3)
    assert timer.epochs == [9.0, 9.0, 9.0]
    assert (timer.seconds, timer.steps) == (27.0, 6)
    assert timer.steps_per_second == 6 / 27
    assert repr(timer) == "Timer(6 steps in 27 s, 0.222 per second)"
    clock.now += 100.0
    assert timer.seconds == 27.0


def test_what_other_callbacks_do_after_it_counts_for_the_whole_only(clock: Clock) -> None:
    timer = Timer()
    fit(make(timer, clock), epochs=3)
    assert timer.epochs == [4.0, 4.0, 4.0]
    assert timer.seconds == 27.0


def test_several_fits_add_up_and_the_time_between_them_does_not_count(clock: Clock) -> None:
    timer = Timer()
    trainer = make(clock, timer)
    fit(trainer, epochs=1)
    clock.now += 100.0
    fit(trainer, epochs=2, batch_size=7)
    assert timer.epochs == [9.0, 7.0, 7.0]
    assert (timer.seconds, timer.steps) == (23.0, 4)
    fit(make(clock, timer), epochs=1)  # of another trainer
    assert (timer.epochs, timer.seconds, timer.steps) == ([9.0], 9.0, 2)


def test_it_can_be_read_during_a_run(clock: Clock) -> None:
    seen: list[tuple[float, int, float]] = []

    timer = Timer()
    read = Hooks(on_step_end=lambda _: seen.append((timer.seconds, timer.steps, timer.steps_per_second)))
    trainer = make(clock, timer, read)
    fit(trainer, epochs=2)
    fit(trainer, epochs=1)
    assert [second for second, *_ in seen] == [2.0, 4.0, 11.0, 13.0, 20.0, 22.0]
    assert [step for _, step, _ in seen] == [1, 2, 3, 4, 5, 6]
    assert all(rate == steps / seconds for seconds, steps, rate in seen)


@pytest.mark.usefixtures("clock")
def test_before_the_first_fit() -> None:
    timer = Timer()
    assert (timer.seconds, timer.steps, timer.steps_per_second, timer.epochs) == (0.0, 0, 0.0, [])
    tell(timer, stub(0), "on_fit_begin")
    assert timer.steps_per_second == 0.0
    tell(timer, stub(0), "on_fit_end")
    tell(timer, stub(0), "on_fit_end")
    assert timer.seconds == 0.0


def test_an_epoch_that_is_broken_off_counts_for_the_whole_only(clock: Clock) -> None:
    timer = Timer()
    with pytest.raises(KeyError):
        fit(make(clock, timer, At("on_step_end", 3, fails)), epochs=2)
    assert (timer.epochs, timer.seconds, timer.steps) == ([9.0], 11.0, 3)


def test_a_descent_is_one_epoch(clock: Clock) -> None:
    bowl, timer = Quadratic([[1.0]], start=[4.0]), Timer()
    minimize(bowl, SGD(bowl.parameters(), 0.5), 3, [clock, timer])
    assert (timer.epochs, timer.seconds, timer.steps) == ([11.0], 11.0, 3)


def test_steps_cost_nothing() -> None:
    def calls_of_six_steps(*callbacks: Callback) -> int:
        trainer = make(*callbacks)
        return python_calls(lambda: fit(trainer, 1, batch_size=1)) - python_calls(lambda: fit(trainer, 1, batch_size=7))

    assert calls_of_six_steps(Timer()) < calls_of_six_steps() + 6


def test_the_clock_never_goes_back() -> None:
    timer = Timer()
    fit(make(timer), epochs=20)
    assert 0.0 < sum(timer.epochs) <= timer.seconds
    assert all(seconds > 0.0 for seconds in timer.epochs)
    assert timer.steps == 40


def stub(step: int) -> Any:
    return SimpleNamespace(step=step)


def test_resuming_within_an_epoch(clock: Clock) -> None:
    timer = Timer()
    states = States(timer)
    fit(make(clock, timer, states), epochs=2)
    (state,) = states.steps[2]
    assert state == {"seconds": 11.0, "steps": 3, "epochs": [9.0], "in_epoch": 2.0}
    clock.now += 1000.0
    other, run = Timer(), stub(3)
    tell(other, run, "on_fit_begin", "on_epoch_begin")
    clock.now += 50.0  # reading the checkpoint
    other.load_state(state)
    assert (other.seconds, other.steps) == (11.0, 3)
    clock.now += 2.0
    run.step += 1
    tell(other, run, "on_epoch_end", "on_fit_end")
    assert (other.epochs, other.seconds, other.steps) == ([9.0, 4.0], 13.0, 4)


def test_a_run_resumed_from_its_file_counts_the_steps_that_led_to_its_end(clock: Clock, tmp_path: Path) -> None:
    def run(*callbacks: Callback, **options: Any) -> Timer:
        timer = Timer()
        make(clock, timer, *callbacks).fit(*data(7), epochs=3, batch_size=3, rng=0, **options)
        return timer

    with pytest.raises(StopError):
        run(Checkpoint(tmp_path / "run.npz", every_steps=4), Stop(4))
    clock.now += 1000.0
    timer = run(resume_from=tmp_path / "run.npz")
    assert (timer.epochs, timer.seconds, timer.steps) == ([11.0, 11.0, 11.0], 33.0, 9)


def test_resuming_after_an_epoch(clock: Clock) -> None:
    timer = Timer()
    states = States(timer)
    trainer = make(clock, timer, states)
    fit(trainer, epochs=2)
    (state,) = states.epochs[-1]
    clock.now += 1000.0
    other = Timer()
    resume(trainer, other, state)
    trainer.callbacks.insert(0, clock)
    fit(trainer, epochs=1)
    assert (other.epochs, other.seconds, other.steps) == ([9.0, 9.0, 9.0], 27.0, 6)


def test_the_state_is_a_copy_and_can_be_loaded_before_a_fit(clock: Clock) -> None:
    timer = Timer()
    trainer = make(clock, timer)
    fit(trainer, epochs=1)
    state = timer.state()
    assert state == {"seconds": 9.0, "steps": 2, "epochs": [9.0], "in_epoch": 0.0}
    fit(trainer, epochs=1)
    assert state["epochs"] == [9.0]
    other = Timer()
    other.load_state(state)
    assert (other.seconds, other.steps, other.epochs) == (9.0, 2, [9.0])
    fit(make(clock, other), epochs=1)
    assert (other.seconds, other.steps, other.epochs) == (18.0, 4, [9.0, 9.0])
    assert state["epochs"] == [9.0]
