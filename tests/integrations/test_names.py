"""The tables of names in *Coming from PyTorch, Keras or scikit-learn* are true, and leave out no class."""

import importlib
import inspect
import re
from types import ModuleType
from typing import Any

import pytest

import minidl
from minidl import integrations
from tests.docs.conftest import DOCS
from tests.integrations.packages import real

PAGE = DOCS / "learn" / "coming_from.md"
HEADING = re.compile(r"^### (.*)\n", re.MULTILINE)
ROW = re.compile(r"^\| (`.*) \| (.*) \|$", re.MULTILINE)
NAME = re.compile(r"`([^`]+)`")
KEYWORD = re.compile(r"(\w+)=")
MODULES = {"np": "numpy", "plotting": "minidl.plotting"}

WHERE: dict[str, tuple[str, ...]] = {
    "torch.nn": ("torch.nn",),
    "torch.optim and its lr_scheduler": ("torch.optim", "torch.optim.lr_scheduler"),
    "keras.layers": ("keras.layers",),
    "keras.losses, optimizers and callbacks": ("keras.losses", "keras.optimizers", "keras.callbacks"),
    "sklearn.neural_network and sklearn.metrics": ("sklearn.neural_network", "sklearn.metrics"),
}
"""The heading of each table, and the modules whose names are in it."""

CHOSEN = "sklearn"
"""Of this package, the tables hold only what concerns networks."""


def tables() -> dict[str, list[tuple[str, str]]]:
    """The rows of each table, by its heading."""
    text = PAGE.read_text(encoding="utf-8").partition("\n## Name by name\n")[2].partition("\n## ")[0]
    parts = HEADING.split(text)[1:]
    return {heading: ROW.findall(rows) for heading, rows in zip(parts[::2], parts[1::2], strict=True)}


def modules(heading: str) -> list[Any]:
    for name in WHERE[heading]:
        real(name.partition(".")[0])
    return [importlib.import_module(name) for name in WHERE[heading]]


def classes(module: ModuleType) -> set[str]:
    """The public classes of a module, without those that it only imports from the standard library."""
    package = module.__name__.partition(".")[0]
    return {
        name
        for name, value in inspect.getmembers(module, inspect.isclass)
        if name[0] != "_" and value.__module__.partition(".")[0] == package
    }


def test_there_is_a_table_for_each_package() -> None:
    assert list(tables()) == list(WHERE)
    assert all(len(rows) > 5 for rows in tables().values())


@pytest.mark.parametrize("heading", WHERE)
def test_every_name_of_the_other_package_exists(heading: str) -> None:
    found = modules(heading)
    names = [name for left, _ in tables()[heading] for name in NAME.findall(left)]
    assert [name for name in names if not any(hasattr(module, name) for module in found)] == []
    assert [name for name in set(names) if names.count(name) > 1] == []


def here(name: str) -> Any:
    return getattr(minidl, name) if hasattr(minidl, name) else getattr(integrations, name)


@pytest.mark.parametrize("heading", WHERE)
def test_every_name_here_exists(heading: str) -> None:
    """In the right column, what is in backticks is a name of minidl, its bridges or NumPy, perhaps with arguments."""
    for _, right in tables()[heading]:
        for code in NAME.findall(right):
            name, _, arguments = code.partition("(")
            first, *others = name.split(".")
            if first == "plotting":
                pytest.importorskip("matplotlib")
            thing: Any = importlib.import_module(MODULES[first]) if first in MODULES else here(first)
            for part in others:
                thing = getattr(thing, part)
            for argument in KEYWORD.findall(arguments):
                assert argument in inspect.signature(thing).parameters, code


@pytest.mark.parametrize("heading", [heading for heading in WHERE if not heading.startswith(CHOSEN)])
def test_no_class_is_left_out(heading: str) -> None:
    names = {name for left, _ in tables()[heading] for name in NAME.findall(left)}
    for module in modules(heading):
        assert classes(module) - names - {"Tensor"} == set()


def test_a_row_says_what_to_use_instead() -> None:
    """A row is what it is called, or a dash and what to use instead. Only what has no substitute is a bare dash."""
    bare = [left for rows in tables().values() for left, right in rows if right.startswith("–") and len(right) < 4]
    assert bare == ["`CTCLoss`", "`CTC`", "`BernoulliRBM`"]
