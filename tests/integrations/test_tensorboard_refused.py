"""What cannot be written is refused before a run, and only warned of during one."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from minidl import (
    Callback,
    MinidlWarning,
    Run,
    StateError,
)
from minidl.integrations import TensorBoard
from tests.integrations.event_files import FIT, curves, expected
from tests.training.factories import data, make_trainer, network

resource = pytest.importorskip("resource")  # limits files, as a full disk does; Windows lacks it


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "runs" / "first"


def test_a_folder_of_another_run_is_refused_or_overwritten(folder: Path) -> None:
    make_trainer(network(), TensorBoard(folder, every_step=True)).fit(*data(), epochs=3, **FIT)
    (folder / "notes.txt").write_text("the user's own")
    before = curves(folder), curves(folder / "steps")
    trainer = make_trainer(network(), TensorBoard(folder))
    with pytest.raises(StateError, match=r"first' holds another run; write to another folder, .*overwrite=True"):
        trainer.fit(*data(), epochs=1, **FIT)
    second = make_trainer(network())
    second.fit(*data(), epochs=1)
    second.callbacks.append(TensorBoard(folder))
    with pytest.raises(StateError, match="holds another run"):
        second.fit(*data(), epochs=1)
    assert (curves(folder), curves(folder / "steps")) == before
    history = make_trainer(network(), TensorBoard(folder, overwrite=True)).fit(*data(), epochs=2)
    assert curves(folder) == {"loss": expected(history.epochs["loss"]), "learning_rate": expected([0.1, 0.1])}
    assert list((folder / "steps").iterdir()) == []
    assert (folder / "notes.txt").exists()


def test_folders_that_cannot_be_written_to_are_refused_before_the_run(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    for board in (TensorBoard(file), TensorBoard(file / "inside")):
        with pytest.raises(StateError, match=r"cannot be written"):
            make_trainer(network(), board).fit(*data())
    with pytest.raises(StateError, match="two TensorBoards of this run write to"):
        make_trainer(network(), TensorBoard(folder), TensorBoard(str(folder))).fit(*data())


class FullDisk(Callback):
    """Lets no file grow in the second epoch but for a part of an event, and none beyond 10 bytes in the third."""

    def __init__(self, folder: Path, part: int) -> None:
        self.folder, self.part = folder, part

    def on_epoch_begin(self, run: Run) -> None:
        if run.epoch == 1:
            (file,) = self.folder.glob("events*")
            limit(file.stat().st_size + self.part if self.part else 10)
        elif run.epoch == 2:
            limit(10)
        else:
            limit(resource.RLIM_INFINITY)


def limit(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


@pytest.fixture
def unlimited() -> Iterator[None]:
    yield
    limit(resource.RLIM_INFINITY)


@pytest.mark.usefixtures("unlimited")
@pytest.mark.parametrize(("every_step", "part"), [(False, 0), (False, 50), (True, 0)])
def test_a_full_disk_warns_once_and_costs_only_what_it_refused(every_step: bool, part: int, folder: Path) -> None:
    trainer = make_trainer(network(), TensorBoard(folder, every_step=every_step), FullDisk(folder, part))
    message = r"first' cannot be written to at epoch 2, and lacks what cannot be written: .*File too large"
    with pytest.warns(MinidlWarning, match=message) as caught:
        history = trainer.fit(*data(), epochs=5, **FIT)
    assert len(caught) == 1
    assert curves(folder)["loss"] == [expected(history.epochs["loss"])[index] for index in (0, 3, 4)]
    if every_step:
        assert curves(folder / "steps")["loss"] == expected(history.loss)[:3] + expected(history.loss)[9:]


def test_without_the_package_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ImportError, match=r'pip install "minidl\[tensorboard\]"'):
        TensorBoard(folder)
