"""The graph of an ONNX file: its operators, constants and shapes, and how it branches."""

from __future__ import annotations

from functools import reduce
from itertools import pairwise
from typing import Any, NamedTuple

from minidl.errors import CheckpointError
from minidl.integrations.onnx.package import onnx_package
from minidl.integrations.onnx.reading.folding import folded, shape_of
from minidl.typing import Array, Shape

__all__ = ["Node", "Source", "Step"]

OLDEST_OPSET = 13
"""Before it, some operators meant something else."""

SHAPED_BY = {"Expand", "Reshape", "Squeeze", "Unsqueeze", "Clip", "Dropout", "ReduceMean"}
"""Operators of whose inputs only the first holds data. What the others say is a shape, or constant."""


class Node(NamedTuple):
    """An operator.

    Attributes:
        operator: its name in ONNX.
        name: what messages call it.
        attributes: its attributes by name.
        inputs: the names of its inputs, "" where one is left out.
        constants: the inputs that are constants, None in place of the others.
        data: the names of the inputs that are not.
        shape: that of one sample of its output. None if the file does not tell it, or if the samples are others than
            those of the input. Likewise for each size.
    """

    operator: str
    name: str
    attributes: dict[str, Any]
    inputs: tuple[str, ...]
    constants: tuple[Array | None, ...]
    data: tuple[str, ...]
    shape: Shape | None

    def __str__(self) -> str:
        return f"{self.operator} {self.name!r}"


class Step(NamedTuple):
    """A node on the way from the input to the output, and what each of its data inputs goes through before it."""

    node: Node
    branches: tuple[list[Step], ...]


class Source:
    """A graph of one input and one output.

    Args:
        model: the model as onnx holds it.

    Attributes:
        input, output: the names of its input and its output.
        input_shape: the shape of one sample, with None for sizes that are not fixed.
        dtype: the type of the output.

    Raises:
        CheckpointError: operators of another vendor or too old, or several inputs or outputs.
    """

    def __init__(self, model: Any) -> None:
        opsets = {each.domain or "ai.onnx": each.version for each in model.opset_import}
        if (opset := opsets.get("ai.onnx", 0)) < OLDEST_OPSET:
            raise CheckpointError(f"is of opset {opset}; export it again with opset_version={OLDEST_OPSET} or newer")
        onnx = onnx_package()
        graph = folded(model)
        self._constants: dict[str, Array] = {each.name: onnx.numpy_helper.to_array(each) for each in graph.initializer}
        inputs = [each for each in graph.input if each.name not in self._constants]
        for kind, values in (("inputs", inputs), ("outputs", graph.output)):
            if len(values) != 1:
                raise CheckpointError(f"has {len(values)} {kind}, but a Sequential has one; export a model with one")
        self.input, self.output = inputs[0].name, graph.output[0].name
        self.dtype = onnx.helper.tensor_dtype_to_np_dtype(graph.output[0].type.tensor_type.elem_type)
        self._shapes = {each.name: shape_of(each) for each in (*graph.value_info, *graph.output, *inputs)}
        shape = self._shapes[self.input]
        self._batch = shape[0] if shape else None
        self.input_shape: Shape | None = shape[1:] if shape else None
        self._nodes: dict[str, Node] = {}
        self._depths, self._dominators = {self.input: 0}, {self.input: self.input}
        for proto in graph.node:  # each comes after those that compute its inputs
            self._take(proto)

    def _take(self, proto: Any) -> None:
        """Take in a node, and the last value that everything on the way to it passes through."""
        node = self._node(proto)
        known = [name for name in node.data if name in self._depths]
        dominator = reduce(self._meeting, known) if known else None
        for index, output in enumerate(proto.output):
            # No layer has what only further outputs hold, such as where the maxima of MaxPool were.
            self._nodes[output] = node._replace(operator=f"output {index} of {node.operator}") if index else node
            if dominator is not None:
                self._dominators[output], self._depths[output] = dominator, self._depths[dominator] + 1

    def _node(self, proto: Any) -> Node:
        domain = "" if proto.domain in ("", "ai.onnx") else f"{proto.domain}::"
        data = tuple(name for name in proto.input if name and name not in self._constants)
        shape = self._shapes.get(proto.output[0]) or (None,)
        return Node(
            f"{domain}{proto.op_type}",
            proto.name or proto.output[0],
            {each.name: onnx_package().helper.get_attribute_value(each) for each in proto.attribute},
            tuple(proto.input),
            tuple(map(self._constants.get, proto.input)),
            data[:1] if proto.op_type in SHAPED_BY else data,
            shape[1:] if shape[0] == self._batch else None,
        )

    def _meeting(self, a: str, b: str) -> str:
        """The last value that everything on the way to both values passes through."""
        while a != b:
            if self._depths[a] < self._depths[b]:
                a, b = b, a
            a = self._dominators[a]
        return a

    def needed(self) -> list[Node]:
        """All nodes that the output depends on."""
        found: dict[str, Node] = {}
        names = [self.output]
        while names:
            name = names.pop()
            if name in self._nodes and name not in found:
                found[name] = self._nodes[name]
                names.extend(found[name].data)
        return list(found.values())

    def steps(self, start: str = "", end: str = "") -> list[Step]:
        """The nodes that every way from one value to another passes through, with what lies between two of them.

        Args:
            start, end: the names of the values. By default they are the input and the output.

        Raises:
            CheckpointError: the value does not depend on the input.
        """
        start, name = start or self.input, end or self.output
        passed = [name]
        while name != start:
            if name not in self._dominators or name == self.input:
                raise CheckpointError(f"computes {name!r} from something other than its input")
            name = self._dominators[name]
            passed.append(name)
        return [self._step(before, after) for before, after in pairwise(reversed(passed))]

    def _step(self, before: str, after: str) -> Step:
        node = self._nodes[after]
        return Step(node, tuple(self.steps(before, name) for name in node.data))
