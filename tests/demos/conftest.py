"""Each demo runs once, as a reader runs it, for all tests here.

Tests of a demo are parametrized with `of_demo`. Where several workers run the tests, those of one demo share a worker.
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]


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
    def run(name: str) -> tuple[Demo, int, str]:
        program, *options = name.split()
        folder = tmp_path_factory.mktemp(program)
        # No display; text as UTF-8 whatever the locale says.
        hidden = ("DISPLAY", "WAYLAND_DISPLAY", "MPLBACKEND")
        environment = {key: value for key, value in os.environ.items() if key not in hidden}
        # Small matrices gain nothing from threads, which wait for each other where other tests run at the same time.
        environment["OPENBLAS_NUM_THREADS"] = "1"
        command = [sys.executable, "-X", "utf8", "-W", "error", f"demos/{program}.py", *options, "--out", str(folder)]
        # Without a time limit, which a slow or busy machine would exceed.
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, encoding="utf-8", check=False)
        return Demo(name, done.stdout, folder), done.returncode, done.stderr

    def succeeded(name: str) -> Demo:
        # Checked outside of the cache, so that a demo that fails is not run again for each of its tests.
        demo, status, errors = run(name)
        assert status == 0, errors
        assert not errors, errors
        return demo

    return succeeded
