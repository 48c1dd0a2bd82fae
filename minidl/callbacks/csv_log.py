"""A table of the epochs in a file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from minidl.arguments import flag
from minidl.errors import StateError
from minidl.files import check_folder, replacing
from minidl.run import Callback, Run

__all__ = ["CSVLog"]


class CSVLog(Callback):
    """Adds a row to a CSV file after each epoch: ``epoch,step``, then everything that the run measured.

    The row is in the file at the end of the epoch, even if the run fails after that. Reading a number returns the same
    bits. A second fit adds its rows to those of the first. A resumed run first cuts the file back to the rows of the
    checkpoint, so that in the end it is that of an uninterrupted run. Metrics that other callbacks add are included if
    these come before this one.

    Args:
        path: the file. It is created with the first row.
        overwrite: whether an existing file may be replaced.

    Raises:
        StateError: a file that exists, a folder that does not, metrics other than those of the rows before, or rows
            other than the checkpoint's. The file does not change.

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

    def __init__(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        self.path, self.overwrite = os.fspath(path), flag("CSVLog: overwrite", overwrite)
        self._columns: list[str] = []
        self._text = bytearray()
        self._resumed = False

    def on_fit_begin(self, run: Run) -> None:
        check_folder(self.path)
        # A resumed run finds its own file here, which load_state checks.
        if not self._text and run.step == 0 and os.path.exists(self.path) and not self.overwrite:
            raise self._foreign()

    def on_epoch_end(self, run: Run) -> None:
        values = {name: repr(float(value)) for name, value in run.metrics.items()}
        if not self._text:
            self._begin(_row("epoch", "step", *values) + _row(run.epoch, run.step, *values.values()))
            self._columns = list(values)
        elif values.keys() == set(self._columns):
            self._add(_row(run.epoch, run.step, *(values[name] for name in self._columns)))
        else:
            raise StateError(
                f"the run measures {', '.join(values) or 'nothing'}, but the rows in {self.path!r} hold "
                f"{', '.join(self._columns) or 'nothing'}; measure the same metrics, or write to another file"
            )

    def _begin(self, text: bytes) -> None:
        # A checkpoint from the first epoch has no row yet. What its run wrote later begins with the same bytes.
        free = self.overwrite or not os.path.exists(self.path)
        if not free and not (self._resumed and self._present().startswith(text)):
            raise self._foreign()
        self._replace(text)

    def _add(self, text: bytes) -> None:
        with open(self.path, "ab") as file:
            file.write(text)
        self._text += text

    def _present(self) -> bytes:
        with open(self.path, "rb") as file:
            return file.read()

    def _replace(self, text: bytes) -> None:
        with replacing(self.path) as file:
            file.write(text)
        self._text = bytearray(text)

    def _foreign(self) -> StateError:
        return StateError(f"{self.path!r} holds the rows of another run; write to another file, or pass overwrite=True")

    def state(self) -> dict[str, Any]:
        return {"columns": list(self._columns), "text": np.array(self._text, np.uint8)}

    def load_state(self, state: Mapping[str, Any]) -> None:
        text = bytes(state["text"])
        present = self._present() if os.path.exists(self.path) else b""
        # The file may have rows from after the checkpoint, lack some that never reached the disk, or not exist.
        if not (present.startswith(text) or text.startswith(present) or self.overwrite):
            raise self._foreign()
        if text:
            self._replace(text)
        self._columns, self._resumed = list(state["columns"]), True


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
