"""Bridges to other packages, each of which may be missing."""

from minidl.integrations.optuna import OptunaPruning
from minidl.integrations.safetensors import load_safetensors, save_safetensors
from minidl.integrations.tensorboard import TensorBoard

__all__ = ["OptunaPruning", "TensorBoard", "load_safetensors", "save_safetensors"]
