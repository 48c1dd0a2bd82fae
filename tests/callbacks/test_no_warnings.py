"""A run goes on where nobody can be warned, such as with a closed standard error."""

import shutil
import warnings
from pathlib import Path
from typing import Any

import pytest

from minidl import Checkpoint, CSVLog, MinidlWarning, Run, metrics
from minidl.errors import warn
from minidl.plotting import LivePlot
from tests.callbacks.recording import Hooks
from tests.training.factories import data, make_trainer, network


@pytest.mark.filterwarnings("always")
@pytest.mark.parametrize("error", [AttributeError, OSError, RuntimeError, ValueError])
def test_where_no_warning_can_be_shown(error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error("I/O operation on closed file")

    def lose(_: Run) -> None:
        shutil.rmtree(folder, ignore_errors=True)

    (folder := tmp_path / "run").mkdir()
    monkeypatch.setattr(warnings, "showwarning", fail)
    x, y = data()
    callbacks = [CSVLog(folder / "log.csv"), Checkpoint(folder / "run.npz"), LivePlot(folder / "plot.png", interval=0)]
    trainer = make_trainer(network(), *callbacks, Hooks(on_epoch_begin=lose))
    far = {"accuracy": lambda prediction, target: metrics.binary_accuracy(prediction + 9.0, target)}
    trainer.fit(x, y > 0, epochs=3, validation=(x, y > 0), metrics=far)
    assert len(trainer.history.epochs["validation_accuracy"]) == 3


def test_a_filter_turns_a_warning_into_an_error() -> None:
    with pytest.raises(MinidlWarning, match="careful"):
        warn("careful")
