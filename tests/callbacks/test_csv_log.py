"""The table of the epochs: what is in it at any moment, and that nothing in a file gets lost."""

import builtins
import os
import subprocess
import sys
from collections.abc import Callable
from math import inf, isnan, nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import SGD, CSVLog, MinidlWarning, Quadratic, StateError, minimize
from tests.callbacks.csv_rows import ROWS, fresh, read, stub, text_of, write
from tests.callbacks.recording import At, Hooks, fails, tell
from tests.helpers import bits, unchanged
from tests.training.factories import data, make_trainer, mean_error, network


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.csv"


def test_a_row_for_each_epoch_holds_what_the_run_measured(path: Path) -> None:
    trainer = make_trainer(network(), CSVLog(path))
    history = trainer.fit(*data(), epochs=3, batch_size=4, validation=data(5), metrics={"mae": mean_error}, rng=0)
    names, *rows = read(path)
    assert names == ["epoch", "step", "loss", "validation_loss", "validation_mae"]
    assert [row[:2] for row in rows] == [["1", "2"], ["2", "4"], ["3", "6"]]
    assert [[float(cell) for cell in row[2:]] for row in rows] == [
        list(values) for values in zip(*history.epochs.values(), strict=True)
    ]
    assert b"\r" not in path.read_bytes()


@pytest.mark.parametrize("value", [0.1, 1 / 3, -0.0, 5e-324, 1.7976931348623157e308, inf, -inf, 123456789.0, 1, True])
@pytest.mark.parametrize("kind", [float, np.float64, np.float32])
def test_numbers_come_back_with_the_same_bits(value: float, kind: Callable[[float], float], path: Path) -> None:
    with np.errstate(over="ignore"):
        given = kind(value)
    write(fresh(path), [{"value": given}])
    assert bits(float(read(path)[1][2])) == bits(float(given))


def test_nan_is_written(path: Path) -> None:
    write(fresh(path), [{"value": nan}])
    assert isnan(float(read(path)[1][2]))


def test_names_of_any_kind_are_one_column(path: Path) -> None:
    names = ["top 5, in %", 'the "best"', "two\nlines", "Verlust σ", "plain"]
    write(fresh(path), [dict.fromkeys(names, 1.0)])
    assert read(path)[0] == ["epoch", "step", *names]
    assert path.read_text(encoding="utf-8").endswith(",plain\n1,2,1.0,1.0,1.0,1.0,1.0\n")


def test_a_row_is_in_the_file_when_its_epoch_is_over_whatever_happens_then(path: Path) -> None:
    seen: list[int] = []
    watch = Hooks(on_epoch_end=lambda _: seen.append(len(read(path)) - 1))
    with pytest.raises(KeyError):
        make_trainer(network(), CSVLog(path), watch, At("on_epoch_end", 3, fails)).fit(*data(), epochs=5)
    assert seen == [1, 2, 3]
    assert [row[0] for row in read(path)] == ["epoch", "1", "2", "3"]


def test_a_second_fit_adds_its_rows(path: Path) -> None:
    trainer = make_trainer(network(), CSVLog(path))
    trainer.fit(*data(), epochs=2, batch_size=4)
    first = path.read_bytes()
    trainer.fit(*data(), epochs=1)
    assert path.read_bytes().startswith(first)
    assert [row[:2] for row in read(path)] == [["epoch", "step"], ["1", "2"], ["2", "4"], ["3", "5"]]


def test_without_an_epoch_there_is_no_file(path: Path) -> None:
    make_trainer(network(), CSVLog(path)).fit(*data(), epochs=0)
    assert not path.exists()


def test_a_descent_is_one_epoch_without_metrics(path: Path) -> None:
    bowl = Quadratic([[1.0]], start=[4.0])
    minimize(bowl, SGD(bowl.parameters(), 0.5), 3, [CSVLog(str(path))])
    assert path.read_text() == "epoch,step\n1,3\n"


def test_an_existing_file_is_refused_before_the_first_step(path: Path) -> None:
    path.write_bytes(b"precious")
    trainer = make_trainer(network(), CSVLog(path))
    with (
        unchanged(trainer.model),
        pytest.raises(
            StateError, match=r"log.csv' holds the rows of another run; write to another.*resume_from=.*overwrite=True"
        ),
    ):
        trainer.fit(*data(), epochs=2)
    assert path.read_bytes() == b"precious"


def test_a_file_with_the_same_first_row_is_still_that_of_another_run(path: Path) -> None:
    write(fresh(path), ROWS)
    before = path.read_bytes()
    log = CSVLog(path)
    run = stub()
    run.step = 1
    tell(log, run, "on_fit_begin")
    with pytest.raises(StateError, match="rows of another run"):
        write(log, ROWS[:1])
    assert path.read_bytes() == before


def test_one_log_never_holds_the_rows_of_two_trainers(path: Path) -> None:
    log = CSVLog(path)
    make_trainer(network(), log).fit(*data(), epochs=2)
    before, other = path.read_bytes(), make_trainer(network(), log)
    with unchanged(other.model), pytest.raises(StateError, match="holds the rows of another run"):
        other.fit(*data(), epochs=2)
    assert path.read_bytes() == before
    log.overwrite = True
    other.fit(*data(), epochs=3, validation=data())
    assert [row[0] for row in read(path)] == ["epoch", "1", "2", "3"]


def test_overwrite_replaces_the_file_with_the_first_row_and_not_before(path: Path) -> None:
    path.write_bytes(b"precious")
    with pytest.raises(KeyError):
        make_trainer(network(), CSVLog(path, overwrite=True), At("on_step_end", 1, fails)).fit(*data())
    assert path.read_bytes() == b"precious"
    trainer = make_trainer(network(), CSVLog(path, overwrite=True))
    trainer.fit(*data(), epochs=2)
    trainer.fit(*data(), epochs=1)
    assert [row[0] for row in read(path)] == ["epoch", "1", "2", "3"]


def full(*_: Any, **__: Any) -> None:
    raise OSError("the disk is full")


def test_a_full_disk_leaves_the_file_that_was_to_be_overwritten(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_bytes(b"precious")
    log = fresh(path, overwrite=True)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.warns(MinidlWarning, match="cannot be written at epoch 1, .* rows from then on: the disk is full"):
        write(log, ROWS[:1])
    assert path.read_bytes() == b"precious"
    monkeypatch.undo()
    write(log, ROWS[1:2], begin=1)
    assert [row[0] for row in read(path)] == ["epoch", "1", "2"]


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_a_full_disk_is_a_warning_once_and_the_rows_follow_later(
    rows: int, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = write(fresh(path), ROWS[:rows])
    before = path.read_bytes() if rows else None
    monkeypatch.setattr(builtins, "open", full)
    with pytest.warns(
        MinidlWarning, match=rf"log.csv' cannot be written at epoch {rows + 1}, .*disk is full"
    ) as caught:
        write(log, ROWS[rows:4], begin=rows)
    assert len(caught) == 1
    monkeypatch.undo()
    assert (path.read_bytes() if path.exists() else None) == before
    write(log, ROWS[4:], begin=4)
    assert [row[0] for row in read(path)] == ["epoch", "1", "2", "3", "4", "5"]
    assert text_of(log.state()) == path.read_text()


FULL = """
import resource, sys, warnings
from pathlib import Path
import numpy as np
from minidl import CSVLog, Dense, MSELoss, SGD, Trainer

model, path, room = Dense(1, 1, rng=0), Path(sys.argv[1]), int(sys.argv[2])
trainer = Trainer(model, MSELoss(), SGD(model.parameters(), lr=0.1), [CSVLog(path)])
resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    history = trainer.fit(np.ones((3, 1)), np.ones((3, 1)), epochs=20)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    half = path.read_text() if path.exists() else ""
    trainer.fit(np.ones((3, 1)), np.ones((3, 1)), epochs=1)
assert len(history.loss) == 21, len(history.loss)
assert not half or half.endswith("\\n"), half
print(len(caught), len(half), len(path.read_text().splitlines()))
"""


@pytest.mark.parametrize("room", [0, 5, 20, 100, 101, 250])
def test_a_disk_that_fills_up_never_leaves_half_a_row(room: int, path: Path) -> None:
    command = [sys.executable, "-c", FULL, str(path), str(room)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert result.returncode == 0, result.stderr
    warned, half, rows = map(int, result.stdout.split())
    assert (warned, rows) == (1, 22)
    assert half in (0, *range(room - 40, room + 1))


def test_two_writers_of_one_table_are_refused(path: Path) -> None:
    first, second = fresh(path), fresh(path)
    write(first, ROWS[:1])
    with pytest.raises(StateError, match="rows of another run"):
        write(second, ROWS[:1])
    third = fresh(path, overwrite=True)
    write(third, ROWS[2:4])
    with pytest.warns(MinidlWarning, match="somebody else has written to it"):
        write(first, ROWS[1:3], begin=1)
    assert path.read_bytes() == bytes(third.state()["text"])


@pytest.mark.parametrize("overwrite", [False, True])
def test_two_logs_of_one_run_are_refused_before_the_first_step(overwrite: bool, path: Path) -> None:
    link = path.with_name("link.csv")
    link.symlink_to(path)
    for other in (path, link):
        trainer = make_trainer(network(), CSVLog(path, overwrite=overwrite), CSVLog(other, overwrite=overwrite))
        with unchanged(trainer.model), pytest.raises(StateError, match="two CSVLogs of this run write to"):
            trainer.fit(*data())
        assert not path.exists()
        assert trainer.history.loss == []


def test_a_link_stays_a_link(path: Path) -> None:
    link = path.with_name("link.csv")
    link.symlink_to(path)
    for overwrite in (False, True):
        make_trainer(network(), CSVLog(link, overwrite=overwrite)).fit(*data(), epochs=2)
        assert link.is_symlink()
        assert [row[0] for row in read(path)] == ["epoch", "1", "2"]


def test_a_file_that_was_deleted_is_written_again_as_a_whole(path: Path) -> None:
    log = write(fresh(path), ROWS[:2])
    path.unlink()
    write(log, ROWS[2:], begin=2)
    assert [row[0] for row in read(path)] == ["epoch", "1", "2", "3", "4", "5"]


def test_a_relative_path_is_resolved_when_the_run_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "elsewhere"))
    move = Hooks(on_epoch_begin=lambda _: os.chdir(tmp_path / "elsewhere"))
    trainer = make_trainer(network(), CSVLog("a.csv"), CSVLog("~/b.csv"), move)
    for _ in range(2):
        trainer.fit(*data(), epochs=2)
    for name in ("a.csv", "elsewhere/b.csv"):
        assert [row[0] for row in read(tmp_path / name)] == ["epoch", "1", "2", "3", "4"]


def test_other_metrics_in_a_second_fit_are_refused_and_nothing_is_lost(path: Path) -> None:
    trainer = make_trainer(network(), CSVLog(path))
    trainer.fit(*data(), epochs=2)
    before = path.read_bytes()
    words = r"measures loss, validation_loss, but the rows in '.*log.csv' hold loss; "
    with unchanged(trainer.model), pytest.raises(StateError, match=words):
        trainer.fit(*data(), validation=data())
    assert len(trainer.history.loss) == 2
    assert path.read_bytes() == before
    trainer.fit(*data())
    assert [row[0] for row in read(path)] == ["epoch", "1", "2", "3"]


def test_fewer_metrics_are_refused_and_another_order_is_not(path: Path) -> None:
    log = write(fresh(path), [{"a": 1.0, "b": 2.0}, {"b": 4.0, "a": 3.0}])
    for other in ({"a": 1.0}, {"a": 1.0, "c": 2.0}, {}):
        with pytest.raises(StateError, match="hold a, b; measure the same metrics"):
            write(log, [other], begin=2)
    assert path.read_text() == "epoch,step,a,b\n1,2,1.0,2.0\n2,4,3.0,4.0\n"


def test_a_missing_folder_is_refused_before_the_first_step(tmp_path: Path) -> None:
    trainer = make_trainer(network(), CSVLog(tmp_path / "none/log.csv"))
    with unchanged(trainer.model), pytest.raises(StateError, match=r"the folder '.*none' does not exist"):
        trainer.fit(*data())


def test_the_state_is_made_of_plain_things_and_is_a_copy(path: Path) -> None:
    log = write(fresh(path), ROWS[:1])
    state = log.state()
    write(log, ROWS[1:2], begin=1)
    assert state.keys() == {"columns", "text"}
    assert state["columns"] == log.state()["columns"] == ["loss", "other"]
    assert state["text"].dtype == np.uint8  # the text in a checkpoint is short, an array is not
    assert text_of(state) == "epoch,step,loss,other\n1,2,0.1,1.0\n"
    assert text_of(log.state()) == text_of(state) + "2,4,0.2,0.5\n"
