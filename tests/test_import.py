"""What `import minidl` brings along, and what it costs, each measured in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAZY_IN_NUMPY = ("numpy.random", "numpy.typing")
ABSENT = (*LAZY_IN_NUMPY, "matplotlib", "tqdm", "safetensors", "hypothesis", "scipy", "pytest", "IPython")

LOADED = """
import sys
import numpy
before = set(sys.modules)
import minidl
print(*sorted(set(sys.modules) - before))
"""

COST = """
from time import perf_counter
import numpy
begin = perf_counter()
import minidl
print(perf_counter() - begin)
"""


def python(*arguments: str, cache: Path) -> str:
    # Compiled files are kept apart, so that the measurement neither depends on what lies around nor leaves anything.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"PYTHONPYCACHEPREFIX": str(cache), "PYTHONPATH": str(ROOT)}
    run = subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, text=True, check=True)
    return run.stdout


def test_numpy_alone_is_loaded(tmp_path: Path) -> None:
    loaded = python("-c", LOADED, cache=tmp_path).split()
    assert "minidl.layers.dense" in loaded
    assert [name for name in loaded if name.startswith(ABSENT)] == []


@pytest.mark.slow
def test_import_costs_at_most_15_ms_over_numpy(tmp_path: Path) -> None:
    python("-m", "compileall", "-q", str(ROOT / "minidl"), cache=tmp_path)
    best = min(float(python("-c", COST, cache=tmp_path)) for _ in range(7))
    assert best <= 0.015


@pytest.mark.parametrize("name", ["minidl.checking", "minidl.plotting", "minidl.integrations"])
def test_parts_that_are_not_loaded_at_once_can_be_imported_alone(name: str, tmp_path: Path) -> None:
    python("-c", f"import {name}", cache=tmp_path)
