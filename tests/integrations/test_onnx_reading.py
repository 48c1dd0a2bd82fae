"""Networks of PyTorch that minidl reads from ONNX files: they predict what they predict there."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import (
    GELU,
    Adam,
    BatchNorm,
    CheckpointError,
    Conv2D,
    ConvTranspose2D,
    Dense,
    Embedding,
    Flatten,
    LayerNorm,
    MSELoss,
    ReLU,
    Residual,
    Sequential,
    Standardize,
    Trainer,
    load,
    save,
)
from minidl.integrations import load_onnx, save_onnx
from minidl.typing import Array
from tests.helpers import bits
from tests.integrations.exported import MODELS, export, function, made
from tests.integrations.packages import real
from tests.integrations.runtime import difference, run

onnx = real("onnx")
real("onnxruntime")
torch = real("torch")
nn = torch.nn

IMAGES = {"decoder"} | {name for name in MODELS if name.startswith(("CNN", "residual", "branches"))}


def channels_last(x: Array, name: str) -> Array:
    """Images and sequences in front of convolutions, in minidl's layout."""
    return np.moveaxis(x, 1, -1) if name in IMAGES and x.ndim > 2 else x


@pytest.mark.parametrize("dynamo", [False, True], ids=["torchscript", "dynamo"])
@pytest.mark.parametrize("name", MODELS)
def test_a_network_predicts_what_it_does_in_pytorch(name: str, dynamo: bool, tmp_path: Path) -> None:
    make, shape = MODELS[name]
    theirs, x = made(make), torch.randn(3, *shape)
    # In float64, so that PyTorch's own rounding does not count.
    expected = copy.deepcopy(theirs).double()(x.double()).detach().numpy().astype(np.float32)
    for dynamic in (True,) if dynamo else (True, False):
        export(theirs, x, tmp_path / "model.onnx", dynamo=dynamo, dynamic=dynamic)
        model = load_onnx(tmp_path / "model.onnx")
        found = model.predict(channels_last(x.numpy(), name))
        assert difference(found, np.ascontiguousarray(channels_last(expected, name))) < 1e-6


@pytest.mark.parametrize("opset", [13, 17, 18])
def test_older_opsets(opset: int, tmp_path: Path) -> None:
    """In them, GELU is made of other operators."""
    theirs = made(lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.GELU(), nn.Flatten(), nn.Linear(24, 4), nn.GELU()))
    x = torch.randn(2, 1, 6, 5)
    export(theirs, x, tmp_path / "model.onnx", dynamo=False, opset=opset)
    model = load_onnx(tmp_path / "model.onnx")
    assert [type(layer) for layer in model] == [Conv2D, GELU, Flatten, Dense, GELU]
    assert difference(model.predict(np.moveaxis(x.numpy(), 1, -1)), theirs(x).detach().numpy()) < 1e-6


def test_float64_and_ids(tmp_path: Path) -> None:
    theirs = made(lambda: nn.Sequential(nn.Embedding(7, 4), nn.Flatten(), nn.Linear(12, 2)).double())
    ids = torch.tensor([[0, 6, 3], [1, 1, 2]])
    export(theirs, ids, tmp_path / "model.onnx", dynamo=False)
    model = load_onnx(tmp_path / "model.onnx")
    assert isinstance(model[0], Embedding)
    assert model.dtype == np.float64
    assert difference(model.predict(ids.numpy()), theirs(ids).detach().numpy()) < 1e-15


def test_the_layers_are_those_that_one_would_write(tmp_path: Path) -> None:
    make, shape = MODELS["residual network"]
    export(made(make), torch.randn(2, *shape), tmp_path / "model.onnx", dynamo=True)
    model: Any = load_onnx(tmp_path / "model.onnx")
    names = [type(layer).__name__ for layer in model]
    assert names[-2:] == ["GlobalAveragePool2D", "Dense"]
    assert names.count("Residual") == 2
    block = next(layer for layer in model if isinstance(layer, Residual))
    assert repr(block[0]) == "Conv2D(6, 6, 3, padding=1)"


def test_the_model_trains_saves_and_goes_back(tmp_path: Path) -> None:
    make, shape = MODELS["CNN"]
    theirs, x = made(make), torch.randn(8, *shape)
    export(theirs, x, tmp_path / "model.onnx", dynamo=False)
    model, images = load_onnx(tmp_path / "model.onnx"), np.moveaxis(x.numpy(), 1, -1)
    history = Trainer(model, MSELoss(), Adam(model.parameters())).fit(images, np.zeros((8, 3)), epochs=5)
    assert history.loss[-1] < history.loss[0]
    save(model, tmp_path / "model.npz")
    assert bits(load(tmp_path / "model.npz").predict(images)) == bits(model.predict(images))
    save_onnx(model, tmp_path / "back.onnx", images.shape[1:])
    assert difference(run(tmp_path / "back.onnx", images)[0], model.predict(images)) < 1e-6


OWN: dict[str, tuple[Sequential, tuple[int, ...]]] = {
    "MLP": (Sequential(Dense(5, 4), ReLU(), Dense(4, 3, use_bias=False), Residual(Dense(3, 3))), (5,)),
    "norms": (Sequential(LayerNorm(4), Residual(LayerNorm(4), Dense(4, 4)), BatchNorm(4), Dense(4, 2)), (3, 4)),
    "images in rows": (Sequential(Flatten(), Dense(24, 3)), (2, 4, 3)),
    "images": (
        Sequential(
            Conv2D(2, 3, 3, padding="same", stride=2), ReLU(), ConvTranspose2D(3, 2, 2), Flatten(), Dense(48, 2)
        ),
        (5, 9, 2),
    ),
    "prepared": (Sequential(Standardize(3).adapt(np.random.default_rng(0).normal(2, 3, (9, 3))), Dense(3, 2)), (3,)),
}


@pytest.mark.parametrize("name", OWN)
def test_minidl_reads_what_it_writes(name: str, tmp_path: Path) -> None:
    model, shape = OWN[name]
    model.initialize(0)
    model.astype(np.float32)
    x = np.random.default_rng(1).normal(size=(3, *shape)).astype(np.float32)
    save_onnx(model, tmp_path / "model.onnx", shape)
    assert difference(load_onnx(tmp_path / "model.onnx").predict(x), model.predict(x)) < 1e-6


REFUSED: dict[str, tuple[Any, tuple[int, ...], str]] = {
    "recurrent": (
        lambda: nn.Sequential(nn.LSTM(3, 4, batch_first=True), function(lambda x: x[0])),
        (5, 3),
        "has LSTM '.*', which load_onnx does not read",
    ),
    "log softmax": (lambda: nn.Sequential(nn.Linear(3, 4), nn.LogSoftmax(-1)), (3,), "leave out what follows its last"),
    "ReLU6": (lambda: nn.Sequential(nn.Linear(3, 4), nn.ReLU6()), (3,), "has Clip .* from 0.0 to 6.0; minidl has ReLU"),
    "flattened": (lambda: nn.Sequential(nn.Conv2d(3, 4, 2), nn.Flatten()), (3, 4, 5), "without its last Flatten"),
    "ceil_mode": (lambda: nn.MaxPool2d(2, ceil_mode=True), (3, 5, 5), r"shape \(3, 3, 3\), .*ceil_mode=True"),
    "groups": (lambda: nn.Conv2d(4, 4, 2, groups=2), (4, 5, 5), "has Conv .* of 2 axes in 2 groups"),
    "3 axes": (lambda: nn.Conv3d(1, 1, 2), (1, 3, 3, 3), "has Conv .*"),
    "dilated pooling": (
        lambda: nn.MaxPool2d(2, dilation=2),
        (1, 5, 5),
        "with dilations, which pooling",
    ),
    "broadcast": (
        lambda: function(lambda x: x * x.mean((2, 3), keepdim=True)),
        (2, 3, 3),
        "minidl broadcasts nothing",
    ),
    "mixed samples": (lambda: function(lambda x: x.reshape(-1, 3)), (4, 3), "has Reshape .*, which mixes samples"),
    "positions": (lambda: function(lambda x: x + torch.arange(12.0).reshape(4, 3)), (4, 3), "one number per feature"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_minidl_lacks_is_refused_by_name(name: str, tmp_path: Path) -> None:
    make, shape, message = REFUSED[name]
    export(made(make), torch.randn(2, *shape), tmp_path / "model.onnx", dynamo=False)
    with pytest.raises(CheckpointError, match=rf"model.onnx' .*{message}"):
        load_onnx(tmp_path / "model.onnx")
