"""Models in the ONNX format, which other programs run."""

from minidl.integrations.onnx.graph import Graph
from minidl.integrations.onnx.table import CONVERTERS
from minidl.integrations.onnx.writing import save_onnx

__all__ = ["CONVERTERS", "Graph", "save_onnx"]
