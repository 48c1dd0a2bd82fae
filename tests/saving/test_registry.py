"""Which type a file means: by home and name, by its name alone if that is enough, and else none."""

import gc
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from minidl import CheckpointError, Layer, Module, Residual, Sequential, load, save
from minidl.saving import remade
from minidl.saving.tree import title_of


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    """What a test defines is forgotten at its end."""
    yield
    gc.collect()


def defined(home: str, factor: int = 1) -> type[Layer]:
    """A layer `Twin` as a module of that name would define it."""
    namespace: dict[str, Any] = {"__module__": home, "factor": factor, "forward": lambda self, x: x * self.factor}
    return type("Twin", (Layer,), namespace)


def save_one(home: str, path: Path) -> None:
    """Save a layer whose type is forgotten afterwards."""
    save(Sequential(defined(home)()), path)
    gc.collect()


@pytest.mark.parametrize(("written", "read"), [("__main__", "script"), ("script", "__main__"), ("a.b", "c")])
def test_a_layer_of_a_script_that_is_imported_now(written: str, read: str, tmp_path: Path) -> None:
    save_one(written, tmp_path / "model.npz")
    second = defined(read)
    assert type(load(tmp_path / "model.npz")[0]) is second


def test_a_layer_that_is_known_by_home_and_name(tmp_path: Path) -> None:
    kinds = [defined(home) for home in ("one", "two", "__main__")]
    for kind in kinds:
        save(kind(), tmp_path / "model.npz")
        assert type(load(tmp_path / "model.npz")) is kind


def test_a_layer_that_several_homes_have(tmp_path: Path) -> None:
    save_one("one", tmp_path / "model.npz")
    others = [defined(home) for home in ("two", "three")]
    assert len(others) == 2
    words = "needs the type 'Twin' of 'one', which several modules define; import the module that defines it before"
    with pytest.raises(CheckpointError, match=words):
        load(tmp_path / "model.npz")


def test_the_latest_definition_counts(tmp_path: Path) -> None:
    save(Sequential(defined("__main__", factor=1)()), tmp_path / "model.npz")
    latest = defined("__main__", factor=2)
    loaded = load(tmp_path / "model.npz")
    assert type(loaded[0]) is latest
    assert loaded.predict([[1.0]]).item() == 2.0


@pytest.mark.parametrize(("home", "other"), [("script", "minidl"), ("minidl", "script"), ("script", None)])
def test_a_type_that_nothing_has_defined(home: str, other: str | None, tmp_path: Path) -> None:
    """A layer of a user never stands for one of minidl's own, nor the other way round."""
    save_one(home if home != "minidl" else "minidl.layers", tmp_path / "model.npz")
    present = other and defined(other if other != "minidl" else "minidl.layers")
    assert bool(present) is bool(other)
    words = f"model.npz' needs the type 'Twin' of '{home}', which nothing has defined; import the module that defines"
    with pytest.raises(CheckpointError, match=words):
        load(tmp_path / "model.npz")


def test_no_two_types_of_minidl_have_one_name() -> None:
    kinds: list[type[Module]] = [Module]
    for kind in kinds:
        below = [sub for sub in kind.__subclasses__() if sub.__module__.startswith("minidl.")]
        kinds += [sub for sub in below if hasattr(import_module(sub.__module__), sub.__name__)]  # no Twin
    names = {title_of(kind) for kind in kinds[1:]}
    assert len(names) == len(set(kinds[1:])) > 30
    assert {home for home, _ in names} == {"minidl"}


def test_what_the_name_means_now_counts_among_types_that_are_alive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a notebook a class may be defined again on another base, while an older model is alive."""
    home = ModuleType("notebook")
    monkeypatch.setitem(sys.modules, "notebook", home)
    older = type("Twin", (Sequential,), {"__module__": "notebook"})
    for base in (Residual, Sequential):
        vars(home)["Twin"] = type("Twin", (base,), {"__module__": "notebook"})
        save(vars(home)["Twin"](), tmp_path / "model.npz")
        assert type(load(tmp_path / "model.npz")) is vars(home)["Twin"]
    assert type(remade(older())) is older
