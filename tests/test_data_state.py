"""Batches: each pass has its own position, and another object resumes it."""

from itertools import islice
from typing import Any

import numpy as np
import pytest

from minidl import Run, StateError
from minidl.batches import Batches, Passes
from minidl.typing import Array
from tests.callbacks.recording import Hooks
from tests.helpers import bits
from tests.training.factories import data, make_trainer

X = np.arange(11)


def make(samples: int = 11, batch_size: int | None = 3, *, seed: int = 0, **options: Any) -> Batches:
    return Batches(X[:samples], 10 * X[:samples], batch_size=batch_size, rng=seed, **options)


def jitter(x: Array, rng: np.random.Generator) -> Array:
    return x + 100 * rng.integers(1, 100, len(x))


def listed(batches: Any) -> list[tuple[list[int], list[int]]]:
    return [(x.tolist(), y.tolist()) for x, y in batches]


@pytest.mark.parametrize("taken", range(5))
@pytest.mark.parametrize(
    "options", [{}, {"shuffle": False}, {"augment": jitter}, {"shuffle": False, "augment": jitter}]
)
def test_a_pass_resumes_where_it_was(taken: int, options: dict[str, Any]) -> None:
    whole, first, second = make(**options), make(**options), make(**options, seed=1)
    expected, next_pass = listed(whole), listed(whole)
    begun, resumed = Passes(first), Passes(second)
    taken_before = listed(islice(begun, taken))
    assert begun.taken == taken
    resumed.load_state(begun.state())
    if first.rng is not None and second.rng is not None:
        second.rng.bit_generator.state = first.rng.bit_generator.state
    assert resumed.taken == taken
    assert taken_before + listed(resumed) == expected
    assert (resumed.taken, resumed.order) == (0, None)
    assert listed(resumed) == next_pass


def test_an_abandoned_pass_does_not_resume_by_itself() -> None:
    batches = make(shuffle=False)
    next(iter(batches))
    assert len(listed(batches)) == 4


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("batch_size", [1, 3, 11])
def test_two_passes_at_once_are_whole(shuffle: bool, batch_size: int) -> None:
    batches = make(batch_size=batch_size, shuffle=shuffle)
    for x in zip(*[(first[0], second[0]) for first, second in zip(batches, batches, strict=True)], strict=True):
        assert sorted(np.concatenate(x).tolist()) == X.tolist()
    inside = [(len(x), len(listed(batches))) for x, _ in batches]
    assert inside == [(len(x), len(batches)) for x, _ in make(batch_size=batch_size)]


@pytest.mark.parametrize("event", ["on_fit_begin", "on_epoch_begin", "on_step_begin", "on_step_end", "on_epoch_end"])
def test_a_callback_may_pass_over_the_batches_of_its_run(event: str) -> None:
    def look(run: Run) -> None:
        assert sum(1 for _ in run.batches) == len(run.batches) == 4
        next(iter(run.batches))

    fits = []
    for callbacks in ([], [Hooks(last=False, **{event: look})]):
        trainer = make_trainer(None, *callbacks)
        trainer.fit(*data(8), epochs=3, batch_size=2, shuffle=False)
        fits.append((trainer.history.loss, bits(trainer.model.parameters().value)))
    assert len(fits[0][0]) == 12
    assert fits[0] == fits[1]


def test_a_state_is_a_copy_and_describes_its_batches() -> None:
    begun = Passes(make())
    list(islice(begun, 3))
    state = begun.state()
    assert {name: value for name, value in state.items() if name != "order"} == {
        "samples": 11,
        "batch_size": 3,
        "drop_last": False,
        "block": None,
        "shuffle": True,
        "augment": False,
        "taken": 3,
    }
    assert sorted(state["order"]) == X.tolist()
    state["order"][:] = 0
    assert sorted(begun.state()["order"]) == X.tolist()
    assert Passes(make()).state()["order"] is None
    assert Passes(make(shuffle=False)).state()["order"] is None


@pytest.mark.parametrize(
    ("other", "was", "now"),
    [
        ({"samples": 10}, 11, 10),
        ({"batch_size": 4}, 3, 4),
        ({"batch_size": None}, 3, 11),
        ({"shuffle": False}, True, False),
        ({"augment": jitter}, False, True),
        ({"drop_last": True}, False, True),
        ({"block": 4}, None, 4),
    ],
)
def test_the_state_of_other_batches_is_refused_and_changes_nothing(other: dict[str, Any], was: Any, now: Any) -> None:
    state, begun = Passes(make()).state(), Passes(make(**other))
    before = begun.state()
    with pytest.raises(StateError, match=rf"was {was} and is {now} now; make it the same"):
        begun.load_state(state)
    assert begun.state() == before


def test_one_batch_of_all_samples_is_never_shuffled() -> None:
    for size in (None, 11, 99):
        batches = make(batch_size=size)
        assert batches.rng is None
        assert Passes(batches).state()["shuffle"] is False
        assert listed(batches) == [(X.tolist(), (10 * X).tolist())]
