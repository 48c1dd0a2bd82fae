"""Generators that no file can hold, and states that no generator can have."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import CheckpointError
from minidl.files import content_of
from minidl.modules.places import Place
from minidl.saving.generators import LARGEST_POOL, generator_state, load_states, make_generator
from minidl.saving.models import write_content
from tests.saving.helpers import entry

Generator = np.random.Generator


class OwnSeeds(np.random.bit_generator.ISeedSequence):
    """Seeds that NumPy did not make."""

    def generate_state(self, n_words: int, dtype: Any = np.uint32) -> Any:
        return np.arange(n_words, dtype=dtype)


class OwnBits(np.random.PCG64):
    """A bit generator that NumPy does not have."""


UNSAVABLE: list[Callable[[], Generator]] = [
    lambda: Generator(OwnBits(0)),
    lambda: Generator(np.random.PCG64(OwnSeeds())),  # type: ignore[arg-type]
    lambda: Generator(np.random.PCG64(np.random.SeedSequence(0, pool_size=LARGEST_POOL + 1))),
]


@pytest.mark.parametrize("make", UNSAVABLE)
def test_generators_that_no_file_can_hold(make: Callable[[], Generator]) -> None:
    generator = make()
    with pytest.raises(CheckpointError, match=r"the generator Generator\(\w+\) at 0x\w+ cannot be saved"):
        generator_state(generator)


def test_a_pool_of_the_largest_size() -> None:
    generator = Generator(np.random.PCG64(np.random.SeedSequence(0, pool_size=LARGEST_POOL)))
    assert make_generator(generator_state(generator)).random() == generator.random()


def changed(kind: Any, path: str, value: Any) -> dict[str, Any]:
    """A state with one change, such as "bits.state.pos" for state["bits"]["state"]["pos"]."""
    state = inner = generator_state(Generator(kind(0)))
    *parents, last = path.split(".")
    for name in parents:
        inner = inner[name]
    inner[last] = value
    return state


FORGED: list[tuple[Any, str, Any]] = [
    (np.random.PCG64, "bits.bit_generator", ["PCG64"]),
    (np.random.PCG64, "seed.pool_size", LARGEST_POOL + 1),
    (np.random.PCG64, "seed.pool_size", 10**9),
    (np.random.PCG64, "seed.pool_size", 1),
    (np.random.PCG64, "seed.n_children_spawned", -1),
    (np.random.PCG64, "seed.n_children_spawned", 2**40),
    (np.random.PCG64, "seed.entropy", -1),
    (np.random.PCG64, "seed.entropy", 0.5),
    (np.random.PCG64, "seed.spawn_key", 3),
    (np.random.PCG64, "bits", 3),
    (np.random.PCG64, "bits", {}),
    (np.random.PCG64, "bits.state", None),
    (np.random.PCG64, "bits.bit_generator", "SFC64"),
    (np.random.PCG64, "bits.state.state", -1),
    (np.random.PCG64, "bits.state.state", 2**128),
    (np.random.MT19937, "bits.state.pos", 625),
    (np.random.MT19937, "bits.state.pos", 10**6),
    (np.random.MT19937, "bits.state.pos", -1),
    (np.random.MT19937, "bits.state.pos", "0"),
    (np.random.MT19937, "bits.state.key", np.zeros(10, np.uint32)),
    (np.random.Philox, "bits.buffer_pos", -1),
    (np.random.Philox, "bits.buffer_pos", 5),
    (np.random.Philox, "bits.buffer", np.zeros(2, np.uint64)),
    (np.random.Philox, "bits.state.counter", np.zeros(2, np.uint64)),
    (np.random.SFC64, "bits.state.state", np.zeros(3, np.uint64)),
]


@pytest.mark.parametrize(("kind", "path", "value"), FORGED)
def test_forged_states(kind: Any, path: str, value: Any, tmp_path: Path) -> None:
    """All are refused: NumPy would read memory beyond the state, or count for hours. Nothing changes."""
    saved = {
        "states": [generator_state(np.random.default_rng(0)), changed(kind, path, value)],
        "places": {"a": 0, "b": 1},
    }
    write_content({"generators": saved}, tmp_path / "forged.npz")
    content = entry(tmp_path / "forged.npz", "generators")
    places = {"a": Place({"rng": np.random.default_rng(0)}, "rng"), "b": Place({"rng": None}, "rng")}
    places["a"].generator.random()
    before = repr(generator_state(places["a"].generator))
    with pytest.raises(CheckpointError, match="forged.npz"), content_of("forged.npz"):  # noqa: RUF043
        load_states(places, content)
    assert repr(generator_state(places["a"].generator)) == before
    assert places["b"].generator is None


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        (np.random.MT19937, "bits.state.pos", 0),
        (np.random.MT19937, "bits.state.pos", 624),
        (np.random.Philox, "bits.buffer_pos", 0),
        (np.random.Philox, "bits.buffer_pos", 4),
    ],
)
def test_positions_at_the_border(kind: Any, path: str, value: Any) -> None:
    state = changed(kind, path, value)
    assert repr(generator_state(make_generator(state))) == repr(state)


@pytest.mark.parametrize("kind", ["Generator", "RandomState", "SeedSequence", "seed", "default_rng", "", None, 3])
def test_other_kinds(kind: Any) -> None:
    with pytest.raises(CheckpointError, match=f"holds no generator's state: {kind!r}, pool 4"):
        make_generator(changed(np.random.PCG64, "bits.bit_generator", kind))
