"""Runs of the demos, each in a process of its own, as a reader starts it.

The gallery shows these runs. With ``DEMOS=recorded`` in the environment, the tests of the demos check them as well. A
run is valid until the demo, minidl or an installed package changes.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from importlib.metadata import distributions
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
RECORDS = ROOT / "docs" / "_build" / "demo_runs"


class DemoRun(NamedTuple):
    """What a demo printed, how it ended, how long it took, and the folder of its pictures."""

    text: str
    errors: str
    status: int
    seconds: float
    folder: Path


def run(command: str, folder: Path) -> DemoRun:
    """Run a demo, such as "characters --quick", which writes its pictures to a folder.

    Warnings are errors. There is no display, and no time limit, which a busy machine would exceed. The text is UTF-8
    whatever the locale says. Matrices are multiplied in one thread: small ones gain nothing from more, which would wait
    for each other on a busy machine.
    """
    program, *options = command.split()
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "MPLBACKEND")
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    environment["OPENBLAS_NUM_THREADS"] = "1"
    folder.mkdir(parents=True, exist_ok=True)
    script = ROOT / "demos" / f"{program}.py"
    arguments = [sys.executable, "-X", "utf8", "-W", "error", str(script), *options, "--out", folder.name]
    start = time.perf_counter()
    done = subprocess.run(
        arguments, cwd=folder.parent, env=environment, capture_output=True, encoding="utf-8", check=False
    )
    return DemoRun(done.stdout, done.stderr, done.returncode, time.perf_counter() - start, folder)


def recorded(command: str) -> DemoRun | None:
    """The last run of a demo, if it succeeded and nothing that it depends on has changed since then."""
    try:
        record = json.loads(_record(command).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return DemoRun(**record["run"] | {"folder": _folder(command)}) if record["digest"] == _digest(command) else None


def record(command: str) -> DemoRun:
    """Return the last run of a demo if it is still valid. Otherwise run the demo, and keep the run if it succeeded."""
    known = recorded(command)
    if known is not None:
        return known
    folder = _folder(command)
    _record(command).unlink(missing_ok=True)
    for picture in folder.glob("*"):
        picture.unlink()
    digest = _digest(command)
    found = run(command, folder)
    if found.status == 0 and not found.errors:
        text = json.dumps({"digest": digest, "run": {**found._asdict(), "folder": None}})
        _record(command).write_text(text, encoding="utf-8")
    return found


def start(commands: Iterable[str]) -> dict[str, Future[DemoRun]]:
    """Begin to `record` demos, as many at a time as there are cores."""
    pool = ThreadPoolExecutor(os.cpu_count())
    futures = {command: pool.submit(record, command) for command in commands}
    pool.shutdown(wait=False)
    return futures


def _record(command: str) -> Path:
    return RECORDS / f"{command.replace(' ', '')}.json"


def _folder(command: str) -> Path:
    return RECORDS / command.split()[0]


def _digest(command: str) -> str:
    """A digest of all that a run depends on."""
    source = (ROOT / "demos" / f"{command.split()[0]}.py").read_text(encoding="utf-8")
    return hashlib.sha256(f"{command} {source} {shared()}".encode()).hexdigest()


def demos() -> list[Path]:
    """The programs among the demos."""
    return [path for path in _scripts() if "__main__" in path.read_text(encoding="utf-8")]


def helpers() -> list[Path]:
    """The modules beside the demos that they import."""
    return [path for path in _scripts() if "__main__" not in path.read_text(encoding="utf-8")]


def _scripts() -> list[Path]:
    return sorted((ROOT / "demos").glob("*.py"))


@cache
def shared() -> str:
    """A digest of what all demos depend on: what is beside them, minidl, Python and the packages that are installed."""
    digest = hashlib.sha256(sys.version.encode())
    digest.update(str(sorted({(found.name, found.version) for found in distributions()})).encode())
    for path in [Path(__file__), *helpers(), *sorted((ROOT / "minidl").rglob("*"))]:
        if path.suffix == ".py":
            digest.update(_code(path.read_text(encoding="utf-8")).encode())
        elif path.is_file() and path.suffix != ".pyc":
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _code(source: str) -> str:
    """The code of a module without comments and docstrings.

    >>> _code("'One.'  # two") == _code("'Three.'")
    True
    >>> _code("x = 1") == _code("x = 2")
    False
    """
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [  # type: ignore[attr-defined]  # it has one
                part for part in body if not (isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant))
            ]
    return ast.dump(tree)
