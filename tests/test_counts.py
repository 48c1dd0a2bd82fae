"""What a training step does, in counts: a change that makes it slow fails here on any machine, however busy.

``python -m tests.test_counts`` prints the present counts. The bounds lie 10 to 15 % above them, so that a rewrite may
cost a call but not a second pass over the data. If a count falls by more than that, lower its bound.
"""

from __future__ import annotations

import gc
import tracemalloc
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minidl import (
    Adam,
    BCEWithLogitsLoss,
    Callback,
    CrossEntropyLoss,
    Dense,
    Loss,
    Momentum,
    ReLU,
    Run,
    Sequential,
    Trainer,
)
from minidl.typing import Array, ArrayLike, Shape
from tests.callbacks.recording import Losses
from tests.helpers import python_calls
from tests.spy import SLOW, allocated, counted, forget, new_ones_too, spied

# The most per step of XOR 2-4-1 with momentum, and of 784-256-128-10 with Adam in batches of 128. A step is an epoch.
NUMPY_CALLS = {"xor": 32, "mlp": 71}  # passes over an array; 28 and 63 measured
PYTHON_CALLS = {"xor": 34, "mlp": 49}  # a small network notices each of them; 31 and 45 measured
PRODUCTS = {"xor": 5, "mlp": 8}  # nearly all the time of a large network; exact: 3 per Dense, but none for dL/d(data)
ALLOCATED_BYTES = {"xor": 44_000, "mlp": 4_030_000}  # temporaries, which leave the cache; 39,336 and 3,681,400 measured
PEAK_BYTES = {"xor": 16_000, "mlp": 440_000}  # arrays alive at once; 14,000 and 393,600 measured
GROWTH_BYTES = 50  # only the loss and the epoch's mean stay, in the history; 41 measured


class SpiedSequential(Sequential):
    def check_input(self, x: ArrayLike, name: str = "x") -> Array:
        array: Array = spied(super().check_input(x, name))
        return array


class SpiedMomentum(Momentum):
    def update(self, theta: Array, grad: Array, velocity: Array) -> None:
        super().update(spied(theta), spied(grad), spied(velocity))


class SpiedAdam(Adam):
    def update(self, theta: Array, grad: Array, mean: Array, squares: Array) -> None:
        super().update(spied(theta), spied(grad), spied(mean), spied(squares))


def spied_loss(kind: type[Loss]) -> type[Loss]:
    class SpiedLoss(kind):  # type: ignore[misc, valid-type]
        def check_target(self, target: ArrayLike, prediction: Shape | None = None, dtype: Any = None) -> Array:
            array: Array = spied(super().check_target(target, prediction, dtype))
            return array

    return SpiedLoss


Fit = Callable[[int], None]


def xor(spy: bool = False, callbacks: tuple[Callback, ...] = ()) -> Fit:
    rng = np.random.default_rng(0)
    x = rng.uniform(-1.0, 1.0, (200, 2))
    y = (x[:, :1] * x[:, 1:] < 0).astype(float)
    model = (SpiedSequential if spy else Sequential)(Dense(2, 4), ReLU(), Dense(4, 1), rng=0)
    optimizer = (SpiedMomentum if spy else Momentum)(model.parameters(), lr=0.1)
    loss = (spied_loss(BCEWithLogitsLoss) if spy else BCEWithLogitsLoss)()
    return fitting(Trainer(model, loss, optimizer, callbacks=callbacks), x, y)


def mlp(spy: bool = False, callbacks: tuple[Callback, ...] = ()) -> Fit:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((128, 784)).astype(np.float32), rng.integers(0, 10, 128)
    layers = Dense(784, 256), ReLU(), Dense(256, 128), ReLU(), Dense(128, 10)
    model = (SpiedSequential if spy else Sequential)(*layers, rng=0, dtype=np.float32)
    optimizer = (SpiedAdam if spy else Adam)(model.parameters())
    loss = (spied_loss(CrossEntropyLoss) if spy else CrossEntropyLoss)()
    return fitting(Trainer(model, loss, optimizer, callbacks=callbacks), x, y)


def fitting(trainer: Trainer, x: Array, y: Array) -> Fit:
    def fit(steps: int) -> None:
        trainer.fit(x, y, epochs=steps)

    return fit


WORK: dict[str, Callable[..., Fit]] = {"xor": xor, "mlp": mlp}


def per_step(name: str) -> tuple[Counter[str], Counter[str]]:
    """Calls of NumPy and bytes they allocate, by function; a fit of 3 steps less one of 1: what happens once is out."""
    fit = WORK[name](spy=True)
    fit(1)
    seen: list[tuple[Counter[str], Counter[str]]] = []
    for steps in (1, 3):
        forget()
        with new_ones_too():
            fit(steps)
        seen.append((counted.copy(), allocated.copy()))
    (calls, taken), (all_calls, all_taken) = seen
    return half(all_calls - calls), half(all_taken - taken)


def half(counter: Counter[str]) -> Counter[str]:
    return Counter({name: number // 2 for name, number in counter.items()})


def python_calls_per_step(name: str) -> int:
    fit = WORK[name]()
    fit(1)
    return (python_calls(lambda: fit(11)) - python_calls(lambda: fit(1))) // 10


class Peaks(Callback):
    """How many bytes a step holds at most beyond what there was before it."""

    def __init__(self) -> None:
        self.peaks: list[int] = []

    def on_step_begin(self, run: Run) -> None:
        tracemalloc.reset_peak()
        self.before = tracemalloc.get_traced_memory()[0]

    def on_step_end(self, run: Run) -> None:
        self.peaks.append(tracemalloc.get_traced_memory()[1] - self.before)


def peak_bytes(name: str) -> int:
    peaks = Peaks()
    fit = WORK[name](callbacks=(peaks,))
    tracemalloc.start()
    try:
        fit(10)
    finally:
        tracemalloc.stop()
    return max(peaks.peaks[3:])


def growth_bytes(name: str) -> float:
    """How many bytes more there are after each step, once everything is warm."""
    fit = WORK[name]()
    tracemalloc.start()
    try:
        fit(20)
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        fit(500)  # so many that what is allocated once does not count
        gc.collect()
        return (tracemalloc.get_traced_memory()[0] - before) / 500
    finally:
        tracemalloc.stop()


work = pytest.mark.parametrize("name", WORK)


@work
def test_numpy_calls(name: str) -> None:
    calls, taken = per_step(name)
    assert calls.total() <= NUMPY_CALLS[name], calls
    assert calls["dot of matrices"] + calls["matmul"] == PRODUCTS[name], calls
    assert not SLOW & calls.keys(), calls
    assert taken.total() <= ALLOCATED_BYTES[name], taken


@work
def test_python_calls(name: str) -> None:
    assert python_calls_per_step(name) <= PYTHON_CALLS[name]


@work
def test_memory_of_a_step(name: str) -> None:
    assert peak_bytes(name) <= PEAK_BYTES[name]


@pytest.mark.long
@work
def test_memory_does_not_grow(name: str) -> None:
    assert growth_bytes(name) <= GROWTH_BYTES


@work
def test_the_spy_changes_nothing(name: str) -> None:
    losses = []
    for spy in (False, True):
        recorded = Losses()
        WORK[name](spy=spy, callbacks=(recorded,))(5)
        losses.append(recorded.loss)
    assert losses[0] == losses[1]


if __name__ == "__main__":
    for each in WORK:
        calls, taken = per_step(each)
        print(f"{each}: {calls.total()} NumPy calls, {dict(calls.most_common())}")
        print(f"  {taken.total()} bytes allocated, {dict(taken.most_common())}")
        print(f"  {python_calls_per_step(each)} Python calls, {peak_bytes(each)} bytes at most", end=", ")
        print(f"{growth_bytes(each):.0f} bytes more after each step")
