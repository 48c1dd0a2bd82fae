"""Where random generators are held."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from minidl.modules.module import Module

__all__ = ["Place", "is_generator", "places_in", "places_of", "streams_of"]


class Place(NamedTuple):
    """Where a generator is held: an object's attributes, or a dict or list in one of them, and the key there."""

    container: Any
    key: Any

    @property
    def generator(self) -> Any:
        return self.container[self.key]

    def put(self, generator: np.random.Generator) -> None:
        if self.generator is not generator:
            self.container[self.key] = generator


def places_of(module: Module, path: str = "model") -> dict[str, Place]:
    """Where a module and all below it hold generators, such as "model.3.rng"."""
    return {place: found for name, owner in module.modules(path) for place, found in places_in(vars(owner), name)}


def streams_of(module: Module) -> list[tuple[Any, Any]]:
    """The bit generators in a module and all below it, each with the state to set it back to."""
    generators = [place.generator for place in places_of(module).values()]
    streams = [each.bit_generator for each in generators if isinstance(each, np.random.Generator)]
    return [(stream, stream.state) for stream in streams]


def places_in(container: Any, path: str) -> Iterator[tuple[str, Place]]:
    """Where attributes, or the dicts, lists and tuples in them, hold generators."""
    keyed = isinstance(container, Mapping)
    # The types first: a list of a million losses holds none, and is gone through in no time.
    kinds = set(map(type, container.values() if keyed else container))
    if any(issubclass(kind, dict | list | tuple) for kind in kinds) or any(map(is_kind, kinds)):
        for key, value in container.items() if keyed else enumerate(container):
            if is_generator(value):
                yield f"{path}.{key}", Place(container, key)
            elif isinstance(value, dict | list | tuple):
                yield from places_in(value, f"{path}.{key}")


def is_kind(kind: type) -> bool:
    """Whether it is a type of generators of NumPy, be it the old one."""
    # If NumPy has not loaded them there are none, and it need not do so to find that out.
    return "numpy.random" in sys.modules and issubclass(kind, np.random.Generator | np.random.RandomState)


def is_generator(value: object) -> bool:
    """Whether it is a generator of NumPy."""
    return is_kind(type(value))
