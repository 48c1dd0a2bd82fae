"""The table of a run that is resumed."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from minidl import Callback, Checkpoint, CSVLog, StateError
from tests.callbacks.csv_rows import ROWS, fresh, read, stub, text_of, write
from tests.callbacks.recording import States, resume, tell
from tests.training.factories import data, make_trainer, network
from tests.training.resuming import Stop, StopError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.csv"


# A run ends `lost` rows after its checkpoint, the file suffers some damage, and the run is resumed.


def nothing(path: Path) -> None:
    """No damage."""


def tear(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"9,9,0.12")


def lose_a_row(path: Path) -> None:
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))


@pytest.mark.parametrize("damage", [nothing, tear, lose_a_row, Path.unlink, lambda path: path.write_bytes(b"")])
@pytest.mark.parametrize(("known", "lost"), [(1, 0), (2, 0), (2, 1), (2, 3), (5, 0)])
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_resumed_run_leaves_the_file_of_one_without_a_break(
    known: int, lost: int, damage: Callable[[Path], None], overwrite: bool, path: Path, tmp_path: Path
) -> None:
    write(fresh(tmp_path / "whole.csv"), ROWS)
    log = write(fresh(path), ROWS[:known])
    state = log.state()
    write(log, ROWS[known : known + lost], begin=known)
    damage(path)
    other = CSVLog(path, overwrite=overwrite)
    tell(other, stub(known), "on_fit_begin")
    other.load_state(state)
    assert path.read_text() == text_of(state)
    write(other, ROWS[known:], begin=known)
    assert path.read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert (other.state()["columns"], text_of(other.state())) == (["loss", "other"], path.read_text())


@pytest.mark.parametrize("lost", [0, 1, 3])
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_run_resumes_within_its_first_epoch(lost: int, overwrite: bool, path: Path, tmp_path: Path) -> None:
    write(fresh(tmp_path / "whole.csv"), ROWS)
    log = fresh(path)
    state = log.state()
    write(log, ROWS[:lost])
    other = CSVLog(path, overwrite=overwrite)
    run = stub()
    run.step = 1
    tell(other, run, "on_fit_begin", "on_epoch_begin")
    other.load_state(state)
    assert path.exists() is (lost > 0)
    write(other, ROWS)
    assert path.read_bytes() == (tmp_path / "whole.csv").read_bytes()


@pytest.mark.parametrize("known", [0, 2])
def test_a_resumed_run_leaves_the_file_of_another_run_alone(known: int, path: Path, tmp_path: Path) -> None:
    state = write(fresh(path), ROWS[:known]).state()
    other = tmp_path / "other.csv"
    write(fresh(other), ROWS[1:])
    before = other.read_bytes()

    def resume_in(log: CSVLog) -> None:
        run = stub(known)
        run.step += 1
        tell(log, run, "on_fit_begin", "on_epoch_begin")
        log.load_state(state)
        write(log, ROWS[known:], begin=known)

    with pytest.raises(StateError, match=r"other.csv' holds the rows of another run"):
        resume_in(CSVLog(other))
    assert other.read_bytes() == before
    resume_in(CSVLog(other, overwrite=True))
    assert [row[0] for row in read(other)] == ["epoch", "1", "2", "3", "4", "5"]


def test_the_same_log_goes_back_to_an_earlier_checkpoint(path: Path) -> None:
    log = write(fresh(path), ROWS[:2])
    state = log.state()
    write(log, ROWS[2:], begin=2)
    whole = path.read_bytes()
    tell(log, stub(2), "on_fit_begin")
    log.load_state(state)
    write(log, ROWS[2:], begin=2)
    assert path.read_bytes() == whole


@pytest.mark.parametrize(("every", "after"), [(1, 5), (1, 6), (1, 7), (2, 3), (2, 4), (2, 11), (4, 5), (4, 7), (5, 9)])
def test_a_run_resumed_from_its_checkpoint_leaves_the_same_table(every: int, after: int, tmp_path: Path) -> None:
    def fit(log: Path, *callbacks: Callback, **options: Any) -> None:
        make_trainer(network(), CSVLog(log), *callbacks).fit(
            *data(), epochs=4, batch_size=3, validation=data(5), rng=0, **options
        )

    whole, broken, checkpoint = (tmp_path / name for name in ("whole.csv", "broken.csv", "run.npz"))
    fit(whole)
    with pytest.raises(StopError):
        fit(broken, Checkpoint(checkpoint, every_steps=every, every_epochs=None), Stop(after))
    fit(broken, resume_from=checkpoint)
    assert broken.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("epochs", [1, 2])
def test_a_second_fit_resumes_from_a_state(epochs: int, tmp_path: Path) -> None:
    def options(seed: int) -> dict[str, Any]:
        return {"batch_size": 4, "validation": data(5), "rng": seed}

    whole, broken = tmp_path / "whole.csv", tmp_path / "broken.csv"
    trainer = make_trainer(network(), CSVLog(whole))
    trainer.fit(*data(), epochs=epochs, **options(0))
    trainer.fit(*data(), epochs=3, **options(1))

    log = CSVLog(broken)
    states = States(log)
    trainer = make_trainer(network(), log, states)
    trainer.fit(*data(), epochs=epochs, **options(0))
    with broken.open("ab") as file:
        file.write(b"rows from after the checkpoint\n")
    resume(trainer, CSVLog(broken), states.epochs[-1][0])
    trainer.fit(*data(), epochs=3, **options(1))
    assert broken.read_bytes() == whole.read_bytes()
    assert sorted(os.listdir(tmp_path)) == ["broken.csv", "whole.csv"]
