"""What a graph computes from constants and shapes alone, computed when it is read."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.integrations.onnx.package import onnx_package
from minidl.typing import Array, Shape

__all__ = ["BATCH", "folded", "shape_of"]

BATCH = 1_000_003
"""The size that a dynamic batch axis gets, so that all shapes are numbers: one that no other axis has."""

FOLDED = {
    *("Add", "Cast", "Concat", "Constant", "Div", "Gather", "Identity", "Mod", "Mul"),
    *("Neg", "Reshape", "Slice", "Sqrt", "Squeeze", "Sub", "Transpose", "Unsqueeze"),
}
"""Operators that are evaluated if all their inputs are constants. None of them makes large arrays of small ones."""


def folded(model: Any) -> Any:
    """Return a graph with the shape of every value that onnx can find, and without operators on constants alone.

    A Reshape may take its shape from a chain of operators on the shape of another value. So shapes and constants are
    found in turn, until there is nothing more to find.

    Args:
        model: the model as onnx holds it. It is changed.
    """
    onnx = onnx_package()
    graph = model.graph
    initialized = {each.name for each in graph.initializer}
    for value in graph.input:
        dims = value.type.tensor_type.shape.dim
        if value.name not in initialized and dims and not dims[0].HasField("dim_value"):
            dims[0].dim_value = BATCH
    del graph.value_info[:]
    for value in graph.output:
        value.type.tensor_type.ClearField("shape")
    while True:
        inferred = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
        if not _fold(graph, {each.name: shape_of(each) for each in (*inferred.value_info, *inferred.input)}):
            return inferred


def _fold(graph: Any, shapes: dict[str, Shape | None]) -> bool:
    """Replace operators on constants and known shapes by their values. Return whether there are any."""
    onnx = onnx_package()
    constants: dict[str, Array] = {each.name: onnx.numpy_helper.to_array(each) for each in graph.initializer}
    found: dict[str, Array] = {}
    rest = []
    for node in graph.node:
        given = {name: found.get(name, constants.get(name)) for name in node.input if name}
        shape = shapes.get(node.input[0]) if node.op_type == "Shape" and not node.domain else None
        if shape is not None and None not in shape:
            first, last = (_attribute(node, name) for name in ("start", "end"))
            found[node.output[0]] = np.array(shape[first:last], np.int64)
        elif node.op_type in FOLDED and not node.domain and all(value is not None for value in given.values()):
            found[node.output[0]] = np.asarray(onnx.reference.ReferenceEvaluator(node).run(None, given)[0])
        else:
            rest.append(node)
    kept = [onnx.NodeProto.FromString(node.SerializeToString()) for node in rest] if found else []
    if found:
        del graph.node[:]
        graph.node.extend(kept)
        graph.initializer.extend(onnx.numpy_helper.from_array(value, name) for name, value in found.items())
    return bool(found)


def _attribute(node: Any, name: str) -> int | None:
    return next((each.i for each in node.attribute if each.name == name), None)


def shape_of(value: Any) -> Shape | None:
    """What a graph says about the shape of an array, with None for unknown sizes. None if it says nothing."""
    tensor = value.type.tensor_type
    if not tensor.HasField("shape"):
        return None
    return tuple(dim.dim_value if dim.HasField("dim_value") else None for dim in tensor.shape.dim)
