"""Operators of ONNX as layers, and files as models."""
