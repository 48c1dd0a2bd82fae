"""Several processes and threads that write to one path: no save fails, and no reader finds a damaged file."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from time import sleep

import numpy as np
import pytest

from minidl import Checkpoint, Dense, load, save
from minidl.integrations import load_safetensors, save_safetensors
from tests.training import endless

if sys.platform == "win32":
    pytest.skip("needs fork and signals", allow_module_level=True)

SAVES = 40


def model_of(number: float) -> Dense:
    """A model in which all weights are equal, so that half of another would be noticed."""
    model = Dense(40, 50)
    model.weight.value = np.full((40, 50), number)
    return model


def equal_weights(model: Dense) -> bool:
    return bool((model.weight.value == model.weight.value[0, 0]).all())


def npz(model: Dense, path: Path) -> None:
    save(model, path)
    assert equal_weights(load(path))


def safetensors(model: Dense, path: Path) -> None:
    pytest.importorskip("safetensors")
    save_safetensors(model, path)
    loaded = Dense(40, 50)
    load_safetensors(loaded, path)
    assert equal_weights(loaded)


def checkpoint(model: Dense, path: Path) -> None:  # noqa: ARG001  (it trains one of its own)
    endless.fit(endless.trainer(Checkpoint(path)), 1)
    load(path)


WRITERS: dict[str, Callable[[Dense, Path], None]] = {
    "save": npz,
    "save_safetensors": safetensors,
    "Checkpoint": checkpoint,
}


def forked(task: Callable[[], None]) -> int:
    """Run a task in a process of its own, which ends with status 0 if there was no error."""
    child = os.fork()
    if child == 0:
        try:
            task()
            os._exit(0)
        finally:
            os._exit(1)
    return child


@pytest.mark.parametrize("name", WRITERS)
def test_processes(name: str, tmp_path: Path) -> None:
    def task(number: float) -> None:
        for _ in range(SAVES):
            WRITERS[name](model_of(number), tmp_path / "file")

    children = [forked(lambda number=number: task(number)) for number in (1.0, 2.0)]  # type: ignore[misc]
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0]
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("name", WRITERS)
def test_threads(name: str, tmp_path: Path) -> None:
    errors: list[BaseException] = []

    def task(number: float) -> None:
        try:
            for _ in range(SAVES):
                WRITERS[name](model_of(number), tmp_path / "file")
        except BaseException as error:
            errors.append(error)

    threads = [Thread(target=task, args=(number,)) for number in (1.0, 2.0, 3.0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert os.listdir(tmp_path) == ["file"]


def test_writers_that_are_killed(tmp_path: Path) -> None:
    """The file is whole, later saves succeed, and nothing but what the writers had begun lies beside it."""
    path = tmp_path / "file"
    save(model_of(0.0), path)

    def task(number: float) -> None:
        while True:
            save(model_of(number), path)

    for pause in np.linspace(0.01, 0.1, 8):
        children = [forked(lambda number=number: task(number)) for number in (1.0, 2.0)]  # type: ignore[misc]
        sleep(pause)
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        assert equal_weights(load(path))
    npz(model_of(3.0), path)
    assert all(entry == path or entry.match(".minidl-*.tmp") for entry in tmp_path.iterdir())
