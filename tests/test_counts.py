"""What a training step does, in counts: a change that makes it slow fails here on any machine, however busy.

The bounds lie a little above what the present code does. ``python -m tests.test_counts`` prints that; whoever lowers a
count lowers its bound here, and whoever has to raise one says in the commit what is bought for it.
"""

from __future__ import annotations

import gc
import sys
import tracemalloc
from collections import Counter
from collections.abc import Callable
from types import FrameType
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

# (measured, bound) of a step: XOR 2-4-1 with momentum; 784-256-128-10 with Adam in batches of 128.
NUMPY_CALLS = {"xor": (25, 26), "mlp": (53, 55)}
PYTHON_CALLS = {"xor": (22, 24), "mlp": (28, 30)}
PRODUCTS = {"xor": 5, "mlp": 8}  # 3 for each Dense, but no gradient for the data: exact
PEAK_BYTES = {"xor": (15_600, 18_000), "mlp": (393_600, 450_000)}
GROWTH_BYTES = 100  # the loss in the history: a float, its place in the list, and the epoch's mean: 41 measured

counted: Counter[str] = Counter()


class Spy(np.ndarray[Any, np.dtype[Any]]):
    """An array that counts what NumPy is asked to do with it, and makes every result count, too."""

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = (), **options: Any) -> Any:
        counted[ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"] += 1
        if out:
            options["out"] = tuple(plain(array) for array in out)
        result = getattr(ufunc, method)(*(plain(array) for array in inputs), **options)
        return out[0] if out else spied(result)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        count(function.__name__, *args)
        result = function(*(plain(a) for a in args), **{name: plain(a) for name, a in kwargs.items()})
        return kwargs.get("out", spied(result))

    def dot(self, other: Any, out: Any = None) -> Any:
        count("dot", self, other)
        result = plain(self).dot(plain(other), out=plain(out))
        return spied(result)


def count(name: str, *args: Any) -> None:
    matrices = name in ("dot", "matmul") and all(getattr(array, "ndim", 0) == 2 for array in args[:2])
    counted[f"{name} of matrices" if matrices else name] += 1


def plain(thing: Any) -> Any:
    return thing.view(np.ndarray) if isinstance(thing, Spy) else thing


def spied(thing: Any) -> Any:
    return thing.view(Spy) if isinstance(thing, np.ndarray) else thing


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


def numpy_calls(name: str) -> Counter[str]:
    """What a step asks of NumPy; a fit of 3 steps less one of 1, so that what happens once does not count."""
    fit = WORK[name](spy=True)
    fit(1)
    counted.clear()
    fit(1)
    once = counted.copy()
    counted.clear()
    fit(3)
    return Counter({key: (number - once[key]) // 2 for key, number in counted.items() if number != once[key]})


def python_calls(name: str) -> int:
    """How many Python functions a step calls."""
    fit, calls = WORK[name](), 0

    def profile(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    def during(steps: int) -> int:
        nonlocal calls
        calls = 0
        before = sys.getprofile()
        sys.setprofile(profile)
        try:
            fit(steps)
        finally:
            sys.setprofile(before)
        return calls

    fit(1)
    return (during(11) - during(1)) // 10


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
        fit(100)
        gc.collect()
        return (tracemalloc.get_traced_memory()[0] - before) / 100
    finally:
        tracemalloc.stop()


work = pytest.mark.parametrize("name", WORK)


@work
def test_numpy_calls(name: str) -> None:
    calls = numpy_calls(name)
    assert calls.total() <= NUMPY_CALLS[name][1], calls


@work
def test_matrix_products(name: str) -> None:
    calls = numpy_calls(name)
    assert calls["dot of matrices"] + calls["matmul"] == PRODUCTS[name], calls


@work
def test_python_calls(name: str) -> None:
    assert python_calls(name) <= PYTHON_CALLS[name][1]


@work
def test_memory_of_a_step(name: str) -> None:
    assert peak_bytes(name) <= PEAK_BYTES[name][1]


@work
def test_memory_does_not_grow(name: str) -> None:
    assert growth_bytes(name) <= GROWTH_BYTES


@work
def test_the_spy_changes_nothing(name: str) -> None:
    losses = []
    for spy in (False, True):
        seen: list[float] = []
        WORK[name](spy=spy, callbacks=(Losses(seen),))(5)
        losses.append(seen)
    assert losses[0] == losses[1]


class Losses(Callback):
    def __init__(self, seen: list[float]) -> None:
        self.seen = seen

    def on_step_end(self, run: Run) -> None:
        self.seen.append(run.loss)


if __name__ == "__main__":
    for each in WORK:
        found = numpy_calls(each)
        print(f"{each}: {found.total()} NumPy calls, {dict(found.most_common())}")
        print(f"  {python_calls(each)} Python calls, {peak_bytes(each)} bytes at most", end=", ")
        print(f"{growth_bytes(each):.0f} bytes more after each step")
