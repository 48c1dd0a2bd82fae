"""Files that are there as a whole or not at all, and folders that are not there."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from minidl import CheckpointError, StateError
from minidl.files import check_folder, content_of, replacing


def test_the_file_appears_at_the_end_and_alone(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with replacing(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("error", [KeyError, KeyboardInterrupt])
@pytest.mark.parametrize("old", [b"old", None])
def test_after_an_error_everything_is_as_before(error: type[BaseException], old: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "file"
    if old is not None:
        path.write_bytes(old)

    def fails() -> None:
        with replacing(path) as file:
            file.write(b"half")
            raise error

    with pytest.raises(error):
        fails()
    assert [entry.read_bytes() for entry in tmp_path.iterdir()] == ([] if old is None else [old])


def test_the_bytes_are_on_the_disk_before_the_name_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    replace = os.replace

    def flush(descriptor: int) -> None:
        status = os.fstat(descriptor)
        done.append("flushed the folder" if stat.S_ISDIR(status.st_mode) else f"flushed {status.st_size} bytes")

    def move(source: str, target: str) -> None:
        done.append("moved")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", flush)
    monkeypatch.setattr(os, "replace", move)
    with replacing(tmp_path / "file") as file:
        file.write(b"123")
    assert done == ["flushed 3 bytes", "moved", "flushed the folder"]


def test_a_folder_that_cannot_be_flushed_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError

    monkeypatch.setattr(os, "open", refuse)
    with replacing(tmp_path / "file") as file:
        file.write(b"123")
    assert (tmp_path / "file").read_bytes() == b"123"


def test_no_file_is_left_open(tmp_path: Path) -> None:
    def next_descriptor() -> int:
        descriptor = os.open(tmp_path, os.O_RDONLY)
        os.close(descriptor)
        return descriptor

    before = next_descriptor()
    with replacing(tmp_path / "file"):
        assert next_descriptor() > before
    assert next_descriptor() == before


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "folder/file")
    with replacing(link) as file:
        file.write(b"new")
    assert link.is_symlink()
    assert (tmp_path / "folder/file").read_bytes() == b"new"


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_what_is_no_file_is_never_replaced(make: Callable[[Path], None], tmp_path: Path) -> None:
    make(tmp_path / "there")
    with pytest.raises(FileExistsError, match="there' exists and is not a file"), replacing(tmp_path / "there"):
        raise AssertionError
    assert os.listdir(tmp_path) == ["there"]


def test_what_is_no_file_is_not_replaced(tmp_path: Path) -> None:
    """A folder, or a device: moving a file to its place would do away with it."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    os.mkfifo(tmp_path / "device")
    before = sorted(tmp_path.rglob("*"))
    for name in ("folder", "link", "device"):
        words = f"{name}' exists and is not a file; give the path of a file"
        with pytest.raises(FileExistsError, match=words), replacing(tmp_path / name):
            """Never entered."""
    assert sorted(tmp_path.rglob("*")) == before
    assert stat.S_ISFIFO((tmp_path / "device").stat().st_mode)


def test_a_missing_folder_is_the_error_of_the_disk(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "none/file"):
        """Never entered."""


def test_places_for_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_folder(tmp_path / "new")
    (tmp_path / "there").write_bytes(b"old")
    check_folder(str(tmp_path / "there"))
    monkeypatch.chdir(tmp_path)
    check_folder("new")
    with pytest.raises(StateError, match=r"none/file' cannot be written: the folder '.*none' does not exist"):
        check_folder(tmp_path / "none/file")
    with pytest.raises(StateError, match="is a folder; give the name of a file in it"):
        check_folder(tmp_path)
    monkeypatch.setattr(os, "access", lambda _, mode: mode != os.W_OK)
    with pytest.raises(StateError, match=r"the folder '.*' cannot be written to"):
        check_folder(tmp_path / "new")
    assert (tmp_path / "there").read_bytes() == b"old"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (CheckpointError("is damaged"), "is damaged"),
        (KeyError("model"), "lacks 'model'"),
        (RecursionError(), "is nested too deeply"),
        (StateError("the state lacks weight"), "does not match: the state lacks weight"),
        (TypeError("not a number"), "does not match: not a number"),
        (OverflowError("too large"), "does not match: too large"),
    ],
)
def test_errors_about_the_content_of_a_file_name_it_once(error: Exception, words: str) -> None:
    with pytest.raises(CheckpointError) as info, content_of(Path("run.npz")):
        raise error
    assert str(info.value) == f"'run.npz' {words}"
    assert info.value.__cause__ is error


@pytest.mark.parametrize("error", [OSError("disk"), MemoryError(), KeyboardInterrupt()])
def test_errors_that_are_not_about_the_content_pass(error: BaseException) -> None:
    with pytest.raises(type(error)), content_of("run.npz"):
        raise error
