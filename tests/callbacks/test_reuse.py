"""Callbacks that accompany several runs, and trainers that are copied with their callbacks after a fit."""

import copy
import pickle
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import (
    SGD,
    Callback,
    Checkpoint,
    CSVLog,
    EarlyStopping,
    History,
    ParameterAverage,
    ProgressBar,
    Quadratic,
    RecordPath,
    ReduceOnPlateau,
    Run,
    Schedule,
    StateError,
    Timer,
    Trainer,
    minimize,
)
from minidl.plotting import LivePlot
from minidl.schedules import cosine
from tests.callbacks.recording import Hooks
from tests.helpers import bits
from tests.training.factories import data, make_trainer, network


def halved(step: int) -> float:
    """A schedule."""
    return 0.5**step


CALLBACKS: dict[str, Callable[[Path], Callback]] = {
    "Checkpoint": lambda folder: Checkpoint(folder / "run.npz"),
    "CSVLog": lambda folder: CSVLog(folder / "log.csv"),
    "EarlyStopping": lambda _: EarlyStopping(),
    "History": lambda _: History(),
    "LivePlot": lambda folder: LivePlot(folder / "plot.png"),
    "ParameterAverage": lambda _: ParameterAverage(0.5),
    "ProgressBar": lambda _: ProgressBar(show=True),
    "RecordPath": lambda _: RecordPath(),
    "ReduceOnPlateau": lambda _: ReduceOnPlateau(patience=1),
    "Schedule": lambda _: Schedule(halved),
    "Timer": lambda _: Timer(),
}
COPIES: list[Callable[[Trainer], Trainer]] = [copy.deepcopy, lambda trainer: pickle.loads(pickle.dumps(trainer))]

every = pytest.mark.parametrize("make", [pytest.param(make, id=name) for name, make in CALLBACKS.items()])


def fit(trainer: Trainer, epochs: int = 2) -> Trainer:
    trainer.fit(*data(), epochs=epochs, batch_size=4, validation=data(5), rng=0)
    return trainer


def without_times(callback: Callback) -> dict[str, Any]:
    """The state of a callback, but for what a clock has measured."""
    state = callback.state()
    return {name: state[name] for name in state if not (isinstance(callback, Timer) and name != "steps")}


@every
@pytest.mark.parametrize("copied", COPIES)
def test_a_trainer_can_be_copied_after_a_fit_and_the_copy_continues(
    make: Callable[[Path], Callback], copied: Callable[[Trainer], Trainer], tmp_path: Path
) -> None:
    trainer = fit(make_trainer(network(), make(tmp_path)))
    other = copied(trainer)
    fit(other)
    log = tmp_path / "log.csv"
    if log.exists():  # two trainers cannot both continue one table
        log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:3]))
    fit(trainer)
    assert trainer.history.loss == other.history.loss
    assert bits(trainer.model.parameters().value) == bits(other.model.parameters().value)
    np.testing.assert_equal(without_times(trainer.callbacks[0]), without_times(other.callbacks[0]))


@every
def test_a_trainer_can_be_copied_after_a_fit_that_failed(make: Callable[[Path], Callback], tmp_path: Path) -> None:
    class Fails(Callback):
        """Raises at the end of the second step."""

        def on_step_end(self, run: Run) -> None:
            if run.step == 2:
                raise KeyError("a callback fails")

    trainer = make_trainer(network(), make(tmp_path), Fails())
    with pytest.raises(KeyError):
        fit(trainer)
    assert copy.deepcopy(trainer).history.loss == trainer.history.loss


@every
def test_with_another_trainer_a_callback_starts_afresh(make: Callable[[Path], Callback], tmp_path: Path) -> None:
    new, used = tmp_path / "new", tmp_path / "used"
    new.mkdir()
    used.mkdir()
    fresh, reused = make(new), make(used)
    fit(make_trainer(network(seed=5), reused), epochs=3)
    for path in used.iterdir():
        path.unlink()
    states = []
    for callback in (fresh, reused):
        fit(fit(make_trainer(network(seed=1), callback)))
        states.append(without_times(callback))
    np.testing.assert_equal(states[0], states[1])
    if isinstance(reused, CSVLog):
        assert (used / "log.csv").read_bytes() == (new / "log.csv").read_bytes()
    if isinstance(reused, Timer):
        assert (len(reused.epochs), reused.steps) == (4, 8)


def test_of_each_minimize_a_callback_records_that_run_alone() -> None:
    path, average, history = RecordPath(), ParameterAverage(0.5), History()
    bowl = Quadratic([[1.0]], start=[8.0])
    for steps in (3, 2):
        descent = minimize(bowl, SGD(bowl.parameters(), 0.5), steps, [path, average, history])
        assert (len(path.points), average.steps, history.loss) == (steps + 1, steps, descent.loss)


def test_a_callback_of_ones_own_is_reset_between_two_trainers_only() -> None:
    class Counts(Callback):
        """Counts steps."""

        def __init__(self) -> None:
            self.reset()

        def reset(self) -> None:
            self.steps = 0

        def on_step_end(self, run: Run) -> None:
            self.steps += 1

    counts = Counts()
    first = fit(fit(make_trainer(network(), counts)))
    assert counts.steps == 8
    fit(make_trainer(network(), counts))
    assert counts.steps == 4
    fit(first)
    assert counts.steps == 4


@every
def test_a_callback_is_listed_once(make: Callable[[Path], Callback], tmp_path: Path) -> None:
    callback, words = make(tmp_path), "is listed twice; list it once, or create a second one"
    with pytest.raises(StateError, match=words):
        make_trainer(network(), callback, Callback(), callback)
    bowl = Quadratic([[1.0]])
    with pytest.raises(StateError, match=words):
        minimize(bowl, SGD(bowl.parameters(), 0.1), 3, [callback, callback])
    trainer = make_trainer(network(), callback)
    trainer.callbacks.append(callback)
    with pytest.raises(StateError, match=words):
        fit(trainer)
    assert trainer.history.loss == []
    trainer.callbacks = [trainer.history]
    with pytest.raises(StateError, match=words):
        fit(trainer)


@every
def test_an_end_after_a_beginning_that_failed_is_harmless(make: Callable[[Path], Callback], tmp_path: Path) -> None:
    callback = make(tmp_path)
    trainer = make_trainer(network(), callback)
    for _ in range(2):  # before the first fit, and after one
        before, lr = bits(trainer.model.parameters().value), trainer.optimizer.lr

        def fails(_: Run) -> None:
            raise KeyError("no beginning")

        vars(callback)["on_fit_begin"] = fails
        with pytest.raises(KeyError, match="no beginning") as caught:
            fit(trainer)
        assert not hasattr(caught.value, "__notes__")
        assert (bits(trainer.model.parameters().value), trainer.optimizer.lr) == (before, lr)
        del vars(callback)["on_fit_begin"]
        fit(trainer)


def count(steps: list[int], run: Run) -> None:
    steps.append(run.step)


@pytest.mark.parametrize("copied", COPIES)
def test_a_function_set_on_an_instance_or_a_subclass_is_called_in_a_copy_too(
    copied: Callable[[Trainer], Trainer],
) -> None:
    callback, timer = Callback(), Timer()
    steps: list[int] = []
    timer.on_step_end = callback.on_step_end = partial(count, steps)  # type: ignore[method-assign]
    trainer = copied(fit(make_trainer(network(), callback, timer)))
    fit(trainer)
    assert steps == [1, 1, 2, 2, 3, 3, 4, 4]
    first: Any = trainer.callbacks[0]
    assert first.on_step_end.args[0] == [step for step in range(1, 9) for _ in range(2)]


def test_a_schedule_of_minidl_can_be_deep_copied() -> None:
    trainer = fit(make_trainer(network(), Schedule(cosine(20))))
    other = copy.deepcopy(trainer)
    assert fit(trainer).history.loss == fit(other).history.loss


@every
def test_a_callback_that_remembers_a_run_is_in_one_at_a_time(make: Callable[[Path], Callback], tmp_path: Path) -> None:
    callback = make(tmp_path)

    def use(_: Run) -> None:
        other = make_trainer(network(), callback)
        if type(callback).reset is Callback.reset:
            fit(other)
        else:
            with pytest.raises(StateError, match=r"is in a run that has not ended; create a second one$"):
                fit(other)

    trainer = fit(make_trainer(network(), callback, Hooks(on_epoch_begin=use)))
    assert trainer.optimizer.lr == make_trainer(network()).optimizer.lr
