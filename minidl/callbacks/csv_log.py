"""A table of the epochs in a file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from io import FileIO
from typing import Any

import numpy as np

from minidl.arguments import flag
from minidl.errors import StateError, warn
from minidl.files import absolute, check_folder, replacing
from minidl.run import Callback, Run

__all__ = ["CSVLog"]


class CSVLog(Callback):
    """Adds a row to a CSV file after each epoch: ``epoch,step``, then everything that the run measured.

    The row is in the file at the end of the epoch, even if the run fails after that. Reading a number returns the same
    bits. A second fit of the same trainer adds its rows to those of the first. A resumed run first cuts the file back
    to the rows of the checkpoint, so that in the end it is that of an uninterrupted run. Metrics that other callbacks
    add are included if these come before this one.

    If a row cannot be written, for example on a full disk, a `MinidlWarning` says so once per fit, and the run
    continues. The file then has no part of that row. It gains all missing rows as soon as it can be written again.

    Args:
        path: the file. It is created with the first row. A relative path and "~" are resolved when a run begins.
        overwrite: whether an existing file may be replaced.

    Raises:
        StateError: when a fit begins: a file that exists, a folder that does not, metrics other than those of the rows
            before, or rows other than the checkpoint's. The file does not change. Metrics that other callbacks add are
            compared when the first epoch ends.

    >>> import tempfile
    >>> from minidl import Dense, MSELoss, SGD, Trainer
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     log, model = CSVLog(f"{folder}/log.csv"), Dense(1, 1, use_bias=False)
    ...     model.weight.value = [[1.0]]
    ...     trainer = Trainer(model, MSELoss(), SGD(model.parameters(), lr=0.25), callbacks=[log])
    ...     history = trainer.fit([[1.0]], [[3.0]], epochs=3)
    ...     with open(log.path) as file:
    ...         print(file.read())
    epoch,step,loss
    1,1,4.0
    2,2,1.0
    3,3,0.25
    """

    writes, adds = True, ()

    def __init__(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        self.path, self.overwrite = os.fspath(path), flag("CSVLog: overwrite", overwrite)
        self._run: Run | None = None
        self._warned = False
        self.reset()

    def reset(self) -> None:
        self._place = ""
        self._columns: list[str] = []
        self._text = bytearray()  # all rows
        self._written = 0  # how much of them is in the file
        self._resumed = False

    def on_fit_begin(self, run: Run) -> None:
        if not self._text:
            self._place = os.path.realpath(absolute(self.path))
        check_folder(self._place)
        places = [callback._place for callback in run.callbacks if isinstance(callback, CSVLog)]
        if places.count(self._place) > 1:
            raise StateError(f"two CSVLogs of this run write to {self.path!r}; give each a file of its own")
        if run.step == 0:
            self._check_file()
        self._check_columns(run)
        self._run, self._warned = run, False

    def on_epoch_begin(self, run: Run) -> None:
        # A resumed run finds its own file, with rows from after its checkpoint, which load_state cuts off.
        if run.step == run.first_step and not self._resumed:
            self._check_file()

    def on_epoch_end(self, run: Run) -> None:
        values = {name: repr(float(value)) for name, value in run.metrics.items()}
        if not self._text:
            self._columns = list(values)
            self._text += _row("epoch", "step", *values)
        elif values.keys() != set(self._columns):
            raise self._other_columns(values)
        self._text += _row(run.epoch, run.step, *(values[name] for name in self._columns))
        try:
            self._write()
        except OSError as error:  # a table is not worth a run
            if not self._warned:
                self._warned = True
                message = f"{self.path!r} cannot be written at epoch {run.epoch}, and lacks rows from then on: {error}"
                warn(message, stacklevel=2)

    def on_fit_end(self, run: Run) -> None:
        self._run = None

    def _write(self) -> None:
        """Add to the file all rows that it lacks, or none."""
        if self._written and os.path.exists(self._place):
            with open(self._place, "r+b", buffering=0) as file:
                self._append(file)
        elif self._written or self.overwrite or (self._resumed and self._present().startswith(self._text)):
            self._replace()
        else:
            self._create()
        self._written = len(self._text)

    def _create(self) -> None:
        try:
            file = open(self._place, "x+b", buffering=0)  # noqa: SIM115  (closed below)
        except FileExistsError as error:  # of somebody who began at the same time
            raise self._foreign() from error
        try:
            with file:
                self._append(file)
        except BaseException:
            os.remove(self._place)
            raise

    def _append(self, file: FileIO) -> None:
        written, last = self._written, max(0, self._written - 1000)
        file.seek(last)
        if file.read() != self._text[last:written]:
            raise OSError("somebody else has written to it")
        try:
            while written < len(self._text):  # a disk that is nearly full takes a part
                written += file.write(self._text[written:])
        except BaseException:
            with suppress(OSError):
                file.truncate(self._written)
            raise

    def _replace(self) -> None:
        with replacing(self._place) as file:
            file.write(self._text)

    def _present(self) -> bytes:
        """What is in the file, nothing if it does not exist."""
        with suppress(FileNotFoundError), open(self._place, "rb") as file:
            return file.read()
        return b""

    def _check_file(self) -> None:
        """Raise `StateError` if a file that must not be replaced holds other rows than those written by this log."""
        own = self._written and self._present() == self._text[: self._written]
        if os.path.exists(self._place) and not (own or self.overwrite):
            raise self._foreign()

    def _foreign(self) -> StateError:
        return StateError(
            f"{self.path!r} holds the rows of another run; write to another file, resume that run by resume_from=, or "
            "pass overwrite=True"
        )

    def _check_columns(self, run: Run) -> None:
        """Raise `StateError` if it is known already that the run will not measure what the rows hold."""
        if self._text and run.measures is not None:
            missing = [name for name in self._columns if not run.may_measure(name)]
            if missing or set(run.measures) - set(self._columns):
                raise self._other_columns(run.measures)

    def _other_columns(self, measured: Iterable[str]) -> StateError:
        return StateError(
            f"the run measures {', '.join(measured) or 'nothing'}, but the rows in {self.path!r} hold "
            f"{', '.join(self._columns) or 'nothing'}; measure the same metrics, or write to another file"
        )

    def state(self) -> dict[str, Any]:
        return {"columns": list(self._columns), "text": np.array(self._text, np.uint8)}

    def load_state(self, state: Mapping[str, Any]) -> None:
        text, present = bytes(state["text"]), self._present()
        # The file may have rows from after the checkpoint, lack some that never reached the disk, or not exist.
        if not (present.startswith(text) or text.startswith(present) or self.overwrite):
            raise self._foreign()
        before = self._columns, self._text
        self._columns, self._text = list(state["columns"]), bytearray(text)
        try:
            if self._run is not None:
                self._check_columns(self._run)
            if text:
                self._replace()
        except BaseException:
            self._columns, self._text = before
            raise
        self._written, self._resumed = len(text), True


def _row(*cells: object) -> bytes:
    r"""One line of the file. A name that contains a comma, a quote or a line break is quoted (RFC 4180).

    >>> _row(1, "loss", 'top "5", all')
    b'1,loss,"top ""5"", all"\n'
    """
    return (",".join(map(_quoted, map(str, cells))) + "\n").encode()


def _quoted(text: str) -> str:
    if set(text).isdisjoint(',"\r\n'):
        return text
    return '"' + text.replace('"', '""') + '"'
