"""The pictures of a frame of networks, as arrays."""

from base64 import b64decode
from typing import Any

import numpy as np


def pictures(frame: dict[str, Any]) -> tuple[Any, list[Any]]:
    """The boundary (pictures, size²) from 0 to 65535, and the units of each layer (units, 16²) from 0 to 255."""
    counts = [len(layer["bias"]) for layer in frame["layers"]]
    pixels = b64decode(frame["pixels"])
    plane = frame["boundary"]["size"] ** 2
    behind = 2 * plane * counts[-1]  # more than two classes have an output each, and two have one
    units = np.frombuffer(pixels[behind:], "u1").reshape(sum(counts), 256)
    return np.frombuffer(pixels[:behind], "<u2").reshape(-1, plane), np.split(units, np.cumsum(counts)[:-1])
