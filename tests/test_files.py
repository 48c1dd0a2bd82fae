"""Files that are there as a whole or not at all, and folders that are not there."""

import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf, nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import CheckpointError, MinidlWarning, StateError
from minidl.files import absolute, check_folder, content_of, replacing, warn_of_values


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
    opened = os.open

    def refuse_folders(path: str, flags: int) -> int:
        if os.path.isdir(path):
            raise PermissionError
        return opened(path, flags)

    monkeypatch.setattr(os, "open", refuse_folders)
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


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755, 0o666])
def test_an_existing_file_keeps_its_permissions_and_a_new_one_has_the_usual_ones(mode: int, tmp_path: Path) -> None:
    old, new, usual = (tmp_path / name for name in ("old", "new", "usual"))
    old.write_bytes(b"old")
    old.chmod(mode)
    usual.write_bytes(b"")
    for path in (old, new):
        with replacing(path) as file:
            if path == old:
                assert stat.S_IMODE(os.fstat(file.fileno()).st_mode) == mode  # before there is anything to read
            file.write(b"new")
    assert stat.S_IMODE(old.stat().st_mode) == mode
    assert new.stat().st_mode == usual.stat().st_mode
    assert old.read_bytes() == b"new"


@contextmanager
def ordinary_user() -> Iterator[None]:
    """Not to be root, which may write to every file, inside a ``with`` block."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_what_open_would_not_write_to_is_refused() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, path = Path(name), Path(name, "file")
        folder.chmod(0o777)
        with ordinary_user():
            path.write_bytes(b"old")
            path.chmod(0o444)
            with pytest.raises(PermissionError):
                path.open("r+b")
            with pytest.raises(PermissionError, match=r"Permission denied: '.*file'"), replacing(path):
                raise AssertionError
            with pytest.raises(StateError, match="file' cannot be written: Permission denied"):
                check_folder(path)
        assert path.read_bytes() == b"old"
        assert os.listdir(folder) == ["file"]


def test_what_lies_beside_the_file_is_left_alone(tmp_path: Path) -> None:
    own, other, link = tmp_path / "file.tmp", tmp_path / "other", tmp_path / "link.tmp"
    own.write_bytes(b"own")
    other.write_bytes(b"other")
    link.symlink_to(other)
    for name in ("file", "link"):
        with replacing(tmp_path / name) as file:
            file.write(b"new")
    assert own.read_bytes() == b"own"
    assert link.is_symlink()
    assert other.read_bytes() == b"other"
    assert sorted(os.listdir(tmp_path)) == ["file", "file.tmp", "link", "link.tmp", "other"]


def test_what_a_crash_left_behind_is_in_nobodys_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"old")
    leaves: list[Callable[[Path], None]] = [Path.touch, Path.mkdir, lambda left: left.symlink_to(target)]
    for index, leave in enumerate(leaves):
        monkeypatch.setattr(os, "urandom", lambda size, index=index: bytes([index] * size))
        left = tmp_path / f".minidl-{f'0{index}' * 8}.tmp"
        leave(left)
        with pytest.raises(FileExistsError), replacing(target):  # of 2⁶⁴ names, this one again
            raise AssertionError
        assert left.exists()
        assert target.read_bytes() == b"old"
    monkeypatch.undo()
    with replacing(target) as file:
        file.write(b"new")
    assert target.read_bytes() == b"new"
    assert len(os.listdir(tmp_path)) == 4


def test_two_writers_of_one_path_each_have_a_file_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with replacing(path) as first:
        first.write(b"first")
        with replacing(path) as second:
            second.write(b"second")
        assert path.read_bytes() == b"second"
    assert path.read_bytes() == b"first"
    assert os.listdir(tmp_path) == ["file"]


def test_a_long_name(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 255)
    with replacing(path) as file:
        file.write(b"new")
    assert path.read_bytes() == b"new"


def test_the_home_folder_and_a_change_of_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    assert absolute("~/file") == absolute("file") == absolute(tmp_path / "file") == str(tmp_path / "file")
    check_folder("~/elsewhere/file")
    with replacing("file") as file:
        os.chdir("elsewhere")
        file.write(b"relative")
    assert (tmp_path / "file").read_bytes() == b"relative"
    with replacing("~/file") as file:
        file.write(b"home")
    assert (tmp_path / "file").read_bytes() == b"home"
    assert sorted(os.listdir(tmp_path)) == ["elsewhere", "file"]


def test_a_path_of_bytes(tmp_path: Path) -> None:
    with replacing(os.fsencode(tmp_path / "file")) as file:  # type: ignore[arg-type]
        file.write(b"new")
    assert (tmp_path / "file").read_bytes() == b"new"


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"a": np.array([1.0, nan]), "b": np.array(inf), "c": np.zeros(0)}, "numbers that are not finite: a, b"),
        (
            {"a.running_var": np.array([-1e-9, 1.0]), "b.running_mean": np.array([-1.0])},
            "negative variances: a.running_",
        ),
        ({"a.running_var": np.array([nan])}, "numbers that are not finite: a.running_var"),
        ({"a.running_var": np.array([-inf])}, "negative variances: a.running_var"),
        ({"moving_variance": np.array(-1.0)}, "negative variances: moving_variance"),
    ],
)
@pytest.mark.filterwarnings("always")
def test_values_to_warn_of(state: dict[str, Any], words: str) -> None:
    with pytest.warns(MinidlWarning) as warned:
        warn_of_values(state, "model.npz")
    assert f"'model.npz' holds {words}" in [str(each.message)[: len(words) + 18] for each in warned]


def test_a_missing_folder_is_the_error_of_the_disk(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none/file'$"), replacing(tmp_path / "none/file"):
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
    os.mkfifo(tmp_path / "device")
    with pytest.raises(StateError, match=r"device' cannot be written: .* exists and is not a file"):
        check_folder(tmp_path / "device")
    monkeypatch.setattr(os, "access", lambda _, mode: mode != os.W_OK)
    with pytest.raises(StateError, match=r"the folder '.*' cannot be written to"):
        check_folder(tmp_path / "new")
    assert (tmp_path / "there").read_bytes() == b"old"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (CheckpointError("is damaged"), "is damaged"),
        (KeyError("model"), "lacks 'model'"),
        (RecursionError(), "is nested too deeply; see sys.setrecursionlimit"),
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
