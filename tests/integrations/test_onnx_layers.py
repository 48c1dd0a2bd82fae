"""Every layer as an ONNX file: onnxruntime returns what the layer does."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import Layer, Sequential
from minidl.batch import arrays_in, as_floats, sample_shape
from minidl.integrations.onnx import CONVERTERS, Graph, save_onnx
from minidl.typing import Batch
from tests.integrations.packages import real
from tests.integrations.runtime import difference, run
from tests.tables.layers import LAYERS, LayerCase
from tests.user_defined import Doubled, MaskedCenter, MaskedMean, Scale, Scaled, Skip, Sum

onnx = real("onnx")
real("onnxruntime")

TOLERANCE = 1e-6


def scale(graph: Graph, layer: Scale, x: str) -> Any:
    return graph.add("Mul", x, layer.scale)


def skip(graph: Graph, layer: Skip, x: str) -> Any:
    return graph.add("Add", x, graph.convert(layer.inner, x))


def doubled(graph: Graph, layer: Doubled, x: str) -> Any:
    return graph.add("Mul", CONVERTERS[minidl.Dense](graph, layer, x), 2.0)


def scaled(graph: Graph, layer: Scaled, x: str) -> Any:
    return graph.add("Mul", CONVERTERS[Sequential](graph, layer, x), layer.alpha)


def total(graph: Graph, layer: Sum, x: str) -> Any:
    return graph.add("Add", graph.convert(layer.a, x), graph.convert(layer.b, x))


def masked_mean(graph: Graph, _: MaskedMean, x: Any) -> Any:
    if isinstance(x, str):
        return graph.add("ReduceMean", x, [1], keepdims=0)
    x, mask = x
    weights = graph.add("Cast", mask, to=graph.type_of(graph.dtype))
    count = graph.add("Max", graph.add("ReduceSum", weights, [1]), 1.0)
    weighted = graph.add("Mul", x, graph.add("Unsqueeze", weights, [-1]))
    return graph.add("Div", graph.add("ReduceSum", weighted, [1], keepdims=0), count)


def masked_center(graph: Graph, layer: MaskedCenter, x: Any) -> Any:
    mean = graph.add("Unsqueeze", graph.convert(layer.mean, x), [1])
    return graph.add("Sub", x if isinstance(x, str) else x[0], mean)


USERS: dict[type[Layer], Any] = {
    Scale: scale,
    Skip: skip,
    Doubled: doubled,
    Scaled: scaled,
    Sum: total,
    MaskedMean: masked_mean,
    MaskedCenter: masked_center,
}


@pytest.fixture(autouse=True)
def _users_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind, convert in USERS.items():
        monkeypatch.setitem(CONVERTERS, kind, convert)


def drawn(case: LayerCase, batch: int, width: int) -> tuple[Layer, Batch]:
    """A layer in float32 whose parameters are not those that it begins with, and a batch."""
    rng = np.random.default_rng([batch, width])
    layer = case.make(width)
    layer.initialize(rng)
    for _, parameter in layer.named_parameters():
        parameter.value += rng.normal(0, 0.1, parameter.shape)
    for _, module in layer.modules():
        if isinstance(module, minidl.BatchNorm):
            module.running_mean = rng.normal(0, 2, module.features)
            module.running_var = rng.uniform(0.5, 2, module.features)
    return layer.astype(np.float32), as_floats(case.draw(rng, batch, width), np.float32)


@pytest.mark.parametrize("case", LAYERS, ids=lambda case: case.name)
def test_onnxruntime_returns_what_the_layer_does(case: LayerCase, tmp_path: Path) -> None:
    for batch, width in ((3, 2), (1, 3)):
        layer, x = drawn(case, batch, width)
        expected = layer.predict(x)
        save_onnx(layer, tmp_path / "model.onnx", sample_shape(x))
        onnx.checker.check_model(onnx.load(tmp_path / "model.onnx"), full_check=True)
        found = run(tmp_path / "model.onnx", x)
        for one, other in zip(found, arrays_in(expected), strict=True):
            assert difference(one, other) < TOLERANCE


def test_one_file_takes_batches_of_any_size(tmp_path: Path) -> None:
    for case in LAYERS:
        layer, x = drawn(case, 2, 2)
        save_onnx(layer, tmp_path / "model.onnx", sample_shape(x))
        for batch in (1, 5):
            _, x = drawn(case, batch, 2)
            for one, other in zip(run(tmp_path / "model.onnx", x), arrays_in(layer.predict(x)), strict=True):
                assert difference(one, other) < TOLERANCE, case.name


LAYER_CLASSES = [
    each for name in minidl.__all__ if isinstance(each := getattr(minidl, name), type) and issubclass(each, Layer)
]


@pytest.mark.parametrize("kind", [kind for kind in LAYER_CLASSES if kind is not Layer])
def test_every_layer_of_minidl_has_a_converter(kind: type[Layer]) -> None:
    assert any(base in CONVERTERS for base in kind.__mro__)
