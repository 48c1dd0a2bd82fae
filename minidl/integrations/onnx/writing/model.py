"""Models as ONNX files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from copy import deepcopy
from itertools import count, product
from typing import Any

import numpy as np

from minidl.arguments import check_type
from minidl.batch import arrays_in, mapped, several
from minidl.errors import CheckpointError, DataError, ShapeError
from minidl.files import nesting_checked, replacing, warn_of_values
from minidl.integrations.onnx.package import IR_VERSION, OPSET, onnx_package
from minidl.integrations.onnx.writing.graph import Graph
from minidl.integrations.onnx.writing.table import CONVERTERS
from minidl.modules import Layer
from minidl.modules.summary import checked_shape
from minidl.typing import Batch, Shape

__all__ = ["save_onnx"]

LARGEST = 2**31
"""How many bytes a file may have: protobuf, the format underneath, holds no more."""


def save_onnx(model: Layer, path: str | os.PathLike[str], input_shape: Shape, *, dtype: Any = np.float32) -> None:
    """Write a model as it is in evaluation to an ONNX file, which other programs run without minidl.

    The file takes and returns what the model does, in minidl's layout: the batch first, of any size, and the features
    or channels last. Its inputs are called "x", or "x_0", "x_1" and so on if there are several, and masks "mask". Its
    outputs are called "y", or "y_0", "y_1" and so on. Floats have the type `dtype`, ids are int64, and masks are
    Boolean. An input that goes straight into a `Standardize` or `MinMax` is float64, so that large numbers such as Unix
    times keep their digits. The file is checked before it is written, and it replaces an existing one as a whole.

    Args:
        model: any layer, built in or with a converter in `CONVERTERS`.
        path: where to write. A leading "~" is the home folder.
        input_shape: the shape of one sample, such as ``(28, 28, 1)``, or a tuple of shapes for several inputs. With a
            mask it is ``((t, features), (t,))``, or ``((t,), (t,))`` for ids.
        dtype: float32 or float64. Some runtimes lack operators for float64, such as convolutions in onnxruntime.

    Raises:
        CheckpointError: a layer without a converter, a converter that adds invalid operators, or a file above 2 GB.
        ShapeError, DataError: the model cannot take inputs of that shape.
        StateError: a `Standardize` or `MinMax` that has not been adapted.
        HyperparameterError: another dtype.
        ImportError: the package onnx is not installed.
        OSError: the disk refuses the file. One that was there before is unchanged.
    """
    check_type("model", model, Layer)
    package = onnx_package()
    with nesting_checked():
        model = deepcopy(model).astype(dtype)
        x = _example(model, checked_shape(input_shape), np.dtype(dtype))
        with np.errstate(all="ignore"):
            y = model.predict(x)
        graph = Graph(model, CONVERTERS, dtype)
        inputs = _named(x, "x")
        results = graph.convert(model, inputs)
    proto = _proto(graph, _described(graph, inputs, x), results, _described(graph, _named(y, "y"), y))
    try:
        package.checker.check_model(proto, full_check=True)
    except (package.checker.ValidationError, package.shape_inference.InferenceError) as error:
        raise CheckpointError(f"the model became an invalid graph, so no file was written: {error}") from error
    warn_of_values(model.state(), path)
    with replacing(path) as file:
        file.write(proto.SerializeToString())


def _example(model: Layer, shape: Shape, dtype: Any) -> Batch:
    """A batch of two samples as the model takes them. Their shape is not checked.

    An input is made of floats, of ids, or of the Booleans of a mask. The first combination that all layers accept is
    the right one: a layer of ids accepts no floats, and a mask is nothing but Booleans.
    """
    sizes = _sizes(shape)
    if None in sizes:
        raise ShapeError(f"save_onnx takes the shape of every input, got {shape}")
    refusals: list[DataError | ShapeError] = []
    for kinds in product((np.float64, np.int64, np.bool_), repeat=len(sizes)):
        try:
            return model.as_input(_filled(shape, iter(kinds)), "x", dtype)
        except (DataError, ShapeError) as error:
            refusals.append(error)
    raise next((each for each in refusals if isinstance(each, ShapeError)), refusals[0])


def _sizes(shape: Shape | None) -> list[Shape | None]:
    """The shape of each array."""
    return [each for part in shape for each in _sizes(part)] if several(shape) else [shape]


def _filled(shape: Shape, kinds: Iterator[type]) -> Batch:
    """Arrays of two samples, of ones, and of zeros for ids."""
    if several(shape):
        return tuple(_filled(part, kinds) for part in shape)
    kind = next(kinds)
    return np.full((2, *shape), kind is not np.int64, kind)


def _named(batch: Batch, name: str) -> Any:
    """A name for each array of a batch, numbered if there are several. Booleans are called "mask"."""
    names = ["mask" if array.dtype == np.bool_ else name for array in arrays_in(batch)]
    numbers = {each: count() for each in names}
    numbered = iter([each if names.count(each) == 1 else f"{each}_{next(numbers[each])}" for each in names])
    return mapped(lambda _: next(numbered), batch)


def _described(graph: Graph, names: Any, batch: Batch) -> list[Any]:
    """The names, types and shapes of the arrays of a batch, as onnx holds them. The batch may have any size."""
    describe = onnx_package().helper.make_tensor_value_info
    return [
        describe(name, graph.type_of(array.dtype), ["batch", *array.shape[1:]])
        for name, array in zip(arrays_in(names), arrays_in(batch), strict=True)
    ]


def _proto(graph: Graph, inputs: list[Any], results: Any, outputs: list[Any]) -> Any:
    """The model as onnx holds it.

    Args:
        graph: the operators of the model.
        inputs, outputs: its inputs and outputs, as `_described` returns them.
        results: the names that the outputs have in the graph.

    Raises:
        CheckpointError: it is too large.
    """
    if (size := sum(array.nbytes for array in graph.constants.values())) >= LARGEST:
        raise CheckpointError(f"the model has {size / 1e9:.1f} GB, but an ONNX file holds 2 GB at most")
    package = onnx_package()
    helper = package.helper
    # An output may be an input, or another output, so each gets its name from an operator of its own.
    last = [
        helper.make_node("Identity", [result], [output.name])
        for result, output in zip(arrays_in(results), outputs, strict=True)
    ]
    constants = [package.numpy_helper.from_array(array, name) for name, array in graph.constants.items()]
    whole = helper.make_graph([*graph.nodes, *last], "model", inputs, outputs, constants)
    opset = [helper.make_opsetid("", OPSET)]
    return helper.make_model(whole, producer_name="minidl", ir_version=IR_VERSION, opset_imports=opset)
