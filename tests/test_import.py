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


FIT = """
import sys
import numpy as np
from minidl import SGD, BCEWithLogitsLoss, Dense, Sequential, Trainer
model = Sequential(Dense(2, 1), rng=0)
x, y = np.eye(2).repeat(5, axis=0), np.array([[0.0], [1.0]]).repeat(5, axis=0)
Trainer(model, BCEWithLogitsLoss(), SGD(model.parameters(), lr=0.1)).fit(x, y, epochs=1, validation=0.2)
print(*sys.modules)
"""


def test_a_fit_does_not_load_masked_arrays(tmp_path: Path) -> None:
    """They take as long to load as all of minidl."""
    loaded = python("-c", FIT, cache=tmp_path).split()
    assert "numpy.random" in loaded, "the split is drawn"
    assert "numpy.ma" not in loaded


@pytest.mark.parametrize("name", ["minidl.checking", "minidl.plotting", "minidl.integrations"])
def test_parts_that_are_not_loaded_at_once_can_be_imported_alone(name: str, tmp_path: Path) -> None:
    python("-c", f"import {name}", cache=tmp_path)
