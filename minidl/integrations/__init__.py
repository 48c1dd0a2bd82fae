"""Bridges to other packages, each of which may be missing."""

from minidl.integrations.keras import load_keras
from minidl.integrations.onnx import load_onnx, save_onnx
from minidl.integrations.optuna import OptunaPruning
from minidl.integrations.pytorch import load_torch, torch_state
from minidl.integrations.safetensors import load_safetensors, save_safetensors
from minidl.integrations.tensorboard import TensorBoard

__all__ = [
    "OptunaPruning",
    "TensorBoard",
    "load_keras",
    "load_onnx",
    "load_safetensors",
    "load_torch",
    "save_onnx",
    "save_safetensors",
    "torch_state",
]
