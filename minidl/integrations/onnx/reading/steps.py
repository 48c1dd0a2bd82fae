"""The steps of a graph as the layers of a chain."""

from __future__ import annotations

from collections.abc import Iterable

from minidl.errors import CheckpointError
from minidl.integrations.onnx.reading.branches import JOINED, join
from minidl.integrations.onnx.reading.chain import Chain, LayoutError
from minidl.integrations.onnx.reading.patterns import PARTS
from minidl.integrations.onnx.reading.source import Node, Step
from minidl.integrations.onnx.reading.table import READERS

__all__ = ["check_operators", "follow"]


def check_operators(nodes: Iterable[Node]) -> None:
    """Raise `CheckpointError` for an operator that is not read."""
    if unknown := [str(node) for node in nodes if node.operator not in {*READERS, *JOINED, *PARTS}]:
        raise _refusal(", ".join(unknown))


def _refusal(operators: str) -> CheckpointError:
    return CheckpointError(
        f"has {operators}, which load_onnx does not read; change the exported model, or leave out what follows its "
        "last layer with weights, such as LogSoftmax; load_torch and load_keras copy the weights of recurrent layers "
        "and attention"
    )


def follow(chain: Chain, steps: list[Step]) -> Chain:
    """Add the layers of all steps to a chain, and return it.

    Raises:
        CheckpointError: what minidl cannot do.
        LayoutError: the axes of a sample are in another order than a step needs.
    """
    for node, branches in steps:
        if chain.groups is not None and node.operator not in ("InstanceNormalization", "Reshape"):
            raise LayoutError(f"has {node} after a Reshape of channels into groups, where minidl only reads a norm")
        if node.operator not in (JOINED if len(branches) > 1 else READERS):
            raise _refusal(str(node))
        if len(branches) > 1:
            join(chain, node, [follow(chain.branch(), branch) for branch in branches])
        else:
            READERS[node.operator](chain, node)
    return chain
