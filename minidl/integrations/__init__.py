"""Bridges to other packages, each of which may be missing."""

from minidl.integrations.onnx import load_onnx, save_onnx
from minidl.integrations.safetensors import load_safetensors, save_safetensors

__all__ = ["load_onnx", "load_safetensors", "save_onnx", "save_safetensors"]
