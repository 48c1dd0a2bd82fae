"""The state of random generators: how far each is in its stream, and how many children it has spawned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from minidl.errors import CheckpointError
from minidl.modules.places import Place

__all__ = ["generator_state", "load_states", "make_generator", "states_of"]

SEED = ("entropy", "spawn_key", "pool_size", "n_children_spawned")
KINDS = ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64")
LARGEST_POOL = 100  # The time to make a seed grows with the square of its pool. NumPy's own has 4 numbers.


def states_of(places: Mapping[str, Place]) -> dict[str, Any]:
    """The states of all generators in these places, and which place holds which: some may share one.

    Raises:
        CheckpointError: a generator that could not be restored.
    """
    if name := next((name for name, place in places.items() if isinstance(place.container, tuple)), None):
        raise CheckpointError(f"{name} is a generator in a tuple and cannot be restored there; use a list")
    different = {id(place.generator): place.generator for place in places.values()}
    return {
        "states": [generator_state(generator) for generator in different.values()],
        "places": {name: list(different).index(id(place.generator)) for name, place in places.items()},
    }


def load_states(places: Mapping[str, Place], saved: Mapping[str, Any]) -> None:
    """Load what `states_of` returned. Places that shared a generator share one again.

    A generator that is there stays the same object if it is of the same kind, as its user may hold it, too. After an
    error, nothing has changed.

    Raises:
        CheckpointError: generators in other places, or a state that no generator can have.
        LookupError, TypeError, ValueError: something that `states_of` does not return.
    """
    if places.keys() != saved["places"].keys():
        there, here = (", ".join(names) or "no place" for names in (saved["places"], places))
        raise CheckpointError(f"has generators at {there}, but here they are at {here}")
    loaded = {index: make_generator(saved["states"][index]) for index in saved["places"].values()}
    kept: dict[int, Any] = {}
    for name, index in saved["places"].items():
        present, bits = places[name].generator, loaded[index].bit_generator
        alike = type(getattr(present, "bit_generator", None)) is type(bits)
        if index not in kept and alike and all(present is not other for other in kept.values()):
            present.bit_generator.__setstate__((bits.state, bits.seed_seq))  # as unpickling does, children included
            kept[index] = present
        generator = kept.setdefault(index, loaded[index])
        if generator is not present:
            places[name].container[places[name].key] = generator


def generator_state(generator: np.random.Generator) -> dict[str, Any]:
    """Everything that the next numbers and the next children of a generator depend on.

    Raises:
        CheckpointError: a legacy generator, a bit generator that is not NumPy's, or one without a SeedSequence.
    """
    bits: Any = getattr(generator, "bit_generator", None)
    seeds: Any = getattr(bits, "seed_seq", None)
    known = type(bits).__name__ in KINDS and isinstance(seeds, np.random.SeedSequence)
    if not known or seeds.pool_size > LARGEST_POOL:
        raise CheckpointError(f"the generator {generator!r} cannot be saved; make it with numpy.random.default_rng")
    entropy = seeds.entropy
    if np.iterable(entropy) and not isinstance(entropy, str):
        entropy = list(entropy)
    return {"bits": bits.state, "seed": {**seeds.state, "entropy": entropy}}


def make_generator(state: Mapping[str, Any]) -> np.random.Generator:
    """Make a generator with a state that `generator_state` returned.

    Raises:
        CheckpointError: a state that no generator of NumPy can have.
        LookupError, TypeError, ValueError: something that `generator_state` does not return.
    """
    bits, seed = state["bits"], state["seed"]
    kind, pool = bits["bit_generator"], seed["pool_size"]
    position, buffered = bits["state"].get("pos", 0), bits.get("buffer_pos", 0)
    # NumPy would read memory beyond the state's at a position outside of it.
    if kind not in KINDS or pool > LARGEST_POOL or not (0 <= position <= 624 and 0 <= buffered <= 4):
        raise CheckpointError(f"holds no generator's state: {kind!r}, pool {pool}, position {position}, {buffered}")
    made = getattr(np.random, kind)(np.random.SeedSequence(**{name: seed[name] for name in SEED}))
    made.state = bits
    return np.random.Generator(made)
