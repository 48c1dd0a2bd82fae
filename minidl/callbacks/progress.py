"""A line that shows how far a run is."""

from __future__ import annotations

import sys
from time import perf_counter
from typing import Any, TextIO

from minidl.arguments import number
from minidl.run import Callback, Run

__all__ = ["ProgressBar"]


class ProgressBar(Callback):
    """A line with the steps, the loss and the time left, updated during a run.

    It appears in a terminal or a notebook, but not in a log file. If the `tqdm` package is installed, it is a tqdm bar.

    Args:
        description: how the line begins.
        interval: the least time between two updates, in seconds.
        stream: where to write. None means standard error.
        show: whether to show the line. None means only in a terminal or a notebook.

    >>> from minidl import Dense, MSELoss, SGD, Trainer
    >>> model = Dense(1, 1, rng=0)
    >>> trainer = Trainer(model, MSELoss(), SGD(model.parameters(), lr=0.1), callbacks=[ProgressBar("line")])
    >>> trainer.fit([[0.0], [1.0]], [[1.0], [3.0]], epochs=3)
    History(3 steps, last loss 1.44303)
    """

    def __init__(
        self, description: str = "", *, interval: float = 0.1, stream: TextIO | None = None, show: bool | None = None
    ) -> None:
        self.description = description
        self.interval = number("ProgressBar: interval", interval, at_least=0, finite=False)
        self.stream, self.show = stream, show
        self._line: _PlainLine | _TqdmLine | None = None

    def on_fit_begin(self, run: Run) -> None:
        stream = self.stream or sys.stderr
        watched = stream.isatty() or "ipykernel" in sys.modules
        self._line = None
        if watched if self.show is None else self.show:
            self._line = _line(run.steps - run.step, self.description, stream)
        self._begin, self._next = run.step, perf_counter()

    def on_step_end(self, run: Run) -> None:
        if self._line is not None and perf_counter() >= self._next:
            self._line.show(run.step - self._begin, run.loss)
            self._next = perf_counter() + self.interval

    def on_fit_end(self, run: Run) -> None:
        if self._line is not None:
            self._line.show(run.step - self._begin, run.loss)
            self._line.close()
            self._line = None


class _PlainLine:
    """A line that overwrites itself."""

    def __init__(self, total: int, description: str, stream: TextIO) -> None:
        self.total, self.stream = total, stream
        self.prefix = f"{description}: " if description else ""
        self.begin, self.width = perf_counter(), 0

    def show(self, done: int, loss: float) -> None:
        passed = perf_counter() - self.begin
        left = passed / done * (self.total - done) if done else 0.0
        text = f"{self.prefix}step {done}/{self.total}, loss {loss:.4g}, {_clock(passed)} passed, {_clock(left)} left"
        self.stream.write("\r" + text.ljust(self.width))
        self.stream.flush()
        self.width = len(text)

    def close(self) -> None:
        self.stream.write("\n")


class _TqdmLine:
    """The same as a tqdm bar."""

    def __init__(self, bar: Any) -> None:
        self.bar = bar

    def show(self, done: int, loss: float) -> None:
        self.bar.set_postfix_str(f"loss {loss:.4g}", refresh=False)
        self.bar.update(done - self.bar.n)

    def close(self) -> None:
        self.bar.close()


def _line(total: int, description: str, stream: TextIO) -> _PlainLine | _TqdmLine:
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return _PlainLine(total, description, stream)
    # tqdm shows a widget in a notebook only if no stream is passed.
    file = None if stream is sys.stderr else stream
    return _TqdmLine(tqdm(total=total, desc=description or None, file=file, unit="step", mininterval=0))


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"
