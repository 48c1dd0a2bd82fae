"""Layers, one file a family."""

from minidl.layers.activations import ReLU, Sigmoid
from minidl.layers.dense import Dense
from minidl.layers.sequential import Sequential

__all__ = ["Dense", "ReLU", "Sequential", "Sigmoid"]
