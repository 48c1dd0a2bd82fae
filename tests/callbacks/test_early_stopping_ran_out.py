"""EarlyStopping when all epochs are taken before it stops the run: the best is restored, and the history says so."""

from pathlib import Path
from typing import Any

import pytest

from minidl import Callback, Checkpoint, EarlyStopping, Run, Trainer
from tests.callbacks.recording import At, Hooks, fails
from tests.callbacks.test_early_stopping import Script
from tests.helpers import bits
from tests.training.factories import data, make_trainer, network

VALUES = [3.0, 1.0, 2.0, 2.5, 2.6, 2.7]


def make(*callbacks: Callback, **options: Any) -> Trainer:
    return make_trainer(network(), Script(VALUES), EarlyStopping("measure", mode="min", **options), *callbacks)


def left(trainer: Trainer) -> tuple[Any, ...]:
    history, stopping = trainer.history, trainer.callbacks[1]
    assert isinstance(stopping, EarlyStopping)
    state = bits(*trainer.model.state().values())
    return state, history.loss, history.epochs, history.reason, stopping.best, stopping.best_epoch


@pytest.mark.parametrize(
    ("epochs", "options", "reason"),
    [
        (1, {}, None),
        (2, {}, None),  # the last epoch is the best, so nothing is restored
        (3, {}, "all 3 epochs are done; back to epoch 2"),
        (4, {}, "all 4 epochs are done; back to epoch 2"),
        (4, {"patience": 2}, "measure has not improved for 2 epochs; back to epoch 2"),  # both at once
        (4, {"restore": False}, None),
        (4, {"restore": False, "patience": 2}, "measure has not improved for 2 epochs"),
        (0, {}, None),
    ],
)
def test_the_reason_in_the_history(epochs: int, options: dict[str, Any], reason: str | None) -> None:
    assert make(**options).fit(*data(), epochs=epochs).reason == reason


def test_a_later_fit_has_a_reason_of_its_own() -> None:
    trainer = make()
    assert trainer.fit(*data(), epochs=3).reason == "all 3 epochs are done; back to epoch 2"
    assert trainer.fit(*data(), epochs=1).reason is None
    assert trainer.fit(*data(), epochs=2).reason == "all 6 epochs are done; back to epoch 5"
    assert trainer.fit(*data(), epochs=0).reason is None


def test_a_run_that_ends_otherwise_keeps_its_reason() -> None:
    trainer = make(Hooks(on_epoch_end=lambda run: run.stop("enough") if run.epoch == 3 else None))
    assert trainer.fit(*data(), epochs=3).reason == "enough"
    trainer = make(Hooks(on_step_end=lambda run: run.interrupt() if run.step == 3 else None))
    assert trainer.fit(*data(), epochs=3).reason == "interrupted by Ctrl-C"
    trainer = make(At("on_step_begin", 3, fails))
    with pytest.raises(KeyError):
        trainer.fit(*data(), epochs=3)
    assert trainer.history.reason is None


class SavesAtTheEnd(Checkpoint):
    def on_fit_end(self, run: Run) -> None:
        self.save(run)


@pytest.mark.parametrize("kind", [Checkpoint, SavesAtTheEnd])
@pytest.mark.parametrize("first", [1, 3])
def test_a_run_whose_epochs_ran_out_can_be_made_longer(tmp_path: Path, kind: type[Checkpoint], first: int) -> None:
    file = tmp_path / "run.npz"
    make(kind(file)).fit(*data(), epochs=first)
    whole, resumed = make(), make()
    whole.fit(*data(), epochs=4)
    resumed.fit(*data(), epochs=4, resume_from=file)
    assert len(resumed.history.loss) == 4
    assert resumed.history.reason == "all 4 epochs are done; back to epoch 2"
    if kind is Checkpoint or first == 1:  # the other file holds the restored weights
        assert left(resumed) == left(whole)


def test_a_run_that_is_resumed_after_its_last_epoch_ends_as_it_did(tmp_path: Path) -> None:
    file = tmp_path / "run.npz"
    first, again = make(Checkpoint(file)), make()
    first.fit(*data(), epochs=3)
    again.fit(*data(), epochs=3, resume_from=file)
    assert left(again) == left(first)
    assert again.history.reason == "all 3 epochs are done; back to epoch 2"
