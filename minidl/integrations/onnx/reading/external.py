"""Arrays that an ONNX file keeps in other files of its folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from minidl.errors import CheckpointError

__all__ = ["load_external"]


def load_external(model: Any, folder: str) -> None:
    """Move the arrays that lie in other files into the model.

    A file names others by paths of its own choice, so only those below its folder are opened.

    Args:
        model: the model as onnx holds it.
        folder: where its file is, as an absolute path.

    Raises:
        CheckpointError: a path that leads out of the folder, a file that is missing or too short.
    """
    for tensor in _tensors(model.graph):
        if tensor.data_location == tensor.EXTERNAL:
            tensor.raw_data = _content(tensor, os.path.realpath(folder))
            tensor.data_location = tensor.DEFAULT
            del tensor.external_data[:]


def _tensors(graph: Any) -> Iterator[Any]:
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t


def _content(tensor: Any, folder: str) -> bytes:
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location, start = entries["location"], int(entries.get("offset", 0))
    path = os.path.realpath(os.path.join(folder, location))  # of a link, what it points to
    if os.path.commonpath((folder, path)) != folder:
        raise CheckpointError(f"keeps {tensor.name!r} in {location!r}, outside of its folder; that is never opened")
    try:
        with open(path, "rb") as file:
            rest = os.fstat(file.fileno()).st_size - start
            size = int(entries.get("length", rest))
            if start < 0 or not 0 <= size <= rest:
                raise CheckpointError(f"needs {size} bytes of {location!r} from byte {start} on, which are not there")
            file.seek(start)
            return file.read(size)
    except OSError as error:
        reason = error.strerror or error
        raise CheckpointError(f"keeps {tensor.name!r} in {location!r}, which cannot be read: {reason}") from error
