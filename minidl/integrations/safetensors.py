"""Parameters in the safetensors format, which other frameworks read and write."""

from __future__ import annotations

import os
from types import ModuleType
from typing import Any

import numpy as np

from minidl.errors import CheckpointError, ShapeError, StateError
from minidl.files import replacing
from minidl.modules import Module

__all__ = ["load_safetensors", "save_safetensors"]


def save_safetensors(model: Module, path: str | os.PathLike[str]) -> None:
    """Write all parameters and buffers to a file, by names such as "0.weight", bit for bit.

    The architecture is not in the file. A file of that name is replaced at the end, as a whole.

    Args:
        model: any module.
        path: where.

    Raises:
        ImportError: the package safetensors is not installed.
        OSError: from the disk; a file that was there before is as it was.

    >>> import tempfile
    >>> from minidl import Dense
    >>> model, other = Dense(2, 3, rng=0), Dense(2, 3, rng=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_safetensors(model, f"{folder}/model.safetensors")
    ...     load_safetensors(other, f"{folder}/model.safetensors")
    >>> bool((other.weight.value == model.weight.value).all())
    True
    """
    package = _package()
    # The package writes memory as it lies, so it must lie row by row.
    arrays = {name: np.array(value, order="C") for name, value in model.state().items()}
    with replacing(path) as file:
        file.write(package.numpy.save(arrays))


def load_safetensors(model: Module, path: str | os.PathLike[str]) -> None:
    """Take over all parameters and buffers from a file; either all of them or, after an error, nothing.

    Names are compared, shapes and types, nothing else. The format has no checksum, and values that were changed on the
    disk go unnoticed. PyTorch's Linear keeps its weight as (out, in), Dense as (in, out): such weights must be
    transposed before they are saved. If a layer has as many inputs as outputs, nothing here can tell.

    Args:
        model: a module of the same architecture and dtype.
        path: a file in the safetensors format.

    Raises:
        CheckpointError: a damaged file, or one that lacks a name, has one too many, another shape or another type.
        ImportError: the package safetensors is not installed.
        OSError: there is no such file, or it cannot be read.
    """
    arrays = _read(path)
    name = os.fspath(path)
    for key, own in model.state().items():
        if key in arrays and arrays[key].dtype != own.dtype:
            raise CheckpointError(
                f"{name!r} does not fit: it holds {key} as {arrays[key].dtype}, the model as {own.dtype}; "
                "turn the model with astype() first"
            )
    try:
        model.load_state(arrays)
    except (StateError, ShapeError) as error:
        raise CheckpointError(f"{name!r} does not fit: {error}") from error


def _read(path: str | os.PathLike[str]) -> dict[str, Any]:
    package = _package()
    with open(path, "rb") as file:
        data = file.read()
    try:
        arrays: dict[str, Any] = package.numpy.load(data)
    except package.SafetensorError as error:
        raise CheckpointError(f"{os.fspath(path)!r} is damaged, or no safetensors file: {error}") from error
    except KeyError as error:
        raise CheckpointError(f"{os.fspath(path)!r} holds numbers of a type that NumPy lacks: {error}") from error
    return arrays


def _package() -> ModuleType:
    try:
        import safetensors
        import safetensors.numpy
    except ImportError as error:
        raise ImportError('this needs the package safetensors; pip install "minidl[safetensors]"') from error
    return safetensors
