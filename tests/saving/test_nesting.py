"""Models and states that are nested deeply: what can be saved can be loaded, and the rest is a clear error."""

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from minidl import SGD, Callback, Checkpoint, CheckpointError, Dense, MSELoss, Residual, Trainer, load, save
from minidl.files import LEVELS
from minidl.integrations import save_safetensors
from minidl.saving.models import as_code, write_content
from tests.saving.helpers import entry

WORDS = "what is to be saved is nested too deeply, or holds itself: a file holds 200 levels .* 99 layers inside each"


@contextmanager
def few_levels(room: int | None) -> Iterator[None]:
    """So many more calls within each other until Python refuses. None leaves its limit as it is."""
    before, frame, used = sys.getrecursionlimit(), sys._getframe(), 0
    while frame.f_back is not None:
        frame, used = frame.f_back, used + 1
    if room is not None:
        sys.setrecursionlimit(used + room)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def nested(levels: int) -> Any:
    layer: Any = Dense(1, 1, rng=0)
    for _ in range(levels):
        layer = Residual(layer)
    return layer


def deepest(values: Iterable[Any], write: Callable[[Any, Path], object], path: Path) -> int:
    """Write values, each deeper than the one before, until one is refused. Return how many were written."""
    for written, value in enumerate(values):
        if refusal := refusal_of(write, value, path):
            assert re.match(WORDS, refusal)
            return written
    raise AssertionError("none was refused")


def refusal_of(write: Callable[[Any, Path], object], value: Any, path: Path) -> str | None:
    """The message of a CheckpointError, None if there is none."""
    try:
        write(value, path)
    except CheckpointError as error:
        return str(error)
    return None


def test_what_can_be_saved_can_be_loaded(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    assert deepest((nested(levels) for levels in (99, 100)), save, path) == 1
    assert as_code(load(path)) == as_code(nested(99))
    with (
        few_levels(150),
        pytest.raises(CheckpointError, match=r"model\.npz' is nested too deeply; see sys.setrecursionlimit"),
    ):
        load(path)


def test_without_room_on_the_stack(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    with few_levels(150):
        count = deepest(map(nested, range(5, 45)), save, path)
        assert 5 < count < 30
        load(path)


def test_too_deep_for_a_checkpoint(tmp_path: Path) -> None:
    model = nested(30)
    trainer = Trainer(model, MSELoss(), SGD(model.parameters(), 0.1), [Checkpoint(tmp_path / "run.npz")])
    with few_levels(150), pytest.raises(CheckpointError, match=WORDS):
        trainer.fit([[1.0]], [[1.0]], epochs=1)


def test_too_deep_for_safetensors(tmp_path: Path) -> None:
    pytest.importorskip("safetensors")
    model = nested(200)
    with few_levels(150), pytest.raises(CheckpointError, match=WORDS):
        save_safetensors(model, tmp_path / "model.safetensors")


def test_a_layer_or_a_callback_that_holds_itself(tmp_path: Path) -> None:
    """Generators are looked for everywhere, not only in what is written."""
    loop: list[Any] = [1.0]
    loop.append(loop)
    model, callback = nested(1), Callback()
    trainer = Trainer(model, MSELoss(), SGD(model.parameters(), 0.1), [callback, Checkpoint(tmp_path / "run.npz")])
    vars(callback)["notes"] = loop
    with pytest.raises(CheckpointError, match=WORDS):
        trainer.fit([[1.0]], [[1.0]])
    vars(model)["notes"] = loop
    with pytest.raises(CheckpointError, match=WORDS):
        save(model, tmp_path / "model.npz")


NESTED: dict[str, Callable[[Any], Any]] = {
    "list": lambda value: [value],
    "tuple": lambda value: (value,),
    "dict": lambda value: {"a": value},
}


def states(kind: str) -> Iterator[Any]:
    """A number, and then each value in the next."""
    value: Any = 1.0
    while True:
        yield value
        value = NESTED[kind](value)


@pytest.mark.long
@pytest.mark.parametrize("kind", NESTED)
@pytest.mark.parametrize("room", [None, 150])
def test_states(kind: str, room: int | None, tmp_path: Path) -> None:
    def write(value: Any, path: Path) -> None:
        write_content({"value": value}, path)

    path = tmp_path / "value.npz"
    with few_levels(room):
        count = deepest(states(kind), write, path)
        assert count == LEVELS if room is None else 20 < count < 80
        assert repr(entry(path, "value")) == repr(next(islice(states(kind), count - 1, None)))
