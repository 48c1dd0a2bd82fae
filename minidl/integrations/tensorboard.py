"""Runs in TensorBoard."""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from time import time, time_ns
from typing import Any, BinaryIO

import numpy as np

from minidl.arguments import flag
from minidl.errors import StateError, warn
from minidl.files import absolute, check_folder
from minidl.run import Callback, Run
from minidl.typing import Array

__all__ = ["TensorBoard"]

BINS = 64
"""TensorBoard draws 30. Bins of equal width take 17 ms for 1,000,000 numbers, tensorboardX's own take 91 ms."""


PREFIX = "events.out.tfevents."
"""How the names of files begin that TensorBoard reads."""


class TensorBoard(Callback):
    """Writes a run to files that TensorBoard shows, after each epoch and on request after each step.

    After each epoch it writes everything that the run measured, by its name in ``history.epochs``, and
    "learning_rate", over the number of the epoch. Under "Custom scalars", training and validation share a chart.
    Histograms show each parameter and its gradient in the last step. With ``every_step=True``, the loss of each step
    and the learning rate are written over the number of the step, to the folder "steps" inside. Values are stored in 32
    bits. To see them: ``tensorboard --logdir folder``.

    The files hold an epoch when it ends, even if the run fails after that. A second fit of the same trainer continues.
    A resumed run continues after the checkpoint: TensorBoard no longer shows what an earlier run wrote after it.
    Metrics that other callbacks add are included if these come before this one.

    If something cannot be written, for example on a full disk, a `MinidlWarning` says so once per fit. The run
    continues without it, and each later epoch and step is tried again.

    An epoch takes less than 1 ms without histograms. A histogram takes about 0.3 ms, and 20 ms per million numbers. A
    step takes about 30 µs, half as long as a whole step of a network 64-64-32-10 with 16 samples.

    Args:
        folder: where to write, a folder for each run. It is created if need be. A relative path and "~" are resolved
            when a run begins.
        histograms: whether to write the histograms.
        every_step: whether to write the loss of each step. Under `minimize`, whose steps are all one epoch, this is
            what there is to see.
        overwrite: whether the files of another run in the folder may be deleted. They are when the first epoch or step
            is written.

    Raises:
        HyperparameterError: `histograms`, `every_step` or `overwrite` that are not True or False.
        ImportError: the package tensorboardX is not installed.
        StateError: when a fit begins: a folder that cannot be written to, or one that holds another run.

    >>> board = TensorBoard("runs/first", every_step=True)  # doctest: +SKIP
    >>> trainer = Trainer(model, loss, optimizer, callbacks=[board])  # doctest: +SKIP
    """

    writes, adds = True, ()

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        histograms: bool = True,
        every_step: bool = False,
        overwrite: bool = False,
    ) -> None:
        _package()
        self.folder = os.fspath(folder)
        self.histograms = flag("TensorBoard: histograms", histograms)
        self.every_step = flag("TensorBoard: every_step", every_step)
        self.overwrite = flag("TensorBoard: overwrite", overwrite)
        self._resumed = self._warned = False
        self.reset()

    def reset(self) -> None:
        self._epochs, self._steps = _Series(), _Series()
        self._begun = False  # whether something has been written

    def on_fit_begin(self, run: Run) -> None:
        self._resumed = self._warned = False
        folder = absolute(self.folder)
        self._epochs.folder, self._steps.folder = folder, os.path.join(folder, "steps")
        folders = [absolute(other.folder) for other in run.callbacks if isinstance(other, TensorBoard)]
        if folders.count(folder) > 1:
            raise StateError(f"two TensorBoards of this run write to {self.folder!r}; give each a folder of its own")
        with suppress(OSError):  # check_folder says why
            os.makedirs(folder, exist_ok=True)
        check_folder(os.path.join(folder, "events"))
        if run.step == 0:
            self._check_folder()

    def on_epoch_begin(self, run: Run) -> None:
        # A resumed run finds its own files. Whether it is one, load_state has said by now.
        if run.step == run.first_step and not self._resumed:
            self._check_folder()

    def on_step_end(self, run: Run) -> None:
        if self.every_step:
            self._write(self._steps, run.step, {"loss": run.loss, "learning_rate": run.optimizer.lr})

    def on_epoch_end(self, run: Run) -> None:
        scalars = {**run.metrics, "learning_rate": run.optimizer.lr}
        arrays = dict(_arrays(run)) if self.histograms else {}
        self._write(self._epochs, run.epoch, scalars, arrays, _charts(run.metrics))

    def on_fit_end(self, run: Run) -> None:
        self._epochs.close()
        self._steps.close()

    def _write(self, series: _Series, number: int, *content: Any) -> None:
        try:
            if self.overwrite and not (self._begun or self._resumed):
                self._epochs.delete()
                self._steps.delete()
            self._begun = True
            series.write(number, *content)
        except OSError as error:  # a chart is not worth a run
            series.close()  # the file may end in half an event, and the next goes to a file of its own
            if not self._warned:
                self._warned = True
                where = f"{self.folder!r} cannot be written to at epoch {self._epochs.last + 1}"
                warn(f"{where}, and lacks what cannot be written: {error}", stacklevel=3)

    def _check_folder(self) -> None:
        """Raise `StateError` if the folder holds the events of another run that must not be deleted."""
        if not (self.overwrite or self._begun) and self._epochs.files() + self._steps.files():
            raise StateError(
                f"{self.folder!r} holds another run; write to another folder, resume that run by resume_from=, or pass "
                "overwrite=True"
            )

    def state(self) -> dict[str, Any]:
        return {"epoch": self._epochs.last, "step": self._steps.last}

    def load_state(self, state: Mapping[str, Any]) -> None:
        self._resumed = True
        self._epochs.rewind(int(state["epoch"]))
        self._steps.rewind(int(state["step"]))


class _Series:
    """The event files of one folder.

    Attributes:
        folder: where they are.
        last: the number of the latest event, an epoch or a step.
    """

    def __init__(self) -> None:
        self.folder, self.last = "", 0
        self._file: BinaryIO | None = None

    def write(
        self,
        number: int,
        scalars: Mapping[str, float],
        arrays: Mapping[str, Array] | None = None,
        charts: Mapping[str, list[str]] | None = None,
    ) -> None:
        """Add one event, and leave it in the file.

        Args:
            number: the epoch or the step.
            scalars: name -> value.
            arrays: name -> the values of a histogram.
            charts: title -> names of the scalars that share a chart. Written once per file.

        Raises:
            OSError: the disk refuses it.
        """
        package = _package()
        event = package.proto.event_pb2.Event
        values: list[Any] = [{"tag": name, "simple_value": float(value)} for name, value in scalars.items()]
        values += [_histogram(name, array) for name, array in (arrays or {}).items() if np.isfinite(array).any()]
        if self._file is None:
            os.makedirs(self.folder, exist_ok=True)
            # TensorBoard reads the files in the order of their names.
            self._file = open(os.path.join(self.folder, f"{PREFIX}{time_ns()}"), "xb")  # noqa: SIM115  (see close)
            self._file.write(_record(event(wall_time=time(), file_version="brain.Event:2")))
            # From the second START on, TensorBoard hides what earlier files hold from its step on.
            start = package.proto.event_pb2.SessionLog(status=package.proto.event_pb2.SessionLog.START)
            self._file.write(_record(event(wall_time=time(), step=self.last + 1, session_log=start)))
            if charts:
                tags = {title: [f"^{re.escape(name)}$" for name in names] for title, names in charts.items()}
                layout = {title: ["Multiline", patterns] for title, patterns in tags.items()}
                values += package.summary.custom_scalars({"training and validation": layout}).value
        self._file.write(_record(event(wall_time=time(), step=number, summary={"value": values})))
        self._file.flush()
        self.last = number

    def rewind(self, last: int) -> None:
        """Continue after an earlier event. The next file will have TensorBoard hide those after it."""
        self.close()
        self.last = last

    def files(self) -> list[str]:
        """The event files that are in the folder."""
        with suppress(FileNotFoundError):
            names = [name for name in os.listdir(self.folder) if name.startswith(PREFIX)]
            return [os.path.join(self.folder, name) for name in names]
        return []

    def delete(self) -> None:
        """Delete them."""
        for file in self.files():
            os.remove(file)

    def close(self) -> None:
        """Close the file. The next event begins a new one."""
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):
                file.close()


def _arrays(run: Run) -> Iterator[tuple[str, Array]]:
    for name, parameter in run.model.named_parameters():
        yield f"parameters/{name}", parameter.value
        yield f"gradients/{name}", parameter.grad


def _charts(names: Iterable[str]) -> dict[str, list[str]]:
    """Which metrics share a chart, by its title: those on the training data and on the validation data.

    >>> _charts(["loss", "training_loss", "validation_loss", "validation_accuracy"])
    {'loss': ['loss', 'training_loss', 'validation_loss']}
    """
    charts: dict[str, list[str]] = {}
    for name in names:
        charts.setdefault(re.sub("^(training|validation)_", "", name), []).append(name)
    return {title: shared for title, shared in charts.items() if len(shared) > 1}


def _histogram(name: str, values: Array) -> Any:
    """The histogram of the finite values, as a part of an event. NumPy's bins overflow beyond 1e100 or so."""
    values = values[np.isfinite(values)].astype(np.float64).clip(-1e100, 1e100)
    make = _package().summary.make_histogram
    try:
        histogram = make(values, BINS)
    except ValueError:  # the values are too close to each other for that many bins
        histogram = make(values, 1)
    return {"tag": name, "histo": histogram}


def _record(event: Any) -> bytes:
    """An event as TFRecord files hold it: its length and the event, each with a checksum.

    tensorboardX's own SummaryWriter writes in a thread, and a run would wait for it forever once the disk is full.
    """
    data = event.SerializeToString()
    parts = (struct.pack("<Q", len(data)), data)
    return b"".join(part + struct.pack("<I", _package().record_writer.masked_crc32c(part)) for part in parts)


def _package() -> Any:
    try:
        import tensorboardX
    except ImportError as error:
        raise ImportError('this needs the package tensorboardX; pip install "minidl[tensorboard]"') from error
    return tensorboardX
