"""Writing a model over an older one, and what may go wrong on the way."""

import errno
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import Dense, Layer, Sequential, load, save
from minidl.saving import container
from tests.saving.helpers import all_of

OLD, NEW = Dense(2, 3, rng=0), Sequential(Dense(2, 3), Dense(3, 1), rng=1)


def fail(*_: Any, **__: Any) -> Any:
    raise OSError(errno.ENOSPC, "No space left on device")


def fail_at(call: int, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, which fails when it is called for the n-th time."""
    left = [call]

    def failing(*arguments: Any, **options: Any) -> Any:
        left[0] -= 1
        return fail() if left[0] == 0 else function(*arguments, **options)

    return failing


FAILURES: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "the bytes do not reach the disk": lambda patch: patch.setattr(os, "fsync", fail),
    "the name does not change": lambda patch: patch.setattr(os, "replace", fail),
    "the first array": lambda patch: patch.setattr(np.lib.format, "write_array", fail),
    "the third array": lambda patch: patch.setattr(np.lib.format, "write_array", fail_at(3, np.lib.format.write_array)),
    "the description": lambda patch: patch.setattr(zipfile.ZipFile, "writestr", fail),
    "the directory": lambda patch: patch.setattr(zipfile.ZipFile, "_write_end_record", fail),
    "the seal": lambda patch: patch.setattr(container, "_digest", fail),
}


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("old", [OLD, None], ids=["over an old file", "where no file is"])
def test_when_the_disk_is_full_the_old_file_stays(
    old: Layer | None, failure: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.npz"
    if old is not None:
        save(old, path)
    before = {entry: entry.read_bytes() for entry in tmp_path.iterdir()}
    with monkeypatch.context() as patch:
        FAILURES[failure](patch)
        with pytest.raises(OSError, match="No space left on device"):
            save(NEW, path)
    assert {entry: entry.read_bytes() for entry in tmp_path.iterdir()} == before
    if old is not None:
        assert all_of(load(path)) == all_of(old)
    save(NEW, path)
    assert all_of(load(path)) == all_of(NEW)


def test_a_file_of_a_similar_name_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "model.npz.tmp").write_bytes(b"own")
    save(OLD, tmp_path / "model.npz")
    assert (tmp_path / "model.npz.tmp").read_bytes() == b"own"
    assert all_of(load(tmp_path / "model.npz")) == all_of(OLD)


def test_the_file_of_a_private_model_stays_private(tmp_path: Path) -> None:
    save(OLD, tmp_path / "model.npz")
    (tmp_path / "model.npz").chmod(0o600)
    save(NEW, tmp_path / "model.npz")
    assert (tmp_path / "model.npz").stat().st_mode & 0o777 == 0o600


def test_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    save(OLD, "~/model.npz")
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.npz"]
    assert all_of(load("~/model.npz")) == all_of(load(Path("~/model.npz"))) == all_of(OLD)


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    target, link = tmp_path / "elsewhere" / "model.npz", tmp_path / "latest.npz"
    link.symlink_to(target)
    for model in (OLD, NEW):
        save(model, link)
        assert link.is_symlink()
        assert all_of(load(link)) == all_of(load(target)) == all_of(model)
    assert len(list(tmp_path.rglob("*"))) == 3


def test_a_smaller_file_over_a_larger_one(tmp_path: Path) -> None:
    save(Dense(100, 100), tmp_path / "model.npz")
    save(OLD, tmp_path / "model.npz")
    save(OLD, tmp_path / "other.npz")
    assert (tmp_path / "model.npz").read_bytes() == (tmp_path / "other.npz").read_bytes()


def test_the_model_is_as_it_was(tmp_path: Path) -> None:
    """Saving packs no parameters, and draws no numbers."""
    dense = Dense(2, 3, rng=0)
    vector = dense.parameters()
    before = all_of(dense)
    save(dense, tmp_path / "model.npz")
    assert all_of(dense) == before
    vector.value[0] = 5.0
    assert dense.weight.value[0, 0] == 5.0
    assert load(tmp_path / "model.npz").weight.value[0, 0] != 5.0
