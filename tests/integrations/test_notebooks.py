"""Notebooks that a kernel executes, with and without ``%matplotlib inline``."""

from typing import Any

import pytest

from tests.integrations.packages import real

nbformat, nbclient = real("nbformat"), real("nbclient")
for package in ("ipykernel", "ipywidgets", "tqdm"):
    real(package)

SETUP = """
from minidl import *
from minidl.plotting import LivePlot, plot_history
x, y = make_xor(200, rng=0)
def fit(*callbacks, **options):
    model = Sequential(Dense(2, 8), ReLU(), Dense(8, 1), rng=1)
    trainer = Trainer(model, BCEWithLogitsLoss(), Momentum(model.parameters(), lr=0.3), callbacks)
    return trainer.fit(x, y, batch_size=20, rng=0, **options)
"""

INTERRUPTED = """
import os, signal
class Press(Callback):
    def on_step_begin(self, run):
        if run.step == 4:
            os.kill(os.getpid(), signal.SIGINT)  # what the button of a notebook sends
fit(Press(), epochs=100)
"""

CELLS = {
    "summary": "Sequential(Dense(2, 8), ReLU(), Dense(8, 1)).summary()",
    "history": "fit(epochs=20, validation=0.2)",
    "descent": "valley = CubicValley(x=-1.0, y=1.0)\nminimize(valley, SGD(valley.parameters(), lr=1e-4), steps=500)",
    "progress": "history = fit(ProgressBar('training', interval=0.0), epochs=20, validation=0.2)",
    "plot": "axes = plot_history(fit(epochs=3))",
    "live": "history = fit(LivePlot(interval=0.0), epochs=3)",
    "empty": "History()",
    "interrupted": INTERRUPTED,
}


@pytest.fixture(scope="module", params=["", "%matplotlib inline"], ids=["plain", "inline"])
def notebook(request: pytest.FixtureRequest) -> Any:
    """The executed notebook."""
    notebook = nbformat.v4.new_notebook()
    sources = [f"{request.param}\n{SETUP}", *CELLS.values()]
    notebook.cells = [nbformat.v4.new_code_cell(source) for source in sources]
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    return notebook


def shown(notebook: Any, name: str) -> Any:
    """What a cell shows by type, such as "text/html". It is one thing, and no text or warning on a stream."""
    (output,) = notebook.cells[1 + list(CELLS).index(name)].outputs
    assert output.output_type in ("execute_result", "display_data")
    return output.data


def test_a_summary_is_shown_as_a_table(notebook: Any) -> None:
    data = shown(notebook, "summary")
    assert data["text/html"].startswith("<table")
    assert "Dense(2, 8)" in data["text/html"]
    assert "Dense(2, 8)" in data["text/plain"]


@pytest.mark.parametrize(("name", "axes"), [("history", ("epoch", "loss")), ("descent", ("step", "value"))])
def test_a_history_and_a_descent_are_shown_as_charts(name: str, axes: tuple[str, str], notebook: Any) -> None:
    data = shown(notebook, name)
    assert data["text/html"].count("<svg") == 1
    assert all(f">{axis}</text>" in data["text/html"] for axis in axes)
    assert data["text/html"].startswith(f"<div><div>{data['text/plain']}</div>")


def test_an_empty_history_is_shown_as_text(notebook: Any) -> None:
    assert shown(notebook, "empty") == {"text/plain": "History(0 steps)"}


def test_a_progress_bar_is_a_widget_that_reaches_the_end(notebook: Any) -> None:
    view = shown(notebook, "progress")["application/vnd.jupyter.widget-view+json"]
    widgets = notebook.metadata["widgets"]["application/vnd.jupyter.widget-state+json"]["state"]
    parts = [
        widgets[name.removeprefix("IPY_MODEL_")]["state"] for name in widgets[view["model_id"]]["state"]["children"]
    ]
    text, bar, losses = parts
    assert text["value"].startswith("training:")
    assert (bar["value"], bar["max"], bar["bar_style"]) == (160, 160, "success")
    assert "validation" in losses["value"]


@pytest.mark.parametrize("name", ["plot", "live"])
def test_a_picture_is_shown_once(name: str, notebook: Any) -> None:
    assert shown(notebook, name)["image/png"].startswith("iVBOR")


def test_an_interrupt_ends_the_run_and_its_history_is_shown(notebook: Any) -> None:
    assert shown(notebook, "interrupted")["text/plain"].startswith("History(5 steps")


def test_nothing_else_is_written_below_a_cell(notebook: Any) -> None:
    assert notebook.cells[0].outputs == []
