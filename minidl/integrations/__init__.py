"""Bridges to other packages, each of which may be missing."""

from minidl.integrations.safetensors import load_safetensors, save_safetensors

__all__ = ["load_safetensors", "save_safetensors"]
