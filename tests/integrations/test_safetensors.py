"""Files in the safetensors format: the same bits back, and nothing half done."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from minidl import BatchNorm, CheckpointError, Dense, Layer, Module, ReLU, Sequential, StateError
from minidl.integrations import load_safetensors, save_safetensors
from minidl.integrations import safetensors as module
from minidl.typing import Array
from tests.helpers import bits, unchanged

pytestmark = pytest.mark.filterwarnings("ignore:.* holds numbers that are not finite")

VALUES = [np.nan, -np.nan, np.inf, -np.inf, -0.0, 1 / 3, 5e-324, 1e-45]


def network(seed: int = 0, dtype: Any = np.float64) -> Sequential:
    model = Sequential(Dense(2, 4), BatchNorm(4), ReLU(), Dense(4, 1), rng=seed).astype(dtype)
    with np.errstate(all="ignore"):
        model.parameters()["0.weight"].value = np.array(VALUES).astype(dtype).reshape(2, 4)
    normalization: Any = model[1]
    normalization.running_mean = np.linspace(seed, seed + 1, 4).astype(dtype)
    return model


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.safetensors"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_everything_comes_back_bit_for_bit(dtype: Any, path: Path) -> None:
    model, other = network(0, dtype), network(1, dtype)
    save_safetensors(model, str(path))
    vector = other.parameters()
    load_safetensors(other, str(path))
    assert other.state().keys() == model.state().keys()
    assert bits(*other.state().values()) == bits(*model.state().values())
    assert [np.asarray(value).dtype for value in other.state().values()] == [dtype] * 8
    assert bits(vector.value) == bits(model.parameters().value)
    normalization: Any = other[1]
    normalization.running_mean += 1.0  # what was read is not a view of the file


def test_the_package_itself_reads_names_shapes_and_bits(path: Path) -> None:
    model = network(0, np.float32)
    save_safetensors(model, path)
    arrays = safetensors.numpy.load_file(path)
    assert {name: array.shape for name, array in arrays.items()} == {
        "0.weight": (2, 4),
        "0.bias": (4,),
        "1.weight": (4,),
        "1.bias": (4,),
        "1.running_mean": (4,),
        "1.running_var": (4,),
        "3.weight": (4, 1),
        "3.bias": (1,),
    }
    for name, value in model.state().items():
        assert arrays[name].dtype == np.float32
        assert bits(arrays[name]) == bits(value)


def test_what_the_package_wrote_is_read(path: Path) -> None:
    layer = Dense(2, 1)
    safetensors.numpy.save_file({"weight": np.array([[1.0], [2.0]]), "bias": np.array([3.0])}, path)
    load_safetensors(layer, path, "minidl")
    assert (layer.weight.value.tolist(), layer.bias.value.tolist()) == ([[1.0], [2.0]], [3.0])


class Counting(Layer):
    """A layer with buffers of other kinds: a number, and an array that lies column by column."""

    buffers = ("count", "table")

    def __init__(self) -> None:
        self.count = 7
        self.table = np.asfortranarray(np.arange(6).reshape(2, 3))

    def forward(self, x: Array) -> Array:
        return x

    def backward(self, grad: Array) -> Array:
        return grad


def test_numbers_and_arrays_in_any_order_of_memory(path: Path) -> None:
    layer, other = Counting(), Counting()
    save_safetensors(layer, path)
    other.count, other.table = 0, np.zeros((2, 3), int)
    load_safetensors(other, path)
    assert int(other.count) == 7
    assert other.table.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert safetensors.numpy.load_file(path)["count"].shape == ()


def rewrite(change: Callable[[dict[str, Array]], Any]) -> Callable[[Path], None]:
    def do(path: Path) -> None:
        arrays = safetensors.numpy.load_file(path)
        change(arrays)
        safetensors.numpy.save_file({name: np.ascontiguousarray(a) for name, a in arrays.items()}, path)

    return do


MISFITS: dict[str, tuple[Callable[[Path], None], str]] = {
    "missing": (rewrite(lambda a: a.pop("3.bias")), "does not match: the state lacks 3.bias"),
    "too many": (rewrite(lambda a: a.update(more=np.ones(1))), "does not match: the state has more, which Sequential"),
    "buffer missing": (rewrite(lambda a: a.pop("1.running_var")), "does not match: the state lacks 1.running_var"),
    "transposed": (
        rewrite(lambda a: a.update({"0.weight": a["0.weight"].T})),
        r"does not match: 0.weight must have shape \(2, 4\), got \(4, 2\)",
    ),
    "buffer's shape": (
        rewrite(lambda a: a.update({"1.running_mean": np.ones(5)})),
        r"does not match: 1.running_mean must have shape \(4,\), got \(5,\)",
    ),
    "float32": (
        rewrite(lambda a: a.update({"3.weight": a["3.weight"].astype(np.float32)})),
        r"does not match: it holds 3.weight as float32, the model as float64; convert the model with astype\(\)",
    ),
    "integers": (
        rewrite(lambda a: a.update({"1.running_var": np.ones(4, np.int64)})),
        "does not match: it holds 1.running_var as int64, the model as float64",
    ),
}


@pytest.mark.parametrize("change", MISFITS)
def test_a_file_that_does_not_fit_changes_nothing(change: str, path: Path) -> None:
    spoil, message = MISFITS[change]
    model, other = network(0), network(1)
    save_safetensors(model, path)
    spoil(path)
    with unchanged(other), pytest.raises(CheckpointError, match=rf"model.safetensors' {message}"):
        load_safetensors(other, path, "minidl")


def bfloat16(path: Path) -> None:
    header = json.dumps({"weight": {"dtype": "BF16", "shape": [1], "data_offsets": [0, 2]}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + b"\0\0")


DAMAGES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "empty": (lambda path: path.write_bytes(b""), "is damaged, or not a safetensors file: "),
    "text": (lambda path: path.write_bytes(b"this is no such file"), "is damaged, or not a safetensors file: "),
    "cut off": (lambda path: path.write_bytes(path.read_bytes()[:-1]), "is damaged, or not a safetensors file: "),
    "longer": (lambda path: path.write_bytes(path.read_bytes() + b"\0"), "is damaged, or not a safetensors file: "),
    "header": (
        lambda path: path.write_bytes(path.read_bytes().replace(b'"F64"', b'"F65"')),
        "is damaged, or not a safetensors file: ",
    ),
    "bfloat16": (bfloat16, "holds numbers of a type that NumPy lacks: 'BF16'; convert them first"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_changes_nothing(damage: str, path: Path) -> None:
    spoil, message = DAMAGES[damage]
    model = network()
    save_safetensors(model, path)
    spoil(path)
    with unchanged(model), pytest.raises(CheckpointError, match=rf"model.safetensors' {message}"):
        load_safetensors(model, path)


def test_the_home_folder_and_permissions(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(path.parent))
    model, other = network(0), network(1)
    save_safetensors(model, f"~/{path.name}")
    path.chmod(0o600)
    save_safetensors(model, path)
    assert path.stat().st_mode & 0o777 == 0o600
    load_safetensors(other, f"~/{path.name}")
    assert bits(*other.state().values()) == bits(*model.state().values())


def test_a_missing_file_is_the_error_of_the_disk(path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_safetensors(network(), path)


def test_the_old_file_is_there_until_the_new_one_is_whole(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_safetensors(network(0), path)
    before = path.read_bytes()

    def fails(*_: Any) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OSError, match="disk is full"):
        save_safetensors(network(1), path)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == ["model.safetensors"]


def test_without_the_package_the_error_says_what_to_install(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "safetensors", None)
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    for call in (save_safetensors, load_safetensors):
        with pytest.raises(ImportError, match=r'pip install "minidl\[safetensors\]"'):
            call(network(), path)
    assert not path.exists()


def test_any_module_can_be_written(path: Path) -> None:
    class Pair(Module):
        def __init__(self, seed: int) -> None:
            self.parts = [Dense(1, 2, rng=seed), Dense(2, 1, rng=seed)]

    first, second = Pair(0), Pair(1)
    save_safetensors(first, path)
    load_safetensors(second, path)
    assert bits(second.parameters().value) == bits(first.parameters().value)
    with pytest.raises(CheckpointError) as caught:
        load_safetensors(Dense(1, 2), path)
    assert isinstance(caught.value.__cause__, StateError)
    assert module.__all__ == ["load_safetensors", "save_safetensors"]
