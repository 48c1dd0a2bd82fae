"""The state of random generators: where each is in its stream, and how many children it has spawned."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from minidl.errors import CheckpointError
from minidl.modules import Module

__all__ = ["generator_state", "holders_of", "load_states", "states_of", "with_state"]

KINDS = ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64")


def holders_of(model: Module) -> dict[str, tuple[Any, str]]:
    """Where a model holds generators: place, such as "model.3.rng" -> (module, name of the attribute)."""
    if "numpy.random" not in sys.modules:  # then there are none, and NumPy need not load it to find that out
        return {}
    return {
        f"{path}.{name}": (owner, name)
        for path, owner in model.modules("model")
        for name, value in vars(owner).items()
        if isinstance(value, np.random.Generator)
    }


def states_of(holders: Mapping[str, tuple[Any, str]]) -> dict[str, Any]:
    """The states of all generators that are held somewhere, and who holds which: some may be shared."""
    generators = {place: getattr(*holder) for place, holder in holders.items()}
    different = list({id(generator): generator for generator in generators.values()}.values())
    return {
        "states": [generator_state(generator) for generator in different],
        "places": {
            place: next(index for index, other in enumerate(different) if other is generator)
            for place, generator in generators.items()
        },
    }


def load_states(holders: Mapping[str, tuple[Any, str]], saved: Mapping[str, Any]) -> None:
    """Take over what `states_of` gave; places that shared a generator share one again.

    Raises:
        CheckpointError: generators in other places.
    """
    if holders.keys() != saved["places"].keys():
        raise CheckpointError(
            f"has generators at {', '.join(saved['places']) or 'no place'}, here they are at "
            f"{', '.join(holders) or 'no place'}"
        )
    taken: dict[int, np.random.Generator] = {}
    for place, index in saved["places"].items():
        if index not in taken:
            present = getattr(*holders[place])
            free = all(present is not generator for generator in taken.values())
            taken[index] = with_state(saved["states"][index], present if free else None)
        setattr(*holders[place], taken[index])


def generator_state(generator: np.random.Generator) -> dict[str, Any]:
    """All that the next numbers and the next children of a generator depend on.

    Raises:
        CheckpointError: a bit generator that NumPy does not have, or one without a `numpy.random.SeedSequence`.
    """
    bits = generator.bit_generator
    seeds: Any = bits.seed_seq
    if type(bits).__name__ not in KINDS or not isinstance(seeds, np.random.SeedSequence):
        raise CheckpointError(f"the generator {generator!r} cannot be saved; make it by numpy.random.default_rng")
    return {
        "kind": type(bits).__name__,
        "bits": bits.state,
        "entropy": seeds.entropy,
        "spawn_key": list(seeds.spawn_key),
        "pool_size": seeds.pool_size,
        "children": seeds.n_children_spawned,
    }


def with_state(state: Mapping[str, Any], generator: np.random.Generator | None = None) -> np.random.Generator:
    """A generator with a state that `generator_state` gave: the one at hand if it can have it, else a new one.

    The count of children is part of a seed that NumPy does not let us change, so that a generator can take the state
    over only if it grew from the same seed and has not spawned more.
    """
    if state["kind"] not in KINDS:
        raise CheckpointError(f"there is no generator of the kind {state['kind']!r}")
    if generator is not None:
        now = generator_state(generator)
        more = state["children"] - now["children"]
        if more >= 0 and all(now[name] == state[name] for name in ("kind", "entropy", "spawn_key", "pool_size")):
            generator.bit_generator.seed_seq.spawn(more)  # type: ignore[attr-defined]
            generator.bit_generator.state = state["bits"]
            return generator
    seeds = np.random.SeedSequence(
        state["entropy"],
        spawn_key=state["spawn_key"],
        pool_size=state["pool_size"],
        n_children_spawned=state["children"],
    )
    bits: np.random.BitGenerator = getattr(np.random, state["kind"])(seeds)
    bits.state = state["bits"]
    return np.random.Generator(bits)
