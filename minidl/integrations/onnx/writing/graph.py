"""The graph that a model becomes, one operator at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

from minidl.errors import CheckpointError, describe
from minidl.integrations.onnx.package import onnx_package
from minidl.modules import Layer
from minidl.parameters import Parameter
from minidl.typing import Array

__all__ = ["Converter", "Graph"]

Converter: TypeAlias = "Callable[[Graph, Any, Any], Any]"
"""A function that adds a layer to a graph: it takes graph, layer and the name of x, and returns the name of y."""

UNUSED = {
    *("backward", "backward_parameters", "initialize", "step", "output_shape", "given_shapes", "summary_rows"),
    *("gives_probabilities", "mixes_samples", "as_input"),
}
"""What a subclass may override without changing what its layers compute in evaluation."""


class Graph:
    """An ONNX graph under construction. Values in it are known by their names.

    Where a layer takes a tuple of arrays, it is a tuple of names here, of the same structure. A value keeps minidl's
    layout: the batch first, the features last.

    Args:
        model: the model that becomes the graph.
        converters: how to convert the layers of each class.
        dtype: the type of the floats in the graph. The model's parameters must have it.

    Attributes:
        nodes: the operators so far, as onnx holds them.
        constants: the arrays that they use, by name.
    """

    def __init__(self, model: Layer, converters: Mapping[type[Layer], Converter], dtype: Any) -> None:
        self.dtype = np.dtype(dtype)
        self.nodes: list[Any] = []
        self.constants: dict[str, Array] = {}
        self._converters = converters
        self._helper = onnx_package().helper
        self._layers = {module: path for path, module in model.modules()}
        self._parameters = {parameter: path for path, parameter in model.named_parameters()}
        self._place = ""

    def add(self, operator: str, *inputs: Any, outputs: int = 1, **attributes: Any) -> Any:
        """Add an operator, and return the name of its output, or a tuple of names if it has several.

        Args:
            operator: its name in ONNX, such as "MatMul".
            inputs: names of values, "" for an optional input that is left out. Anything else is a constant: a
                `Parameter`, an array, a float, an integer, or a list of integers. Floats get the type of the graph,
                integers become int64, and arrays keep their type.
            outputs: how many outputs it has.
            attributes: those of the operator, such as ``axis=-1``.
        """
        place = self._place or "model"
        names = [each if isinstance(each, str) else self._constant(each, place) for each in inputs]
        results = [f"{place}/{operator}_{len(self.nodes)}{f'.{i}' if i else ''}" for i in range(outputs)]
        self.nodes.append(self._helper.make_node(operator, names, results, name=results[0], **attributes))
        return results[0] if outputs == 1 else tuple(results)

    def convert(self, layer: Layer, x: Any) -> Any:
        """Add a layer, such as one inside another, and return the name of its output.

        Args:
            layer: the layer.
            x: the name of its input, or a tuple of names.

        Raises:
            CheckpointError: no converter for layers of this class.
        """
        outer, self._place = self._place, self._layers.get(layer) or type(layer).__name__
        try:
            return self._converter(layer)(self, layer, x)
        finally:
            self._place = outer

    def type_of(self, dtype: Any) -> int:
        """The number by which ONNX knows a type of NumPy, as its Cast takes it."""
        return int(self._helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def _converter(self, layer: Layer) -> Converter:
        """The converter of the layer's class, or of the base whose evaluation it inherits unchanged."""
        overridden: set[str] = set()
        for kind in type(layer).__mro__:
            if kind in self._converters:
                if found := sorted(name for name in overridden if hasattr(kind, name)):
                    raise self._refusal(layer, f", as {type(layer).__name__} overrides {found[0]} of {kind.__name__}")
                return self._converters[kind]
            overridden |= {name for name in vars(kind) if not name.startswith("__")} - UNUSED
        raise self._refusal(layer, "")

    def _refusal(self, layer: Layer, reason: str) -> CheckpointError:
        name = type(layer).__name__
        place = f"layer {self._layers[layer]}, {describe(layer)}," if self._layers.get(layer) else describe(layer)
        return CheckpointError(
            f"{place} has no converter to ONNX{reason}; write a function (graph, layer, x) that adds "
            f"its operators, and register it: minidl.integrations.onnx.CONVERTERS[{name}] = …"
        )

    def _constant(self, value: Any, place: str) -> str:
        if isinstance(value, Parameter) and value in self._parameters:
            path = self._parameters[value]
            name = path if "." in path else f"{place}.{path}"  # not that of an input or output
            self.constants[name] = value.value  # used twice, it is in the file once
            return name
        if isinstance(value, Parameter):
            value = value.value
        array = value if isinstance(value, np.ndarray | np.generic) else np.array(value)
        if not isinstance(value, np.ndarray | np.generic) and array.dtype.kind == "f":
            array = array.astype(self.dtype)
        name = f"{place}/constant_{len(self.constants)}"
        self.constants[name] = np.asarray(array)
        return name
