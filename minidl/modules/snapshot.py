"""The state of modules at one moment, to return to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

import numpy as np

from minidl.modules.module import Module
from minidl.modules.places import generators_in

__all__ = ["Snapshot"]


class Snapshot:
    """Attributes, buffers and generators of modules and all modules below, as they are now.

    As a context manager it returns to them at the end of the block. Parameters are not part of it.

    Args:
        modules: the modules.
        stateful: whether to leave out modules that have neither buffers nor generators.

    >>> from minidl import Dropout
    >>> layer = Dropout(0.5, rng=0)
    >>> with Snapshot([layer]):
    ...     first = layer.forward(np.ones(8))
    >>> bool((layer.forward(np.ones(8)) == first).all())
    True
    """

    def __init__(self, modules: Iterable[Module], *, stateful: bool = False) -> None:
        every = [module for root in modules for _, module in root.modules()]
        self._modules = [m for m in every if not stateful or m.buffers or generators_in(vars(m))]
        self.take()

    def __bool__(self) -> bool:
        """Whether there is a module to return to its state."""
        return bool(self._modules)

    def take(self) -> None:
        """Take the current state instead."""
        self._attributes = [vars(module).copy() for module in self._modules]
        self._buffers = [
            {name: attributes[name] for name in module.buffers if name in attributes}
            for module, attributes in zip(self._modules, self._attributes, strict=True)
        ]
        arrays = (value for buffers in self._buffers for value in buffers.values() if isinstance(value, np.ndarray))
        self._arrays = [(array, array.copy()) for array in arrays if array.flags.writeable]
        values = (value for attributes in self._attributes for value in attributes.values())
        self._lists: list[tuple[Any, Any]] = [(each, each.copy()) for each in values if isinstance(each, list | dict)]
        generators = [each for attributes in self._attributes for each in generators_in(attributes)]
        self._streams = [(generator.bit_generator, generator.bit_generator.state) for generator in generators]

    def restore(self) -> None:
        """Return to the state taken last."""
        for module, attributes in zip(self._modules, self._attributes, strict=True):
            vars(module).clear()
            vars(module).update(attributes)
        # Forward may change these in place: they stay the same objects, and get their contents back.
        for value, contents in self._lists:
            value.clear()
            value.extend(contents) if isinstance(value, list) else value.update(contents)
        self.rewind()

    def rewind(self) -> None:
        """Return buffers and generators to the state taken last, and leave everything else."""
        for module, buffers in zip(self._modules, self._buffers, strict=True):
            vars(module).update(buffers)
        for array, contents in self._arrays:
            np.copyto(array, contents)
        for stream, state in self._streams:
            stream.state = state

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.restore()
