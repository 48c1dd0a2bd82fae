"""What save_onnx refuses, and how files get to the disk."""

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import (
    LSTM,
    Add,
    CheckpointError,
    Conv2D,
    CrossAttention,
    DataError,
    Dense,
    Embedding,
    Flatten,
    HyperparameterError,
    Layer,
    MinidlWarning,
    MinMax,
    ReLU,
    Sequential,
    ShapeError,
    StateError,
)
from minidl.integrations import save_onnx
from minidl.integrations.onnx import CONVERTERS, Graph
from minidl.integrations.onnx.writing import model as writing
from minidl.typing import Array, Shape
from tests.integrations.packages import real
from tests.integrations.runtime import run

onnx = real("onnx")
real("onnxruntime")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.onnx"


class Halved(Dense):
    """A subclass that computes something else."""

    def forward(self, x: Array) -> Array:
        y: Array = super().forward(x) / 2
        return y


class Leaky(LSTM):
    """A subclass that overrides what forward calls."""

    def cell(self, z: Array, u: Array, old: Array, new: Array) -> None:
        super().cell(z, u, old, new)
        new[0] *= 0.5


class Unknown(Layer):
    def forward(self, x: Array) -> Array:
        return x

    def backward(self, grad: Array) -> Array:
        return grad


REFUSED: dict[str, tuple[Layer, Shape, str]] = {
    "unknown": (Sequential(Dense(2, 3), Sequential(Unknown())), (2,), r"layer 1.0, Unknown\(\), has no converter"),
    "alone": (Unknown(), (2,), r"^Unknown\(\) has no converter to ONNX; write a function \(graph, layer, x\)"),
    "subclass": (Halved(2, 3), (2,), r"Halved\(2, 3\) .* as Halved overrides forward of Dense; .*CONVERTERS\[Halved\]"),
    "inside": (Leaky(2, 3), (4, 2), "as Leaky overrides cell of LSTM"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_converter_is_refused_by_name(name: str, path: Path) -> None:
    model, shape, message = REFUSED[name]
    with pytest.raises(CheckpointError, match=message):
        save_onnx(model, path, shape)
    assert os.listdir(path.parent) == []


class Classifier(Sequential):
    """A model as users define theirs: only its constructor is new, and a method that evaluation does not call."""

    def __init__(self, features: int) -> None:
        super().__init__(Dense(features, 3), ReLU(), Dense(3, 2))
        self.features = features

    def classes(self, x: Array) -> Array:
        return np.asarray(self.predict(x).argmax(axis=-1))


def test_a_subclass_that_computes_the_same_needs_no_converter(path: Path) -> None:
    save_onnx(Classifier(4), path, (4,))
    assert [node.op_type for node in onnx.load(path).graph.node].count("MatMul") == 2


def test_an_invalid_converter_writes_no_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(graph: Graph, _: Unknown, x: str) -> Any:
        return graph.add("NoSuchOperator", x)

    monkeypatch.setitem(CONVERTERS, Unknown, wrong)
    with pytest.raises(CheckpointError, match=r"invalid graph, so no file was written: .*NoSuchOperator"):
        save_onnx(Unknown(), path, (2,))
    assert not path.exists()


def test_what_depends_on_a_size_needs_its_number(path: Path) -> None:
    model = Sequential(Conv2D(1, 2, 3, stride=2, padding="same"), ReLU())
    with pytest.raises(CheckpointError, match=r"the operator '0/Conv_1' depends on the sizes that have names"):
        save_onnx(model, path, ("height", "width", 1))
    with pytest.raises(ShapeError, match="takes samples of shape"):
        save_onnx(Sequential(Flatten(), Dense(12, 2)), path, ("time", 3))
    assert not path.exists()


ARGUMENTS: dict[str, tuple[Any, Any, dict[str, Any], type[Exception], str]] = {
    "not a layer": (3, (2,), {}, TypeError, "model"),
    "shape": (Dense(2, 3), (5,), {}, ShapeError, "takes samples of shape"),
    "a mask of another length": (
        Sequential(Embedding(7, 3), LSTM(3, 2)),
        ((4,), (5,)),
        {},
        ShapeError,
        "the mask of x",
    ),
    "batch axis": (Dense(2, 3), (None, 2), {}, ShapeError, "leave out the batch axis"),
    "any time": (LSTM(2, 3), (None, 2), {}, ShapeError, r'a name in place of a size .* as in \("time", 8\)'),
    "any time of ids": (Embedding(5, 3), ((None,), (None,)), {}, ShapeError, "a name in place of a size"),
    "an unknown shape": (Add(), ((2,), None), {}, ShapeError, "shape of every input"),
    "a shape too many": (Dense(2, 3), ((2,), (2,)), {}, DataError, "takes one array"),
    "a mask beside two inputs": (CrossAttention(2, 1), ((3, 2), (4, 2), (4,)), {}, DataError, "takes two inputs"),
    "dtype": (Dense(2, 3), (2,), {"dtype": np.float16}, HyperparameterError, "float32 or float64"),
    "not adapted": (MinMax(2), (2,), {}, StateError, "call its adapt"),
}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_wrong_arguments_are_refused(name: str, path: Path) -> None:
    model, shape, options, kind, message = ARGUMENTS[name]
    with pytest.raises(kind, match=message):
        save_onnx(model, path, shape, **options)
    assert not path.exists()


def test_too_large_a_model_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "LARGEST", 4 * 5)
    save_onnx(Dense(1, 2), path, (1,))  # 16 bytes
    with pytest.raises(CheckpointError, match="holds 2 GB at most"):
        save_onnx(Dense(2, 2), path, (2,))


def test_numbers_that_are_not_finite_are_written_with_a_warning(path: Path) -> None:
    model = Dense(1, 1)
    model.bias.value = [np.nan]
    with pytest.warns(MinidlWarning, match=r"model.onnx' holds numbers that are not finite: bias"):
        save_onnx(model, path, (1,))
    assert np.isnan(run(path, np.ones((1, 1)))[0]).all()


def test_the_old_file_is_there_until_the_new_one_is_whole(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_onnx(Dense(2, 1), path, (2,))
    before = path.read_bytes()

    def fails(*_: Any) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OSError, match="disk is full"):
        save_onnx(Dense(2, 3), path, (2,))
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == ["model.onnx"]


def test_without_the_package_the_error_says_what_to_install(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r'pip install "minidl\[onnx\]"'):
        save_onnx(Dense(1, 1), path, (1,))
