"""A safetensors file says how its arrays are laid out, or the caller does."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors
import safetensors.numpy

from minidl import LSTM, CheckpointError, Conv2D, Dense, Flatten, HyperparameterError, MinidlWarning, Sequential
from minidl.integrations import load_safetensors, save_safetensors, torch_state
from tests.helpers import bits, unchanged


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.safetensors"


def test_our_files_say_it(path: Path) -> None:
    model, other, third = (Dense(3, 3, rng=seed) for seed in range(3))
    save_safetensors(model, path)
    with safetensors.safe_open(path, framework="numpy") as file:
        assert file.metadata() == {"layout": "minidl"}
    load_safetensors(other, path)
    load_safetensors(third, path, "minidl")
    for loaded in (other, third):
        assert bits(*loaded.state().values()) == bits(*model.state().values())
    with unchanged(other), pytest.raises(CheckpointError, match="is laid out as in minidl, not as in torch"):
        load_safetensors(other, path, layout="torch")
    with unchanged(other), pytest.raises(HyperparameterError, match="are for PyTorch's layout"):
        load_safetensors(other, path, names={})


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}, {"layout": "rows"}])
def test_a_file_of_another_program_needs_the_layout(metadata: Any, path: Path) -> None:
    weight, bias = np.arange(9.0).reshape(3, 3), np.arange(3.0)
    safetensors.numpy.save_file({"weight": weight, "bias": bias}, path, metadata=metadata)
    layer = Dense(3, 3)
    with unchanged(layer), pytest.raises(CheckpointError, match=r"model.safetensors' does not say .* layout=\"torch\""):
        load_safetensors(layer, path)
    load_safetensors(layer, path, layout="minidl")
    assert np.array_equal(layer.weight.value, weight)
    load_safetensors(layer, path, layout="torch")
    assert np.array_equal(layer.weight.value, weight.T)


def test_weights_for_pytorch_are_written_by_any_program(path: Path) -> None:
    model: Any = Sequential(Conv2D(1, 2, 3, rng=0), Dense(2, 3, rng=0), LSTM(3, 4, rng=0))
    state = torch_state(model)
    safetensors.numpy.save_file(state, path)  # which writes the memory of an array in its own order
    assert {name: array.tolist() for name, array in safetensors.numpy.load_file(path).items()} == {
        name: array.tolist() for name, array in state.items()
    }


def test_a_layout_must_be_known(path: Path) -> None:
    with pytest.raises(HyperparameterError, match='layout must be "minidl", "torch" or None, got \'pytorch\''):
        load_safetensors(Dense(1, 1), path, layout="pytorch")


def test_pytorch_s_layout_takes_shapes_and_names(path: Path) -> None:
    model: Any = Sequential(Conv2D(1, 2, 2, rng=0), Flatten(), Dense(12, 1, rng=0))
    options: Any = {"input_shape": (3, 4, 1), "names": {"0": "conv", "2": "fc"}}
    state = {name: array.astype(np.float32) for name, array in torch_state(model, **options).items()}
    safetensors.numpy.save_file(state, path)
    other: Any = Sequential(Conv2D(1, 2, 2), Flatten(), Dense(12, 1))
    with unchanged(other), pytest.raises(CheckpointError, match=r"does not match: .* pass input_shape="):
        load_safetensors(other, path, layout="torch")
    load_safetensors(other, path, layout="torch", **options)
    assert np.abs(other[2].weight.value - model[2].weight.value).max() < 1e-7
    state["fc.bias"][0] = np.nan
    safetensors.numpy.save_file(state, path)
    with pytest.warns(MinidlWarning, match="not finite: fc.bias"):
        load_safetensors(other, path, layout="torch", **options)
