"""Files that are written whole or not at all, and errors that name the file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

from minidl.errors import CheckpointError, MinidlError, StateError

__all__ = ["check_folder", "content_of", "replacing"]


def check_folder(path: str | os.PathLike[str]) -> None:
    """Raise `StateError` unless a file can be written to this path, before the work that it is to hold."""
    folder = os.path.dirname(os.path.realpath(path))
    if os.path.isdir(path):
        raise StateError(f"{os.fspath(path)!r} is a folder; give the name of a file in it")
    if not os.access(folder, os.W_OK):
        wrong = "cannot be written to" if os.path.isdir(folder) else "does not exist"
        raise StateError(f"{os.fspath(path)!r} cannot be written: the folder {folder!r} {wrong}")


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
        raise CheckpointError(f"{os.fspath(path)!r} is nested too deeply") from error
    except (MinidlError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise CheckpointError(f"{os.fspath(path)!r} does not match: {error}") from error


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A file to write to, which replaces the one at this path at the end of the ``with`` block.

    At any moment, even after a crash, there is the whole old file or the whole new one. After an error, it is the old
    one.

    Raises:
        OSError: the disk refuses the file, or something other than a file has this path.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with replacing(f"{folder}/poem") as file:
    ...         bytes_written = file.write(b"roses")
    ...     os.listdir(folder)
    ['poem']
    """
    target = os.path.realpath(path)  # a link stays a link
    if os.path.exists(target) and not os.path.isfile(target):  # a folder, or a device that would be lost
        raise FileExistsError(f"{os.fspath(path)!r} exists and is not a file; give the path of a file")
    temporary = f"{target}.tmp"
    try:
        with open(temporary, "w+b") as file:
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
