"""What is in a file: all of its layers, arrays and state, without running any of it."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from minidl import (
    Adam,
    Checkpoint,
    CrossEntropyLoss,
    CubicValley,
    Dense,
    EarlyStopping,
    Layer,
    Momentum,
    ReLU,
    Sequential,
    Trainer,
    minimize,
    save,
)
from minidl.contents import contents
from minidl.integrations import save_safetensors
from minidl.typing import Array
from tests.callbacks.recording import Hooks
from tests.tables import LAYERS


def network() -> Sequential:
    return Sequential(Dense(4, 8), ReLU(), Dense(8, 3), rng=0)


def rows(text: str) -> dict[str, list[str]]:
    """The cells of each line by the first one."""
    lines = [re.split("  +", line.strip()) for line in text.splitlines() if line]
    return {first: rest for first, *rest in lines}


@pytest.mark.parametrize("case", LAYERS, ids=lambda case: case.name)
def test_every_layer_is_described_with_all_that_is_inside(case: Any, tmp_path: Path) -> None:
    layer = case.make(3)
    save(layer, tmp_path / "layer.npz")
    text = contents(tmp_path / "layer.npz")
    _, tree, *blocks = text.split("\n\n")
    made = re.findall(r"^ *(?:\w+: )?(?:[\w.]+\.)?(\w+)", tree, re.MULTILINE)
    assert made == re.findall(r"(\w+)\(", repr(layer))
    shown = rows("".join(blocks))
    for name, value in layer.state().items():
        assert shown[name][:2] == [str(np.shape(value)), str(np.asarray(value).dtype)]
    total = sum(np.size(value) for value in layer.state().values())
    assert shown["total"][0] == f"{total:,}"


class Loud(Layer):
    """A layer that notes that it is made."""

    made = 0

    def __init__(self, text: str = "") -> None:
        self.text = text
        Loud.made += 1

    def forward(self, x: Array) -> Array:
        return x

    def backward(self, grad: Array) -> Array:
        return grad


def test_no_class_of_the_file_is_run_or_needed(tmp_path: Path) -> None:
    save(Sequential(Dense(2, 2), Loud("\x1b[2J")), tmp_path / "model.npz")
    before = Loud.made
    text = contents(tmp_path / "model.npz")
    assert Loud.made == before
    assert "\n  1: tests.test_contents.Loud(text='" in text
    assert "\x1b" not in text
    command = [sys.executable, "-W", "error", "-m", "minidl", "info", str(tmp_path / "model.npz")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{text}\n", "")


def test_a_checkpoint_shows_how_far_its_run_is(tmp_path: Path) -> None:
    model, rng = network(), np.random.default_rng(0)
    stop = Hooks(on_step_end=lambda run: run.stop("enough\x1b[2J") if run.step == 5 else None)
    model[0].trainable = False
    optimizer = Adam(model.parameters(), lr=0.25)
    callbacks = [EarlyStopping(), stop, Checkpoint(tmp_path / "run.npz")]
    trainer = Trainer(model, CrossEntropyLoss(), optimizer, callbacks)
    fit: dict[str, Any] = {"epochs": 9, "batch_size": 10, "validation": 0.25, "rng": 0}
    history = trainer.fit(rng.normal(size=(40, 4)), rng.integers(0, 3, 40), **fit)
    text = contents(tmp_path / "run.npz")
    shown = rows(text)
    assert text.startswith("a run and its model, ")
    assert "frozen: 0, " in text
    assert shown["epochs"] == ["1 completed, 2 batches of the next"]
    assert shown["steps"] == ["5"]
    assert shown["latest loss"] == [f"{history.loss[-1]:.6g}"]
    assert shown["validation loss"] == [f"{history.epochs['validation_loss'][-1]:.6g}"]
    assert shown["stopped"][0].startswith("enough")
    assert "\x1b" not in text
    assert shown["optimizer"][0].startswith("Adam(")
    assert shown["optimizer"][0].endswith("now lr=0.25")
    assert shown["its arrays"] == [f"mean, squares, {2 * 8 * model.parameters().size / 1000:.1f} kB"]
    assert shown["callbacks"] == ["History, EarlyStopping, Hooks"]


def test_a_checkpoint_of_a_descent_shows_its_steps(tmp_path: Path) -> None:
    valley = CubicValley(x=-1.0, y=1.0)
    optimizer = Momentum(valley.parameters(), lr=1e-4)
    minimize(valley, optimizer, steps=7, callbacks=[Checkpoint(tmp_path / "run.npz")])
    shown = rows(contents(tmp_path / "run.npz"))
    assert (shown["steps"], shown["its arrays"]) == (["7"], ["velocity, 16 B"])
    assert "optimizer" not in shown


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_safetensors_file_shows_its_arrays(dtype: Any, tmp_path: Path) -> None:
    model = network().astype(dtype)
    save_safetensors(model, tmp_path / "model.safetensors")
    shown = rows(contents(tmp_path / "model.safetensors"))
    kind, size = {np.float32: ("F32", 4), np.float64: ("F64", 8)}[dtype]
    assert shown["0.weight"] == ["(4, 8)", kind, "32", f"{32 * size} B"]
    assert shown["total"][0] == f"{model.parameters().size}"
    safetensors.numpy.save_file({}, tmp_path / "empty.safetensors", {"author": "somebody"})
    assert contents(tmp_path / "empty.safetensors").endswith("author: somebody")
