"""Files that are damaged, foreign or incomplete: no run resumes from them, and nothing has changed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import minidl
from minidl import (
    SGD,
    Checkpoint,
    Quadratic,
    RecordPath,
    minimize,
)
from minidl.saving.models import write_content
from tests.callbacks.recording import At
from tests.helpers import bits_of
from tests.saving.helpers import entries
from tests.training.endless import X, Y
from tests.training.refusing import check_refused, make, network, write


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write(tmp_path / "run.npz")


def test_the_file_of_a_model(tmp_path: Path) -> None:
    file = tmp_path / "model.npz"
    minidl.save(network(), file)
    check_refused(make(), file, "holds a model, not a run; load it with minidl.load")


def test_the_file_of_a_descent(tmp_path: Path) -> None:
    file, bowl = tmp_path / "run.npz", Quadratic([[1.0]], start=[1.0])
    minimize(bowl, SGD(bowl.parameters(), 0.1), 3, [Checkpoint(file), RecordPath()])
    check_refused(make(RecordPath()), file, "holds a run of minimize, which cannot be resumed")


def test_a_damaged_file(path: Path) -> None:
    whole = path.read_bytes()
    middle = len(whole) // 2
    path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
    check_refused(make(), path, "is damaged: its checksum is wrong")
    path.write_bytes(whole[:-100])
    check_refused(make(), path, "is not a file of minidl, or its end is missing")
    path.write_bytes(b"")
    check_refused(make(), path, "is not a file of minidl")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    trainer = make()
    before = bits_of(trainer.model)
    with pytest.raises(FileNotFoundError, match="none"):
        trainer.fit(X, Y, resume_from=tmp_path / "none.npz")
    assert bits_of(trainer.model) == before


HISTORY = ("callbacks", 0, "state")


def places(tree: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where there is a key, at any depth."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        if isinstance(tree, dict):
            yield (*place, key)
        yield from places(value, (*place, key))


def without(tree: Any, place: tuple[Any, ...]) -> Any:
    """A copy that lacks one key."""
    key, *rest = place
    if rest:
        part = without(tree[key], tuple(rest))
        return {**tree, key: part} if isinstance(tree, dict) else [*tree[:key], part, *tree[key + 1 :]]
    return {name: value for name, value in tree.items() if name != key}


def test_a_file_in_which_something_is_missing(path: Path) -> None:
    content = entries(path)
    # A run resumes without the first two, and without "frozen", which older files lack. The metrics may differ, and
    # callbacks are looked at below.
    free = (("architecture",), ("training",), ("callbacks",), ("run", "metrics"))
    needed = [place for place in places(content) if all(place[: len(other)] != other for other in free)]
    needed = [place for place in needed if place[-1] != "frozen"]
    needed += [place for place in places(content) if place[:1] == ("callbacks",) and place[-1] in ("type", "state")]
    assert len(needed) > 50
    for place in needed:
        write_content(without(content, place), path)
        at = At("", 0)
        check_refused(make(at), path, str(place[-1]) if "states" not in place else "")
        assert at.counts["on_fit_begin"] == 1, place


def test_a_file_in_which_the_history_is_missing(path: Path) -> None:
    write_content(without(entries(path), (*HISTORY, "loss")), path)
    check_refused(make(), path, "lacks 'loss'")


@pytest.mark.parametrize(("key", "value"), [("epoch", "x"), ("step", None), ("loss", [1]), ("metrics", 3)])
def test_a_file_in_which_something_is_of_another_kind(key: str, value: Any, path: Path) -> None:
    content = entries(path)
    write_content({**content, "run": {**content["run"], key: value}}, path)
    check_refused(make(), path, "does not match: ")
