"""What the reader of files refuses, one thing at a time, and that it takes no memory for it.

Each forged file has the right checksum at its end, and is wrong in one place alone.
"""

import hashlib
import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from minidl import CheckpointError
from minidl.saving.container import (
    MOST_MEMBERS,
    SEAL,
    SEALED,
    read,
    write,
)
from minidl.typing import Array
from tests.saving.breaking import members_of, pack, seal
from tests.saving.helpers import refused

ARRAYS: dict[str, Array] = {"x": np.arange(3.0), "a/y": np.ones((2, 2), np.float32), "z": np.zeros((0, 2), bool)}
CONTENT = {"text": "é", "numbers": [1, 2.5, None, True]}
END = SEALED + 22
"""Bytes of the record that ends the directory, with the seal in it."""


@pytest.fixture
def file(tmp_path: Path) -> bytes:
    """The bytes of a file that is right."""
    write(tmp_path / "file.npz", CONTENT, ARRAYS)
    return (tmp_path / "file.npz").read_bytes()


def test_what_was_written_is_read(file: bytes, tmp_path: Path) -> None:
    content, arrays = read(tmp_path / "file.npz")
    assert content == CONTENT
    assert list(arrays) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert (arrays[name].dtype, arrays[name].shape) == (array.dtype, array.shape)
        assert arrays[name].tobytes() == array.tobytes()
    with zipfile.ZipFile(io.BytesIO(file)) as archive:
        assert archive.namelist() == ["minidl.json", "x.npy", "a/y.npy", "z.npy"]
        assert archive.testzip() is None
        assert all(entry.compress_type == zipfile.ZIP_STORED for entry in archive.infolist())
        assert archive.comment.startswith(b"minidl, sha256 of all before: ")
    assert file[-64:] == hashlib.sha256(file[:-64]).hexdigest().encode()
    (tmp_path / "file.npz").write_bytes(pack(members_of(file)))  # forged files are wrong in their change alone
    assert read(tmp_path / "file.npz")[0] == CONTENT


def test_every_bit_counts(file: bytes, tmp_path: Path) -> None:
    for place in range(len(file)):
        damaged = bytearray(file)
        damaged[place] ^= 1 << place % 8
        (tmp_path / "file.npz").write_bytes(damaged)
        with pytest.raises(CheckpointError):
            read(tmp_path / "file.npz")
    for length in range(0, len(file), 7):
        (tmp_path / "file.npz").write_bytes(file[:length])
        with pytest.raises(CheckpointError):
            read(tmp_path / "file.npz")


# The end of the file.

ENDS: list[tuple[Callable[[bytes], bytes], str]] = [
    (lambda _: b"", "is not a file of minidl: it is too short"),
    (lambda data: data[-SEALED - 97 :], "is not a file of minidl: it is too short"),
    (lambda data: data[-SEALED - 98 :], "is damaged: its checksum is wrong; use an older copy"),
    (lambda data: data[:-1], "is not a file of minidl, or its end is missing"),
    (lambda data: data + b" ", "is not a file of minidl, or its end is missing"),
    (lambda data: data[:-END] + data[-END:].replace(b"minidl", b"MINIDL"), "is not a file of minidl"),
    (lambda data: data[1:], "is damaged: its checksum is wrong"),
    (lambda data: data[:-1] + b"g", "is damaged: its checksum is wrong"),
    (lambda data: data[:-64] + data[-64:].upper(), "is damaged: its checksum is wrong"),
    (lambda data: seal(data[:-END] + b"PK\5\7" + data[-END + 4 :]), "is forged: its end is not that of an archive"),
    (lambda data: with_end(data, comment=SEALED - 1), "is forged: its end is not that of an archive"),
    (lambda data: with_end(data, comment=SEALED + 1), "is forged: its end is not that of an archive"),
    (lambda data: with_end(data, size=len(data) - END + 1), "is forged: its directory is too long"),
    (lambda data: with_end(data, size=2**32 - 1), "is forged: its directory is too long"),
    (lambda data: with_end(data, size=47), "is damaged: BadZipFile"),
    (lambda data: seal(bytes(300) + data[-END:]), "is damaged: BadZipFile"),
]


def with_end(data: bytes, *, size: int | None = None, comment: int = SEALED) -> bytes:
    """With another size of the directory, or another length of what comes last, in the record at the end."""
    fields = list(struct.unpack("<4s4H2LH", data[-END:-SEALED]))
    fields[5], fields[7] = fields[5] if size is None else size, comment
    return seal(data[:-END] + struct.pack("<4s4H2LH", *fields) + data[-SEALED:])


@pytest.mark.parametrize(("change", "words"), ENDS)
def test_ends(change: Callable[[bytes], bytes], words: str, file: bytes, tmp_path: Path) -> None:
    refused(change(file), words, tmp_path)


def archive(names: list[bytes], *, large: bool = False, body: bytes = b"") -> bytes:
    """A body and a directory of empty members, in the form for archives of any size, or the one for large ones."""
    entry = b"PK\1\2" + bytes(24) + b"%b" + bytes(16) + b"%b"
    directory = b"".join(entry % (struct.pack("<H", len(name)), name) for name in names)
    count, size, begin = len(names), len(directory), len(body)
    end = b""
    if large:
        end = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, begin)
        end += struct.pack("<4sLQL", b"PK\6\7", 0, begin + size, 1)
        count, size, begin = 1, 50, 0
    end += struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count % 2**16, count % 2**16, size, begin, SEALED)
    return seal(body + directory + end + SEAL + bytes(64))


@pytest.mark.parametrize("large", [False, True])
def test_directories_that_would_take_much_memory(large: bool, tmp_path: Path) -> None:
    """Each member becomes an object of half a kilobyte, whatever the file says of their number."""
    most = [b"%d" % index for index in range(MOST_MEMBERS)]
    refused(archive(most, large=large), "members do not lie one after the other", tmp_path)
    refused(archive([*most, b"x"], large=large), "is forged: it has more than 5000 members", tmp_path)
    refused(archive([b""] * 60_000, large=large), "is forged: it has more than 5000 members", tmp_path)
    refused(archive([b""] * 300_000, large=large), "is forged: its directory is too long", tmp_path)
    longest = [b"\xe0" * 545 + b"%09d" % index for index in range(MOST_MEMBERS)]  # 600 bytes each
    refused(archive(longest, large=large), "members do not lie one after the other", tmp_path)
    refused(archive([*longest[1:], longest[0] + b"0"], large=large), "its directory is too long", tmp_path)
    refused(archive([b"\xe0" * 60_000] * 60, large=large), "is forged: its directory is too long", tmp_path)


@pytest.mark.parametrize("sign", [b"PK\6\6", b"PK\6\7"])
def test_half_of_the_records_of_a_large_archive_is_none(sign: bytes, tmp_path: Path) -> None:
    data = archive([b"x"] * 20, large=True)
    damaged = seal(data.replace(sign, b"PK\0\0"))
    refused(damaged, "is damaged: BadZipFile", tmp_path)


@pytest.mark.parametrize("half", ["first", "second"])
def test_half_of_the_records_hides_no_directory(half: str, tmp_path: Path) -> None:
    """They lie in the name of the last member, and give a small size; zipfile does not look at it."""
    large, locator = struct.pack("<4s36xQ8x", b"PK\6\6", 46), struct.pack("<4sLQL", b"PK\6\7", 0, 0, 1)
    last = large + bytes(20) if half == "first" else large.replace(b"PK\6\6", bytes(4)) + locator
    refused(archive([b""] * 20_000 + [last]), "is forged: it has more than 5000 members", tmp_path)


def test_a_file_in_the_form_for_large_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As zipfile writes it, which takes 10 kB for large here."""
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 10_000)
    arrays = {"small": np.arange(3.0), "large": np.arange(2000.0), "last": np.arange(4.0)}
    write(tmp_path / "large.npz", CONTENT, arrays)
    assert b"PK\6\6" in (tmp_path / "large.npz").read_bytes()
    monkeypatch.undo()
    content, back = read(tmp_path / "large.npz")
    assert content == CONTENT
    assert {name: array.tolist() for name, array in back.items()} == {
        name: array.tolist() for name, array in arrays.items()
    }


def test_an_archive_in_the_form_for_large_ones(file: bytes, tmp_path: Path) -> None:
    """The same, by hand."""
    fields = struct.unpack("<4s4H2LH", file[-END:-SEALED])
    large = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, fields[3], fields[4], fields[5], fields[6])
    large += struct.pack("<4sLQL", b"PK\6\7", 0, len(file) - END, 1)
    (tmp_path / "large.npz").write_bytes(seal(file[:-END] + large + file[-END:]))
    content, arrays = read(tmp_path / "large.npz")
    assert content == CONTENT
    assert arrays["x"].tolist() == [0.0, 1.0, 2.0]


# Members.


def named(members: list[tuple[str, bytes]], name: str) -> int:
    return [name for name, _ in members].index(name)


def entry_of(data: bytes, name: str) -> int:
    """Where the entry of a member in the directory begins."""
    return data.rindex(name.encode()) - 46


def with_field(data: bytes, name: str, offset: int, value: bytes) -> bytes:
    """With another value in the directory's entry for a member."""
    place = entry_of(data, name) + offset
    return seal(data[:place] + value + data[place + len(value) :])


def as_long_as_the_file(data: bytes, more: int) -> bytes:
    """With members that say to be as long as the file together, or some bytes more."""
    others = sum(len(member) for name, member in members_of(data) if name != "x.npy")
    return with_field(data, "x.npy", PACKED, 2 * struct.pack("<L", len(data) - others + more))


FLAGS, METHOD, CRC, PACKED, SIZE = 8, 10, 16, 20, 24

MEMBERS: list[tuple[Callable[[bytes], bytes], str]] = [
    (lambda data: pack([*members_of(data), members_of(data)[1]]), "is forged: a member appears twice"),
    (lambda data: pack([*members_of(data), members_of(data)[0]]), "is forged: a member appears twice"),
    (lambda data: pack(members_of(data)[1:]), "is forged: its members do not lie one after the other"),
    (lambda data: pack(members_of(data)[:-1]), "is forged: its members are not those that it describes"),
    (lambda data: pack([*members_of(data), ("more.npy", b"")]), "is forged: its members are not those"),
    (lambda data: pack([*members_of(data), ("more", b"")]), "is forged: its members are not those"),
    (lambda data: pack(members_of(data), compress=True), r"is forged: 'minidl.json' is compressed"),
    (lambda data: pack([*members_of(data), ("zeros.npy", bytes(50_000_000))], compress=True), "is compressed"),
    (lambda data: with_field(data, "x.npy", METHOD, b"\x0c\0"), r"is forged: 'x.npy' is compressed"),
    (lambda data: with_field(data, "x.npy", PACKED, b"\1\0\0\0"), r"is forged: 'x.npy' is compressed"),
    (
        lambda data: with_field(data, "x.npy", PACKED, 2 * struct.pack("<L", 2**31)),
        "is forged: its members do not lie one after the other",
    ),
    (lambda data: as_long_as_the_file(data, 1), "is forged: its members do not lie one after the other"),
    (lambda data: as_long_as_the_file(data, 0), "is damaged: BadZipFile"),
    (lambda data: with_field(data, "x.npy", PACKED, 2 * b"\x97\0\0\0"), "is damaged: BadZipFile"),
    (lambda data: with_field(data, "x.npy", FLAGS, b"\1\0"), "is damaged: RuntimeError"),
    (lambda data: with_field(data, "x.npy", CRC, b"1234"), r"is damaged: BadZipFile\(\"Bad CRC-32 for file 'x.npy'"),
    (lambda data: with_field(data, "z.npy", CRC, b"1234"), r"is damaged: BadZipFile\(\"Bad CRC-32 for file 'z.npy'"),
    (lambda data: with_field(data, "minidl.json", CRC, b"1234"), "is damaged: BadZipFile.*minidl.json"),
    (lambda data: with_field(data, "x.npy", 42, b"\xff\xff\xff\x7f"), "is damaged: "),
]


@pytest.mark.parametrize(("change", "words"), MEMBERS)
def test_members(change: Callable[[bytes], bytes], words: str, file: bytes, tmp_path: Path) -> None:
    refused(change(file), words, tmp_path)


@pytest.mark.parametrize(
    ("name", "reader"),
    [("a.onnx", "load_onnx"), ("a.safetensors", "load_safetensors"), ("a.PT", "load_torch"), ("a.keras", "load_keras")],
)
def test_files_of_other_programs_name_their_reader(name: str, reader: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(bytes(500))
    with pytest.raises(CheckpointError, match=f"is not a file of minidl, or its end is missing; .*{reader} in minidl"):
        read(tmp_path / name)
