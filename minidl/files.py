"""Files that are written whole or not at all, and errors that name the file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO

import numpy as np

from minidl.errors import CheckpointError, MinidlError, StateError, warn

__all__ = [
    "LEVELS",
    "absolute",
    "check_folder",
    "content_of",
    "nesting_checked",
    "reader_of",
    "replacing",
    "warn_of_values",
]

LEVELS = 200
"""How deeply values in a file may be nested: few enough for a reader whose stack is half full already."""

READERS = {
    ".onnx": "load_onnx in minidl.integrations reads ONNX files",
    ".safetensors": "it has no architecture: load_safetensors in minidl.integrations loads it into a model",
    ".keras": "load_keras in minidl.integrations takes what keras.saving.load_model returns",
    ".pt": "load_torch in minidl.integrations takes what torch.load returns",
    ".pth": "load_torch in minidl.integrations takes what torch.load returns",
}
"""What to do with files of other programs, by the ends of their names."""

VARIANCE = re.compile(r"(running|moving)_var(iance)?$")


def absolute(path: str | os.PathLike[str]) -> str:
    """The absolute path, with a leading "~" replaced by the home folder.

    A run may change the working directory. What writes to files during a run resolves its path when the run begins.
    """
    return os.path.abspath(os.path.expanduser(os.fsdecode(path)))


def check_folder(path: str | os.PathLike[str]) -> None:
    """Raise `StateError` unless a file can be written to this path, before the work that it is to hold."""
    path = absolute(path)
    folder = os.path.dirname(os.path.realpath(path))
    if os.path.isdir(path):
        raise StateError(f"{os.fspath(path)!r} is a folder; give the name of a file in it")
    if not os.access(folder, os.W_OK):
        wrong = "cannot be written to" if os.path.isdir(folder) else "does not exist"
        raise StateError(f"{os.fspath(path)!r} cannot be written: the folder {folder!r} {wrong}")
    try:
        _target_of(path)
    except OSError as error:
        raise StateError(f"{os.fspath(path)!r} cannot be written: {error.strerror or error}") from error


@contextmanager
def content_of(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn every error about a file's content inside a ``with`` block into a `CheckpointError` that names the file.

    >>> with content_of("run.npz"):
    ...     {}["model"]
    Traceback (most recent call last):
        ...
    minidl.errors.CheckpointError: 'run.npz' lacks 'model'
    """
    try:
        yield
    except CheckpointError as error:
        raise CheckpointError(f"{os.fspath(path)!r} {error}") from error
    except KeyError as error:
        raise CheckpointError(f"{os.fspath(path)!r} lacks {error}") from error
    except RecursionError as error:
        raise CheckpointError(f"{os.fspath(path)!r} is nested too deeply; see sys.setrecursionlimit") from error
    except (MinidlError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise CheckpointError(f"{os.fspath(path)!r} does not match: {error}") from error


def reader_of(name: str) -> str:
    """What a message about a file of another program adds, by the end of its name. It is empty for all others.

    >>> reader_of("model.onnx"), reader_of("run.npz")
    ('; load_onnx in minidl.integrations reads ONNX files', '')
    """
    reader = READERS.get(os.path.splitext(name)[1].lower())
    return f"; {reader}" if reader else ""


def warn_of_values(state: Mapping[str, Any], path: str | os.PathLike[str]) -> bool:
    """Warn of parameters and buffers that are not finite, and of negative variances. Return whether it warned.

    Variances are those that are named running_var or moving_var, and the like. The logarithm of one may be negative.

    A file may hold them, for example to inspect a model after its run has diverged.
    """
    non_finite = [name for name, value in state.items() if not np.isfinite(value).all()]
    negative = [name for name, value in state.items() if VARIANCE.search(name) and np.less(value, 0).any()]
    for problem, names in (("numbers that are not finite", non_finite), ("negative variances", negative)):
        if names:
            warn(f"{os.fspath(path)!r} holds {problem}: {', '.join(names)}", stacklevel=3)
    return bool(non_finite or negative)


@contextmanager
def nesting_checked() -> Iterator[None]:
    """Turn a RecursionError inside a ``with`` block, of something that is to be saved, into a `CheckpointError`."""
    try:
        yield
    except RecursionError as error:
        raise CheckpointError(
            f"what is to be saved is nested too deeply, or holds itself: a file holds {LEVELS} levels of lists and "
            f"layers at most, or {LEVELS // 2 - 1} layers inside each other"
        ) from error


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A file to write to, which replaces the one at this path at the end of the ``with`` block.

    At any moment, even after a crash, there is the whole old file or the whole new one. After an error, it is the old
    one. Several processes and threads may write to one path. The last one to end wins.

    The new file has the permissions of the old one, but belongs to the user who writes it. Other hard links keep the
    old content. A symbolic link stays one, and the file that it points to is replaced. Until the end, the content is
    in a file of its own in the same folder, named ``.minidl-*.tmp``. One that a killed process leaves behind is never
    used again, and can be deleted.

    Raises:
        OSError: the disk refuses the file, `open` would not write to it, or something other than a file has this path.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with replacing(f"{folder}/poem") as file:
    ...         bytes_written = file.write(b"roses")
    ...     os.listdir(folder)
    ['poem']
    """
    target, mode = _target_of(path)
    temporary = os.path.join(os.path.dirname(target), f".minidl-{os.urandom(8).hex()}.tmp")
    try:
        file = open(temporary, "x+b")  # noqa: SIM115  (closed below) a new file, and no link or leftover of that name
    except OSError as error:
        error.filename = target  # the name that the user knows
        raise
    try:
        with file:
            if mode not in (None, _permissions(file.fileno())):  # not every file system can change them
                os.chmod(temporary, mode)
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            os.remove(temporary)
        raise
    # The new name must reach the disk, too. Where folders cannot be opened, as on Windows, the system takes care of it.
    with suppress(OSError):
        folder = os.open(os.path.dirname(target), os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _target_of(path: str | os.PathLike[str]) -> tuple[str, int | None]:
    """The file that a path leads to, and its permissions, None if it does not exist.

    Raises:
        OSError: `open` would not write to it, or it is not a file.
    """
    target = os.path.realpath(absolute(path))  # a link stays a link
    if os.path.exists(target) and not os.path.isfile(target):  # a folder, or a device that would be lost
        raise FileExistsError(f"{os.fspath(path)!r} exists and is not a file; give the path of a file")
    try:
        descriptor = os.open(target, os.O_WRONLY)
    except FileNotFoundError:
        return target, None
    try:
        return target, _permissions(descriptor)
    finally:
        os.close(descriptor)


def _permissions(descriptor: int) -> int:
    return os.fstat(descriptor).st_mode & 0o7777
