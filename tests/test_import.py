"""What `import minidl` brings along, each counted in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAZY_IN_NUMPY = ("numpy.random", "numpy.typing")
ABSENT = (
    *LAZY_IN_NUMPY,
    "matplotlib",
    "tqdm",
    "safetensors",
    "onnx",
    "hypothesis",
    "scipy",
    "pytest",
    "IPython",
    "zipfile",
)
MOST_MODULES = 145  # of minidl itself: 131 measured
MOST_OTHERS = 6  # of the standard library, beyond NumPy and inspect, which newer NumPy loads: 3 measured

LOADED = """
import sys
import inspect
import numpy
before = set(sys.modules)
import minidl
print(*sorted(set(sys.modules) - before))
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


def test_little_is_loaded_besides(tmp_path: Path) -> None:
    """What a start costs is what it imports: a count holds on any machine, unlike a limit in seconds."""
    loaded = python("-c", LOADED, cache=tmp_path).split()
    own = [name for name in loaded if name.split(".")[0] == "minidl"]
    others = [name for name in loaded if name not in own]
    assert len(own) <= MOST_MODULES
    assert len(others) <= MOST_OTHERS, others


@pytest.mark.parametrize("name", ["minidl.checking", "minidl.plotting", "minidl.integrations"])
def test_parts_that_are_not_loaded_at_once_can_be_imported_alone(name: str, tmp_path: Path) -> None:
    python("-c", f"import {name}", cache=tmp_path)
