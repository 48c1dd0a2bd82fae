"""Layers as operators of ONNX, and models as files."""
