"""A plot of a run while it is running."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from math import isfinite
from time import perf_counter
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from minidl.arguments import number
from minidl.callbacks import History
from minidl.callbacks.progress import in_notebook
from minidl.errors import HyperparameterError, StateError, warn
from minidl.files import check_folder, replacing
from minidl.plotting.history import plot_history
from minidl.plotting.style import check_texts, new_figure, style
from minidl.run import Callback, Run

__all__ = ["LivePlot"]


class LivePlot(Callback):
    """Plots a run while it is running: the loss of each step, and the metrics of each epoch beside it.

    The figure appears on the display or in the notebook if there is one, and in a file if `path` names one. Each new
    picture replaces the whole file, so a viewer never sees half of one. During a run, drawing takes at most a tenth of
    the time. A metric that is not finite at an epoch leaves a gap in its curve. If a picture cannot be drawn, shown or
    written, for instance because the disk is full, a `MinidlWarning` says so once per fit. The run continues, and the
    next picture is tried again.

    Args:
        path: a PNG file. It may be None if there is a display or a notebook.
        interval: the least time between two pictures, in seconds. The last picture is drawn when the run ends.
        title: the title of the figure.

    Attributes:
        figure: the figure. None before the first fit.

    Raises:
        HyperparameterError: a path that does not end in .png; a negative interval.
        TypeError: a title that is not a string.
        StateError: when a fit begins: neither a path nor a display; a folder that does not exist.

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

    writes = True

    def __init__(
        self, path: str | os.PathLike[str] | None = None, *, interval: float = 2.0, title: str | None = None
    ) -> None:
        if path is not None and not os.fspath(path).lower().endswith(".png"):
            raise HyperparameterError(f"LivePlot: path must end in .png, got {os.fspath(path)!r}")
        self.path = path
        self.interval = number("LivePlot: interval", interval, at_least=0, finite=False)
        check_texts(title, None)
        self.title = title
        self.figure: Figure | None = None
        self._screen: _Window | _Notebook | None = None
        self.reset()

    def reset(self) -> None:
        self._history: History | None = None

    def on_fit_begin(self, run: Run) -> None:
        self._history, self._warned = None, False
        if self.path is not None:
            # The run may change the working directory.
            self._target = os.path.abspath(os.path.expanduser(self.path))
            check_folder(self._target)
        if not isinstance(self._screen, _Window) or self._screen.closed:
            self._open()
        self._history = next(callback for callback in run.callbacks if isinstance(callback, History))
        self._next = perf_counter() + self.interval

    def _open(self) -> None:
        """Make a figure and find what shows it."""
        self.figure, self._screen = Figure(), None
        reason = "found neither a display nor a notebook"
        try:
            self.figure, self._screen = _new_figure()
        except Exception as error:
            reason = f"cannot open a figure: {error}"
            if self.path is not None:
                self._warn(reason)
        if self.path is None and self._screen is None:
            raise StateError(f"LivePlot {reason}; pass a file, as in LivePlot('loss.png')")

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
        assert figure is not None  # on_fit_begin has set both
        assert history is not None
        with self._warning("draw its picture"), style():
            _plot(figure, history, self.title)
            with self._warning("write its picture"):
                self._write(figure)
            if self._screen is not None:
                self._screen.show(figure)

    def _write(self, figure: Figure) -> None:
        if self.path is not None:
            with replacing(self._target) as file:
                figure.savefig(file, format="png")

    @contextmanager
    def _warning(self, task: str) -> Iterator[None]:
        """Turn an error of a task inside a ``with`` block into a warning, once per fit."""
        try:
            yield
        except Exception as error:
            self._warn(f"cannot {task}: {str(error) or repr(error)}")

    def _warn(self, problem: str) -> None:
        if not self._warned:
            self._warned = True
            warn(f"LivePlot {problem}")


def _plot(figure: Figure, history: History, title: str | None) -> None:
    """Draw a history over its steps and, once epochs are complete, over its epochs."""
    metrics = [name for name, values in history.epochs.items() if any(map(isfinite, values))]
    losses = [name for name in metrics if "loss" in name]
    others = [name for name in metrics if "loss" not in name]
    panels = [None, *filter(None, (losses, others))]
    if len(figure.axes) != len(panels):
        figure.set_size_inches(4.6 * len(panels), 3.8)
    figure.clear()
    for ax, keys in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        plot_history(history if keys else history.loss, ax, keys=keys)
    if title is not None:
        figure.suptitle(title)


def _new_figure() -> tuple[Figure, _Window | _Notebook | None]:
    """A new figure, and what shows it. None if there is neither a display nor a notebook."""
    figure = new_figure()
    if figure.canvas.required_interactive_framework is not None:
        try:
            return figure, _Window(figure)
        except BaseException:
            plt.close(figure)
            raise
    plt.close(figure)  # otherwise a notebook would show it again at the end of the cell
    return figure, _Notebook() if in_notebook() else None


class _Window:
    """A window on a display. Once the user has closed it, it stays closed."""

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
    """A picture below the cell of a notebook. Each new picture replaces the one before."""

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
