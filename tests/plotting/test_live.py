"""The live plot: where and how often it is drawn, what it shows, and that the run does not change."""

import copy
import os
import pickle
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

from minidl import (
    SGD,
    Callback,
    HyperparameterError,
    MinidlWarning,
    Quadratic,
    Run,
    StateError,
    minimize,
)
from minidl.plotting import LivePlot, live
from tests.helpers import bits, unchanged
from tests.plotting.helpers import legend, render
from tests.plotting.living import PNG, Clock, X, fit, make, mean_error, panels


def test_a_file_without_a_display(path: Path) -> None:
    fit(make(LivePlot(path)))
    assert path.read_bytes().startswith(PNG)
    assert os.listdir(path.parent) == ["losses.png"]
    assert plt.get_fignums() == []


def test_it_shows_the_steps_and_the_losses_and_other_metrics_of_the_epochs(path: Path) -> None:
    plot = LivePlot(str(path))
    history = fit(make(plot), validation=(X, X), metrics={"error": mean_error})
    steps, losses, others = panels(plot)
    assert [ax.get_xlabel() for ax in (steps, losses, others)] == ["step", "epoch", "epoch"]
    assert [ax.get_ylabel() for ax in (steps, losses, others)] == ["loss", "loss", "validation error"]
    assert legend(losses) == ["loss", "validation loss"]
    for ax, curves in (
        (steps, [history.loss]),
        (losses, [history.epochs["loss"], history.epochs["validation_loss"]]),
        (others, [history.epochs["validation_error"]]),
    ):
        assert [list(np.asarray(line.get_ydata())) for line in ax.lines] == curves
    assert plot.figure is not None
    assert tuple(plot.figure.get_size_inches()) == pytest.approx((13.8, 3.8))
    render(steps)


@pytest.mark.usefixtures("clock")
def test_it_shows_only_the_steps_during_the_first_epoch(path: Path) -> None:
    class Looks(Callback):
        def on_step_end(self, run: Run) -> None:
            assert plot.figure is not None
            sizes.append((len(panels(plot)), round(plot.figure.get_size_inches()[0], 6)))

    sizes: list[tuple[int, float]] = []
    plot = LivePlot(path, interval=0.0)
    bowl = Quadratic([[1.0]], start=[4.0])
    descent = minimize(bowl, SGD(bowl.parameters(), 0.5), 3, [plot, Looks()])
    assert sizes == [(1, 4.6)] * 3
    assert [list(np.asarray(line.get_ydata())) for line in panels(plot)[0].lines] == [descent.loss]


def test_epochs_at_which_a_metric_is_not_finite_are_gaps(path: Path) -> None:
    values = iter([1.0, np.nan, 1.0, 1.0, 1.0])
    measures = {"a": lambda *_: next(values), "b_loss": lambda *_: np.inf, "c": lambda *_: 1.0}
    plot = LivePlot(path)
    fit(make(plot), validation=(X, X), metrics=measures)
    _, losses, others = panels(plot)
    assert [line.get_label() for line in losses.lines] == ["loss", "validation loss"]
    assert (others.get_ylabel(), legend(others)) == ("metric", ["validation a", "validation c"])
    np.testing.assert_array_equal(others.lines[0].get_ydata(), [1, np.nan, 1, 1, 1])


def test_a_metric_that_begins_later_is_shown(path: Path) -> None:
    plot = LivePlot(path)
    trainer = make(plot)
    history = fit(trainer, epochs=2)
    history.epochs["validation_loss"] = [np.nan, np.nan]
    fit(trainer, epochs=1, validation=(X, X))
    _, losses = panels(plot)
    assert legend(losses) == ["loss", "validation loss"]
    x, y = np.asarray(losses.lines[1].get_xydata()).T
    np.testing.assert_array_equal(x, [1, 2, 3])
    np.testing.assert_array_equal(y, [np.nan, np.nan, history.epochs["validation_loss"][-1]])
    render(losses)


@pytest.mark.long
@pytest.mark.parametrize(
    ("interval", "drawing", "steps"),
    [
        (4.0, 0.0, [4, 8, 10]),
        (3.5, 0.0, [4, 8, 10]),
        (0.0, 0.0, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10]),
        (100.0, 0.0, [10]),
        (2.0, 0.5, [2, 7, 10]),  # nine times half a second later
        (2.0, 0.75, [2, 9, 10]),
        (6.0, 0.5, [6, 10]),
    ],
)
def test_pictures_keep_their_interval_and_take_a_tenth_of_the_time(
    interval: float, drawing: float, steps: list[int], path: Path, clock: Clock
) -> None:
    clock.drawing = drawing
    fit(make(clock, LivePlot(path, interval=interval)))
    assert clock.drawn == steps


def test_the_last_picture_is_drawn_after_an_error_too_and_a_second_fit_continues(path: Path, clock: Clock) -> None:
    class Fails(Callback):
        def on_step_end(self, run: Run) -> None:
            if run.step == 3:
                raise KeyError

    plot = LivePlot(path, interval=100.0)
    trainer = make(plot, Fails())
    with pytest.raises(KeyError):
        fit(trainer)
    assert clock.drawn == [3]
    trainer.callbacks.pop()
    fit(trainer)
    assert clock.drawn == [3, 13]
    assert [len(np.asarray(line.get_ydata())) for line in panels(plot)[0].lines] == [13]


def test_without_a_step_there_is_no_picture(path: Path) -> None:
    fit(make(LivePlot(path)), epochs=0)
    assert not path.exists()


def test_the_file_is_replaced_as_a_whole(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_bytes(b"old")

    def fails(_: Figure, file: Any, **__: Any) -> None:
        file.write(PNG)
        file.flush()
        assert path.read_bytes() == b"old"
        raise OSError("the disk is full")

    monkeypatch.setattr(Figure, "savefig", fails)
    with pytest.warns(MinidlWarning, match="LivePlot cannot write its picture: the disk is full"):
        fit(make(LivePlot(path)))
    assert path.read_bytes() == b"old"
    assert os.listdir(path.parent) == ["losses.png"]


def test_a_folder_that_disappears_during_a_run_is_a_warning_and_the_run_continues(tmp_path: Path, clock: Clock) -> None:
    class Moves(Callback):
        def on_step_end(self, run: Run) -> None:
            if run.step % 10 == 3:
                folder.rename(tmp_path / "elsewhere")
            if run.step == 18:
                (tmp_path / "elsewhere").rename(folder)

    folder = tmp_path / "folder"
    folder.mkdir()
    trainer = make(clock, Moves(), LivePlot(folder / "losses.png", interval=0.0))
    for steps in (10, 20):
        with pytest.warns(MinidlWarning) as warned:
            history = fit(trainer)
        assert [str(warning.message)[:36] for warning in warned] == ["LivePlot cannot write its picture: ["]
        assert len(history.loss) == steps
        if steps == 10:
            (tmp_path / "elsewhere").rename(folder)
            (folder / "losses.png").unlink()
    assert (folder / "losses.png").read_bytes().startswith(PNG)  # once the folder is back, so is the picture


def test_the_run_does_not_change(path: Path) -> None:
    runs = []
    for callbacks in ([], [LivePlot(path, interval=0.0)]):
        trainer = make(*callbacks)
        runs.append((fit(trainer).loss, bits(trainer.model.parameters().value)))
    assert runs[0] == runs[1]


def test_a_fit_with_nowhere_to_draw_is_refused_when_it_begins(tmp_path: Path) -> None:
    for plot, wrong in (
        (LivePlot(), r"neither a display nor a notebook; pass a file, as in LivePlot\('loss.png'\)"),
        (LivePlot(tmp_path / "none/losses.png"), "the folder '.*none' does not exist"),
    ):
        trainer = make(plot)
        with unchanged(trainer.model), pytest.raises(StateError, match=wrong):
            fit(trainer)
    assert os.listdir(tmp_path) == []


def test_a_folder_that_has_disappeared_is_refused_when_the_next_fit_begins(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    trainer = make(LivePlot(folder / "losses.png"))
    fit(trainer)
    (folder / "losses.png").unlink()
    folder.rmdir()
    with pytest.raises(StateError, match="does not exist"):
        fit(trainer)


@pytest.mark.parametrize("name", ["losses.pdf", "losses", "png"])
def test_files_are_png(name: str) -> None:
    with pytest.raises(HyperparameterError, match=rf"path must end in .png, got '{name}'"):
        LivePlot(name)
    assert LivePlot("losses.PNG").path == "losses.PNG"
    assert LivePlot().interval == 2.0


@pytest.mark.parametrize("error", [RuntimeError("no font"), MemoryError(), ValueError("too large")])
def test_an_error_of_drawing_is_a_warning_and_the_run_continues(
    error: Exception, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def raises(*_: Any, **__: Any) -> None:
        raise error

    trainer = make(LivePlot(path, interval=0.0))
    with monkeypatch.context() as broken:
        broken.setattr(live, "plot_history", raises)
        for steps in (10, 20):  # once per fit
            with pytest.warns(MinidlWarning, match="LivePlot cannot draw its picture: ") as warned:
                history = fit(trainer)
            assert (len(warned), len(history.loss)) == (1, steps)
    assert not path.exists()
    fit(trainer)
    assert path.read_bytes().startswith(PNG)


def test_ctrl_c_while_drawing_is_not_taken_for_an_error(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def raises(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(live, "plot_history", raises)
    with pytest.raises(KeyboardInterrupt):
        fit(make(LivePlot(path, interval=0.0)))


def test_a_figure_that_cannot_be_opened_leaves_the_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def raises(*_: Any, **__: Any) -> None:
        raise ImportError("cannot load a backend")

    monkeypatch.setattr(plt, "figure", raises)
    with pytest.warns(MinidlWarning, match="LivePlot cannot open a figure: cannot load a backend"):
        fit(make(LivePlot(path)))
    assert path.read_bytes().startswith(PNG)
    with pytest.raises(StateError, match="cannot open a figure: cannot load a backend; pass a file"):
        fit(make(LivePlot()))


def test_the_error_of_a_fit_that_could_not_begin_is_not_hidden(path: Path) -> None:
    class Fails(Callback):
        def on_fit_begin(self, run: Run) -> None:
            raise KeyError

    for callbacks in ([LivePlot(path), Fails()], [Fails(), LivePlot(path)]):
        trainer = make(*callbacks)
        for _ in range(2):
            with pytest.raises(KeyError):
                fit(trainer)


def test_the_file_stays_in_its_folder_when_the_run_changes_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Moves(Callback):
        def on_step_end(self, run: Run) -> None:
            os.chdir(elsewhere)

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    for given in ("losses.png", "~/home.png"):
        monkeypatch.chdir(tmp_path)
        fit(make(LivePlot(given, interval=0.0), Moves()))
    assert sorted(os.listdir(tmp_path)) == ["elsewhere", "home.png", "losses.png"]
    assert os.listdir(elsewhere) == []


def test_copies_of_a_trainer_draw_for_themselves(path: Path) -> None:
    trainer = make(LivePlot(path))
    fit(trainer)
    for twin in (copy.deepcopy(trainer), pickle.loads(pickle.dumps(trainer))):
        path.unlink()
        assert len(fit(twin).loss) == 20
        assert path.exists()
