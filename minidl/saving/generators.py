"""The state of random generators: where each is in its stream, and how many children it has spawned."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np

from minidl.errors import CheckpointError
from minidl.modules.places import Place

__all__ = ["generator_state", "load_states", "states_of", "with_state"]

KINDS = ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64")
LARGEST_POOL = 100  # the time to make a seed grows as the square of it; NumPy's own is 4
MOST_SPAWNED = 1_000  # by a generator that keeps its place; each takes 10 µs to catch up with


def states_of(places: Mapping[str, Place]) -> dict[str, Any]:
    """The states of all generators that are held somewhere, and who holds which: some may be shared.

    Raises:
        CheckpointError: a generator that could not be brought back.
    """
    for name, place in places.items():
        if isinstance(place.container, tuple):
            raise CheckpointError(f"{name} is a generator in a tuple, and could not be put back there; use a list")
    generators = {name: place.generator for name, place in places.items()}
    different = list({id(generator): generator for generator in generators.values()}.values())
    return {
        "states": [generator_state(generator) for generator in different],
        "places": {
            name: next(index for index, other in enumerate(different) if other is generator)
            for name, generator in generators.items()
        },
    }


def load_states(places: Mapping[str, Place], saved: Mapping[str, Any]) -> None:
    """Take over what `states_of` gave; places that shared a generator share one again.

    Raises:
        CheckpointError: generators in other places, or a state that is none; nothing has changed then.
        LookupError, TypeError, ValueError: likewise, what `states_of` did not give.
    """
    if places.keys() != saved["places"].keys():
        raise CheckpointError(
            f"has generators at {', '.join(saved['places']) or 'no place'}, here they are at "
            f"{', '.join(places) or 'no place'}"
        )
    for index in saved["places"].values():
        with_state(saved["states"][index])
    taken: dict[int, np.random.Generator] = {}
    for name, index in saved["places"].items():
        if index not in taken:
            present = places[name].generator
            free = all(present is not generator for generator in taken.values())
            taken[index] = with_state(saved["states"][index], present if free else None)
        places[name].put(taken[index])


def generator_state(generator: np.random.Generator) -> dict[str, Any]:
    """All that the next numbers and the next children of a generator depend on.

    Raises:
        CheckpointError: a bit generator that NumPy does not have, or one without a `numpy.random.SeedSequence`.
    """
    if not isinstance(generator, np.random.Generator):
        raise CheckpointError(f"the generator {generator!r} cannot be saved; make it by numpy.random.default_rng")
    bits = generator.bit_generator
    seeds: Any = bits.seed_seq
    if type(bits).__name__ not in KINDS or not isinstance(seeds, np.random.SeedSequence):
        raise CheckpointError(f"the generator {generator!r} cannot be saved; make it by numpy.random.default_rng")
    if seeds.pool_size > LARGEST_POOL:
        raise CheckpointError(f"the generator {generator!r} cannot be saved: the pool of its seed is too large")
    return {
        "kind": type(bits).__name__,
        "bits": bits.state,
        "entropy": _plain(seeds.entropy),
        "spawn_key": list(seeds.spawn_key),
        "pool_size": seeds.pool_size,
        "children": seeds.n_children_spawned,
    }


def with_state(state: Mapping[str, Any], generator: np.random.Generator | None = None) -> np.random.Generator:
    """A generator with a state that `generator_state` gave: the one at hand if it can have it, else a new one.

    The count of children is part of a seed that NumPy does not let us change, so that a generator can take the state
    over only if it grew from the same seed and has not spawned more.

    Raises:
        CheckpointError: a state that no generator of NumPy can be in.
        LookupError, TypeError, ValueError: likewise, what `generator_state` did not give.
    """
    if state["kind"] not in KINDS or state["pool_size"] > LARGEST_POOL:
        raise CheckpointError(f"there is no generator of the kind {state['kind']!r}, pool {state['pool_size']!r}")
    position, buffered = state["bits"]["state"].get("pos", 0), state["bits"].get("buffer_pos", 0)
    if not (0 <= position <= 624 and 0 <= buffered <= 4):  # NumPy would read memory that is not its own
        raise CheckpointError(f"there is no generator at position {position}, {buffered}")
    seeds = np.random.SeedSequence(
        state["entropy"],
        spawn_key=state["spawn_key"],
        pool_size=state["pool_size"],
        n_children_spawned=state["children"],
    )
    bits: np.random.BitGenerator = getattr(np.random, state["kind"])(seeds)
    bits.state = state["bits"]
    new = np.random.Generator(bits)
    return generator if generator is not None and _caught_up(generator, new) else new


def _caught_up(generator: np.random.Generator, new: np.random.Generator) -> bool:
    """Bring a generator to the state of a new one, if it can have it."""
    with suppress(CheckpointError):  # one that could not be saved cannot
        now, then = generator_state(generator), generator_state(new)
        more = then["children"] - now["children"]
        same_seed = all(now[name] == then[name] for name in ("kind", "entropy", "spawn_key", "pool_size"))
        if same_seed and 0 <= more <= MOST_SPAWNED:
            generator.bit_generator.seed_seq.spawn(more)  # type: ignore[attr-defined]  # any that could be saved has it
            generator.bit_generator.state = then["bits"]
            return True
    return False


def _plain(entropy: Any) -> Any:
    """Entropy, which may be a number, a string, or a sequence of any type, as a number, a string or a list."""
    if isinstance(entropy, int | str):
        return entropy
    return int(entropy) if isinstance(entropy, np.integer) else [_plain(part) for part in entropy]
