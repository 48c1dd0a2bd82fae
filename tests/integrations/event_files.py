"""Reads what a `TensorBoard` callback wrote, as TensorBoard does."""

from pathlib import Path
from typing import Any

import numpy as np

from tests.integrations.packages import real
from tests.training.factories import data, mean_error

real("tensorboardX")
reading = real("tensorboard.backend.event_processing.event_accumulator")
serving = real("tensorboard.backend.event_processing.plugin_event_accumulator")  # what TensorBoard's pages show
tensors = real("tensorboard.util.tensor_util")

FIT: dict[str, Any] = {"batch_size": 3, "validation": data(5), "metrics": {"error": mean_error}, "rng": 0}
"""With seven samples, an epoch is three steps."""


def read(folder: Path) -> Any:
    accumulator = reading.EventAccumulator(str(folder), {"scalars": 0, "histograms": 0, "tensors": 0})
    return accumulator.Reload()


def curves(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Name -> pairs (number, value), as both of TensorBoard's readers find them."""
    events, served = read(folder), serving.EventAccumulator(str(folder), tensor_size_guidance={"tensors": 0}).Reload()
    names = events.Tags()["scalars"]
    found = {name: [(each.step, each.value) for each in events.Scalars(name)] for name in names}
    for name in names:
        shown = [(each.step, tensors.make_ndarray(each.tensor_proto).item()) for each in served.Tensors(name)]
        assert shown == found[name]
    return found


def expected(values: list[float]) -> list[tuple[int, float]]:
    return [(index, float(np.float32(value))) for index, value in enumerate(values, 1)]
