"""The reference has an entry for every public name, with an example."""

import inspect
import re
from importlib import import_module
from importlib.util import find_spec

import pytest

from minidl import optimizers, schedules
from tests.docs.conftest import DOCS

MODULES = ["minidl", *(f"minidl.{name}" for name in ("checking", "initializers", "metrics", "plotting", "schedules"))]
MODULES += ["minidl.augment", "minidl.checking.strategies"]
MODULES += [
    f"minidl.integrations.{name}"
    for name in ("keras", "mpi", "onnx", "optuna", "pytorch", "safetensors", "tensorboard")
]
MODULES += ["minidl.integrations.sklearn"] if find_spec("sklearn") else []  # it cannot be imported without it
ENTRY = re.compile(r"^\.\. (?:auto\w+|py:type|py:data):: (\S+)\n((?:(?: +.*)?\n)*)", re.MULTILINE)


def pages() -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in sorted((DOCS / "reference").glob("*.rst"))}


def entries() -> dict[str, str]:
    """Full name -> what stands below its directive; a name without dots belongs to the page's module."""
    found: dict[str, str] = {}
    for text in pages().values():
        module = re.findall(r"^\.\. currentmodule:: (\S+)$", text, re.MULTILINE)
        for name, body in ENTRY.findall(text + "\n"):
            full = name if "." in name else f"{module[0]}.{name}"
            assert full not in found, f"{full} has two entries"
            found[full] = body
    return found


def public_names() -> list[str]:
    """The full names of all public classes and functions. A module among them has a page instead of an entry."""
    names = [
        (f"{module}.{name}", getattr(import_module(module), name)) for module in MODULES for name in public(module)
    ]
    return [name for name, value in names if not inspect.ismodule(value)]


def public(module: str) -> list[str]:
    names: list[str] = import_module(module).__all__
    return names


@pytest.mark.parametrize("name", public_names())
def test_every_public_name_has_an_entry_with_an_example(name: str) -> None:
    entry = entries().get(name)
    assert entry is not None, f"{name} has no entry in docs/reference"
    module, _, attribute = name.rpartition(".")
    text = entry + (inspect.getdoc(getattr(import_module(module), attribute)) or "")
    assert ">>>" in text, f"{name} has no example"


@pytest.mark.parametrize("name", [*optimizers.__all__, *schedules.__all__])
def test_optimizers_and_schedules_say_what_they_refuse(name: str) -> None:
    taker = vars(optimizers).get(name) or getattr(schedules, name)
    if name not in ("Group", "Parameters", "hyperparameter", "ScheduleFunction"):  # these check nothing themselves
        assert re.search(r"\n    Raises:\n        HyperparameterError: ", taker.__doc__)


def test_every_entry_is_public() -> None:
    others = {"minidl.typing", "minidl.optimizers", "minidl.modules"}  # public in part
    others |= {"minidl.integrations.sklearn"} - set(MODULES)
    assert {name for name in entries() if name.rpartition(".")[0] not in others} <= set(public_names())


def test_the_table_of_a_page_lists_its_entries() -> None:
    for page, text in pages().items():
        listed = re.findall(r"^\.\. autosummary::\n   :nosignatures:\n\n((?:   \S+\n)+)", text, re.MULTILINE)
        names = [name for table in listed for name in table.split()]
        assert names == re.findall(r"^\.\. auto(?:class|function):: (\S+)$", text, re.MULTILINE), page
