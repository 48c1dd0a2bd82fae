"""What is in the file of a model, a run or a set of arrays."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from math import prod
from typing import Any, NamedTuple

import numpy as np

from minidl.errors import CheckpointError
from minidl.files import absolute, content_of
from minidl.modules.summary import aligned, format_bytes
from minidl.saving import container
from minidl.typing import Array

__all__ = ["contents"]

LONGEST_HEADER = 100_000_000
"""The limit that the safetensors format sets."""


def contents(path: str | os.PathLike[str]) -> str:
    """Describe a file that `save`, a `Checkpoint` or safetensors wrote: its layers, arrays and the state of its run.

    Nothing in the file is run and no layer is made, so none of its classes needs to be defined. That all bytes are as
    they were written is checked for files of minidl. Files of safetensors have no checksum.

    Raises:
        CheckpointError: a damaged or foreign file.
        OSError: the file does not exist or cannot be read.

    >>> import tempfile
    >>> from minidl.layers import Dense, ReLU, Sequential
    >>> from minidl.saving import save
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(Sequential(Dense(2, 3), ReLU()), f"{folder}/model.npz")
    ...     print(contents(f"{folder}/model.npz"))
    a model, 1.7 kB, its checksums are right
    <BLANKLINE>
    Sequential
      0: Dense(inputs=2, outputs=3, use_bias=True, initializer=he_normal)
      1: ReLU()
    <BLANKLINE>
    array     shape   type     numbers  memory
    0.weight  (2, 3)  float64        6    48 B
    0.bias    (3,)    float64        3    24 B
    total                            9    72 B
    """
    with open(absolute(path), "rb") as file:
        start, size = file.read(9), format_bytes(os.fstat(file.fileno()).st_size)
    saved, arrays = container.read(path) if start[:2] == b"PK" else ({}, {})
    with content_of(path):
        if saved:
            blocks = _of_minidl({name: _plain(node, arrays) for name, node in saved.items()}, size)
        elif start[8:] == b"{":
            blocks = _of_safetensors(path, size)
        else:
            raise CheckpointError("is neither a file of minidl nor one in the safetensors format")
        text = "\n\n".join("\n".join(lines) for lines in blocks if lines)
    # Text from a file must not control the terminal.
    return "".join(char if char.isprintable() or char == "\n" else repr(char)[1:-1] for char in text)


class _Module(NamedTuple):
    """A layer, loss or other module as the file describes it."""

    name: str
    arguments: dict[str, Any]

    def __repr__(self) -> str:
        shown = [f"{name}={value!r}" for name, value in self.arguments.items() if value is not None]
        return f"{self.name}({', '.join(shown)})"


class _Name(str):
    """The name of a function, which is not quoted."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _plain(node: Any, arrays: Mapping[str, Array]) -> Any:
    """The value that a node of the text stands for, with a description in place of each module and generator."""
    if isinstance(node, list):
        return [_plain(item, arrays) for item in node]
    if not isinstance(node, dict):
        return node
    ((kind, content),) = node.items()
    if kind in ("array", "list"):
        return arrays[content]
    if kind == "dict":
        return {name: _plain(item, arrays) for name, item in content.items()}
    if kind == "module":
        home = "" if content["home"] == "minidl" else f"{content['home']}."
        arguments = {name: _plain(item, arrays) for name, item in content["arguments"].items()}
        return _Module(f"{home}{content['type']}", arguments)
    if kind == "tuple":
        return tuple(_plain(item, arrays) for item in content)
    if kind == "float":
        return float(content)
    return None if kind == "generator" else _Name(content)


def _of_minidl(saved: Mapping[str, Any], size: str) -> Iterator[list[str]]:
    """The blocks of lines about a file of minidl."""
    run = saved.get("run")
    yield [f"{'a run and its model' if run else 'a model'}, {size}, its checksums are right"]
    yield list(_tree(saved["architecture"]))
    arrays = {name: np.asarray(value) for name, value in saved["model"]["state"].items()}
    yield _table((name, each.shape, str(each.dtype), each.nbytes) for name, each in arrays.items())
    if frozen := saved["model"].get("frozen"):
        yield [f"frozen: {', '.join(name or 'the model' for name in frozen)}"]
    if run:
        yield aligned(list(_state(saved, run)), numbers=0)


def _tree(module: Any, name: str = "", level: int = 0) -> Iterator[str]:
    """A line for each module, with those inside it below. A model's arrays are named by the same numbers."""
    inside = {key: value for key, value in module.arguments.items() if _has_modules(value)}
    others = module._replace(arguments={key: each for key, each in module.arguments.items() if key not in inside})
    head = others.name if inside and not others.arguments else repr(others)
    yield "  " * level + (f"{name}: " if name else "") + head
    for key, value in inside.items():
        several = {str(index): each for index, each in enumerate(value)} if isinstance(value, list | tuple) else value
        for part, each in ({key: value} if isinstance(value, _Module) else several).items():
            if isinstance(each, _Module):
                yield from _tree(each, part, level + 1)
            else:
                yield "  " * (level + 1) + f"{part}: {each!r}"


def _has_modules(value: Any) -> bool:
    values = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return isinstance(value, _Module) or any(isinstance(each, _Module) for each in values)


def _state(saved: Mapping[str, Any], run: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """How far a run is, and what it was made with: pairs (what, which)."""
    taken, script, optimizer = saved.get("batches", {}).get("taken"), saved["script"], saved["optimizer"]
    yield "epochs", f"{run['epoch']} completed" + (f", {taken} batches of the next" if taken else "")
    yield "steps", f"{run['step']}"
    yield "latest loss", f"{run['loss']:.6g}"
    yield from ((name.replace("_", " "), f"{value:.6g}") for name, value in run["metrics"].items() if name != "loss")
    if run["reason"] is not None:
        yield "stopped", run["reason"]
    if script:
        yield "loss function", script["loss"]
        yield "optimizer", f"{script['optimizer']}, now lr={optimizer['lr']:.6g}"
    slots = {name: value for name, value in optimizer.items() if isinstance(value, np.ndarray)}
    yield "its arrays", f"{', '.join(slots) or 'none'}, {format_bytes(sum(each.nbytes for each in slots.values()))}"
    yield "callbacks", ", ".join(callback["type"] for callback in saved["callbacks"]) or "none"


def _of_safetensors(path: str | os.PathLike[str], size: str) -> Iterator[list[str]]:
    """The blocks of lines about a file in the safetensors format."""
    with open(absolute(path), "rb") as file:
        room = os.fstat(file.fileno()).st_size - 8
        length = int.from_bytes(file.read(8), "little")
        if length > min(room, LONGEST_HEADER):
            raise CheckpointError("is damaged, or not a safetensors file: its header is longer than the file")
        header = json.loads(file.read(length))
    metadata = header.pop("__metadata__", {})
    ends = [each["data_offsets"] for each in header.values()]
    if max((end for _, end in ends), default=0) != room - length:
        raise CheckpointError("is damaged: its arrays are not as long as its header says")
    yield [f"arrays in the safetensors format, {size}, without an architecture and checksums"]
    yield _table(
        (name, tuple(each["shape"]), each["dtype"], each["data_offsets"][1] - each["data_offsets"][0])
        for name, each in header.items()
    )
    yield [f"{name}: {value}" for name, value in metadata.items()]


def _table(arrays: Iterable[tuple[str, tuple[int, ...], str, int]]) -> list[str]:
    """A line for each array, of (name, shape, type, bytes), and their sum."""
    cells, numbers, memory = [("array", "shape", "type", "numbers", "memory")], 0, 0
    for name, shape, kind, size in arrays:
        cells.append((name, str(shape), kind, f"{prod(shape):,}", format_bytes(size)))
        numbers, memory = numbers + prod(shape), memory + size
    return aligned([*cells, ("total", "", "", f"{numbers:,}", format_bytes(memory))], numbers=2)
