"""Bridges to other packages, each of which may be missing."""

from minidl.integrations.keras import load_keras
from minidl.integrations.pytorch import load_torch, torch_state
from minidl.integrations.safetensors import load_safetensors, save_safetensors

__all__ = ["load_keras", "load_safetensors", "load_torch", "save_safetensors", "torch_state"]
