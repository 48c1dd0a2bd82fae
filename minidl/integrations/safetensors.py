"""Parameters in the safetensors format, which other frameworks read and write."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from types import ModuleType

import numpy as np

from minidl.arguments import got
from minidl.errors import CheckpointError, HyperparameterError
from minidl.files import absolute, content_of, nesting_checked, replacing, warn_of_values
from minidl.integrations.pytorch import load_torch
from minidl.modules import Module
from minidl.typing import Array, Shape

__all__ = ["load_safetensors", "save_safetensors"]

LAYOUTS = ("minidl", "torch")
"""What the arrays in a file may be laid out as."""


def save_safetensors(model: Module, path: str | os.PathLike[str]) -> None:
    """Write all parameters and buffers to a file, by names such as "0.weight", bit for bit.

    The architecture is not in the file. Its metadata say that the arrays are laid out as in minidl. PyTorch does not
    read that, and would take square matrices transposed. For PyTorch, write what `torch_state` returns. An existing
    file of that name is replaced at the end, as a whole. Numbers that are not finite and negative variances are
    written, with a `MinidlWarning`.

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
        file.write(package.numpy.save(arrays, metadata={"layout": "minidl"}))


def load_safetensors(
    model: Module,
    path: str | os.PathLike[str],
    layout: str | None = None,
    *,
    input_shape: Shape | None = None,
    names: Mapping[str, str] | None = None,
) -> None:
    """Load all parameters and buffers from a file. After an error, nothing has changed.

    Files of `save_safetensors` say how their arrays are laid out. A file of another program does not, and shapes cannot
    tell: PyTorch's square matrices are transposed. So `layout` must say it.

    The format has no checksum, so values that were changed on the disk go unnoticed. Numbers that are not finite and
    negative variances are loaded, with a `MinidlWarning`.

    Args:
        model: a module of the same architecture, and for minidl's layout of the same dtype.
        path: a file in the safetensors format.
        layout: "minidl" or "torch". None means what the file says.
        input_shape, names: for PyTorch's layout, as in `load_torch`.

    Raises:
        CheckpointError: a damaged file, a missing or unknown name, or an array of another shape or type. A file that
            does not say its layout, or says another one.
        HyperparameterError: an unknown layout, or `input_shape` or `names` for minidl's layout.
        ImportError: the package safetensors is not installed.
        OSError: the file does not exist or cannot be read.
    """
    if layout not in (None, *LAYOUTS):
        raise HyperparameterError(f'layout must be "minidl", "torch" or None, {got(layout)}')
    package = _package()
    with open(absolute(path), "rb") as file:
        data = file.read()
    with content_of(path):
        arrays = _arrays(package, data)
        layout = _layout(data, layout)
    if layout == "minidl" and (input_shape is not None or names is not None):
        raise HyperparameterError(f"input_shape and names are for PyTorch's layout, but {path!r} has minidl's")
    with content_of(path):
        if layout == "torch":
            load_torch(model, arrays, input_shape=input_shape, names=names)
        else:
            _load(model, arrays)
    warn_of_values(arrays, path)


def _load(model: Module, arrays: dict[str, Array]) -> None:
    for key, own in model.state().items():
        if key in arrays and arrays[key].dtype != own.dtype:
            raise CheckpointError(
                f"does not match: it holds {key} as {arrays[key].dtype}, the model as {own.dtype}; convert the "
                "model with astype() first"
            )
    model.load_state(arrays)


def _layout(data: bytes, layout: str | None) -> str:
    """The layout that a sound file says, or that is passed."""
    size = int.from_bytes(data[:8], "little")
    said = json.loads(data[8 : 8 + size]).get("__metadata__", {}).get("layout")
    said = said if said in LAYOUTS else None
    if said is None and layout is None:
        raise CheckpointError(
            'does not say how its arrays are laid out; pass layout="torch" for a file from PyTorch, or layout="minidl"'
        )
    if None not in (said, layout) and said != layout:
        raise CheckpointError(f"is laid out as in {said}, not as in {layout}; leave out layout=")
    return str(layout or said)


def _arrays(package: ModuleType, data: bytes) -> dict[str, Array]:
    try:
        arrays: dict[str, Array] = package.numpy.load(data)
    except package.SafetensorError as error:
        raise CheckpointError(f"is damaged, or not a safetensors file: {error}") from error
    except KeyError as error:
        raise CheckpointError(
            f"holds numbers of a type that NumPy lacks: {error}; convert them first, as with tensor.float() in PyTorch"
        ) from error
    return arrays


def _package() -> ModuleType:
    try:
        import safetensors
        import safetensors.numpy
    except ImportError as error:
        raise ImportError('this needs the package safetensors; pip install "minidl[safetensors]"') from error
    return safetensors
