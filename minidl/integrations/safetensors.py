"""Parameters in the safetensors format, which other frameworks read and write."""

from __future__ import annotations

import os
from types import ModuleType

import numpy as np

from minidl.errors import CheckpointError
from minidl.files import absolute, content_of, nesting_checked, replacing, warn_of_values
from minidl.modules import Module
from minidl.typing import Array

__all__ = ["load_safetensors", "save_safetensors"]


def save_safetensors(model: Module, path: str | os.PathLike[str]) -> None:
    """Write all parameters and buffers to a file, by names such as "0.weight", bit for bit.

    The architecture is not in the file. An existing file of that name is replaced at the end, as a whole. Numbers that
    are not finite and negative variances are written, with a `MinidlWarning`.

    Args:
        model: any module.
        path: where to write. A leading "~" is the home folder.

    Raises:
        CheckpointError: a module that is nested too deeply.
        ImportError: the package safetensors is not installed.
        OSError: the disk refuses the file. One that was there before is unchanged.

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
    # The package writes memory in its own order, so each array must lie row by row.
    with nesting_checked():
        arrays = {name: np.array(value, order="C") for name, value in model.state().items()}
    warn_of_values(arrays, path)
    with replacing(path) as file:
        file.write(package.numpy.save(arrays))


def load_safetensors(model: Module, path: str | os.PathLike[str]) -> None:
    """Load all parameters and buffers from a file. After an error, nothing has changed.

    Only names, shapes and types are compared. The format has no checksum, so values that were changed on the disk go
    unnoticed. PyTorch's Linear stores its weight as (out, in), and Dense as (in, out): transpose such weights before
    saving them. If a layer has as many inputs as outputs, nothing here can tell the difference. Numbers that are not
    finite and negative variances are loaded, with a `MinidlWarning`.

    Args:
        model: a module of the same architecture and dtype.
        path: a file in the safetensors format.

    Raises:
        CheckpointError: a damaged file, a missing or unknown name, or an array of another shape or type.
        ImportError: the package safetensors is not installed.
        OSError: the file does not exist or cannot be read.
    """
    package = _package()
    with open(absolute(path), "rb") as file:
        data = file.read()
    with content_of(path):
        arrays = _arrays(package, data)
        for key, own in model.state().items():
            if key in arrays and arrays[key].dtype != own.dtype:
                raise CheckpointError(
                    f"does not match: it holds {key} as {arrays[key].dtype}, the model as {own.dtype}; convert the "
                    "model with astype() first"
                )
        model.load_state(arrays)
    warn_of_values(arrays, path)


def _arrays(package: ModuleType, data: bytes) -> dict[str, Array]:
    try:
        arrays: dict[str, Array] = package.numpy.load(data)
    except package.SafetensorError as error:
        raise CheckpointError(f"is damaged, or not a safetensors file: {error}") from error
    except KeyError as error:
        raise CheckpointError(f"holds numbers of a type that NumPy lacks: {error}") from error
    return arrays


def _package() -> ModuleType:
    try:
        import safetensors
        import safetensors.numpy
    except ImportError as error:
        raise ImportError('this needs the package safetensors; pip install "minidl[safetensors]"') from error
    return safetensors
