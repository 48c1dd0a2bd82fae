"""A live plot in a notebook and in a window."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import matplotlib.pyplot as plt
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from minidl import (
    Callback,
    MinidlWarning,
    Run,
)
from minidl.plotting import LivePlot
from tests.plotting.living import PNG, Clock, fit, make


class Notebook:
    """Replaces IPython, and records what is displayed."""

    def __init__(self) -> None:
        self.shown: list[tuple[str, bytes]] = []

    def display(self, picture: bytes, *, display_id: bool) -> Any:
        assert display_id is True
        self.shown.append(("new", picture))
        return SimpleNamespace(update=lambda picture: self.shown.append(("update", picture)))


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> Notebook:
    notebook = Notebook()
    module: Any = ModuleType("IPython.display")
    module.display, module.Image = notebook.display, bytes
    package: Any = ModuleType("IPython")
    package.get_ipython = lambda: SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", package)
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    return notebook


def test_in_a_notebook_each_picture_replaces_the_one_before(notebook: Notebook, clock: Clock) -> None:
    trainer = make(clock, LivePlot(interval=4.0))
    fit(trainer)
    assert [what for what, _ in notebook.shown] == ["new", "update", "update"]
    assert all(picture.startswith(PNG) for _, picture in notebook.shown)
    assert len({picture for _, picture in notebook.shown}) == 3
    assert plt.get_fignums() == []
    fit(trainer)
    assert [what for what, _ in notebook.shown[3:]] == ["new", "update", "update"]


def test_the_file_is_also_updated_in_a_notebook(notebook: Notebook, path: Path) -> None:
    fit(make(LivePlot(path)))
    assert path.read_bytes().startswith(PNG)
    assert len(notebook.shown) == 1


@pytest.mark.parametrize("shell", [None, SimpleNamespace()])
def test_ipython_in_a_terminal_or_merely_imported_displays_nothing(
    shell: object, notebook: Notebook, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["IPython"], "get_ipython", lambda: shell)
    monkeypatch.setitem(sys.modules, "ipykernel", ModuleType("ipykernel"))
    fit(make(LivePlot(path)))
    assert path.read_bytes().startswith(PNG)
    assert notebook.shown == []


@pytest.mark.usefixtures("notebook")
def test_a_display_that_fails_is_a_warning(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise ConnectionError("no browser")

    monkeypatch.setattr(sys.modules["IPython.display"], "display", fails)
    with pytest.warns(MinidlWarning, match="LivePlot cannot draw its picture: no browser") as warned:
        history = fit(make(LivePlot(path, interval=0.0)))
    assert (len(warned), len(history.loss)) == (1, 10)
    assert path.read_bytes().startswith(PNG)


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Make the backend claim to draw in windows, and record what happens to them."""
    done: list[str] = []

    def draw(canvas: Any) -> None:
        canvas.draw()
        done.append("drawn")

    monkeypatch.setattr(FigureCanvasAgg, "required_interactive_framework", "a toolkit")
    monkeypatch.setattr(FigureCanvasAgg, "draw_idle", draw)
    monkeypatch.setattr(FigureCanvasAgg, "flush_events", lambda _: done.append("shown"))
    monkeypatch.setattr(Figure, "show", lambda _: done.append("opened"))
    return done


def test_on_a_display_the_plot_has_a_window_that_stays(windows: list[str], clock: Clock) -> None:
    plot = LivePlot(interval=4.0)
    trainer = make(clock, plot)
    fit(trainer)
    assert windows == ["opened"] + ["drawn", "shown"] * 3
    assert len(plt.get_fignums()) == 1
    figure = plot.figure
    fit(trainer)
    assert windows == ["opened"] + ["drawn", "shown"] * 6
    assert plot.figure is figure


def test_a_window_that_was_closed_stays_closed_until_the_next_fit(windows: list[str], clock: Clock, path: Path) -> None:
    class Closes(Callback):
        def on_step_end(self, run: Run) -> None:
            if run.step == 5:
                assert plot.figure is not None
                plot.figure.canvas.callbacks.process("close_event", None)

    plot = LivePlot(path, interval=4.0)
    trainer = make(clock, Closes(), plot)
    fit(trainer)
    assert windows == ["opened", "drawn", "shown"]
    assert clock.drawn == [4, 8, 10]
    fit(trainer)
    assert windows == ["opened", "drawn", "shown"] * 1 + ["opened"] + ["drawn", "shown"] * 3
