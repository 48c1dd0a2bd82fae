"""Runs as TensorBoard's own reader shows them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import (
    Callback,
    Checkpoint,
    CubicValley,
    History,
    MinidlWarning,
    Run,
    Schedule,
    StateError,
    minimize,
    schedules,
)
from minidl.checking import check_callback
from minidl.integrations import TensorBoard
from minidl.optimizers import SGD
from tests.integrations.packages import real
from tests.training.factories import data, make_trainer, mean_error, network
from tests.training.resuming import Stop, StopError

resource = pytest.importorskip("resource")  # limits files, as a full disk does; Windows lacks it
real("tensorboardX")
reading = real("tensorboard.backend.event_processing.event_accumulator")

FIT: dict[str, Any] = {"batch_size": 3, "validation": data(5), "metrics": {"error": mean_error}, "rng": 0}
"""With seven samples, an epoch is three steps."""


def read(folder: Path) -> Any:
    accumulator = reading.EventAccumulator(str(folder), {"scalars": 0, "histograms": 0, "tensors": 0})
    return accumulator.Reload()


def curves(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Name -> pairs (number, value)."""
    events = read(folder)
    return {name: [(each.step, each.value) for each in events.Scalars(name)] for name in events.Tags()["scalars"]}


def expected(values: list[float]) -> list[tuple[int, float]]:
    return [(index, float(np.float32(value))) for index, value in enumerate(values, 1)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "runs" / "first"


def test_metrics_and_learning_rates_of_all_fits_are_shown_by_epoch(folder: Path) -> None:
    schedule = Schedule(schedules.step_decay(3, 0.5))
    trainer = make_trainer(network(), TensorBoard(folder), schedule)
    trainer.fit(*data(), epochs=2, **FIT)
    history = trainer.fit(*data(), epochs=3, training_loss=True, **FIT)
    shown = curves(folder)
    rates = [schedule.lr[step] for step in range(2, 15, 3)]  # of the last step of each epoch
    assert shown["learning_rate"] == expected(rates)
    assert shown["loss"] == expected(history.epochs["loss"])
    assert shown["validation_error"] == expected(history.epochs["validation_error"])
    assert shown["training_loss"] == expected(history.epochs["training_loss"])[2:]
    assert not (folder / "steps").exists()


def test_each_step_is_shown_on_request(folder: Path) -> None:
    trainer = make_trainer(network(), TensorBoard(folder, every_step=True))
    history = trainer.fit(*data(), epochs=2, **FIT)
    assert curves(folder / "steps") == {"loss": expected(history.loss), "learning_rate": expected([0.1] * 6)}
    assert curves(folder)["loss"] == expected(history.epochs["loss"])


def test_a_descent_is_shown_by_its_steps(folder: Path) -> None:
    valley = CubicValley(x=-1.0, y=1.0)
    board = TensorBoard(folder, every_step=True)
    descent = minimize(valley, SGD(valley.parameters(), lr=1e-4), steps=7, callbacks=[board])
    assert curves(folder / "steps")["loss"] == expected(descent.loss)


class Arrays(Callback):
    """Records parameters and gradients at the end of each epoch."""

    def __init__(self) -> None:
        self.arrays: dict[str, list[Any]] = {}

    def on_epoch_end(self, run: Run) -> None:
        for name, parameter in run.model.named_parameters():
            self.arrays.setdefault(f"parameters/{name}", []).append(parameter.value.copy())
            self.arrays.setdefault(f"gradients/{name}", []).append(parameter.grad.copy())


def test_histograms_count_parameters_and_gradients(folder: Path) -> None:
    arrays = Arrays()
    make_trainer(network(), TensorBoard(folder), arrays).fit(*data(), epochs=2, **FIT)
    shown = read(folder)
    assert set(shown.Tags()["histograms"]) == arrays.arrays.keys()
    for name, values in arrays.arrays.items():
        for event, array in zip(shown.Histograms(name), values, strict=True):
            histogram = event.histogram_value
            found = (histogram.num, histogram.min, histogram.max, sum(histogram.bucket))
            assert found == (array.size, array.min(), array.max(), array.size)
            np.testing.assert_allclose(histogram.sum, array.sum(), rtol=1e-12, atol=1e-12)
            below = np.cumsum(histogram.bucket)[:-1]  # how many values are below each limit
            assert below.tolist() == [(array < limit).sum() for limit in histogram.bucket_limit[:-1]]


def test_histograms_of_numbers_that_have_none(folder: Path) -> None:
    class Odd(Callback):
        changes_parameters = True
        values = iter(([1.0, np.nextafter(1.0, 2.0)], [-1e308, 1e308], [np.nan, 2.0], [np.nan, np.inf], [0.0, 0.0]))

        def on_epoch_end(self, run: Run) -> None:
            next(run.model.named_parameters())[1].value[0, :2] = next(self.values)

    model = network()
    trainer = make_trainer(model, Odd(), TensorBoard(folder))
    for _ in range(5):
        with np.errstate(all="ignore"):
            trainer.fit(*data(), epochs=1)
        model[0].weight.value = np.zeros((2, 4))  # type: ignore[attr-defined]
    counts = [event.histogram_value.num for event in read(folder).Histograms("parameters/0.weight")]
    assert counts == [8, 8, 7, 6, 8]


def test_without_histograms(folder: Path) -> None:
    make_trainer(network(), TensorBoard(folder, histograms=False)).fit(*data(), epochs=1, **FIT)
    assert read(folder).Tags()["histograms"] == []


def test_training_and_validation_share_a_chart(folder: Path) -> None:
    layouts = real("tensorboard.plugins.custom_scalar.layout_pb2")
    make_trainer(network(), TensorBoard(folder)).fit(*data(), epochs=1, training_loss=True, **FIT)
    (event,) = read(folder).Tensors("custom_scalars__config__")
    layout = layouts.Layout.FromString(event.tensor_proto.string_val[0])
    charts = {chart.title: list(chart.multiline.tag) for chart in layout.category[0].chart}
    names = {"loss": ["loss", "training_loss", "validation_loss"], "error": ["training_error", "validation_error"]}
    assert charts == {title: [f"^{name}$" for name in each] for title, each in names.items()}


@pytest.mark.parametrize(("every", "after"), [(1, 2), (1, 3), (2, 3), (2, 5), (3, 4), (3, 8), (4, 5), (5, 9), (6, 11)])
def test_a_run_resumed_after_a_crash_shows_each_epoch_and_step_once(every: int, after: int, tmp_path: Path) -> None:
    whole, broken, checkpoint = tmp_path / "whole", tmp_path / "broken", tmp_path / "run.npz"

    def fit(folder: Path, *callbacks: Callback, **options: Any) -> History:
        trainer = make_trainer(network(), TensorBoard(folder, every_step=True), *callbacks)
        return trainer.fit(*data(), epochs=4, **{**FIT, **options})

    history = fit(whole)
    with pytest.raises(StopError):
        fit(broken, Checkpoint(checkpoint, every_steps=every, every_epochs=None), Stop(after))
    fit(broken, resume_from=checkpoint)
    assert curves(broken) == curves(whole)
    assert curves(broken / "steps") == curves(whole / "steps")
    assert curves(broken / "steps")["loss"] == expected(history.loss)


def test_a_run_killed_while_it_writes_shows_what_it_wrote(folder: Path) -> None:
    make_trainer(network(), TensorBoard(folder)).fit(*data(), epochs=2, **FIT)
    (file,) = folder.iterdir()
    file.write_bytes(file.read_bytes()[:-100])  # half an event
    assert [number for number, _ in curves(folder)["loss"]] == [1]
    script = f"""
import os
from minidl import Callback
from minidl.integrations import TensorBoard
from tests.training.factories import data, make_trainer, network

class Kill(Callback):
    def on_step_end(self, run):
        if run.step == 5:
            os.kill(os.getpid(), 9)

board = TensorBoard({str(folder)!r}, every_step=True, overwrite=True)
make_trainer(network(), board, Kill()).fit(*data(), epochs=4, batch_size=3, rng=0)
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -9
    assert [number for number, _ in curves(folder)["loss"]] == [1]
    assert [number for number, _ in curves(folder / "steps")["loss"]] == [1, 2, 3, 4, 5]


def test_a_resumption_that_fails_hides_nothing(folder: Path, tmp_path: Path) -> None:
    class Refuses(Callback):
        def state(self) -> dict[str, Any]:
            return {"some": 1}

        def load_state(self, state: Any) -> None:
            raise StateError("not this one")

    checkpoint = tmp_path / "run.npz"
    make_trainer(network(), TensorBoard(folder), Refuses(), Checkpoint(checkpoint)).fit(*data(), epochs=3, **FIT)
    before = curves(folder)
    trainer = make_trainer(network(), TensorBoard(folder), Refuses())
    with pytest.raises(Exception, match="not this one"):
        trainer.fit(*data(), epochs=9, resume_from=checkpoint, **FIT)
    assert curves(folder) == before
    with pytest.raises(StateError, match="holds another run"):  # the folder is that of the first run as before
        trainer.fit(*data(), epochs=1, **FIT)


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


def test_its_contract(tmp_path: Path) -> None:
    numbers = iter(range(1000))
    check_callback(lambda: TensorBoard(tmp_path / f"{next(numbers)}", every_step=True))
    check_callback(TensorBoard(tmp_path / "shared"))


def test_a_relative_folder_is_the_one_where_the_run_began(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Move(Callback):
        def on_epoch_begin(self, run: Run) -> None:
            os.chdir("/")

    monkeypatch.chdir(tmp_path)
    make_trainer(network(), TensorBoard("here"), Move()).fit(*data(), epochs=1)
    monkeypatch.chdir(tmp_path)
    assert curves(tmp_path / "here")["loss"]


def test_without_the_package_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ImportError, match=r'pip install "minidl\[tensorboard\]"'):
        TensorBoard(folder)
