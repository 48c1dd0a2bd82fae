"""Imports point down the stack only, and the public surface is explicit and documented."""

import ast
import importlib
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import minidl

ROOT = Path(minidl.__file__).parent

LEVELS = {
    "typing": 0,
    "errors": 0,
    "advice": 1,
    "arguments": 1,
    "batch": 1,
    "constants": 1,
    "dtypes": 1,
    "sums": 1,
    "events": 1,
    "files": 1,
    "interruption": 1,
    "levels": 1,
    "notebook": 1,
    "differences": 1,
    "parameters": 2,
    "initializers": 2,
    "schedules": 2,
    "metrics": 2,
    "data": 2,
    "batches": 2,
    "sources": 2,
    "splitting": 2,
    "augment": 2,
    "datasets": 2,
    "text": 2,
    "modules": 3,
    "layers": 4,
    "losses": 4,
    "objectives": 4,
    "optimizers": 4,
    "run": 5,
    "saving": 5,
    "callbacks": 6,
    "training": 7,
    "checking": 8,
    "plotting": 8,
    "generation": 8,
    "integrations": 8,
    "contents": 8,
    "playground": 8,
    "__main__": 8,
}
"""The stack; a module may import from its own level and from below."""

OPTIONAL = {
    "matplotlib": {"plotting"},
    "PIL": {"plotting"},  # Matplotlib needs it, too
    "contourpy": {"plotting"},  # and this
    "IPython": {"plotting"},
    "hypothesis": {"checking"},
    "tqdm": {"callbacks"},
    "safetensors": {"integrations"},
    "mpi4py": {"integrations"},
    "onnx": {"integrations"},
    "tensorboardX": {"integrations"},
    "optuna": {"integrations"},
    "keras": {"integrations"},
    "scipy": {"training"},
    "sklearn": {"integrations"},
}
"""Packages beyond NumPy and the standard library, and the parts of minidl that may import them."""

NEEDED = {"minidl.integrations.estimator": "sklearn", "minidl.integrations.sklearn": "sklearn"}
"""Modules that cannot be imported without a package: their classes derive from its classes."""

INSIDE_FUNCTIONS = {
    "tqdm",
    "IPython",
    "safetensors",
    "onnx",
    "keras",
    "tensorboardX",
    "optuna",
    "scipy",
    "mpi4py",
    "minidl.saving.container",
}
"""What may be imported inside a function: what may be missing, and the one part of minidl that is slow to load."""


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {name_of(path): path for path in sorted(ROOT.rglob("*.py"))}


def imports(tree: ast.AST, *, inside: bool = False) -> Iterator[tuple[str, bool]]:
    """Pairs (dotted name, whether inside a function), those under TYPE_CHECKING included."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, inside) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            source = node.module or ""
            yield from ((f"{source}.{alias.name}", inside) for alias in node.names)
        else:
            yield from imports(node, inside=inside or isinstance(node, ast.FunctionDef | ast.Lambda))


def targets(name: str) -> set[str]:
    """The files of minidl that a file imports."""
    found = set()
    for imported, _ in imports(ast.parse(FILES[name].read_text())):
        if imported.split(".")[0] == "minidl":
            found.add(imported if imported in FILES else imported.rpartition(".")[0])
    return found - {name}


def part(name: str) -> str:
    return name.split(".")[1]


def test_this_reads_imports_as_it_should() -> None:
    source = (
        "if TYPE_CHECKING:\n    import a\nimport b.c\ndef f():\n    from d import e\nif x:\n    from g import h, i\n"
    )
    found = [("a", False), ("b.c", False), ("d.e", True), ("g.h", False), ("g.i", False)]
    assert list(imports(ast.parse(source))) == found
    assert "minidl.modules" in targets("minidl.optimizers.base")
    assert "minidl.modules.module" in targets("minidl.modules.layer")


@pytest.mark.parametrize("name", [name for name in FILES if name != "minidl"])
def test_imports_point_down_or_sideways(name: str) -> None:
    assert part(name) in LEVELS, "a new part of the package needs its level"
    for target in targets(name):
        assert target != "minidl", "import from where a thing is defined"
        assert LEVELS[part(target)] <= LEVELS[part(name)], f"{name} imports {target}"


def test_there_is_no_cycle() -> None:
    graph = {name: targets(name) for name in FILES}
    done: set[str] = set()
    while ready := {name for name in graph.keys() - done if graph[name] <= done}:
        done |= ready
    assert graph.keys() - done == set()


@pytest.mark.parametrize("name", FILES)
def test_nothing_is_imported_inside_a_function_without_need(name: str) -> None:
    inside = {imported for imported, deep in imports(ast.parse(FILES[name].read_text())) if deep}
    assert {
        imported if imported in INSIDE_FUNCTIONS else imported.split(".")[0] for imported in inside
    } <= INSIDE_FUNCTIONS


@pytest.mark.parametrize("name", FILES)
def test_other_packages_are_imported_only_where_they_belong(name: str) -> None:
    for imported, _ in imports(ast.parse(FILES[name].read_text())):
        top = imported.split(".")[0]
        if top in OPTIONAL:
            assert part(name) in OPTIONAL[top], f"{name} imports {top}"
        else:
            assert top in {"minidl", "numpy", *sys.stdlib_module_names}


@pytest.mark.parametrize("name", FILES)
def test_all_is_given_and_true(name: str) -> None:
    if name in NEEDED:
        pytest.importorskip(NEEDED[name])
    module = importlib.import_module(name)
    tree = ast.parse(FILES[name].read_text())
    names = [n.name for n in tree.body if isinstance(n, ast.ClassDef | ast.FunctionDef) and n.name[0] != "_"]
    assert not names or module.__all__
    for public in getattr(module, "__all__", ()):
        assert hasattr(module, public)


def test_the_public_surface_is_sorted_and_complete() -> None:
    assert len(set(minidl.__all__)) == len(minidl.__all__)
    assert list(minidl.__all__) == sorted(minidl.__all__, key=lambda name: (not name.isupper(), name))
    bound = {
        name
        for name, value in vars(minidl).items()
        if name[0] != "_" and (inspect.isclass(value) or inspect.isfunction(value))
    }
    assert bound == {name for name in minidl.__all__ if not inspect.ismodule(getattr(minidl, name))}
    for package in ("layers", "losses", "objectives", "optimizers", "errors", "training", "callbacks", "run"):
        module = importlib.import_module(f"minidl.{package}")
        public = {name for name in module.__all__ if inspect.isclass(getattr(module, name))}
        assert public <= set(minidl.__all__), package


NEED_NO_EXAMPLE = {name for name in minidl.__all__ if name.endswith(("Error", "Warning"))} | {
    "Descent",  # shown by minimize
    "RateSearch",  # shown by find_learning_rate
    "Layer",  # these four are shown by everything made of them
    "Loss",
    "Module",
    "Objective",
    "Optimizer",
    "History",  # shown by Trainer
    "RecordPath",
    "Run",
}


@pytest.mark.parametrize("name", minidl.__all__)
def test_every_public_name_is_documented_with_an_example(name: str) -> None:
    if inspect.ismodule(getattr(minidl, name)):
        return  # its functions have examples of their own
    docstring = vars(getattr(minidl, name)).get("__doc__") or inspect.getdoc(getattr(minidl, name)) or ""
    assert len(docstring) > 20
    assert (">>> " in docstring) is (name not in NEED_NO_EXAMPLE), "an example, or an entry among the exceptions"


ALL = [path for folder in ("minidl", "tests", "demos") for path in sorted((ROOT.parent / folder).rglob("*.py"))]


@pytest.mark.parametrize("path", ALL, ids=lambda path: str(path.relative_to(ROOT.parent)))
def test_no_file_is_longer_than_300_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 300
