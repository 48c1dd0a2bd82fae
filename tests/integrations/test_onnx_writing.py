"""ONNX files that are written: what they take and return, and how exact it is."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import (
    GRU,
    LSTM,
    BatchNorm,
    Bidirectional,
    Concatenate,
    Conv2D,
    ConvTranspose2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePool1D,
    GlobalAveragePool2D,
    GroupNorm,
    Identity,
    Layer,
    LayerNorm,
    MaxPool2D,
    Parallel,
    PositionEmbedding,
    ReLU,
    RMSNorm,
    Sequential,
    Siamese,
    Sigmoid,
    SinusoidalPositions,
    Standardize,
    Tied,
    TransformerBlock,
)
from minidl.integrations import save_onnx
from minidl.typing import Shape
from tests.helpers import unchanged
from tests.integrations.packages import real
from tests.integrations.runtime import difference, run

onnx = real("onnx")
real("onnxruntime")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.onnx"


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def described(values: Any) -> list[tuple[str, str, list[Any]]]:
    """Name, type and shape of the inputs or outputs of a file."""
    types = {1: "float32", 7: "int64", 9: "bool", 11: "float64"}
    found = []
    for value in values:
        tensor = value.type.tensor_type
        shape = [dim.dim_param or dim.dim_value for dim in tensor.shape.dim]
        found.append((value.name, types[tensor.elem_type], shape))
    return found


INTERFACES: dict[str, tuple[Layer, Shape, list[Any], list[Any]]] = {
    "floats": (Dense(2, 3), (2,), [("x", "float32", ["batch", 2])], [("y", "float32", ["batch", 3])]),
    "images": (
        Conv2D(1, 2, 3),
        (5, 6, 1),
        [("x", "float32", ["batch", 5, 6, 1])],
        [("y", "float32", ["batch", 3, 4, 2])],
    ),
    "ids": (Embedding(1, 3), (4,), [("x", "int64", ["batch", 4])], [("y", "float32", ["batch", 4, 3])]),
    "mask": (
        Sequential(Embedding(7, 3), LSTM(3, 2)),
        ((4,), (4,)),
        [("x", "int64", ["batch", 4]), ("mask", "bool", ["batch", 4])],
        [("y", "float32", ["batch", 2])],
    ),
    "several": (
        Parallel(Embedding(7, 3), Siamese(Dense(2, 1)), GlobalAveragePool1D()),
        ((4,), ((2,), (2,)), ((5, 3), (5,))),
        [
            ("x_0", "int64", ["batch", 4]),
            ("x_1", "float32", ["batch", 2]),
            ("x_2", "float32", ["batch", 2]),
            ("x_3", "float32", ["batch", 5, 3]),
            ("mask", "bool", ["batch", 5]),
        ],
        [
            ("y_0", "float32", ["batch", 4, 3]),
            ("y_1", "float32", ["batch", 1]),
            ("y_2", "float32", ["batch", 1]),
            ("y_3", "float32", ["batch", 3]),
        ],
    ),
    "no parameters": (ReLU(), (2,), [("x", "float32", ["batch", 2])], [("y", "float32", ["batch", 2])]),
    "nothing": (Identity(), (2, 3), [("x", "float32", ["batch", 2, 3])], [("y", "float32", ["batch", 2, 3])]),
    "large numbers": (
        Sequential(Standardize(2).adapt([[1.7e9, 0.0], [1.8e9, 1.0]]), Dense(2, 1)),
        (2,),
        [("x", "float64", ["batch", 2])],
        [("y", "float32", ["batch", 1])],
    ),
}


@pytest.mark.parametrize("name", INTERFACES)
def test_the_file_says_what_it_takes_and_returns(name: str, path: Path) -> None:
    model, shape, inputs, outputs = INTERFACES[name]
    save_onnx(model, path, shape)
    proto = onnx.load(path)
    assert described(proto.graph.input) == inputs
    assert described(proto.graph.output) == outputs
    assert [(each.domain, each.version) for each in proto.opset_import] == [("", 21)]
    assert proto.ir_version == 10


def test_unix_times_keep_their_digits(path: Path) -> None:
    times = 1.7e9 + np.arange(12.0).reshape(6, 2)
    model = Sequential(Standardize(2).adapt(times), Dense(2, 1), rng=0).astype(np.float32)
    save_onnx(model, path, (2,))
    assert difference(run(path, times)[0], model.predict(times)) < 1e-6


def test_float64_is_exact(path: Path, rng: np.random.Generator) -> None:
    model = Sequential(Dense(3, 4), RMSNorm(4), Sigmoid(), Dense(4, 1), rng=0)
    x = rng.normal(size=(5, 3))
    save_onnx(model, path, (3,), dtype=np.float64)
    assert difference(run(path, x)[0], model.predict(x)) < 1e-15


LENGTHS: dict[str, tuple[Layer, Shape]] = {
    "LSTM with a mask": (Sequential(Embedding(7, 4), LSTM(4, 3, return_sequences=True)), (("time",), ("time",))),
    "GPT": (
        Sequential(
            Tied(Embedding(7, 4), PositionEmbedding(8, 4), TransformerBlock(4, 2, causal=True), LayerNorm(4)),
        ),
        ("time",),
    ),
    "waves": (Sequential(SinusoidalPositions(3), Bidirectional(GRU(3, 2)), Dense(4, 1)), ("time", 3)),
    "images": (
        Sequential(Conv2D(2, 3, 3, padding="same"), GroupNorm(3, 3), MaxPool2D(2), GlobalAveragePool2D()),
        ("height", "width", 2),
    ),
}


@pytest.mark.parametrize("name", LENGTHS)
def test_sizes_with_names_may_be_any(name: str, path: Path, rng: np.random.Generator) -> None:
    model, shape = LENGTHS[name]
    model.initialize(rng)
    model.astype(np.float32)
    save_onnx(model, path, shape)
    for size in (2, 5, 8):
        x: Any
        if shape == ("time",):
            x = rng.integers(0, 7, (3, size))
        elif shape == (("time",), ("time",)):
            x = rng.integers(0, 7, (3, size)), rng.random((3, size)) < 0.7
        else:
            x = rng.normal(size=(3, *(size if isinstance(each, str) else each for each in shape))).astype(np.float32)
        assert difference(run(path, x)[0], model.predict(x)) < 1e-6


def test_names_of_sizes_are_in_the_file(path: Path) -> None:
    save_onnx(LSTM(3, 2, return_sequences=True), path, (("time", 3), ("time",)))
    proto = onnx.load(path)
    assert described(proto.graph.input) == [
        ("x", "float32", ["batch", "time", 3]),
        ("mask", "bool", ["batch", "time"]),
    ]
    (_, _, shape), *_ = described(proto.graph.output)
    assert shape[2] == 2
    assert not isinstance(shape[1], int) or shape[1] == 0  # not fixed


def test_the_model_stays_as_it_is(path: Path) -> None:
    model = Sequential(Dense(2, 3), BatchNorm(3), Dropout(0.5, rng=0), Dense(3, 1), rng=0)
    y = model(np.ones((4, 2)))
    with unchanged(model):
        save_onnx(model, path, (2,))
    assert model.dtype == np.float64
    model.backward(np.ones_like(y))  # what forward cached is still there


def test_far_from_zero_norms_lose_no_digits(path: Path, rng: np.random.Generator) -> None:
    for norm in (LayerNorm(64), GroupNorm(4, 64), BatchNorm(64)):
        x = (1e4 + rng.normal(size=(5, 64))).astype(np.float32)
        if isinstance(norm, BatchNorm):
            norm.running_mean = np.full(64, 1e4)
        save_onnx(norm.astype(np.float32), path, (64,))
        assert difference(run(path, x)[0], norm.predict(x)) < 1e-6


@pytest.mark.parametrize("size", [(5, 7), (6, 6), (9, 4)])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("dilation", [1, 2])
def test_same_padding(size: Shape, stride: int, dilation: int, path: Path, rng: np.random.Generator) -> None:
    model = Sequential(
        Conv2D(2, 3, (3, 2), stride=stride, padding="same", dilation=dilation),
        MaxPool2D(2, stride=1, padding="same"),
        ConvTranspose2D(3, 2, (3, 2), stride=stride, padding="same", dilation=dilation),
        ConvTranspose2D(2, 1, 1, stride=3, padding="same"),
        rng=0,
    ).astype(np.float32)
    x = rng.normal(size=(2, *size, 2)).astype(np.float32)
    save_onnx(model, path, x.shape[1:])
    assert difference(run(path, x)[0], model.predict(x)) < 1e-6


def test_a_parameter_that_is_used_twice_is_in_the_file_once(path: Path) -> None:
    save_onnx(Tied(Embedding(50, 8)), path, (3,))
    shapes = [list(each.dims) for each in onnx.load(path).graph.initializer]
    assert shapes.count([50, 8]) == 1


def test_a_model_of_everything(path: Path, rng: np.random.Generator) -> None:
    text = Sequential(Embedding(7, 4), GRU(4, 3, return_sequences=True), GlobalAveragePool1D())
    image = Sequential(Conv2D(1, 2, 3), BatchNorm(2), ReLU(), MaxPool2D(), Flatten())
    model = Sequential(Parallel(text, image), Concatenate(), Dense(3 + 8, 2), rng=0).astype(np.float32)
    x = (rng.integers(0, 7, (3, 5)), rng.random((3, 5)) < 0.5), rng.normal(size=(3, 6, 6, 1)).astype(np.float32)
    save_onnx(model, path, (((5,), (5,)), (6, 6, 1)))
    assert difference(run(path, x)[0], model.predict(x)) < 1e-6
