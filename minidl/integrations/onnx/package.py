"""The package onnx, which may be missing, and the versions of the format that files are written in."""

from __future__ import annotations

from types import ModuleType

__all__ = ["IR_VERSION", "OPSET", "onnx_package"]

OPSET = 21
"""The version of the operators in the files that are written."""

IR_VERSION = 10
"""The version of the file format that belongs to this opset. Newer ones are refused by older runtimes."""


def onnx_package() -> ModuleType:
    """Return the package onnx with its reference evaluator.

    Raises:
        ImportError: it is not installed.
    """
    try:
        import onnx
        import onnx.reference
    except ImportError as error:
        raise ImportError('this needs the package onnx; pip install "minidl[onnx]"') from error
    package: ModuleType = onnx
    return package
