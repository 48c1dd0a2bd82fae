"""The file itself: arrays and a description in NumPy's .npz, sealed by a checksum over every byte.

The reader trusts a file only after the checksum at its very end has matched. That leaves files forged together with
their checksum. So the reader compares sizes with the file's own before it takes memory, unpacks nothing, uses no name
as a path, and reads nothing but numbers.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import zipfile
from collections.abc import Mapping
from math import prod
from typing import Any, BinaryIO

import numpy as np

from minidl.errors import CheckpointError
from minidl.files import absolute, content_of, reader_of, replacing
from minidl.typing import Array

__all__ = ["checksum", "read", "write"]

FORMAT = 2
DESCRIPTION = "minidl.json"
SEAL = b"minidl, sha256 of all before: "
SEALED = len(SEAL) + 64  # bytes of the zip comment: the seal and 64 hexadecimal digits
END = 56 + 20 + 22  # bytes of the three records before it, of which the first two are in large archives only
CHUNK = 1 << 20

# These limit the memory that a forged file can take to a few megabytes more than a multiple of its size.
MOST_MEMBERS = 5_000
LONGEST_NAME = 500
LONGEST_DESCRIPTION = 1_500_000
MOST_TOKENS = 40_000
BYTES_A_TOKEN = 100


def write(path: str | os.PathLike[str], content: Any, arrays: Mapping[str, Array]) -> None:
    """Write a file. At any moment, even after a crash, there is the whole old file or the whole new one.

    Args:
        path: where. An existing file of that name is replaced at the very end.
        content: what `json.dumps` takes.
        arrays: real numbers of any shape, by name.

    Raises:
        CheckpointError: more than a reader would take.
        OSError: the disk refuses the file. The old one is unchanged.
    """
    flat = {name: np.ascontiguousarray(array).reshape(array.shape) for name, array in arrays.items()}
    entries = {name: [array.dtype.str, list(array.shape), checksum(array)] for name, array in flat.items()}
    _check_names(entries)
    try:
        text = json.dumps({"format": FORMAT, "arrays": entries, "content": content}, allow_nan=False).encode()
    except ValueError as error:
        raise CheckpointError(f"no file can hold this: {error}") from error
    _check_size(text, sum(array.nbytes for array in flat.values()))
    with replacing(path) as file:
        with zipfile.ZipFile(file, "w") as archive:
            archive.comment = SEAL + b"0" * 64
            # ZipInfo has a fixed date, so that equal content makes equal files.
            archive.writestr(zipfile.ZipInfo(DESCRIPTION), text)
            for name, array in flat.items():
                with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, array, allow_pickle=False)
        end = file.seek(-64, os.SEEK_END)
        file.write(_digest(file, end))


def checksum(array: Array) -> str:
    """SHA-256 of the numbers of an array, as hexadecimal digits."""
    return hashlib.sha256(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data).hexdigest()


def _digest(file: BinaryIO, end: int) -> bytes:
    """SHA-256 of the first `end` bytes, as hexadecimal digits. The file is then read up to there."""
    digest = hashlib.sha256()
    file.seek(0)
    for begin in range(0, end, CHUNK):
        digest.update(file.read(min(CHUNK, end - begin)))
    return digest.hexdigest().encode()


def read(path: str | os.PathLike[str]) -> tuple[Any, dict[str, Array]]:
    """Read the content and the arrays of a file that `write` made, whole and unchanged.

    Raises:
        CheckpointError: a damaged or foreign file.
        OSError: the file does not exist or cannot be read.
    """
    with open(absolute(path), "rb") as file, content_of(path):
        try:
            _check_seal(file)
            with zipfile.ZipFile(file) as archive:
                return _read_members(archive, os.fstat(file.fileno()).st_size)
        except (CheckpointError, RecursionError):
            raise
        except Exception as error:  # whatever a parser stumbles over, the file is at fault
            raise CheckpointError(f"is damaged: {error!r}") from error


def _check_seal(file: BinaryIO) -> None:
    end = os.fstat(file.fileno()).st_size - SEALED
    if end < END:
        raise CheckpointError("is not a file of minidl: it is too short")
    file.seek(end)
    seal = file.read(SEALED)
    if seal[:-64] != SEAL:
        raise CheckpointError(f"is not a file of minidl, or its end is missing{reader_of(file.name)}")
    if _digest(file, end + len(SEAL)) != seal[-64:]:
        raise CheckpointError("is damaged: its checksum is wrong; use an older copy")
    _check_directory(file, end)


def _check_directory(file: BinaryIO, end: int) -> None:
    """Check the number of members before zipfile makes an object of each."""
    file.seek(end - END)
    large, locator, record = file.read(56), file.read(20), file.read(22)
    signature, size, comment = struct.unpack("<4s8xI4xH", record)
    if signature != b"PK\5\6" or comment != SEALED:
        raise CheckpointError("is forged: its end is not that of an archive")
    begin = end - len(record)
    if locator[:4] == b"PK\6\7" and large[:4] == b"PK\6\6":  # an archive of more than 2 GB
        begin, (size,) = end - END, struct.unpack("<40xQ8x", large)
    if size > min(begin, MOST_MEMBERS * (LONGEST_NAME + 100)):
        raise CheckpointError("is forged: its directory is too long")
    file.seek(begin - size)
    if file.read(size).count(b"PK\1\2") > MOST_MEMBERS:
        raise CheckpointError(f"is forged: it has more than {MOST_MEMBERS} members")


def _read_members(archive: zipfile.ZipFile, size: int) -> tuple[Any, dict[str, Array]]:
    members = {entry.filename: entry for entry in archive.infolist()}
    if len(members) != len(archive.infolist()):
        raise CheckpointError("is forged: a member appears twice")
    for entry in members.values():
        if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
            raise CheckpointError(f"is forged: {entry.filename!r} is compressed")
    if sum(entry.file_size for entry in members.values()) > size or DESCRIPTION not in members:
        raise CheckpointError("is forged: its members do not lie one after the other")
    if members[DESCRIPTION].file_size > LONGEST_DESCRIPTION:
        raise CheckpointError("is forged: its description is too long")
    text = archive.read(DESCRIPTION)
    _check_size(text, size)
    description = json.loads(text.decode("ascii"), object_pairs_hook=_unique, parse_constant=_refuse)
    if description["format"] != FORMAT:
        raise CheckpointError(
            f"has format {description['format']!r}, which this version does not read: it reads {FORMAT}"
        )
    arrays = description["arrays"]
    _check_names(arrays)
    if members.keys() != {DESCRIPTION, *(f"{name}.npy" for name in arrays)}:
        raise CheckpointError("is forged: its members are not those that it describes")
    return description["content"], {
        name: _read_array(archive, members[f"{name}.npy"], declared) for name, declared in arrays.items()
    }


def _read_array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, declared: list[Any]) -> Array:
    with archive.open(entry) as member:
        if np.lib.format.read_magic(member) != (1, 0):
            raise CheckpointError(f"is forged: {entry.filename!r} is of another version")
        shape, column_major, dtype = np.lib.format.read_array_header_1_0(member)
        if column_major or dtype.kind not in "biuf" or [dtype.str, list(shape)] != declared[:2]:
            raise CheckpointError(f"is forged: {entry.filename!r} is not what the file describes")
        if any(length < 0 for length in shape) or prod(shape) * dtype.itemsize != entry.file_size - member.tell():
            raise CheckpointError(f"is forged: {entry.filename!r} declares the wrong size")
        array = np.empty(shape, dtype)
        numbers = array.reshape(-1).view(np.uint8).data
        for begin in range(0, array.nbytes, CHUNK):
            numbers[begin : begin + CHUNK] = member.read(CHUNK)
    if checksum(array) != declared[2]:
        raise CheckpointError(f"is damaged: the checksum of {entry.filename!r} is wrong")
    return array


def _check_names(arrays: Mapping[str, Any]) -> None:
    if len(arrays) >= MOST_MEMBERS:
        raise CheckpointError(f"has {len(arrays)} arrays, more than the {MOST_MEMBERS - 1} that a file can hold")
    for name in arrays:
        if len(name) > LONGEST_NAME or not name.isascii() or not name.isprintable() or "\\" in name:
            raise CheckpointError(f"cannot have an array of the name {name[:80]!r}")
        if name.startswith("/") or ".." in name.split("/"):
            raise CheckpointError(f"has an array whose name {name!r} is a path out of the file")


def _check_size(text: bytes, size: int) -> None:
    tokens = sum(map(text.count, (b",", b":", b"[", b"{")))
    if len(text) > LONGEST_DESCRIPTION or tokens > MOST_TOKENS + size // BYTES_A_TOKEN:
        raise CheckpointError(f"has a description of {len(text)} bytes and {tokens} tokens, more than a file can hold")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(pairs)
    if len(unique) != len(pairs):
        raise CheckpointError("is forged: a name in its description appears twice")
    return unique


def _refuse(name: str) -> None:
    raise CheckpointError(f"is forged: its description holds {name}")
