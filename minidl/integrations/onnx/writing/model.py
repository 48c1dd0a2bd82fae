"""Models as ONNX files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from copy import deepcopy
from itertools import count, product, zip_longest
from typing import Any, NamedTuple

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

TRIALS = ((12, 13), (6, 7), (3, 4), (1, 2))
"""Pairs of sizes to try a model with in place of names. A model may have a largest size, as `PositionEmbedding` has."""


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
            mask it is ``((t, features), (t,))``, or ``((t,), (t,))`` for ids. A size that may be any has a name in its
            place, as the length of sequences in ``("time", 8)``.
        dtype: float32 or float64. Some runtimes lack operators for float64, such as convolutions in onnxruntime.

    Raises:
        CheckpointError: a layer without a converter, a converter that adds invalid operators, operators that depend on
            a size that has a name, or a file above 2 GB.
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
        traces = _traces(model, input_shape, np.dtype(dtype))
    _check_sizes(traces, input_shape)
    proto = _proto(traces, input_shape)
    try:
        package.checker.check_model(proto, full_check=True)
    except (package.checker.ValidationError, package.shape_inference.InferenceError) as error:
        raise CheckpointError(f"the model became an invalid graph, so no file was written: {error}") from error
    warn_of_values(model.state(), path)
    with replacing(path) as file:
        file.write(proto.SerializeToString())


class _Trace(NamedTuple):
    """A model on a batch: the inputs and outputs as arrays and as names, and the graph in between."""

    x: Batch
    inputs: Any
    graph: Graph
    outputs: Any
    y: Batch


def _traces(model: Layer, shape: Any, dtype: Any) -> list[_Trace]:
    """One trace, or two with different numbers in place of names, the largest of `TRIALS` that the model takes."""
    _check_named(shape)
    if _sized(shape, 1) == shape:
        return [_traced(model, checked_shape(shape), dtype)]
    refusals: list[ShapeError] = []
    for sizes in TRIALS:
        try:
            return [_traced(model, checked_shape(_sized(shape, size)), dtype) for size in sizes]
        except ShapeError as error:
            refusals.append(error)
    raise refusals[0]


def _check_named(shape: Any) -> None:
    """Raise `ShapeError` for a shape as other programs write it, with None in place of a size."""
    if isinstance(shape, tuple):
        if None in shape and not any(isinstance(part, tuple) for part in shape):
            raise ShapeError(
                f"input_shape has a None, got {shape}; leave out the batch axis, and put a name in place of a size "
                'that may be any, as in ("time", 8)'
            )
        for part in shape:
            _check_named(part)


def _sized(shape: Any, size: int) -> Any:
    """A shape with a number in place of each name."""
    if isinstance(shape, tuple):
        return tuple(_sized(part, size) for part in shape)
    return size if isinstance(shape, str) else shape


def _traced(model: Layer, shape: Shape, dtype: Any) -> _Trace:
    x = _example(model, shape, dtype)
    with np.errstate(all="ignore"):
        y = model.predict(x)
    inputs, graph = _named(x, "x"), Graph(model, CONVERTERS, dtype)
    return _Trace(x, inputs, graph, graph.convert(model, inputs), y)


def _check_sizes(traces: list[_Trace], shape: Any) -> None:
    """Raise `CheckpointError` if the operators, or their constants, depend on the sizes that have names."""
    if len(traces) == 1:
        return
    first, last = (trace.graph for trace in traces)
    for node, other in zip_longest(first.nodes, last.nodes):
        constants = [] if node is None else [name for name in node.input if name in first.constants]
        if node != other or any(first.constants[c].tobytes() != last.constants[c].tobytes() for c in constants):
            raise CheckpointError(
                f"the operator {(node or other).name!r} depends on the sizes that have names in {shape}, as "
                'padding="same" does with a stride; pass them as numbers'
            )


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


def _described(graph: Graph, names: Any, batch: Batch, shapes: Iterable[Any]) -> list[Any]:
    """The names, types and shapes of inputs or outputs, as onnx holds them."""
    describe = onnx_package().helper.make_tensor_value_info
    return [
        describe(name, graph.type_of(array.dtype), ["batch", *shape])
        for name, array, shape in zip(arrays_in(names), arrays_in(batch), shapes, strict=True)
    ]


def _output_shapes(traces: list[_Trace]) -> Iterator[Shape]:
    """The shapes of the outputs. A size that is not fixed has no name."""
    for first, last in zip(arrays_in(traces[0].y), arrays_in(traces[-1].y), strict=True):
        yield tuple(a if a == b else None for a, b in zip(first.shape[1:], last.shape[1:], strict=True))


def _proto(traces: list[_Trace], shape: Shape) -> Any:
    """The model as onnx holds it, for inputs of a shape.

    Raises:
        CheckpointError: it is too large.
    """
    graph = traces[0].graph
    if (size := sum(array.nbytes for array in graph.constants.values())) >= LARGEST:
        raise CheckpointError(f"the model has {size / 1e9:.1f} GB, but an ONNX file holds 2 GB at most")
    package = onnx_package()
    helper = package.helper
    inputs = _described(graph, traces[0].inputs, traces[0].x, _sizes(shape))
    outputs = _described(graph, _named(traces[0].y, "y"), traces[0].y, _output_shapes(traces))
    # An output may be an input, or another output, so each gets its name from an operator of its own.
    last = [
        helper.make_node("Identity", [result], [output.name])
        for result, output in zip(arrays_in(traces[0].outputs), outputs, strict=True)
    ]
    constants = [package.numpy_helper.from_array(array, name) for name, array in graph.constants.items()]
    whole = helper.make_graph([*graph.nodes, *last], "model", inputs, outputs, constants)
    opset = [helper.make_opsetid("", OPSET)]
    return helper.make_model(whole, producer_name="minidl", ir_version=IR_VERSION, opset_imports=opset)
