"""ONNX files as such: operators one by one, damage, arrays in other files, and what must never be opened."""

import doctest
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import CheckpointError, Dense, MinidlWarning
from minidl.integrations import load_onnx, save_onnx
from tests.integrations.packages import real
from tests.integrations.runtime import difference

onnx = real("onnx")
real("onnxruntime")
reference = real("onnx.reference")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.onnx"


def graph(shape: str, body: str, constants: str = "", *, result: str = "float[n, m] y", opset: int = 21) -> Any:
    """A model of one input x, from the text of its operators."""
    text = f'<ir_version: 10, opset_import: ["" : {opset}, "vendor" : 1]> main (float[{shape}] x) => ({result})'
    return onnx.parser.parse_model(f"{text} <{constants}> {{ {body} }}")


W = "float[3, 2] w = {1, 2, 3, 4, 5, -6}, float[2] b = {0.5, -1}"

GELU = "float r = {1.41421356}, float o = {1}, float k = {0.5}"
"""The constants of a GELU that is made of other operators."""

READ: dict[str, Any] = {
    "Gemm": graph("n, 3", "y = Gemm <alpha = 2.0, beta = 0.5> (x, w, b)", W),
    "Gemm, transposed": graph("n, 2", "y = Gemm <transB = 1> (x, w)", W),
    "Gemm, one bias": graph("n, 3", "y = Gemm (x, w, c)", W + ", float[1] c = {2}"),
    "constants in front": graph("n, 3", "m = MatMul(x, w)  s = Add(b, m)  y = Sub(b, s)", W),
    "folded constants": graph(
        "n, 2", "t = Transpose <perm = [1, 0]> (w)  u = Neg(t)  m = MatMul(x, u)  y = Identity(m)", W
    ),
    "a scaled Dense": graph("n, 3", "m = MatMul(x, w)  s = Mul(m, b)  y = Div(s, b)", W),
    "a scaled Dense without a bias": graph("n, 3", "m = MatMul(x, w)  y = Mul(m, b)", W),
    "a scaled input": graph("n, 2", "m = Mul(x, b)  y = Add(m, b)", W),
    "Cast": graph("n, 3", "c = Cast <to = 1> (x)  y = Gemm(c, w)", W),
    "Clip": graph("n, 2", "y = Clip(x, zero)", "float zero = {0}"),
    "PRelu": graph("n, 2", "y = PRelu(x, b)", W),
    "LeakyRelu": graph("n, 2", "y = LeakyRelu(x)"),
    "Elu": graph("n, 2", "y = Elu <alpha = 0.3> (x)"),
    "Sum": graph("n, 2", "s = Sigmoid(x)  t = Tanh(x)  y = Sum(x, s, t)"),
    "a square": graph("n, 2", "y = Mul(x, x)"),
    "Dropout": graph("n, 2", "y = Dropout(x)"),
    "LayerNormalization": graph("n, 2", "y = LayerNormalization(x, b, b)", W),
    "GroupNormalization": graph(
        "n, 4, 2, 3",
        "y = GroupNormalization <num_groups = 2> (x, g, h)",
        "float[4] g = {1, 2, 3, 4}, float[4] h = {0, -1, 1, 2}",
        result="float[n, 4, 2, 3] y",
    ),
    "auto_pad": graph(
        "n, 1, 4, 5",
        'y = Conv <auto_pad = "SAME_UPPER", strides = [2, 2], kernel_shape = [2, 3]> (x, k)',
        "float[1, 1, 2, 3] k = {1, 2, 3, 4, 5, 6}",
        result="float[n, 1, h, v] y",
    ),
    "uneven padding": graph(
        "n, 1, 4, 5",
        "y = Conv <pads = [0, 1, 1, 1], kernel_shape = [2, 3]> (x, k)",
        "float[1, 1, 2, 3] k = {1, 2, 3, 4, 5, 6}",
        result="float[n, 1, h, v] y",
    ),
    "GlobalMaxPool": graph("n, 2, 3, 4", "p = GlobalMaxPool(x)  y = Flatten(p)"),
    "GlobalAveragePool of images": graph(
        "n, 2, 3, 4", "p = GlobalAveragePool(x)  y = Squeeze(p, a)", "int64[2] a = {2, 3}"
    ),
    "an axis of length 1, flattened": graph("n, 2, 3", "u = Unsqueeze(x, a)  y = Flatten(u)", "int64[1] a = {1}"),
    "half of x in a GELU": graph(
        "n, 2", "h = Mul(x, k)  d = Div(x, r)  e = Erf(d)  a = Add(e, o)  y = Mul(h, a)", GELU
    ),
    "flattened and back": graph(
        "n, 2, 3, 4",
        "p = GlobalMaxPool(x)  f = Flatten(p)  r = Reshape(f, s)  q = MaxPool <kernel_shape = [1, 1]> (r)  "
        "y = Flatten(q)",
        "int64[4] s = {0, 2, 1, 1}",
    ),
    "ReduceMax": graph("n, 2, 3, 4", "p = Relu(x)  y = ReduceMax <keepdims = 0> (p, a)", "int64[2] a = {2, 3}"),
}


@pytest.mark.parametrize("name", READ)
def test_an_operator_does_what_the_reference_does(name: str, path: Path) -> None:
    onnx.save(READ[name], path)
    shape = [dim.dim_value for dim in READ[name].graph.input[0].type.tensor_type.shape.dim[1:]]
    x = np.random.default_rng(0).normal(size=(3, *shape)).astype(np.float32)
    expected = reference.ReferenceEvaluator(READ[name]).run(None, {"x": x})[0]
    images = len(shape) == 3
    found = load_onnx(path).predict(np.moveaxis(x, 1, -1) if images else x)
    expected = np.moveaxis(expected, 1, -1) if expected.ndim == 4 else expected
    assert difference(found, np.ascontiguousarray(expected)) < 1e-6


REFUSED: dict[str, tuple[Any, str]] = {
    "vendor": (graph("n, 3", "y = vendor.Gemm(x, w)", W), "has vendor::Gemm 'y', which load_onnx does not read"),
    "several unknown": (graph("n, 3", "s = Sin(x)  y = Cos(s)"), "has Cos 'y', Sin 's', which"),
    "opset": (graph("n, 3", "y = Relu(x)", opset=11), "of opset 11; export it again with opset_version=13"),
    "outputs": (
        graph("n, 3", "y = Relu(x)  z = Tanh(x)", result="float[n, 3] y, float[n, 3] z"),
        "has 2 outputs, but a Sequential has one",
    ),
    "transA": (graph("n, 3", "y = Gemm <transA = 1> (x, w)", W), "for samples of one axis, without transA"),
    "matrix on the left": (graph("n, 3", "y = MatMul(w, x)", W), "must be a constant"),
    "quotient": (graph("n, 2", "y = Div(b, x)", W), "input 1 must be a constant"),
    "zero": (graph("n, 2", "y = Mul(x, z)", "float[1] z = {0}"), "by 0 or infinity"),
    "one per sample": (graph("3, 2", "y = Add(x, w)", W, result="float[3, 2] y"), "differs between samples"),
    "batch axis": (graph("n, 3", "y = Transpose <perm = [1, 0]> (x)"), "moves the batch axis"),
    "softmax over samples": (graph("n, 3", "y = Softmax <axis = 0> (x)"), "along the batch axis"),
    "unknown size": (
        graph("n, k, 4", "f = Flatten(x)  y = Relu(f)"),
        r"where None is not known; export the model with only the batch axis dynamic",
    ),
    "no constant": (graph("n, 2", "r = RandomNormal <shape = [2]> ()  y = Add(x, r)"), "has RandomNormal"),
    "uneven padding": (
        graph(
            "n, 1, 4, 5",
            "y = Conv <pads = [1, 1, 0, 1], kernel_shape = [2, 3]> (x, k)",
            "float[1, 1, 2, 3] k = {1, 2, 3, 4, 5, 6}",
            result="float[n, 1, h, v] y",
        ),
        r"with the padding \(\(1, 1\), \(0, 1\)\)",
    ),
    "half of the groups' way": (
        graph(
            "n, 2, 2, 3",
            "c = Conv(x, k)  r = Reshape(c, s)  y = Relu(r)",
            "float[2, 2, 1, 1] k = {1, 2, 3, 4}, int64[3] s = {0, 2, -1}",
            result="float[n, 2, 6] y",
        ),
        "where minidl only reads a norm",
    ),
    "a mean of other axes": (
        graph("n, 2, 3, 4", "t = Transpose <perm = [0, 2, 3, 1]> (x)  p = GlobalAveragePool(t)  y = Flatten(p)"),
        "has GlobalAveragePool 'p', which takes samples of 3 axes with the channels first",
    ),
    "a further output": (
        graph("n, 1, 3, 4", "p, i = MaxPool <kernel_shape = [2, 2]> (x)  c = Cast <to = 1> (i)  y = Flatten(c)"),
        "has output 1 of MaxPool 'p', which load_onnx does not read",
    ),
    "twice a GELU": (
        graph("n, 2", "d = Div(x, r)  e = Erf(d)  a = Add(e, o)  m = Mul(x, a)  y = Relu(m)", GELU),
        "has Erf 'e', which load_onnx does not read",
    ),
    "large samples": (graph("n, 100000, 100000", "f = Flatten(x)  y = Relu(f)"), "reads up to 67108864 numbers"),
    "a large kernel": (
        graph(
            "n, 1, 4, 4",
            "y = AveragePool <kernel_shape = [9999, 9999], pads = [9998, 9998, 9998, 9998], count_include_pad = 1> (x)",
            result="float[n, 1, h, v] y",
        ),
        "reads up to 67108864 numbers",
    ),
    "a condition": (
        graph(
            "n, 2",
            "y = If (c) <then_branch = g () => (float[2] t) { t = Identity(b) }, "
            "else_branch = h () => (float[2] u) { u = Identity(b) }>",
            W + ", bool c = {1}",
        ),
        "has If 'y', which",
    ),
    "a constant": (graph("n, 2", "z = Relu(x)  y = Relu(b)", W), "computes 'y' from something other than its input"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_minidl_lacks_is_refused_by_name(name: str, path: Path) -> None:
    onnx.save(REFUSED[name][0], path)
    with pytest.raises(CheckpointError, match=rf"model.onnx' .*{REFUSED[name][1]}"):
        load_onnx(path)


@pytest.mark.parametrize("content", [b"", b"this is no such file", b"\x08\x0a" * 5])
def test_a_damaged_file_is_refused(content: bytes, path: Path) -> None:
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"model\.onnx' (is damaged, or not an ONNX file|is of opset 0)"):
        load_onnx(path)


def test_a_file_that_was_cut_off_is_refused(path: Path) -> None:
    save_onnx(Dense(20, 30), path, (20,))
    whole = path.read_bytes()
    for size in range(0, len(whole), 97):
        path.write_bytes(whole[:size])
        with pytest.raises(CheckpointError, match=r"model\.onnx' "):
            load_onnx(path)


def external(path: Path, location: str, **entries: int) -> None:
    """Write a Dense whose weight lies in another file."""
    model = graph("n, 3", "y = MatMul(x, w)", W)
    weight = next(each for each in model.graph.initializer if each.name == "w")
    weight.ClearField("float_data")
    weight.data_location = weight.EXTERNAL
    for key, value in {"location": location, **entries}.items():
        weight.external_data.add(key=key, value=str(value))
    path.write_bytes(model.SerializeToString())


WEIGHT = np.arange(6, dtype=np.float32).reshape(3, 2)


def test_arrays_in_other_files_of_the_folder(path: Path) -> None:
    (path.parent / "part").mkdir()
    (path.parent / "part" / "weights").write_bytes(b"1234" + WEIGHT.tobytes() + b"56")
    external(path, "part/weights", offset=4, length=24)
    model: Any = load_onnx(path)
    assert model[0].weight.value.tolist() == WEIGHT.tolist()
    os.remove(path.parent / "part" / "weights")
    assert model.predict(np.ones((1, 3))).tolist() == [[6.0, 9.0]]  # everything is in memory


@pytest.mark.parametrize("kind", ["above", "absolute", "link", "linked folder"])
def test_no_file_outside_of_the_folder_is_opened(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    secret = tmp_path / "secret"
    secret.write_bytes(WEIGHT.tobytes())
    location = {"above": "../secret", "absolute": str(secret), "link": "link", "linked folder": "up/secret"}[kind]
    if kind == "link":
        (folder / "link").symlink_to(secret)
    if kind == "linked folder":
        (folder / "up").symlink_to(tmp_path)
    external(folder / "model.onnx", location)
    with pytest.raises(CheckpointError, match="outside of its folder; that is never opened"):
        load_onnx(folder / "model.onnx")


EXTERNAL: dict[str, tuple[str, dict[str, int], str]] = {
    "missing": ("nothing", {}, "keeps 'w' in 'nothing', .*cannot be read: No such file"),
    "too short": ("weights", {"offset": 4, "length": 24}, "needs 24 bytes of 'weights' from byte 4 on"),
    "too far": ("weights", {"offset": 1000}, "are not there"),
    "negative": ("weights", {"offset": -4}, "are not there"),
    "wrong size": ("weights", {"length": 20}, "does not match"),
}


@pytest.mark.parametrize("name", EXTERNAL)
def test_other_files_that_lack_an_array_are_refused(name: str, path: Path) -> None:
    location, entries, message = EXTERNAL[name]
    (path.parent / "weights").write_bytes(WEIGHT.tobytes())
    external(path, location, **entries)
    with pytest.raises(CheckpointError, match=rf"model.onnx' .*{message}"):
        load_onnx(path)


def test_numbers_that_are_not_finite_are_read_with_a_warning(path: Path) -> None:
    model = Dense(1, 1)
    model.bias.value = [np.inf]
    with pytest.warns(MinidlWarning):
        save_onnx(model, path, (1,))
    with pytest.warns(MinidlWarning, match=r"model.onnx' holds numbers that are not finite: 0.bias"):
        load_onnx(path)


def test_a_missing_file_is_the_error_of_the_disk(path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_onnx(path)


def test_without_the_package_the_error_says_what_to_install(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r'pip install "minidl\[onnx\]"'):
        load_onnx(path)


def test_the_examples_of_the_reference_run() -> None:
    page = Path(__file__).parents[2] / "docs" / "reference" / "onnx.rst"
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    result = doctest.testfile(str(page), module_relative=False, optionflags=flags, encoding="utf-8")
    assert result.failed == 0
    assert result.attempted > 20
