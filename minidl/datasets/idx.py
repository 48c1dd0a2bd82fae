"""Files in the IDX format, in which MNIST and data sets like it are published."""

from __future__ import annotations

import os
import sys
import zlib
from math import prod

import numpy as np

from minidl.errors import DataError
from minidl.typing import Array

__all__ = ["read_idx"]

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
MOST_AXES = 64
"""The limit of NumPy's arrays."""


def read_idx(path: str | os.PathLike[str]) -> Array:
    """Return the array in an IDX file, such as those of MNIST and Fashion-MNIST, compressed with gzip or not.

    The array has the type of the file: uint8 for images and classes. That is an eighth of the memory of float64, so
    scale as few images as needed: ``x = read_idx(path)[:10_000, ..., None] / np.float32(255)`` makes float32 images
    (n, height, width, 1) of them.

    Reading takes memory for what the file holds, whatever its header claims.

    Raises:
        DataError: a file in another format, a damaged or an incomplete one.
        OSError: the file does not exist or cannot be read.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with open(f"{folder}/labels", "wb") as file:
    ...         _ = file.write(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]))
    ...     read_idx(f"{folder}/labels")
    array([7, 2, 1], dtype=uint8)
    """
    with open(path, "rb") as file:
        raw = file.read()
    try:
        return _array(raw)
    except (ValueError, zlib.error) as error:  # NumPy raises ValueError for an empty array of huge sizes
        raise DataError(f"{os.fspath(path)!r} is not a whole IDX file: {error}; download it again") from error


def _array(raw: bytes) -> Array:
    """The array of a file. Its header: 0, 0, type, number of axes, then the sizes as big-endian numbers of 4 bytes."""
    header = _content(raw, 4 + 4 * MOST_AXES)
    if header[:2] != b"\0\0" or len(header) < 4:
        raise DataError(f"it begins with '{header[:4].hex(' ')}', not with 00 00, a type and a number of axes")
    kind, axes = TYPES.get(header[2]), header[3]
    start = 4 + 4 * axes
    if kind is None or not 1 <= axes <= MOST_AXES or len(header) < start:
        raise DataError(f"its header claims the type {header[2]:#04x} and {axes} axes, in {len(header)} bytes")
    shape = np.frombuffer(header, ">u4", axes, offset=4).tolist()
    size = start + prod(shape) * np.dtype(kind).itemsize
    content = _content(raw, size + 1)
    if len(content) != size:
        found = "more" if len(content) > size else f"{len(content):,}"
        raise DataError(f"its header claims an array {tuple(shape)}, {size:,} bytes in all, but there are {found}")
    array = np.frombuffer(content, kind, offset=start).reshape(shape)
    return array.astype(array.dtype.newbyteorder("="))


def _content(raw: bytes, most: int) -> bytes:
    """Return the first `most` bytes of a file, decompressed if it is compressed with gzip."""
    if raw[:2] != b"\x1f\x8b":
        return raw[:most]
    unzip = zlib.decompressobj(wbits=31)  # 31 stands for gzip
    content = unzip.decompress(raw, min(most, sys.maxsize))
    if len(content) < most and not unzip.eof:
        raise DataError("its compressed data end too early")
    return content
