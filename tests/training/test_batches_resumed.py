"""Runs on batches that are stopped within a pass, or validated on batches that draw numbers, and resumed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import (
    Batches,
    Callback,
    Checkpoint,
    CheckpointError,
    GeneratorBatches,
    MinidlWarning,
    MSELoss,
    Run,
)
from tests.helpers import bits
from tests.training.resuming import Stop, StopError
from tests.training.test_batches import W, X, Y, cut, trainer


def draws(rng: np.random.Generator) -> Iterator[Any]:
    while True:
        x = rng.normal(size=(5, 3))
        yield x, x[:, :2] ** 2


def drawn() -> GeneratorBatches:
    return GeneratorBatches(draws, 3, rng=5)


class Interrupt(Callback):
    """Asks the run to end after a step, as a signal does."""

    def __init__(self, after: int) -> None:
        self.after = after

    def on_step_begin(self, run: Run) -> None:
        if run.step == self.after - 1:
            run.interrupt()


@pytest.mark.parametrize("make", [drawn, lambda: cut(4, 5, 5)])
@pytest.mark.parametrize("after", range(1, 10))
def test_a_run_stopped_within_a_pass_resumes_from_its_latest_epoch(make: Any, after: int, tmp_path: Path) -> None:
    file = tmp_path / "run.npz"
    whole, stopped, resumed = trainer(), trainer(Checkpoint(file), Interrupt(after)), trainer()
    whole.fit(make(), epochs=4)
    if after % 3:
        with pytest.warns(MinidlWarning, match="stays as it was: .* can be resumed between passes only"):
            stopped.fit(make(), epochs=4)
    else:
        stopped.fit(make(), epochs=4)
    assert len(stopped.history.loss) == after
    if after < 3:
        assert not file.exists()
        return
    resumed.fit(make(), epochs=4, resume_from=file)
    assert bits(resumed.model.parameters().value) == bits(whole.model.parameters().value)
    assert resumed.history.loss == whole.history.loss


def test_a_position_of_other_batches_within_a_pass_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "run.npz"
    with pytest.raises(StopError):
        trainer(Checkpoint(file, every_steps=1), Stop(4)).fit(Batches(X, Y, batch_size=5, rng=5), epochs=3)
    with pytest.raises(CheckpointError, match="saved after 1 of 3 batches, but GeneratorBatches can be resumed"):
        trainer().fit(drawn(), epochs=3, resume_from=file)


@pytest.mark.parametrize("shared", [False, True])
def test_batches_of_validation_draw_what_they_would_have_drawn(shared: bool, tmp_path: Path) -> None:
    def validation() -> GeneratorBatches:
        return GeneratorBatches(draws, 2, rng=7)

    def fit(epochs: int, *callbacks: Any, **options: Any) -> dict[str, list[float]]:
        held_out = validation()
        batches = held_out if shared else Batches(X, Y, sample_weight=W, batch_size=4, rng=3)
        return trainer(*callbacks, loss=MSELoss()).fit(batches, epochs=epochs, validation=held_out, **options).epochs

    file, whole = tmp_path / "run.npz", fit(5)
    fit(2, Checkpoint(file))
    assert fit(5, resume_from=file) == whole
