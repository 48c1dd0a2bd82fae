"""Every callback passes the check. Broken ones are refused, one row each, and the message says what is wrong."""

from collections.abc import Callable as Function
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
    Layer,
    ParameterAverage,
    ProgressBar,
    RecordPath,
    ReduceOnPlateau,
    Schedule,
    StateError,
    Timer,
)
from minidl.callbacks import History
from minidl.checking import check_callback
from minidl.errors import ContractError
from minidl.run import Run
from minidl.schedules import cosine, step_decay

CALLBACKS: dict[str, Function[[Path], Any]] = {
    "History": lambda _: History,
    "RecordPath": lambda _: RecordPath,
    "ProgressBar": lambda _: ProgressBar,
    "Timer": lambda _: Timer,
    "ParameterAverage": lambda _: ParameterAverage(0.5),
    "EarlyStopping": lambda _: EarlyStopping(patience=1),
    "ReduceOnPlateau": lambda _: lambda: ReduceOnPlateau(patience=1, threshold=0.5),
    "Schedule": lambda _: lambda: Schedule(cosine(12)),
    "Schedule, an instance": lambda _: Schedule(step_decay(3, 0.5)),
    "CSVLog": lambda folder: CSVLog(folder / "log.csv"),
    "CSVLog that overwrites": lambda folder: CSVLog(folder / "log.csv", overwrite=True),
    "Checkpoint of the best": lambda folder: Checkpoint(folder / "run.npz", best="validation_loss", keep=2),
    "Checkpoint": lambda folder: Checkpoint(folder / "run.npz", every_steps=2),
}


@pytest.mark.parametrize("name", CALLBACKS)
def test_callbacks_of_minidl_pass(name: str, tmp_path: Path) -> None:
    check_callback(CALLBACKS[name](tmp_path))


@pytest.mark.long
def test_live_plot_passes(tmp_path: Path) -> None:
    plotting = pytest.importorskip("minidl.plotting")
    check_callback(plotting.LivePlot(tmp_path / "losses.png"))


def test_further_arguments_reach_the_fit() -> None:
    stopping = EarlyStopping("validation_distance", patience=1, mode="min")
    check_callback(stopping, metrics={"distance": lambda p, y: np.abs(p - y).mean()})
    with pytest.raises(ContractError, match="EarlyStopping raises StateError"):
        check_callback(stopping)


class Lowest(Callback):
    """Keeps the lowest loss. It is right, and classes below break one thing each."""

    def __init__(self) -> None:
        self.loss = float("inf")

    def on_step_end(self, run: Run) -> None:
        self.loss = min(self.loss, run.loss)

    def state(self) -> dict[str, Any]:
        return {"loss": self.loss}

    def load_state(self, state: Mapping[str, Any]) -> None:
        self.loss = float(state["loss"])


class Predicts(Callback):
    """Is right: evaluation changes nothing."""

    def on_epoch_end(self, run: Run) -> None:
        assert isinstance(run.model, Layer)
        run.model.predict(np.ones((3, 2)))


class Freezes(Callback):
    """Is right: it says that it changes parameters."""

    changes_parameters = True

    def on_fit_begin(self, run: Run) -> None:
        self.before = run.model.parameters().value[:3].copy()

    def on_step_end(self, run: Run) -> None:
        run.model.parameters().value[:3] = self.before


class OneTrainer(Callback):
    """Is right: it refuses another model."""

    model: object = None

    def on_fit_begin(self, run: Run) -> None:
        if self.model not in (None, run.model):
            raise StateError("make a new one for another model")
        self.model = run.model


class Stops(Callback):
    """Is right: it ends the run."""

    def on_step_end(self, run: Run) -> None:
        if run.step == 6:
            run.stop("enough")


class ForgetsToLoad(Lowest):
    def load_state(self, state: Mapping[str, Any]) -> None:
        pass


class LosesPart(Lowest):
    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def on_step_end(self, run: Run) -> None:
        self.count += 1
        super().on_step_end(run)

    def state(self) -> dict[str, Any]:
        return {"loss": self.loss, "count": self.count}


class CountsUnsaved(Callback):
    """It halves the learning rate at every second epoch, by a count that is not in its state."""

    changes_optimizer = True

    def __init__(self) -> None:
        self.count = 0

    def on_epoch_end(self, run: Run) -> None:
        self.count += 1
        if self.count % 2 == 0:
            run.optimizer.lr *= 0.5


class HidesPart(LosesPart):
    """Its loss depends on a count that is not in its state."""

    def on_step_end(self, run: Run) -> None:
        self.count += 1
        self.loss = self.count * run.loss

    def state(self) -> dict[str, Any]:
        return {"loss": self.loss}


class HandsOutItsArray(Callback):
    def on_fit_begin(self, run: Run) -> None:
        self.sum = np.zeros(run.model.parameters().size)

    def on_step_end(self, run: Run) -> None:
        self.sum += run.model.parameters().grad

    def state(self) -> dict[str, Any]:
        return {"sum": self.sum}

    def load_state(self, state: Mapping[str, Any]) -> None:
        self.sum = np.array(state["sum"])


class NoFileHolds(Lowest):
    def state(self) -> dict[str, Any]:
        return {"loss": {1, 2}}


class NotADict(Lowest):
    def state(self) -> dict[str, Any]:
        return [1]  # type: ignore[return-value]  # this is the mistake


class Shrinks(Callback):
    def on_step_end(self, run: Run) -> None:
        run.model.parameters().value *= 0.999


class ReplacesAtTheEnd(Callback):
    def on_fit_end(self, run: Run) -> None:
        run.model.parameters().value = run.model.parameters().value + 1.0


class ResetsBuffers(Callback):
    def on_epoch_end(self, run: Run) -> None:
        run.model[1].running_mean = np.zeros(4)  # type: ignore[index]


class DrawsFromTheModel(Callback):
    """It runs dropout as in training, and so takes random numbers from it."""

    def on_epoch_end(self, run: Run) -> None:
        assert isinstance(run.model, Layer)
        run.model.forward(np.ones((3, 2)))


class SlowsDown(Callback):
    def on_epoch_begin(self, run: Run) -> None:
        run.optimizer.lr *= 0.9


class StopsTheBall(Callback):
    def on_step_end(self, run: Run) -> None:
        run.optimizer._slots["velocity"][...] = 0.0


class ServesOnce(Callback):
    used = False

    def on_fit_begin(self, run: Run) -> None:
        assert not self.used
        self.used = True


class CrashesInAnotherTrainer(Callback):
    model: object = None

    def on_fit_begin(self, run: Run) -> None:
        if self.model not in (None, run.model):
            raise KeyError("model")
        self.model = run.model


class ChangesTheSecondRun(CrashesInAnotherTrainer):
    def on_fit_begin(self, run: Run) -> None:
        if self.model not in (None, run.model):
            run.model.parameters().value = 0.0 * run.model.parameters().value
        self.model = run.model


BROKEN: list[tuple[type[Callback], str]] = [
    (ForgetsToLoad, "a new callback that loads the state has another one; the difference is in 'loss'"),
    (LosesPart, "a new callback that loads the state has another one; the difference is in 'count'"),
    (HidesPart, "ends differently from one without a break: .* the difference is in 'loss'"),
    (CountsUnsaved, "ends differently from one without a break: .* the difference is in .*'the optimizer'"),
    (HandsOutItsArray, "has changed since: it must return copies"),
    (NoFileHolds, "no file can hold what state.. returns: "),
    (NotADict, "must return a dict, got list"),
    (Shrinks, "on_step_end changes parameters, .* set changes_parameters = True"),
    (ReplacesAtTheEnd, "on_fit_end changes parameters"),
    (ResetsBuffers, "on_epoch_end changes parameters, buffers"),
    (DrawsFromTheModel, "on_epoch_end changes parameters, buffers or generators"),
    (SlowsDown, "on_epoch_begin changes the optimizer; .* set changes_optimizer = True"),
    (StopsTheBall, "on_step_end changes the optimizer"),
    (ServesOnce, "ServesOnce raises AssertionError"),
    (CrashesInAnotherTrainer, "CrashesInAnotherTrainer raises KeyError"),
    (ChangesTheSecondRun, "on_fit_begin changes parameters"),
]


@pytest.mark.parametrize("right", [Lowest, Predicts, Freezes, OneTrainer, Stops])
def test_unbroken_callbacks_pass(right: type[Callback]) -> None:
    check_callback(right)


@pytest.mark.parametrize(("broken", "words"), BROKEN, ids=lambda value: getattr(value, "__name__", ""))
def test_broken_callback(broken: type[Callback], words: str) -> None:
    with pytest.raises(ContractError, match=rf"^{broken.__name__}.*{words}|^{words}"):
        check_callback(broken)


def test_changes_may_be_allowed_or_forbidden_by_the_caller() -> None:
    check_callback(SlowsDown, changes_optimizer=True)
    check_callback(Shrinks, changes_parameters=True)
    with pytest.raises(ContractError, match="changes parameters"):
        check_callback(EarlyStopping(patience=1), changes_parameters=False)
    with pytest.raises(ContractError, match="changes the optimizer"):
        check_callback(Schedule(step_decay(3, 0.5)), changes_optimizer=False)


def test_an_instance_stays_as_it_is() -> None:
    lowest = Lowest()
    check_callback(lowest)
    assert lowest.loss == float("inf")


def test_other_things_are_refused() -> None:
    with pytest.raises(ContractError, match="make must return a Callback, got 3"):
        check_callback(lambda: 3)  # type: ignore[arg-type, return-value]  # this is the mistake
