"""What a resumed run does with callbacks, generators, numbers of epochs, and what comes after it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import (
    Callback,
    Checkpoint,
    CSVLog,
    EarlyStopping,
    History,
    ParameterAverage,
    ProgressBar,
    RecordPath,
    Run,
    Schedule,
    Timer,
    Trainer,
)
from minidl.saving.generators import generator_state
from minidl.schedules import cosine
from tests.callbacks.recording import At
from tests.helpers import bits
from tests.training.endless import X, Y, fit, trainer


class BreakOffError(Exception):
    """What ends a run in the middle."""


class BreakOff(At):
    """Ends a run with an error, after everything else has seen the step."""

    last = True

    def __init__(self, step: int) -> None:
        super().__init__("on_step_end", step, self.fail)

    def fail(self) -> None:
        raise BreakOffError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.npz"


def left(trainer: Trainer) -> list[Any]:
    """What a run leaves behind."""
    history, optimizer = trainer.history, trainer.optimizer.state()
    generator = trainer.model.layers[2].rng  # type: ignore[attr-defined]
    return [
        bits(*trainer.model.state().values()),
        [bits(value) if isinstance(value, np.ndarray) else value for value in optimizer.values()],
        (history.loss, history.epochs, history.reason),
        generator_state(generator),
    ]


def broken_off(path: Path, *callbacks: Callback, step: int = 5, **options: Any) -> None:
    with pytest.raises(BreakOffError):
        fit(trainer(*callbacks, Checkpoint(path, **{"every_steps": 1, **options}), BreakOff(step)), 4)


def whole(*callbacks: Callback, epochs: int = 4) -> Trainer:
    done = trainer(*callbacks)
    fit(done, epochs)
    return done


def resumed(path: Path, *callbacks: Callback, epochs: int = 4) -> Trainer:
    done = trainer(*callbacks)
    fit(done, epochs, resume_from=path)
    return done


class Stateless(Callback):
    """Has no state, and records its events."""

    def __init__(self) -> None:
        self.steps: list[int] = []

    def on_step_end(self, run: Run) -> None:
        self.steps.append(run.step)


def test_callbacks_without_a_state_may_come_and_go(path: Path) -> None:
    broken_off(path, ProgressBar(), Stateless())
    new = Stateless()
    assert left(resumed(path, new)) == left(whole())
    assert new.steps == list(range(6, 13))


def test_callbacks_may_be_added_and_stand_in_another_order(path: Path) -> None:
    broken_off(path, ParameterAverage(0.9), RecordPath())
    points, average, added = RecordPath(), ParameterAverage(0.9), ParameterAverage(0.5)
    all_points, all_average = RecordPath(), ParameterAverage(0.9)
    resumed(path, Timer(), points, average, added)
    whole(all_average, all_points)
    assert bits(*points.points) == bits(*all_points.points)
    assert average.average is not None
    assert all_average.average is not None
    assert bits(average.average) == bits(all_average.average)
    assert added.steps == 12 - 5


def test_callbacks_of_one_type_are_taken_in_their_order(path: Path) -> None:
    broken_off(path, ParameterAverage(0.9), ParameterAverage(0.0))
    slow, fast = ParameterAverage(0.9), ParameterAverage(0.0)
    done = resumed(path, slow, fast)
    assert fast.average is not None
    assert slow.average is not None
    assert bits(fast.average) == bits(done.model.parameters().value)
    assert bits(slow.average) != bits(fast.average)


class Keeps(Callback):
    """Has a state, and records its events and the states that it loads."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def on_fit_begin(self, run: Run) -> None:
        self.told.append(("fit", run.epoch, run.epochs, run.step, run.steps, run.loss > 0, bool(run.metrics)))

    def on_epoch_begin(self, run: Run) -> None:
        self.told.append("epoch")

    def on_step_begin(self, run: Run) -> None:
        self.told.append("step")

    def state(self) -> dict[str, Any]:
        return {"told": len(self.told)}

    def load_state(self, state: Mapping[str, Any]) -> None:
        self.told.append(dict(state))


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (5, [("fit", 1, 4, 5, 12, True, True), "epoch", {"told": 8}, "step", "epoch"]),
        (6, [("fit", 1, 4, 6, 12, True, True), "epoch", {"told": 9}, "epoch"]),
        (2, [("fit", 0, 4, 2, 12, True, False), "epoch", {"told": 4}, "step", "epoch"]),
    ],
)
def test_a_state_is_given_after_fit_and_epoch_have_begun(step: int, expected: list[Any], path: Path) -> None:
    broken_off(path, Keeps(), step=step)
    keeps = Keeps()
    resumed(path, keeps)
    assert keeps.told[: len(expected)] == expected
    assert keeps.told.count("step") == 12 - step


def test_between_two_epochs_the_next_one_begins_after_the_state(path: Path) -> None:
    broken_off(path, Keeps(), step=7, every_steps=None)
    keeps = Keeps()
    resumed(path, keeps)
    assert keeps.told[:4] == [("fit", 2, 4, 6, 12, True, True), {"told": 9}, "epoch", "step"]


@pytest.mark.parametrize("epochs", [4, 5, 9])
def test_with_as_many_epochs_or_more(epochs: int, path: Path) -> None:
    broken_off(path)
    assert left(resumed(path, epochs=epochs)) == left(whole(epochs=epochs))


@pytest.mark.parametrize("epochs", [0, 1, 2])
def test_with_fewer_epochs_than_are_done_nothing_more_is_done(epochs: int, path: Path) -> None:
    whole(Checkpoint(path), epochs=2)
    assert left(resumed(path, epochs=epochs)) == left(whole(epochs=2))


@pytest.mark.parametrize("step", [2, 3, 5, 12])
def test_a_second_fit_after_it(step: int, path: Path) -> None:
    def twice(**options: Any) -> Trainer:
        done, rng = trainer(), np.random.default_rng(7)
        done.fit(X, Y, epochs=4, batch_size=6, validation=0.2, rng=rng, **options)
        done.fit(X, Y, epochs=2, batch_size=9, validation=0.2, rng=rng)
        return done

    first = trainer(Checkpoint(path, every_steps=1), BreakOff(step))
    with pytest.raises(BreakOffError):
        first.fit(X, Y, epochs=4, batch_size=6, validation=0.2, rng=np.random.default_rng(7))
    assert left(twice(resume_from=path)) == left(twice())


def test_a_generator_that_is_handed_in_is_where_it_would_have_been(path: Path) -> None:
    def run(*callbacks: Callback, **options: Any) -> np.random.Generator:
        rng = np.random.default_rng(3)
        rng.spawn(2)
        rng.normal(size=7)
        trainer(*callbacks).fit(X, Y, epochs=4, batch_size=6, rng=rng, **options)
        return rng

    with pytest.raises(BreakOffError):
        run(Checkpoint(path, every_steps=2), BreakOff(9))
    again, straight = run(resume_from=path), run()
    assert generator_state(again) == generator_state(straight)
    assert again.spawn(1)[0].random() == straight.spawn(1)[0].random()
    assert again.random() == straight.random()


def test_a_generator_that_was_used_elsewhere_is_brought_back(path: Path) -> None:
    broken_off(path)
    rng = np.random.default_rng(2)
    rng.random(1000)
    done = trainer()
    done.fit(X, Y, epochs=4, batch_size=6, validation=0.2, rng=rng, resume_from=path)
    assert left(done) == left(whole())


def test_whether_a_model_is_in_training_is_not_taken_from_the_file(path: Path) -> None:
    broken_off(path)
    done = trainer()
    done.model.training = False
    fit(done, 4, resume_from=path)
    assert not any(module.training for _, module in done.model.modules())
    assert left(done) == left(whole())


def test_the_history_resumes_where_it_was(path: Path) -> None:
    broken_off(path)
    done = trainer()
    done.history.loss, done.history.epochs = [9.0] * 30, {"loss": [9.0] * 3, "other": [1.0]}
    fit(done, 4, resume_from=path)
    assert left(done) == left(whole())
    assert type(done.history) is History


def test_files_and_clocks_and_schedules_resume(path: Path, tmp_path: Path) -> None:
    def callbacks(log: str) -> tuple[CSVLog, Timer, ParameterAverage, Schedule, EarlyStopping]:
        return CSVLog(tmp_path / log), Timer(), ParameterAverage(0.9), Schedule(cosine(12)), EarlyStopping(patience=9)

    straight = callbacks("whole.csv")
    expected = left(whole(*straight))
    broken_off(path, *callbacks("log.csv"), step=8, every_steps=3, every_epochs=None)
    assert (tmp_path / "log.csv").read_text().count("\n") == 1 + 2
    again = callbacks("log.csv")
    assert left(resumed(path, *again)) == expected
    assert (tmp_path / "log.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert (again[1].steps, len(again[1].epochs)) == (12, 4)
    assert again[1].seconds >= sum(again[1].epochs) > 0.0
    for mine, theirs in zip(again[2:], straight[2:], strict=True):
        assert repr(mine.state()) == repr(theirs.state())


def test_a_resumed_run_saves_itself_again(path: Path, tmp_path: Path) -> None:
    broken_off(path)
    second, third = tmp_path / "second.npz", tmp_path / "third.npz"
    resumed(path, Checkpoint(second))
    whole(Checkpoint(third))
    assert second.read_bytes() == third.read_bytes()
