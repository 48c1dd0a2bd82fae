"""Runs as TensorBoard's own readers show them."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import (
    Callback,
    CubicValley,
    Run,
    Schedule,
    minimize,
    schedules,
)
from minidl.checking import check_callback
from minidl.integrations import TensorBoard
from minidl.optimizers import SGD
from tests.integrations.event_files import FIT, curves, expected, read
from tests.integrations.packages import real
from tests.training.factories import data, make_trainer, network


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
