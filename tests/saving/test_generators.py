"""Generators go on from a file as if there had been no break: the next numbers, and the next children."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import CheckpointError
from minidl.modules.places import Place
from minidl.saving import generator_state, load_states, states_of
from minidl.saving.generators import MOST_SPAWNED, with_state
from tests.saving.helpers import value_again

Generator = np.random.Generator
KINDS = [np.random.MT19937, np.random.PCG64, np.random.PCG64DXSM, np.random.Philox, np.random.SFC64]

DRAWS: list[Callable[[Generator], Any]] = [
    lambda g: g.random(),
    lambda g: g.random(7),
    lambda g: g.random(3, np.float32),
    lambda g: g.integers(10),
    lambda g: g.integers(0, 256, 5, np.uint8),
    lambda g: g.integers(0, 1 << 20, dtype=np.uint32),
    lambda g: g.standard_normal(),
    lambda g: g.permutation(5),
    lambda g: g.random(700),
    lambda g: g.spawn(2)[1].random(),
    lambda g: g.spawn(1)[0].spawn(1)[0].integers(1 << 60),
]
draws = st.lists(st.sampled_from(DRAWS), max_size=6)


def future(generator: Generator) -> list[Any]:
    """The next numbers of all types, the next children, and theirs."""
    numbers = [np.asarray(draw(generator)).tolist() for draw in DRAWS]
    return [numbers, [np.asarray(draw(generator.spawn(1)[0])).tolist() for draw in DRAWS]]


def state_again(generator: Generator, folder: Path) -> dict[str, Any]:
    state: dict[str, Any] = value_again(generator_state(generator), folder)
    assert repr(state) == repr(generator_state(generator))
    return state


@pytest.mark.parametrize("kind", KINDS)
@given(seed=st.integers(0, 2**128), before=draws)
def test_all_kinds(kind: Any, seed: int, before: list[Any], tmp_path_factory: pytest.TempPathFactory) -> None:
    generator = Generator(kind(seed))
    for draw in before:
        draw(generator)
    state = state_again(generator, tmp_path_factory.mktemp("state"))
    new = with_state(state)
    assert type(new.bit_generator) is kind
    assert future(new) == future(generator)


@given(before=draws, between=draws)
def test_a_generator_at_hand_takes_the_state_over_if_it_can(before: list[Any], between: list[Any]) -> None:
    """The same object, which others may hold, too: unless it has more children than the state."""
    generator, at_hand = np.random.default_rng(3), np.random.default_rng(3)
    for draw in before:
        draw(generator)
    for draw in between:
        draw(at_hand)
    spawned = [g.bit_generator.seed_seq.n_children_spawned for g in (generator, at_hand)]  # type: ignore[attr-defined]
    back = with_state(generator_state(generator), at_hand)
    assert (back is at_hand) == (spawned[1] <= spawned[0])
    assert future(back) == future(generator)


def spawned(generator: Generator, count: int) -> Generator:
    generator.spawn(count)
    return generator


OTHERS: list[tuple[Callable[[], Generator], bool]] = [
    (lambda: np.random.default_rng(3), True),
    (lambda: spawned(np.random.default_rng(3), 5), True),
    (lambda: spawned(np.random.default_rng(3), 6), False),
    (lambda: np.random.default_rng(4), False),
    (lambda: np.random.default_rng(3).spawn(1)[0], False),
    (lambda: Generator(np.random.SFC64(3)), False),
    (lambda: Generator(np.random.PCG64(np.random.SeedSequence(3, pool_size=8))), False),
    (lambda: np.random.default_rng([3]), False),
]


@pytest.mark.parametrize(("make", "same"), OTHERS)
def test_a_generator_of_another_seed_is_left_as_it_is(make: Callable[[], Generator], same: bool) -> None:
    generator, at_hand = spawned(np.random.default_rng(3), 5), make()
    generator.random(4)
    before = repr(generator_state(at_hand))
    back = with_state(generator_state(generator), at_hand)
    assert (back is at_hand) is same
    assert same or repr(generator_state(at_hand)) == before
    assert future(back) == future(generator)


@pytest.mark.parametrize(("more", "same"), [(MOST_SPAWNED, True), (MOST_SPAWNED + 1, False)])
def test_a_generator_does_not_spawn_without_end_to_catch_up(more: int, same: bool) -> None:
    state = {**generator_state(np.random.default_rng(0)), "children": more}
    at_hand = np.random.default_rng(0)
    assert (with_state(state, at_hand) is at_hand) is same
    assert generator_state(with_state(state))["children"] == more


ENTROPIES: list[Any] = [0, 2**200, [1, 2], (1, [2, 2**70]), range(3), np.array([3, 4]), np.array([5, 6], np.uint32)]
ENTROPIES += [np.int64(7), np.uint8(8), [np.int32(9), 10], np.arange(3), ["0x12", "3"], [], None]


@pytest.mark.parametrize("entropy", ENTROPIES, ids=repr)
def test_seeds_of_all_kinds(entropy: Any, tmp_path: Path) -> None:
    generator = np.random.default_rng(entropy)
    child = generator.spawn(2)[1]
    for each in (generator, child):
        state = state_again(each, tmp_path)
        twin = deepcopy(each)
        assert with_state(state, twin) is twin
        assert future(with_state(state)) == future(twin) == future(each)


def place(**generators: Generator) -> dict[str, Place]:
    return {name: Place(generators, name) for name in generators}


def test_who_shares_a_generator_shares_one_again() -> None:
    rng = np.random.default_rng
    one, two = rng(1), rng(2)
    saved = states_of(place(a=one, b=two, c=one, d=two))
    assert saved["places"] == {"a": 0, "b": 1, "c": 0, "d": 1}
    assert len(saved["states"]) == 2
    expected = [one.random(), two.random()]
    shared = rng(1)
    for present in (
        place(a=rng(1), b=rng(2), c=rng(1), d=rng(2)),
        place(a=rng(5), b=rng(6), c=rng(7), d=rng(8)),
        place(a=shared, b=shared, c=shared, d=shared),
        place(a=rng(2), b=rng(1), c=rng(2), d=rng(1)),
    ):
        load_states(present, saved)
        owner = SimpleNamespace(**present["a"].container)
        assert owner.a is owner.c
        assert owner.b is owner.d
        assert owner.a is not owner.b
        assert [owner.a.random(), owner.b.random()] == expected


def test_who_does_not_share_a_generator_has_one_of_its_own_again() -> None:
    rng = np.random.default_rng
    first, second = rng(1), rng(1)
    second.random()
    saved = states_of(place(a=first, b=second))
    shared = rng(1)
    present = place(a=shared, b=shared)
    load_states(present, saved)
    owner = SimpleNamespace(**present["a"].container)
    assert owner.a is shared
    assert owner.b is not shared
    assert [owner.a.random(), owner.b.random()] == [first.random(), second.random()]


@pytest.mark.parametrize(("here", "words"), [({"a", "c"}, "at a, c"), (set(), "at no place"), ({"b"}, "at b")])
def test_other_places_are_refused(here: set[str], words: str) -> None:
    rng = np.random.default_rng
    saved = states_of(place(a=rng(0), b=rng(1)))
    present = place(**{name: rng(2) for name in sorted(here)})
    with pytest.raises(CheckpointError, match=f"has generators at a, b, here they are {words}"):
        load_states(present, saved)
    with pytest.raises(CheckpointError, match="has generators at no place, here they are at a, b"):
        load_states(place(a=rng(0), b=rng(1)), states_of({}))
