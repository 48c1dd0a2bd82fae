"""Checkpoints: when they are saved, what is checked before the first step, and what is in the file."""

import errno
import os
from math import nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import (
    SGD,
    Callback,
    Checkpoint,
    CheckpointError,
    Dense,
    Dropout,
    FunctionObjective,
    HyperparameterError,
    Layer,
    MSELoss,
    ParameterAverage,
    Quadratic,
    Run,
    Sequential,
    StateError,
    Trainer,
    minimize,
)
from minidl.events import EVENTS
from minidl.layers.activations import Activation
from tests.callbacks.recording import At, Hooks, fails, stops
from tests.helpers import bits, unchanged
from tests.saving.helpers import entry
from tests.training import endless


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.npz"


def step_of(path: Path) -> tuple[int, int]:
    """Epoch and step in a file."""
    run = entry(path, "run")
    return run["epoch"], run["step"]


SAVES: list[tuple[dict[str, Any], list[tuple[int, int]]]] = [
    # three epochs of three steps: after which epoch and step it is saved
    ({}, [(1, 3), (2, 6), (3, 9)]),
    ({"every_epochs": 2}, [(2, 6), (3, 9)]),
    ({"every_epochs": np.int64(3)}, [(3, 9)]),
    ({"every_epochs": 4}, [(3, 9)]),
    ({"every_epochs": None}, [(3, 9)]),
    ({"every_steps": 2, "every_epochs": None}, [(0, 2), (1, 4), (1, 6), (2, 8), (3, 9)]),
    ({"every_steps": np.int32(4), "every_epochs": None}, [(1, 4), (2, 8), (3, 9)]),
    ({"every_steps": 3}, [(0, 3), (1, 3), (1, 6), (2, 6), (2, 9), (3, 9)]),
]


@pytest.mark.parametrize(("options", "expected"), SAVES)
def test_when_it_is_saved(
    options: dict[str, Any], expected: list[tuple[int, int]], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saves: list[tuple[int, int]] = []
    save = Checkpoint.save

    def noted(self: Checkpoint, run: Run) -> None:
        save(self, run)
        saves.append((run.epoch, run.step))
        assert step_of(path) == saves[-1]

    monkeypatch.setattr(Checkpoint, "save", noted)
    endless.fit(endless.trainer(Checkpoint(path, **options)), 3)
    assert saves == expected
    assert path.exists() == bool(expected)


def test_steps_and_epochs_are_counted_from_the_first_fit(path: Path) -> None:
    seen: list[tuple[int, int]] = []
    look = Hooks(last=True, on_step_end=lambda _: seen.append(step_of(path) if path.exists() else (0, 0)))
    trainer = endless.trainer(Checkpoint(path, every_steps=4, every_epochs=None), look)
    endless.fit(trainer, 1)
    endless.fit(trainer, 2)
    assert seen == [(0, 0)] * 3 + [(1, 4)] * 4 + [(2, 8)] * 2
    trainer.callbacks, seen[:] = [Checkpoint(path, every_epochs=4), look], []
    endless.fit(trainer, 3)
    assert seen == [(3, 9)] * 3 + [(4, 12)] * 6
    assert step_of(path) == (6, 18)


@pytest.mark.parametrize(("event", "nth", "saved"), [("on_step_end", 2, (0, 2)), ("on_epoch_end", 2, (2, 6))])
def test_a_run_that_is_stopped_is_saved_once_more(event: str, nth: int, saved: tuple[int, int], path: Path) -> None:
    trainer = endless.trainer(Checkpoint(path, every_epochs=None), stops(event, nth))
    endless.fit(trainer, 3)
    assert step_of(path) == saved


def test_a_run_that_fails_is_not_saved_once_more(path: Path) -> None:
    trainer = endless.trainer(Checkpoint(path, every_epochs=None), At("on_epoch_end", 2, fails))
    with pytest.raises(KeyError):
        endless.fit(trainer, 3)
    assert not path.exists()


@pytest.mark.parametrize("name", ["every_steps", "every_epochs"])
@pytest.mark.parametrize("wrong", [0, -1, 1.5, 2.0, nan, "3", True, False, [1]])
def test_wrong_numbers(name: str, wrong: Any) -> None:
    with pytest.raises(HyperparameterError, match=rf"Checkpoint: {name} must be a positive integer, got "):
        Checkpoint("run.npz", **{name: wrong})


class Stubborn(Layer):
    """Does not keep its argument."""

    def __init__(self, size: int) -> None:
        self.n = size


class Odd(Callback):
    """Has a state that no file can hold."""

    def state(self) -> dict[str, Any]:
        return {"path": Path("here")}


def broken(trainer: Trainer, error: type[Exception], words: str) -> None:
    """Fitting fails before the first step, every callback is notified of the end, and nothing has changed."""
    at = At("", 0)
    trainer.callbacks.insert(0, at)
    with unchanged(trainer.model, trainer.optimizer), pytest.raises(error, match=words):
        trainer.fit(endless.X, endless.Y, epochs=2, batch_size=6)
    assert {event for event in EVENTS if at.counts[event]} == {"on_fit_begin", "on_fit_end"}
    assert trainer.history.loss == []


def test_a_folder_that_is_not_there_or_is_no_folder(tmp_path: Path) -> None:
    broken(endless.trainer(Checkpoint(tmp_path / "none/run.npz")), StateError, "the folder '.*none' does not exist")
    broken(endless.trainer(Checkpoint(tmp_path)), StateError, "is a folder; give the name of a file in it")
    assert os.listdir(tmp_path) == []


def test_a_folder_that_cannot_be_written_to(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    broken(endless.trainer(Checkpoint(path)), StateError, "cannot be written")


def test_a_file_that_open_would_not_write_to(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = os.open

    def refuse(name: str, flags: int) -> int:
        if name == str(path):
            raise PermissionError(errno.EACCES, "Permission denied", name)
        return opened(name, flags)

    path.write_bytes(b"old")
    monkeypatch.setattr(os, "open", refuse)
    broken(endless.trainer(Checkpoint(path)), StateError, r"run\.npz' cannot be written: Permission denied")
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize("name", ["run.npz", "./run.npz", "~/run.npz"])
def test_the_path_is_resolved_when_the_fit_begins(
    name: str, path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    checkpoint = Checkpoint(name, every_steps=1)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    endless.fit(endless.trainer(checkpoint, At("on_step_begin", 2, lambda: os.chdir("elsewhere"))), 1)
    assert sorted(os.listdir(tmp_path)) == ["elsewhere", "run.npz"]
    assert os.listdir(tmp_path / "elsewhere") == []
    assert step_of(path) == (1, 3)
    os.chdir(tmp_path)
    resumed = endless.trainer()
    endless.fit(resumed, 2, resume_from=name)
    assert len(resumed.history.loss) == 6


def test_a_model_that_no_file_can_hold(path: Path) -> None:
    class Kept(Stubborn, Activation):
        """One that can be trained."""

    model = Sequential(Kept(3), Dense(3, 1))
    trainer = Trainer(model, MSELoss(), SGD(model.parameters(), 0.1), [Checkpoint(path)])
    broken(trainer, CheckpointError, "its constructor does not keep the argument 'size'; set self.size there")
    assert not path.exists()


def test_a_callback_that_no_file_can_hold(path: Path) -> None:
    broken(endless.trainer(Checkpoint(path), Odd()), CheckpointError, "path is of type PosixPath; a file holds")
    assert not path.exists()


def test_a_generator_that_no_file_can_hold(path: Path) -> None:
    class Bits(np.random.PCG64):
        """A kind of one's own."""

    model = Sequential(Dropout(rng=np.random.Generator(Bits(0))), Dense(3, 1))
    trainer = Trainer(model, MSELoss(), SGD(model.parameters(), 0.1), [Checkpoint(path)])
    broken(trainer, CheckpointError, "cannot be saved; make it with numpy.random.default_rng")


def test_the_path_may_be_a_string_or_a_path_and_nothing_is_left_beside_it(path: Path) -> None:
    for kind in (str, Path):
        checkpoint = Checkpoint(kind(path))
        assert checkpoint.path == str(path)
        endless.fit(endless.trainer(checkpoint), 1)
    assert os.listdir(path.parent) == ["run.npz"]


def test_the_model_can_be_loaded_alone(path: Path) -> None:
    trainer = endless.trainer(Checkpoint(path))
    endless.fit(trainer, 2)
    model = minidl.load(path)
    assert repr(model) == repr(trainer.model)
    assert bits(*model.state().values()) == bits(*trainer.model.state().values())
    assert bits(model.predict(endless.X)) == bits(trainer.model.predict(endless.X))


def test_two_checkpoints_save_side_by_side_and_not_each_other(tmp_path: Path) -> None:
    paths = [tmp_path / "a.npz", tmp_path / "b.npz"]
    endless.fit(endless.trainer(*map(Checkpoint, paths)), 1)
    for path in paths:
        assert [saved["type"] for saved in entry(path, "callbacks")] == ["History"]
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_it_saves_when_all_others_have_seen_the_step_wherever_it_stands(path: Path) -> None:
    average = ParameterAverage()
    endless.fit(endless.trainer(Checkpoint(path, every_steps=1, every_epochs=None), average), 2)
    (state,) = [saved["state"] for saved in entry(path, "callbacks") if saved["type"] == "ParameterAverage"]
    assert state["steps"] == average.steps == 6


def test_an_error_in_the_middle_leaves_the_file_of_before(path: Path) -> None:
    def fails() -> None:
        raise KeyError

    trainer = endless.trainer(Checkpoint(path), At("on_step_end", 5, fails))
    with pytest.raises(KeyError):
        endless.fit(trainer, 3)
    assert step_of(path) == (1, 3)


def test_a_descent_can_be_saved_and_its_objective_loaded(path: Path) -> None:
    bowl = Quadratic([[1.0, 0.0], [0.0, 3.0]], start=[1.0, 2.0])
    models: list[Any] = []
    look = Hooks(last=True, on_step_end=lambda run: models.append(minidl.load(path)) if run.step == 7 else None)
    checkpoint = Checkpoint(path, every_steps=3, every_epochs=None)
    descent = minimize(bowl, SGD(bowl.parameters(), 0.1), 7, [checkpoint, look])
    assert descent.path is not None
    assert bits(models[0].parameters().value) == bits(descent.path[6])
    minimize(bowl, SGD(bowl.parameters(), 0.1), 7, [Checkpoint(path)])
    assert bits(minidl.load(path).parameters().value) == bits(bowl.parameters().value)


def test_an_objective_that_no_file_can_hold_is_said_before_the_first_step(path: Path) -> None:
    line = FunctionObjective(lambda t: float(t[0]), lambda _: [1.0], [0.0])
    with pytest.raises(CheckpointError, match="function"):
        minimize(line, SGD(line.parameters(), 0.1), 3, [Checkpoint(path)])
    assert line.parameters().value.tolist() == [0.0]
