"""Stepping through a sequence, compared with forward of the whole of it."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from minidl.batch import arrays_in, mapped, shapes_of
from minidl.checking.behavior import spread
from minidl.checking.contract import near, require
from minidl.checking.noise import EPS
from minidl.modules import Layer, training_as
from minidl.typing import Array, Batch

__all__ = ["check_stepping"]


@training_as(False)
def check_stepping(layer: Layer, x: Batch) -> None:
    """Check that a layer that steps through sequences returns what `forward` returns for the whole of them.

    The arrays of x are sequences if they are (n, t, features), or ids (n, t). Other batches are not checked, nor are
    layers whose `step` raises an error.

    Raises:
        ContractError: a step returns something else.
    """
    if isinstance(x, tuple) and not layer.takes_tuple:
        x = x[0]  # without its mask, which step does not take
    if any(array.ndim + (array.dtype.kind in "iu") != 3 for array in arrays_in(x)):
        return
    outputs: list[Batch] = []
    state: Any = None
    try:
        for t in range(arrays_in(x)[0].shape[1]):
            y, state = layer.step(mapped(partial(_time_step, t), x), state)
            outputs.append(mapped(np.copy, y))
    except Exception:  # of any kind: a layer that says that it cannot step is not wrong
        return
    whole = mapped(np.copy, layer.forward(x))
    last = outputs[-1]
    found = last if shapes_of(last) == shapes_of(whole) else mapped(lambda *steps: np.stack(steps, 1), *outputs)
    require(
        near(found, whole, spread=lambda: spread(layer, x, EPS)[0]),
        "step returns something else for each time step than forward for the whole sequence; if an output depends on "
        "other time steps, set mixes_steps = True in the class, and define step(x, state) if the layer can step",
    )


def _time_step(t: int, array: Array) -> Array:
    return array[:, t].copy()
