"""A line that shows how far a run is."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any, TextIO

from minidl.arguments import flag, number
from minidl.errors import warn
from minidl.run import Callback, Run

__all__ = ["ProgressBar", "in_notebook"]


class ProgressBar(Callback):
    """A line with the steps, the loss and the time left, updated during a run.

    In a terminal or a notebook, the line is overwritten. If the `tqdm` package is installed, it is a tqdm bar, and in a
    notebook with `ipywidgets` a widget. In a file or a pipe, there is a new line every 10 seconds, and one at the end.
    As soon as an epoch has measured it, the validation loss is shown, too.

    If the line cannot be written, for instance because the stream is closed, a `MinidlWarning` says so once per fit.
    The run continues without the line.

    Args:
        description: how the line begins.
        interval: the least time between two updates, in seconds.
        log_interval: the same for lines in a file or a pipe.
        stream: where to write. None means standard error as it is when the fit begins.
        show: whether to show anything.

    >>> from minidl import Dense, MSELoss, SGD, Trainer
    >>> model = Dense(1, 1, rng=0)
    >>> trainer = Trainer(model, MSELoss(), SGD(model.parameters(), lr=0.1), callbacks=[ProgressBar("line")])
    >>> trainer.fit([[0.0], [1.0]], [[1.0], [3.0]], epochs=3)
    History(3 steps, last loss 1.44303)
    """

    writes = True

    def __init__(
        self,
        description: str = "",
        *,
        interval: float = 0.1,
        log_interval: float = 10.0,
        stream: TextIO | None = None,
        show: bool = True,
    ) -> None:
        self.description = description
        self.interval = number("ProgressBar: interval", interval, at_least=0, finite=False)
        self.log_interval = number("ProgressBar: log_interval", log_interval, at_least=0, finite=False)
        self.stream, self.show = stream, flag("ProgressBar: show", show)
        self._line: _Lines | _TqdmLine | None = None

    def on_fit_begin(self, run: Run) -> None:
        self._line, self._begin, self._next = None, run.step, perf_counter()
        if self.show:
            with self._silent_after_an_error():
                stream: Any = sys.stderr if self.stream is None else self.stream
                watched = _is_watched(stream)
                self._between = self.interval if watched else self.log_interval
                self._next += 0.0 if watched else self.log_interval
                self._line = (_line if watched else _Lines)(run.steps - run.step, self.description, stream)

    def on_step_end(self, run: Run) -> None:
        if self._line is not None and perf_counter() >= self._next:
            with self._silent_after_an_error():
                self._line.show(run.step - self._begin, _losses(run))
            self._next = perf_counter() + self._between

    def on_fit_end(self, run: Run) -> None:
        if self._line is not None:
            with self._silent_after_an_error():
                self._line.show(run.step - self._begin, _losses(run))
                self._line.close()
            self._line = None

    @contextmanager
    def _silent_after_an_error(self) -> Iterator[None]:
        """Turn an error of the line into a warning, and show no line for the rest of the fit."""
        try:
            yield
        except Exception as error:
            if self._line is not None:
                self._line.abandon()
            self._line = None
            warn(f"ProgressBar cannot write its line: {type(error).__name__}: {error}")


def in_notebook() -> bool:
    """Whether the code runs in a notebook: in an IPython shell that belongs to a kernel.

    IPython in a terminal is not a notebook, and neither is a script that merely imports the packages of one.
    """
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return hasattr(shell, "kernel") or type(shell).__name__ == "ZMQInteractiveShell"


def _is_watched(stream: Any) -> bool:
    """Whether somebody sees what is written to the stream. In a notebook, the standard streams are below the cell."""
    terminal: bool = stream.isatty()
    return terminal or (in_notebook() and stream in (sys.stdout, sys.stderr))


class _Lines:
    """Lines one below the other."""

    def __init__(self, total: int, description: str, stream: TextIO) -> None:
        self.total, self.stream = total, stream
        self.prefix = f"{description}: " if description else ""
        self.begin = perf_counter()

    def text(self, done: int, losses: str) -> str:
        passed = perf_counter() - self.begin
        left = passed / done * (self.total - done) if done else 0.0
        return f"{self.prefix}step {done}/{self.total}, {losses}, {_clock(passed)} passed, {_clock(left)} left"

    def show(self, done: int, losses: str) -> None:
        self.stream.write(self.text(done, losses) + "\n")
        self.stream.flush()

    def close(self) -> None:
        """The last line has ended."""

    def abandon(self) -> None:
        """Nothing is left to close."""


class _OneLine(_Lines):
    """A line that overwrites itself."""

    width = 0

    def show(self, done: int, losses: str) -> None:
        text = self.text(done, losses)
        self.stream.write("\r" + text.ljust(self.width))
        self.stream.flush()
        self.width = len(text)

    def close(self) -> None:
        self.stream.write("\n")


class _TqdmLine:
    """The same as a tqdm bar."""

    def __init__(self, bar: Any, stream: TextIO) -> None:
        self.bar, self.stream = bar, stream

    def show(self, done: int, losses: str) -> None:
        self.stream.write("")  # tqdm itself hides that a stream is closed
        self.bar.set_postfix_str(losses, refresh=False)
        self.bar.update(done - self.bar.n)

    def close(self) -> None:
        self.bar.close()

    def abandon(self) -> None:
        """Have tqdm write nothing when it deletes the bar."""
        self.bar.disable = True


def _line(total: int, description: str, stream: TextIO) -> _Lines | _TqdmLine:
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return _OneLine(total, description, stream)
    # tqdm shows a widget in a notebook only if no stream is passed. The delay keeps the constructor from writing: a bar
    # that fails there would fail again when Python deletes it.
    file = None if stream is sys.stderr else stream
    bar = tqdm(total=total, desc=description or None, file=file, unit="step", mininterval=0, delay=1e-9)
    return _TqdmLine(bar, stream)


def _losses(run: Run) -> str:
    """The loss of the latest step, and the validation loss of the latest epoch."""
    measured = run.metrics.get("validation_loss")
    return f"loss {run.loss:.4g}" + ("" if measured is None else f", validation loss {measured:.4g}")


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"
