"""A picture of a run while it goes on."""

from __future__ import annotations

import os
import sys
import warnings
from io import BytesIO
from math import isfinite
from time import perf_counter
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from minidl.arguments import number
from minidl.callbacks import History
from minidl.errors import HyperparameterError, MinidlWarning, StateError
from minidl.files import check_folder, replacing
from minidl.plotting.history import plot_history
from minidl.plotting.style import style
from minidl.run import Callback, Run

__all__ = ["LivePlot"]


class LivePlot(Callback):
    """Draws the losses during a run: over the steps, and beside that what the epochs measured.

    The figure is shown where there is a display or a notebook, and kept up to date in a file if one is named; the file
    is replaced as a whole, so that a viewer never sees half a picture. While the run goes on, drawing takes at most a
    tenth of its time. Epochs at which a measure was not finite are gaps in its curve. If the file cannot be written any
    more, since the disk is full or the folder has gone, there is a `MinidlWarning`, once a fit, and the run goes on.

    Args:
        path: a PNG file; it may be None where there is a display or a notebook.
        interval: least time between two pictures, seconds; the last is drawn when the run ends.

    Attributes:
        figure: the figure, from the first fit on.

    Raises:
        HyperparameterError: a path that does not end in .png, or an interval below 0.
        StateError: at the beginning of a fit: neither a path nor a display, or a folder that is not there.

    >>> import tempfile
    >>> from minidl import Dense, MSELoss, SGD, Trainer
    >>> model = Dense(1, 1, rng=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     plot = LivePlot(f"{folder}/losses.png")
    ...     trainer = Trainer(model, MSELoss(), SGD(model.parameters(), lr=0.1), callbacks=[plot])
    ...     history = trainer.fit([[0.0], [1.0]], [[1.0], [3.0]], epochs=9)
    ...     os.listdir(folder)
    ['losses.png']
    """

    def __init__(self, path: str | os.PathLike[str] | None = None, *, interval: float = 2.0) -> None:
        if path is not None and not os.fspath(path).lower().endswith(".png"):
            raise HyperparameterError(f"LivePlot writes PNG files; {os.fspath(path)!r} does not end in .png")
        self.path = path
        self.interval = number("LivePlot: interval", interval, at_least=0, finite=False)
        self.figure: Figure | None = None
        self._screen: _Window | _Notebook | None = None
        self._history: History | None = None

    def on_fit_begin(self, run: Run) -> None:
        if self.path is not None:
            check_folder(self.path)
        if not isinstance(self._screen, _Window) or self._screen.closed:
            self.figure, self._screen = _new_figure()
        if self.path is None and self._screen is None:
            raise StateError("there is neither a display nor a notebook to draw on; name a file, LivePlot('loss.png')")
        self._history = next(callback for callback in run.callbacks if isinstance(callback, History))
        self._next = perf_counter() + self.interval
        self._warned = False

    def on_step_end(self, run: Run) -> None:
        begin = perf_counter()
        if begin >= self._next:
            self._draw()
            end = perf_counter()
            self._next = end + max(self.interval, 9.0 * (end - begin))

    def on_fit_end(self, run: Run) -> None:
        if self._history is not None and self._history.loss:
            self._draw()
        self._history = None

    def _draw(self) -> None:
        figure, history = self.figure, self._history
        assert figure is not None  # both are there during a fit
        assert history is not None
        measures = [name for name, values in history.epochs.items() if any(map(isfinite, values))]
        losses = [name for name in measures if "loss" in name]
        others = [name for name in measures if "loss" not in name]
        panels = [None, *filter(None, (losses, others))]
        with style():
            if len(figure.axes) != len(panels):
                figure.set_size_inches(4.6 * len(panels), 3.8)
            figure.clear()
            for ax, keys in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
                plot_history(history, ax, keys=keys)
            self._write(figure)
            if self._screen is not None:
                self._screen.show(figure)

    def _write(self, figure: Figure) -> None:
        if self.path is None:
            return
        try:
            with replacing(self.path) as file:
                figure.savefig(file, format="png")
        except OSError as error:  # a picture is not worth a run
            if not self._warned:
                self._warned = True
                warnings.warn(f"LivePlot cannot write its picture: {error}", MinidlWarning, stacklevel=2)


def _new_figure() -> tuple[Figure, _Window | _Notebook | None]:
    """A figure, and what shows it, if anything can."""
    with style():
        figure = plt.figure()
    if figure.canvas.required_interactive_framework is not None:
        return figure, _Window(figure)
    plt.close(figure)  # else a notebook would show it once more at the end of the cell
    return figure, _Notebook() if "ipykernel" in sys.modules else None


class _Window:
    """A window on a display; once closed, it stays closed."""

    def __init__(self, figure: Figure) -> None:
        self.closed = False
        figure.canvas.mpl_connect("close_event", self._close)
        figure.show()

    def _close(self, _: Any) -> None:
        self.closed = True

    def show(self, figure: Figure) -> None:
        if not self.closed:
            figure.canvas.draw_idle()
            figure.canvas.flush_events()


class _Notebook:
    """A picture below a notebook's cell, which each new one replaces."""

    def __init__(self) -> None:
        self.handle: Any = None

    def show(self, figure: Figure) -> None:
        from IPython.display import Image, display

        buffer = BytesIO()
        figure.savefig(buffer, format="png")
        picture = Image(buffer.getvalue())
        if self.handle is None:
            self.handle = display(picture, display_id=True)
        else:
            self.handle.update(picture)
