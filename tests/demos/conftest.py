"""Each demo runs once, as a reader runs it, for all tests here.

With DEMOS=recorded in the environment, the tests check the runs that the gallery shows, and fail if the demo or minidl
has changed since then. Tests of a demo are parametrized with `of_demo`. Where several workers run the tests, those of
one demo share a worker.
"""

import os
import re
import sys
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "docs" / "_ext"))
demo_runs: Any = import_module("demo_runs")


class Demo(NamedTuple):
    """A demo's name, with its options, what it printed, and where its pictures are."""

    name: str
    text: str
    folder: Path

    def section(self, item: str) -> str:
        """What was printed under the headings of an item, such as "Q1.4"."""
        parts = [part for part in re.split(r"\n(?=Q\d)", self.text) if part.startswith(item)]
        assert parts, f"no {item} in\n{self.text}"
        return "\n".join(parts)


def of_demo(*names: str) -> pytest.MarkDecorator:
    """Pass each of these demos to a test, as the fixture `demo`. The mark belongs below all other marks."""
    return pytest.mark.parametrize("demo", names, indirect=True)


@pytest.fixture
def demo(request: pytest.FixtureRequest, run_demo: Callable[[str], Demo]) -> Demo:
    return run_demo(request.param)


@pytest.fixture(scope="session")
def run_demo(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Demo]:
    @cache
    def run(name: str) -> Any:
        if os.environ.get("DEMOS") != "recorded":
            return demo_runs.run(name, tmp_path_factory.mktemp("demos") / name.split()[0])
        known = demo_runs.recorded(name)
        assert known is not None, f"there is no run of the present {name}: make docs"
        return known

    def succeeded(name: str) -> Demo:
        # Checked outside of the cache, so that a demo that fails is not run again for each of its tests.
        found = run(name)
        assert found.status == 0, found.errors
        assert not found.errors, found.errors
        return Demo(name, found.text, found.folder)

    return succeeded
