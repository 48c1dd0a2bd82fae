"""IDX files: every type, compressed or not, and what is refused."""

import gzip
import re
import struct
import tracemalloc
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import DataError, read_idx
from minidl.typing import Array

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def header(code: int, *shape: int) -> bytes:
    return struct.pack(f">4B{len(shape)}I", 0, 0, code, len(shape), *shape)


def written(array: Array) -> bytes:
    kind = array.dtype.newbyteorder(">")
    return header(CODES[array.dtype.str[1:]], *array.shape) + array.astype(kind).tobytes()


def read(content: bytes, folder: Path) -> Array:
    (folder / "data").write_bytes(content)
    return read_idx(folder / "data")


IMAGES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
PLAIN = written(IMAGES)
ZIPPED = gzip.compress(PLAIN)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("kind", CODES)
@pytest.mark.parametrize("shape", [(5,), (2, 3, 4), (0, 3), (1,) * 64])
def test_what_was_written_is_read(pack: object, kind: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    array = (np.arange(np.prod(shape)) - 1).astype(kind).reshape(shape)
    got = read(gzip.compress(written(array)) if pack is gzip.compress else written(array), tmp_path)
    assert got.dtype == array.dtype
    assert got.dtype.isnative
    np.testing.assert_array_equal(got, array)
    got[...] = 0  # it can be written to


def test_a_text_is_a_path_too(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(PLAIN)
    assert read_idx(str(tmp_path / "data")).tolist() == IMAGES.tolist()


REFUSED = [
    (b"", "it begins with '', not with 00 00, a type and a number of axes"),
    (b"\0\0\x08", "it begins with '00 00 08', not"),
    (PLAIN[:4], "its header claims the type 0x08 and 3 axes, in 4 bytes"),
    (b"PNG...", "it begins with '50 4e 47 2e', not"),
    (b"\0\1" + PLAIN[2:], "it begins with '00 01 08 03', not"),
    (header(0x0A, 1) + b"1", "its header claims the type 0x0a and 1 axes"),
    (header(0x08) + b"1", "its header claims the type 0x08 and 0 axes"),
    (header(0x08, *[1] * 65) + b"1", "its header claims the type 0x08 and 65 axes"),
    (PLAIN[:9], "its header claims the type 0x08 and 3 axes, in 9 bytes"),
    (PLAIN[:-1], r"claims an array \(2, 3, 4\), 40 bytes in all, but there are 39"),
    (PLAIN + b"1", r"claims an array \(2, 3, 4\), 40 bytes in all, but there are more"),
    (gzip.compress(PLAIN[:-1]), "but there are 39"),
    (gzip.compress(PLAIN + b"1"), "but there are more"),
    (header(0x08, 2**32 - 1, 2**32 - 1, 2**32 - 1) + b"1", r"79,228,162,458,924,105,385,300,197,391 bytes.*are 17"),
    (gzip.compress(header(0x0E, *[2**32 - 1] * 64)), "but there are 260"),
    (header(0x08, 0, *[2**32 - 1] * 3), "array is too big"),
    (ZIPPED[:-1], "its compressed data end too early"),
    (ZIPPED[:20], "its compressed data end too early"),
    (ZIPPED[:3], "its compressed data end too early"),
    (ZIPPED[:-6] + b"1" + ZIPPED[-5:], "incorrect data check"),
]


@pytest.mark.parametrize(("content", "words"), REFUSED, ids=range(len(REFUSED)))  # zipped bytes hold the time
def test_damaged_files_are_refused(content: bytes, words: str, tmp_path: Path) -> None:
    expected = rf"{re.escape(repr(str(tmp_path / 'data')))} is not a whole IDX file: .*{words}.*; download it again$"
    with pytest.raises(DataError, match=expected):
        read(content, tmp_path)


@given(st.binary(max_size=80), st.integers(0, len(ZIPPED)), st.booleans())
def test_any_bytes_give_an_array_or_a_data_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, place: int, zipped: bool
) -> None:
    folder = tmp_path_factory.mktemp("idx")
    whole = ZIPPED if zipped else PLAIN
    for damaged in (content, b"\0\0" + content, whole[:place] + content + whole[place + len(content) :]):
        with suppress(DataError):
            read(damaged, folder)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_forged_header_takes_no_memory(pack: object, tmp_path: Path) -> None:
    forged = header(0x0E, 60_000, 1_000, 1_000) + bytes(100)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=r"480,000,000,016 bytes in all, but there are 116"):
            read(gzip.compress(forged) if pack is gzip.compress else forged, tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


def test_more_than_the_header_claims_is_not_even_decompressed(tmp_path: Path) -> None:
    bomb = gzip.compress(PLAIN + bytes(50_000_000))
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="but there are more"):
            read(bomb, tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_idx(tmp_path / "absent")
