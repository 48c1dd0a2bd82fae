"""Generators resume from a file as if nothing had happened: the next numbers, and the next children."""

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
from minidl.saving.generators import generator_state, load_states, make_generator, states_of
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
    assert repr(generator_state(make_generator(state))) == repr(state)
    return state


@pytest.mark.parametrize("kind", KINDS)
@given(seed=st.integers(0, 2**128), before=draws)
def test_all_kinds(kind: Any, seed: int, before: list[Any], tmp_path_factory: pytest.TempPathFactory) -> None:
    generator = Generator(kind(seed))
    for draw in before:
        draw(generator)
    state = state_again(generator, tmp_path_factory.mktemp("state"))
    new = make_generator(state)
    assert type(new.bit_generator) is kind
    assert future(new) == future(generator)


def place(**generators: Generator) -> dict[str, Place]:
    return {name: Place(generators, name) for name in generators}


def loaded(state: dict[str, Any], at_hand: Generator) -> Generator:
    """The generator at a place, once a state is loaded there."""
    places = place(a=at_hand)
    load_states(places, {"states": [state], "places": {"a": 0}})
    back: Generator = places["a"].generator
    return back


@given(before=draws, between=draws)
def test_a_generator_at_hand_takes_the_state(before: list[Any], between: list[Any]) -> None:
    """It stays the same object, which others may hold, too, even if it has spawned more children."""
    generator, at_hand = np.random.default_rng(3), np.random.default_rng(3)
    for draw in before:
        draw(generator)
    for draw in between:
        draw(at_hand)
    assert loaded(generator_state(generator), at_hand) is at_hand
    assert future(at_hand) == future(generator)


def spawned(generator: Generator, count: int) -> Generator:
    generator.spawn(count)
    return generator


OTHERS: list[tuple[Callable[[], Any], bool]] = [
    (lambda: np.random.default_rng(3), True),
    (lambda: spawned(np.random.default_rng(3), 6), True),
    (lambda: np.random.default_rng(4), True),
    (lambda: np.random.default_rng(3).spawn(1)[0], True),
    (lambda: Generator(np.random.PCG64(np.random.SeedSequence(3, pool_size=8))), True),
    (lambda: np.random.default_rng([3]), True),
    (lambda: Generator(np.random.SFC64(3)), False),
    (lambda: np.random.RandomState(3), False),
]


@pytest.mark.parametrize(("make", "same"), OTHERS)
def test_a_generator_of_another_seed_takes_the_state_and_one_of_another_kind_is_replaced(
    make: Callable[[], Any], same: bool
) -> None:
    generator, at_hand = spawned(np.random.default_rng(3), 5), make()
    generator.random(4)
    twin = deepcopy(at_hand)
    back = loaded(generator_state(generator), at_hand)
    assert (back is at_hand) is same
    assert same or at_hand.random() == twin.random()
    assert future(back) == future(generator)


ENTROPIES: list[Any] = [0, 2**200, [1, 2], (1, [2, 2**70]), range(3), np.array([3, 4]), np.array([5, 6], np.uint32)]
ENTROPIES += [np.int64(7), np.uint8(8), [np.int32(9), 10], np.arange(3), ["0x12", "3"], [], None]


@pytest.mark.parametrize("entropy", ENTROPIES, ids=repr)
def test_seeds_of_all_kinds(entropy: Any, tmp_path: Path) -> None:
    generator = np.random.default_rng(entropy)
    child = generator.spawn(2)[1]
    for each in (generator, child):
        state = state_again(each, tmp_path)
        twin = loaded(state, np.random.default_rng(0))
        assert future(make_generator(state)) == future(twin) == future(each)


def test_places_that_shared_a_generator_share_one_again() -> None:
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


def test_places_that_did_not_share_a_generator_each_have_their_own_again() -> None:
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
    with pytest.raises(CheckpointError, match=f"has generators at a, b, but here they are {words}"):
        load_states(present, saved)
    with pytest.raises(CheckpointError, match="has generators at no place, but here they are at a, b"):
        load_states(place(a=rng(0), b=rng(1)), states_of({}))
