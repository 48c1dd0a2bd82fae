"""The best epochs beside the newest file: which are kept, that they can be loaded, and that a resumed run goes on."""

from math import inf, nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import SGD, Checkpoint, HyperparameterError, MinidlWarning, Quadratic, RecordPath, Run, StateError, minimize
from minidl.files import replacing
from minidl.saving import container
from tests.callbacks.recording import At, Hooks, fails
from tests.helpers import bits
from tests.saving.helpers import entry
from tests.training import endless
from tests.training.factories import data, make_trainer, network


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def kept(folder: Path, values: list[float], **options: Any) -> tuple[list[str], Checkpoint]:
    """The files after epochs with these values of a metric."""
    waiting = iter(values)

    def measure(run: Run) -> None:
        run.metrics["some_loss"] = next(waiting)

    checkpoint = Checkpoint(folder / "run.npz", **{"best": "some_loss", **options})
    make_trainer(network(), Hooks(on_epoch_end=measure), checkpoint).fit(*data(), epochs=len(values))
    return files(folder), checkpoint


@pytest.mark.parametrize(
    ("values", "options", "epochs"),
    [
        ([3.0, 1.0, 2.0], {}, [2]),
        ([3.0, 1.0, 2.0, 0.5], {"keep": 2}, [4, 2]),
        ([3.0, 1.0], {"keep": 5}, [2, 1]),
        ([3.0, 1.0, 2.0, 3.5], {"keep": 2, "mode": "max"}, [4, 1]),
        ([1.0, 1.0, 1.0], {"keep": 2}, [1, 2]),
        ([nan, 2.0, nan, 1.0], {"keep": 9}, [4, 2]),
        ([inf, 2.0, -inf], {"keep": 9}, [3, 2, 1]),
        ([nan], {}, []),
    ],
)
def test_the_best_are_kept(values: list[float], options: dict[str, Any], epochs: list[int], tmp_path: Path) -> None:
    found, checkpoint = kept(tmp_path, values, **options)
    assert [epoch for _, epoch in checkpoint.ranking] == epochs
    assert [value for value, _ in checkpoint.ranking] == [values[epoch - 1] for epoch in epochs]
    assert found == sorted([*(f"run.best-{epoch}.npz" for epoch in epochs), "run.npz"])


def test_a_file_holds_the_model_of_its_epoch_and_can_be_resumed(tmp_path: Path) -> None:
    path, checkpoint = RecordPath(), Checkpoint(tmp_path / "run.npz", best="validation_loss", keep=3)
    trainer = endless.trainer(path, checkpoint)
    endless.fit(trainer, 6)
    assert len(checkpoint.ranking) == 3
    for value, epoch in checkpoint.ranking:
        file = tmp_path / f"run.best-{epoch}.npz"
        assert value == trainer.history.epochs["validation_loss"][epoch - 1]
        assert bits(minidl.load(file).parameters().value) == bits(path.points[3 * epoch])
        again = endless.trainer(Checkpoint(tmp_path / "other.npz", best="validation_loss", keep=3), RecordPath())
        endless.fit(again, 6, resume_from=file)
        assert again.history.loss == trainer.history.loss
        assert bits(again.model.parameters().value) == bits(trainer.model.parameters().value)
    best = sorted(trainer.history.epochs["validation_loss"])[:3]
    assert [value for value, _ in checkpoint.ranking] == best


@pytest.mark.parametrize("step", [4, 9, 12, 14, 16])
@pytest.mark.parametrize("every", [1, 2])
def test_a_resumed_run_keeps_the_same_files_as_one_without_a_break(step: int, every: int, tmp_path: Path) -> None:
    def checkpoint(folder: str) -> Checkpoint:
        (tmp_path / folder).mkdir(exist_ok=True)
        return Checkpoint(tmp_path / folder / "run.npz", best="validation_loss", keep=2, every_epochs=every)

    endless.fit(endless.trainer(checkpoint("whole")), 6)
    with pytest.raises(KeyError):
        endless.fit(endless.trainer(checkpoint("broken"), At("on_step_end", step, fails)), 6)
    file, last = tmp_path / "broken" / "run.npz", checkpoint("broken")
    endless.fit(endless.trainer(last), 6, resume_from=file if file.exists() else None)
    assert files(tmp_path / "broken") == files(tmp_path / "whole")
    for name in files(tmp_path / "whole"):
        pair = [minidl.load(tmp_path / folder / name).parameters().value for folder in ("broken", "whole")]
        assert bits(pair[0]) == bits(pair[1])
    assert entry(file, "run")["epoch"] == 6


def test_of_two_checkpoints_each_resumes_its_own_ranking(tmp_path: Path) -> None:
    def pair() -> list[Checkpoint]:
        return [Checkpoint(tmp_path / "plain.npz"), Checkpoint(tmp_path / "run.npz", best="validation_loss", keep=2)]

    whole, first, second = pair(), pair(), pair()
    endless.fit(endless.trainer(*whole), 5)
    with pytest.raises(KeyError):
        endless.fit(endless.trainer(*first, At("on_step_end", 13, fails)), 5)
    assert len(first[1].ranking) == 2
    endless.fit(endless.trainer(*second), 5, resume_from=tmp_path / "run.npz")
    assert [each.ranking for each in second] == [each.ranking for each in whole]


def test_an_epoch_whose_file_cannot_be_written_is_not_ranked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: str) -> Any:
        if "best-2" in path:
            raise OSError(28, "No space left on device")
        return replacing(path)

    monkeypatch.setattr(container, "replacing", full)
    with pytest.warns(MinidlWarning, match="cannot be written at step 2"):
        found, checkpoint = kept(tmp_path, [3.0, 1.0, 2.0])
    assert checkpoint.ranking == [(2.0, 3)]
    assert found == ["run.best-3.npz", "run.npz"]


def test_a_second_fit_has_a_best_of_its_own_and_leaves_the_files_of_the_first(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "run.npz", best="training_loss")
    trainer = make_trainer(network(), checkpoint, lr=0.01)
    trainer.fit(*data(), epochs=2, training_loss=True)
    other = np.full((7, 1), 1000.0)
    trainer.fit(data()[0], other, epochs=2, training_loss=True)
    ((value, epoch),) = checkpoint.ranking
    assert value == trainer.history.epochs["training_loss"][epoch - 1] > 1000
    assert epoch in (3, 4)
    assert files(tmp_path) == ["run.best-2.npz", f"run.best-{epoch}.npz", "run.npz"]


def test_a_name_without_a_suffix_and_in_another_folder(tmp_path: Path) -> None:
    (tmp_path / "v1.0").mkdir()
    checkpoint = Checkpoint(tmp_path / "v1.0" / "run", best="training_loss")
    make_trainer(network(), checkpoint).fit(*data(), training_loss=True)
    assert files(tmp_path / "v1.0") == ["run", "run.best-1"]


def test_what_it_refuses(tmp_path: Path) -> None:
    with pytest.raises(HyperparameterError, match="no parameters belong to it"):
        Checkpoint("run.npz", best="loss")
    with pytest.raises(HyperparameterError, match="Checkpoint: whether 'validation_speed' should fall or rise"):
        Checkpoint("run.npz", best="validation_speed")
    with pytest.raises(HyperparameterError, match="Checkpoint: keep is for the best epochs; name a metric"):
        Checkpoint("run.npz", keep=3)
    with pytest.raises(HyperparameterError, match=r'Checkpoint: mode must be "auto", "min" or "max", got \'low\''):
        Checkpoint("run.npz", best="validation_loss", mode="low")  # type: ignore[arg-type]
    with pytest.raises(StateError, match="Checkpoint watches 'validation_loss', but the run measures loss"):
        make_trainer(network(), Checkpoint(tmp_path / "run.npz", best="validation_loss")).fit(*data())
    bowl = Quadratic([[1.0]])
    with pytest.raises(StateError, match="Checkpoint watches 'some_loss', but the run measures nothing"):
        minimize(bowl, SGD(bowl.parameters(), 0.1), 3, [Checkpoint(tmp_path / "run.npz", best="some_loss")])
    assert files(tmp_path) == []
