"""Batches: the position of a pass, and how another object resumes it."""

from typing import Any

import numpy as np
import pytest

from minidl import StateError
from minidl.data import Batches
from minidl.typing import Array

X = np.arange(11)


def make(samples: int = 11, batch_size: int | None = 3, *, seed: int = 0, **options: Any) -> Batches:
    return Batches(X[:samples], 10 * X[:samples], batch_size=batch_size, rng=seed, **options)


def jitter(x: Array, rng: np.random.Generator) -> Array:
    return x + 100 * rng.integers(1, 100, len(x))


def listed(batches: Batches) -> list[tuple[list[int], list[int]]]:
    return [(x.tolist(), y.tolist()) for x, y in batches]


@pytest.mark.parametrize("taken", range(5))
@pytest.mark.parametrize(
    "options", [{}, {"shuffle": False}, {"augment": jitter}, {"shuffle": False, "augment": jitter}]
)
def test_a_pass_resumes_where_it_was(taken: int, options: dict[str, Any]) -> None:
    whole, first, second = make(**options), make(**options), make(**options, seed=1)
    expected, next_pass = listed(whole), listed(whole)
    batches = iter(first)
    begun = [next(batches) for _ in range(taken)]
    assert first.taken == taken
    state = first.state()
    second.load_state(state)
    if first.rng is not None and second.rng is not None:
        second.rng.bit_generator.state = first.rng.bit_generator.state
    assert second.taken == taken
    assert [(x.tolist(), y.tolist()) for x, y in begun] + listed(second) == expected
    assert second.taken == 0
    assert listed(second) == next_pass


def test_an_abandoned_pass_does_not_resume_by_itself() -> None:
    batches = make(shuffle=False)
    next(iter(batches))
    assert batches.taken == 1
    assert len(listed(batches)) == 4


def test_a_state_is_a_copy_and_describes_its_batches() -> None:
    batches = make()
    list(zip(range(3), batches, strict=False))
    state = batches.state()
    assert {name: value for name, value in state.items() if name != "order"} == {
        "samples": 11,
        "batch_size": 3,
        "shuffle": True,
        "augment": False,
        "taken": 3,
    }
    assert sorted(state["order"]) == X.tolist()
    state["order"][:] = 0
    assert sorted(batches.state()["order"]) == X.tolist()
    assert make().state()["order"] is None
    assert make(shuffle=False).state()["order"] is None


@pytest.mark.parametrize(
    ("other", "was", "now"),
    [
        ({"samples": 10}, 11, 10),
        ({"batch_size": 4}, 3, 4),
        ({"batch_size": None}, 3, 11),
        ({"shuffle": False}, True, False),
        ({"augment": jitter}, False, True),
    ],
)
def test_the_state_of_other_batches_is_refused_and_changes_nothing(other: dict[str, Any], was: Any, now: Any) -> None:
    state = make().state()
    batches = make(**other)
    before = batches.state()
    with pytest.raises(StateError, match=rf"was {was} and is {now} now; make it the same"):
        batches.load_state(state)
    assert batches.state() == before


def test_one_batch_of_all_samples_is_never_shuffled() -> None:
    for size in (None, 11, 99):
        batches = make(batch_size=size)
        assert batches.rng is None
        assert batches.state()["shuffle"] is False
        assert listed(batches) == [(X.tolist(), (10 * X).tolist())]
