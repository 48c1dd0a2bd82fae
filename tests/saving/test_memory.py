"""Loading takes at most `TIMES` the size of a file, and `SLACK`: honest files and forged ones."""

import json
import tracemalloc
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from minidl import BatchNorm, Callback, Checkpoint, CheckpointError, Dense, Run, Sequential, load, save
from minidl.layers.activations import Activation
from minidl.saving import container
from minidl.saving.container import CHUNK, LONGEST_DESCRIPTION, MOST_MEMBERS, MOST_TOKENS
from minidl.saving.models import write_content
from minidl.typing import Array
from tests.saving.helpers import entry
from tests.saving.hostile import SLACK, TIMES
from tests.training.resuming import fit, trainer

N = 400_000


def peak_of(call: Callable[[], object]) -> int:
    """The most memory that a call takes; a file may also be refused."""
    tracemalloc.start()
    try:
        call()
    except CheckpointError:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return peak


class Honest(NamedTuple):
    """A long value, how many times the file's size it takes to load it, and how many it then has."""

    value: Any
    loading: float
    after: float


HONEST = {
    "floats": Honest([index / 7 for index in range(N)], 5.1, 4.1),
    "small integers": Honest(list(range(N)), 6.1, 5.1),
    "large integers": Honest([2**62 + index for index in range(N)], 6.6, 5.6),
    "tuple": Honest(tuple(index / 7 for index in range(N)), 5.1, 4.1),
    "array": Honest(np.arange(N) / 7, 1.1, 1.1),
}


@pytest.mark.long
@pytest.mark.parametrize("name", HONEST)
def test_long_values(name: str, tmp_path: Path) -> None:
    value, loading, after = HONEST[name]
    path = tmp_path / "value.npz"
    write_content({"value": value}, path)
    size = path.stat().st_size
    assert size < 8 * N + 2_000
    loaded: list[Any] = []
    assert peak_of(lambda: loaded.append(entry(path, "value"))) < max(loading * size, size + 3 * CHUNK) < TIMES * size
    assert np.array_equal(loaded[0], value)
    del loaded[0]
    tracemalloc.start()
    try:
        loaded.append(entry(path, "value"))
        assert tracemalloc.get_traced_memory()[0] < after * size
    finally:
        tracemalloc.stop()


class Long(Callback):
    """Its state is a list of a million floats."""

    def __init__(self) -> None:
        self.numbers: list[float] = []

    def on_fit_end(self, run: Run) -> None:
        self.numbers = []

    def state(self) -> dict[str, Any]:
        return {"numbers": self.numbers or [0.5 + index for index in range(1_000_000)]}

    def load_state(self, state: Mapping[str, Any]) -> None:
        self.numbers = state["numbers"]


class Table(Activation):
    """Keeps its numbers as they are given, and as an array."""

    def __init__(self, numbers: Any) -> None:
        self.numbers, self.table = numbers, np.array(numbers)

    def forward(self, x: Array) -> Array:
        return x

    def backward(self, grad: Array) -> Array:
        return grad


@pytest.mark.long
@pytest.mark.parametrize("name", ["floats", "small integers", "large integers", "tuple"])
@pytest.mark.parametrize("inside", [False, True])
def test_layers_with_long_values(name: str, inside: bool, tmp_path: Path) -> None:
    table, path = Table(HONEST[name].value), tmp_path / "model.npz"
    save(Sequential(Dense(2, 2), table) if inside else table, path)
    loaded: list[Any] = []
    assert peak_of(lambda: loaded.append(load(path))) < TIMES * path.stat().st_size
    loaded_table = loaded[0].layers[1] if inside else loaded[0]
    assert type(loaded_table.numbers) is type(table.numbers)
    assert loaded_table.numbers == table.numbers


def test_a_run_whose_callback_has_a_million_floats_resumes(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    fit(trainer(Long(), Checkpoint(path)), 1)
    load(path)  # so that what is loaded once and for all does not count
    assert peak_of(lambda: load(path)) < 1.2 * path.stat().st_size + 2 * CHUNK
    resumed = trainer(Long())
    resumed.callbacks[0].numbers = [0.0]  # type: ignore[attr-defined]
    assert peak_of(lambda: fit(resumed, 2, resume_from=path)) < TIMES * path.stat().st_size + SLACK


@pytest.mark.parametrize(("dtype", "times"), [(np.float64, 5.1), (np.float32, 9.1)])
def test_models(dtype: Any, times: float, tmp_path: Path) -> None:
    """Values and gradients, which are made in float64, then move into one vector."""
    path = tmp_path / "model.npz"
    model = Sequential(Dense(1000, 600), Dense(600, 1000), BatchNorm(1000), rng=0, dtype=dtype)
    model.parameters()
    save(model, path)
    assert peak_of(lambda: load(path)) < times * path.stat().st_size < TIMES * path.stat().st_size


def nodes(text: str, arrays: int = 0) -> bytes:
    """As many copies of a node as a description can hold."""
    tokens = sum(map(text.count, ",:[{")) + 1
    count = min((MOST_TOKENS + arrays // 100 - 100) // tokens, (LONGEST_DESCRIPTION - 1000) // (len(text) + 2))
    return json.dumps([json.loads(text)] * count).encode()


def made_of(kind: str, **arguments: Any) -> str:
    return json.dumps({"module": {"home": "minidl", "type": kind, "arguments": arguments}})


FLOATS = {"f4": np.zeros(N, np.float32)}
FORGED: dict[str, tuple[Any, dict[str, Any]]] = {
    **{
        f"many {text}": (json.loads(nodes(text)), {})
        for text in (
            "[]",
            "[0]",
            '{"dict": {}}',
            '{"dict": {"a": 0}}',
            '{"tuple": [0]}',
            '{"float": "inf"}',
            '"😀"',
            str(10**40),
            made_of("Dense", inputs=1, outputs=1),
            made_of("BatchNorm", features=1),
            made_of("Dropout", rng={"generator": None}),
        )
    },
    "deep": (json.loads("[" * 900 + "]" * 900), {}),
    "many deep": ([json.loads("[" * 300 + "]" * 300)] * (MOST_TOKENS // 301 - 1), {}),
    "wide and deep": ({"dict": {str(index): {"tuple": [[{"dict": {}}]]} for index in range(4_000)}}, {}),
    "tiny lists": (
        [{"list": str(index)} for index in range(MOST_MEMBERS - 900)],
        {str(index): np.zeros(0) for index in range(MOST_MEMBERS - 900)},
    ),
    "layers as large as float32 allows": (json.loads(made_of("Dense", inputs=800, outputs=1_000)), FLOATS),
    "norms as large as float32 allows": (json.loads(made_of("BatchNorm", features=400_000)), FLOATS),
    "many small layers in a large file": (
        json.loads(nodes(made_of("BatchNorm", features=1), arrays=800_000)),
        FLOATS,
    ),
}


@pytest.mark.long
@pytest.mark.parametrize("name", FORGED)
def test_forged_files(name: str, tmp_path: Path) -> None:
    content, arrays = FORGED[name]
    path = tmp_path / "forged.npz"
    container.write(path, {"value": content}, arrays)
    assert peak_of(lambda: entry(path, "value")) < TIMES * path.stat().st_size + SLACK


def test_no_array_is_used_twice(tmp_path: Path) -> None:
    """Otherwise a list of a few bytes for each would take as much memory as the numbers again and again."""
    container.write(tmp_path / "forged.npz", {"value": [{"list": "a"}] * 1_000}, {"a": np.zeros(10_000)})
    with pytest.raises(CheckpointError, match=r"forged\.npz' lacks 'a'"):
        entry(tmp_path / "forged.npz", "value")
    assert peak_of(lambda: entry(tmp_path / "forged.npz", "value")) < SLACK
