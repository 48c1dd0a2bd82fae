"""A module that its constructor could not make again is refused when it is saved, not when it is loaded."""

from pathlib import Path

import numpy as np
import pytest

from minidl import (
    SGD,
    BatchNorm,
    Checkpoint,
    CheckpointError,
    Dense,
    Layer,
    Module,
    MSELoss,
    Parameter,
    ReLU,
    Sequential,
    StateError,
    Trainer,
    load,
    save,
)
from minidl.saving.generators import states_of
from minidl.saving.models import model_content, write_content
from minidl.typing import Array
from tests.helpers import bits


class Holder(Layer):
    """Makes a layer of a number, and can be given another one in its place."""

    def __init__(self, n: int) -> None:
        self.n = n
        self.inner: Layer = Dense(n, n)

    def forward(self, x: Array) -> Array:
        return self.inner.forward(x)

    def backward(self, grad: Array) -> Array:
        return self.inner.backward(grad)


REPLACED = {
    "more parameters": (Sequential(Dense(3, 3), Dense(3, 3)), r"inner\.0\.weight would be missing, but is \(3, 3\)"),
    "fewer": (ReLU(), r"inner\.weight would be \(3, 3\), but is missing"),
    "of other shapes": (Dense(3, 2), r"inner\.weight would be \(3, 3\), but is \(3, 2\)"),
    "with buffers": (BatchNorm(3), r"inner\.weight would be \(3, 3\), but is \(3,\)"),
}


@pytest.mark.parametrize("name", REPLACED)
def test_a_part_in_the_place_of_the_one_that_was_made(name: str, tmp_path: Path) -> None:
    inner, words = REPLACED[name]
    holder = Holder(3)
    save(holder, tmp_path / "model.npz")
    before = (tmp_path / "model.npz").read_bytes()
    holder.inner = inner
    model = Sequential(holder, Dense(3 if name != "of other shapes" else 2, 1))
    for module in (holder, model):
        with pytest.raises(CheckpointError, match=words):
            save(module, tmp_path / "model.npz")
    assert (tmp_path / "model.npz").read_bytes() == before
    trainer = Trainer(model, MSELoss(), SGD(model.parameters(), 0.1), [Checkpoint(tmp_path / "run.npz")])
    with pytest.raises(CheckpointError, match=words):
        trainer.fit(np.ones((4, 3)), np.ones((4, 1)))
    assert not (tmp_path / "run.npz").exists()
    assert trainer.history.loss == []


def test_another_part_of_the_same_shapes(tmp_path: Path) -> None:
    holder = Holder(3)
    holder.inner = Dense(3, 3, rng=0)
    save(holder, tmp_path / "model.npz")
    assert bits(load(tmp_path / "model.npz").inner.weight.value) == bits(holder.inner.weight.value)


class Numbers(Layer):
    """Changes the array that it is made of."""

    def __init__(self, numbers: Array) -> None:
        self.numbers = numbers
        self.numbers += 1.0


def test_trying_leaves_arguments_alone(tmp_path: Path) -> None:
    numbers = np.zeros(3)
    save(Sequential(Numbers(numbers)), tmp_path / "model.npz")
    assert numbers.tolist() == [1.0, 1.0, 1.0]


class Tied(Layer):
    """One Parameter at two places, which nothing can pack."""

    def __init__(self) -> None:
        self.weight = Parameter(np.ones(2))
        self.other = self.weight


def test_what_cannot_be_packed_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    module: Module = Tied()
    with pytest.raises(StateError, match="is in two places"):
        save(module, tmp_path / "tied.npz")
    assert not (tmp_path / "tied.npz").exists()
    write_content({**model_content(module), "generators": states_of({})}, tmp_path / "tied.npz")
    with pytest.raises(CheckpointError, match=r"tied\.npz' does not match: .* is in two places"):
        load(tmp_path / "tied.npz")
