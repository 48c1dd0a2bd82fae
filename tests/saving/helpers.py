"""Saving and loading, all that must be the same afterwards, and files that must be refused."""

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import CheckpointError, Module, load, save
from minidl.modules.places import places_of
from minidl.saving.container import read
from minidl.saving.generators import states_of
from minidl.saving.models import as_code, read_content, write_content
from tests.saving.hostile import SLACK


def again(module: Any, folder: Path) -> Any:
    """The module as it comes back from a file. Saving it once more makes a file of the same bytes."""
    save(module, folder / "first.npz")
    loaded = load(folder / "first.npz")
    save(loaded, folder / "second.npz")
    assert (folder / "first.npz").read_bytes() == (folder / "second.npz").read_bytes()
    return loaded


def value_again(value: Any, folder: Path) -> Any:
    """Any value as it comes back from a file."""
    write_content({"value": value}, folder / "value.npz")
    return entry(folder / "value.npz", "value")


def entry(path: Path, name: str) -> Any:
    """One entry of a file."""
    return read_content(path, [name])[name]


def entries(path: Path) -> dict[str, Any]:
    """All entries of a file."""
    return read_content(path, read(path)[0])


def all_of(module: Module) -> dict[str, Any]:
    """All of a module that must survive, as text and bytes."""
    return {
        "as_code": as_code(module),
        "state": {name: plain(value) for name, value in module.state().items()},
        "dtype": {name: parameter.dtype for name, parameter in module.named_parameters()},
        "decay": {name: parameter.decay for name, parameter in module.named_parameters()},
        "training": {path: part.training for path, part in module.modules()},
        "types": {path: type(part) for path, part in module.modules()},
        "generators": repr(states_of(places_of(module))),
    }


def plain(value: Any) -> Any:
    """A value as what compares by type and bits."""
    if isinstance(value, np.ndarray):
        return "array", value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, list | tuple):
        return type(value), [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return type(value), repr(value)


def refused(data: bytes, words: str, folder: Path) -> None:
    """Assert that bytes are refused in these words, and that it took little memory to find that out."""
    path = folder / "forged.npz"
    path.write_bytes(data)
    tracemalloc.start()
    try:
        with pytest.raises(CheckpointError, match=words) as info:
            read(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert str(info.value).startswith(f"{str(path)!r} ")
    assert peak <= 2 * len(data) + SLACK
