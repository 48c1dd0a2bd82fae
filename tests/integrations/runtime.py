"""Running ONNX files outside of minidl."""

from pathlib import Path

import numpy as np

from minidl.batch import arrays_in
from minidl.typing import Array, Batch
from tests.integrations.packages import real

TYPES = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(int64)": np.int64, "tensor(bool)": np.bool_}


def run(path: Path, batch: Batch) -> list[Array]:
    """What onnxruntime returns for a batch. It gets the arrays in the types that the file names."""
    session = real("onnxruntime").InferenceSession(path, providers=["CPUExecutionProvider"])
    given = zip(session.get_inputs(), arrays_in(batch), strict=True)
    outputs: list[Array] = session.run(None, {each.name: array.astype(TYPES[each.type]) for each, array in given})
    return outputs


def difference(a: Array, b: Array) -> float:
    """``‖a − b‖ / ‖b‖``, for arrays of one shape and type."""
    assert a.shape == b.shape
    assert a.dtype == b.dtype
    return float(np.linalg.norm(a - b) / max(float(np.linalg.norm(b)), 1e-30))
