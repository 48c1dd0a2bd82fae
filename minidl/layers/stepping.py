"""How containers step: each layer has its own state."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import repeat
from typing import Any

from minidl.layers.containers import Container, add_place
from minidl.layers.masks import handed
from minidl.modules import check_step
from minidl.typing import Batch

__all__ = ["step_each", "step_through"]

State = tuple[Any, ...]


def step_through(container: Container, x: Batch, state: State | None) -> tuple[Any, State]:
    """One time step through layers one after the other. The state is a tuple of theirs."""
    check_step(type(container))
    states = []
    for layer, before in zip(container.layers, state or repeat(None), strict=False):
        try:
            x, after = layer.step(handed(layer, x, None), before)
        except Exception as error:
            add_place(error, container.layers, layer, "step", x)
            raise
        states.append(after)
    return x, tuple(states)


def step_each(container: Container, x: Iterable[Batch], state: State | None) -> tuple[tuple[Any, ...], State]:
    """One time step of each input through a layer of its own. The state is a tuple of theirs."""
    check_step(type(container))
    outputs, states = [], []
    for layer, each, before in zip(container.layers, x, state or repeat(None), strict=False):
        try:
            y, after = layer.step(each, before)
        except Exception as error:
            add_place(error, container.layers, layer, "step", each, chained=False)
            raise
        outputs.append(y)
        states.append(after)
    return tuple(outputs), tuple(states)
