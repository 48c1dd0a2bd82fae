"""The budgets of the design, in lines of code: ``python -m tests.budgets`` prints them and fails if one is exceeded.

A line of code is a physical line that is neither blank, nor only a comment, nor part of a docstring. The string below
an attribute, like any other string that stands alone as a statement, is a docstring too.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import minidl

ROOT = Path(minidl.__file__).parent

CLASSES = {
    "layers.Dense": 50,
    "layers.ReLU": 10,
    "layers.Sigmoid": 10,
    "layers.Tanh": 10,
    "layers.Identity": 10,
    "layers.Softplus": 10,
    "layers.SiLU": 10,
    "layers.Sequential": 65,
    "layers.Conv2D": 70,
    "layers.SelfAttention": 60,
    "layers.LSTM": 60,
    "modules.Module": 80,
    "modules.Layer": 45,
    "optimizers.Optimizer": 110,
    "optimizers.Momentum": 20,
    "optimizers.Adam": 36,
}
"""Classes, by the part of the package that they are in. Those that do not exist yet are skipped."""

CONTAINERS, CONTAINERS_BUDGET = "layers/containers.py", 90
"""What containers of layers share: the base of those with any number of layers, checks, and notes on errors."""

LOOP, LOOP_METHODS, LOOP_BUDGET = "run.py", ("Run.go", "Run._loop"), 45
"""The loop."""

FIT_BUDGET = 40
"""The body of `Trainer.fit`."""

FILES, FILES_BUDGET = (
    ("saving/*.py", "callbacks/checkpoint.py", "training/resumption.py"),
    757,
)
"""Saving and resuming, the states of random generators included."""

WHOLE_BUDGET = 18_800
"""All of minidl."""

SILENT = {
    tokenize.COMMENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
    tokenize.INDENT,
    tokenize.NEWLINE,
    tokenize.NL,
}
"""Tokens that do not make a line a line of code."""

Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


class Budget(NamedTuple):
    """One row of the table; `lines` is None for what does not exist."""

    name: str
    allowed: int
    lines: int | None

    @property
    def holds(self) -> bool:
        return self.lines is None or self.lines <= self.allowed


def code_lines(source: str) -> set[int]:
    """Return the numbers of the lines of code in a source text."""
    docstrings = {
        line
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for line in span(node)
    }
    lines = source.splitlines()
    found: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        own = range(token.start[0], token.end[0] + 1)
        if token.type not in SILENT and not (token.type == tokenize.STRING and docstrings.issuperset(own)):
            found.update(line for line in own if lines[line - 1].strip())
    return found


def span(node: ast.stmt) -> range:
    """Return the lines of a statement, including decorators."""
    decorators = node.decorator_list if isinstance(node, Definition) else []
    assert node.end_lineno is not None
    return range(min([node.lineno, *(each.lineno for each in decorators)]), node.end_lineno + 1)


def body(node: Definition) -> range:
    """Return the lines of a definition below its signature."""
    assert node.end_lineno is not None
    return range(node.body[0].lineno, node.end_lineno + 1)


def definition(tree: ast.Module, path: str) -> Definition | None:
    """Return the definition at a dotted path such as "Run.go", None if there is none."""
    found: Definition | None = None
    statements = tree.body
    for name in path.split("."):
        matching = (node for node in statements if isinstance(node, Definition) and node.name == name)
        found = next(matching, None)
        if found is None:
            return None
        statements = found.body
    return found


@cache
def parsed(path: Path) -> tuple[ast.Module, set[int]]:
    """Return the syntax tree of a file and the numbers of its lines of code."""
    source = path.read_text(encoding="utf-8")
    return ast.parse(source), code_lines(source)


def paths(*patterns: str) -> list[Path]:
    """Return the files of minidl that match the patterns."""
    return [path for pattern in patterns for path in sorted(ROOT.glob(pattern))]


def count(files: Iterable[Path]) -> int | None:
    """Return the lines of code of some files together, None if there is no file."""
    counts = [len(parsed(path)[1]) for path in files]
    return sum(counts) if counts else None


def lines_of(path: str, files: Iterable[Path], *, signature: bool = True) -> int | None:
    """Return the lines of code of a definition in the first of these files that has it, None if none has."""
    for file in files:
        tree, lines = parsed(file)
        node = definition(tree, path)
        if node is not None:
            return len(lines.intersection(span(node) if signature else body(node)))
    return None


def budgets() -> Iterator[Budget]:
    """Yield every budget, with what it is spent on now."""
    for name, allowed in CLASSES.items():
        part, _, cls = name.rpartition(".")
        yield Budget(name, allowed, lines_of(cls, paths(f"{part}.py", f"{part}/**/*.py")))
    both = [lines_of(cls, paths("layers/*.py")) for cls in ("Conv2D", "Convolution")]
    yield Budget("Conv2D with its base", CLASSES["layers.Conv2D"], sum(lines for lines in both if lines is not None))
    yield Budget("what containers share", CONTAINERS_BUDGET, count(paths(CONTAINERS)))
    loop = [lines_of(method, paths(LOOP)) for method in LOOP_METHODS]
    found = [lines for lines in loop if lines is not None]
    yield Budget(f"the loop: {', '.join(LOOP_METHODS)}", LOOP_BUDGET, sum(found) if len(found) == len(loop) else None)
    fit = lines_of("Trainer.fit", paths("training/trainer.py"), signature=False)
    yield Budget("Trainer.fit without its signature", FIT_BUDGET, fit)
    yield Budget("saving and resuming", FILES_BUDGET, count(paths(*FILES)))
    yield Budget("all of minidl", WHOLE_BUDGET, count(paths("**/*.py")))


def main() -> None:
    rows = list(budgets())
    width = max(len(row.name) for row in rows)
    print(f"{'lines of code':{width}}  budget   used")
    for row in rows:
        used = "     –" if row.lines is None else f"{row.lines:6}"
        note = "  does not exist yet" if row.lines is None else "" if row.holds else f"  {row.lines - row.allowed} over"
        print(f"{row.name:{width}}  {row.allowed:6} {used}{note}")
    over = [row.name for row in rows if not row.holds]
    if over:
        raise SystemExit(f"over budget: {', '.join(over)}")


if __name__ == "__main__":
    main()
