"""Files that are there as a whole, or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

from minidl.errors import StateError

__all__ = ["check_folder", "replacing"]


def check_folder(path: str | os.PathLike[str]) -> None:
    """Raise `StateError` unless a file can be made at this place, so that nobody waits for an hour to hear it."""
    folder = os.path.dirname(os.path.realpath(path))
    if os.path.isdir(path):
        raise StateError(f"{os.fspath(path)!r} is a folder; give the name of a file in it")
    if not os.access(folder, os.W_OK):
        wrong = "cannot be written to" if os.path.isdir(folder) else "does not exist"
        raise StateError(f"{os.fspath(path)!r} cannot be written: the folder {folder!r} {wrong}")


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A file to write to, which takes its place at the end of the ``with`` block.

    At any moment, also after a crash, there is the old file or the new one, whole; after an error the old one.

    Raises:
        OSError: from the disk; something is there that is no file.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with replacing(f"{folder}/poem") as file:
    ...         bytes_written = file.write(b"roses")
    ...     os.listdir(folder)
    ['poem']
    """
    target = os.path.realpath(path)  # a link stays a link
    if os.path.exists(target) and not os.path.isfile(target):  # a folder, or a device that would be lost
        raise FileExistsError(f"{os.fspath(path)!r} is there, and is no file; give the name of one")
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
    # The new name has to reach the disk, too; where folders cannot be opened, as on Windows, the system sees to that.
    with suppress(OSError):
        folder = os.open(os.path.dirname(target), os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
