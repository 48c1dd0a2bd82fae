"""How containers step: each layer has its own state."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from minidl.errors import DataError, StateError, describe
from minidl.layers.containers import Container, add_place
from minidl.layers.masks import handed
from minidl.layers.sequences import ONE_STEP
from minidl.modules import check_step
from minidl.typing import Batch

__all__ = ["check_arrays", "step_each", "step_through"]

State = tuple[Any, ...]


def step_through(container: Container, x: Batch, state: State | None) -> tuple[Any, State]:
    """One time step through layers one after the other. The state is a tuple of theirs."""
    states = []
    check_arrays(container, x)
    for layer, before in zip(container.layers, _states(container, state), strict=True):
        try:
            x, after = layer.step(handed(layer, x, None), before)
        except Exception as error:
            add_place(error, container.layers, layer, "step", x)
            raise
        states.append(after)
    return x, tuple(states)


def step_each(container: Container, x: Iterable[Batch], state: State | None) -> tuple[tuple[Any, ...], State]:
    """One time step of each input through a layer of its own. The state is a tuple of theirs."""
    outputs, states = [], []
    for layer, each, before in zip(container.layers, x, _states(container, state), strict=True):
        try:
            y, after = layer.step(each, before)
        except Exception as error:
            add_place(error, container.layers, layer, "step", each, chained=False)
            raise
        outputs.append(y)
        states.append(after)
    return tuple(outputs), tuple(states)


def check_arrays(container: Container, x: Any) -> None:
    """Raise `DataError` for a time step that is not an array, or has a mask."""
    if isinstance(x, np.ndarray) or (isinstance(x, tuple) and container.takes_tuple):
        return
    given = f"a tuple of {len(x)}" if isinstance(x, tuple) else type(x).__name__
    raise DataError(f"{describe(container)}: {ONE_STEP}, got {given}")


def _states(container: Container, state: Any) -> State:
    """The state of each layer."""
    check_step(type(container))
    count = len(container.layers)
    if state is None:
        return (None,) * count
    if not isinstance(state, tuple) or len(state) != count:
        found = f"{len(state)} states" if isinstance(state, tuple) else f"one of type {type(state).__name__}"
        raise StateError(
            f"{describe(container)} needs a state for each of its {count} layers, got {found}; pass what step returned"
        )
    return state
