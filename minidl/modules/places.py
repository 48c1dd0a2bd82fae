"""Where random generators are held."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from minidl.modules.module import Module

__all__ = ["Place", "generators_in", "is_generator", "places_in", "places_of"]


class Place(NamedTuple):
    """A dict, list or tuple that holds a generator, and its key or index there."""

    container: Any
    key: Any

    @property
    def generator(self) -> Any:
        """The generator that is there now."""
        return self.container[self.key]


def places_of(module: Module, path: str = "model") -> dict[str, Place]:
    """Where a module and all below it hold generators, by names such as "model.3.rng"."""
    return {name: place for owner, each in module.modules(path) for name, place in places_in(vars(each), owner)}


def places_in(container: Any, path: str) -> Iterator[tuple[str, Place]]:
    """Pairs (name, place) of the generators in a dict, list or tuple, and in those inside it."""
    keyed = isinstance(container, dict)
    # The types first: a list of a million losses holds no generator, and this takes a tenth of the time of the loop.
    # The list is made in one step, while forward in another thread may add an attribute.
    kinds = set(map(type, list(container.values()) if keyed else container))
    if any(issubclass(kind, dict | list | tuple) or _of_generators(kind) for kind in kinds):
        for key, value in list(container.items()) if keyed else enumerate(container):
            if is_generator(value):
                yield f"{path}.{key}", Place(container, key)
            elif isinstance(value, dict | list | tuple):
                yield from places_in(value, f"{path}.{key}")


def generators_in(container: Any) -> list[np.random.Generator]:
    """The generators in a dict, list or tuple, and in those inside it, without legacy ones."""
    found = (place.generator for _, place in places_in(container, ""))
    return [generator for generator in found if isinstance(generator, np.random.Generator)]


def is_generator(value: object) -> bool:
    """Whether a value is a generator of NumPy, including a legacy RandomState."""
    return _of_generators(type(value))


def _of_generators(kind: type) -> bool:
    # If numpy.random is not loaded, there are no generators. Looking for them must not load it.
    return "numpy.random" in sys.modules and issubclass(kind, np.random.Generator | np.random.RandomState)
