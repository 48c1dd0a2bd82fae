"""Models in the ONNX format, which other programs write and run."""

from minidl.integrations.onnx.reading.model import load_onnx
from minidl.integrations.onnx.writing.graph import Graph
from minidl.integrations.onnx.writing.model import save_onnx
from minidl.integrations.onnx.writing.table import CONVERTERS

__all__ = ["CONVERTERS", "Graph", "load_onnx", "save_onnx"]
