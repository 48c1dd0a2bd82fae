"""What layers and losses keep, share and return: between instances, from call to call, in files, in other memory."""

from itertools import cycle
from typing import Any

import numpy as np
import pytest

from minidl import Dense, Dropout, Layer, Sequential
from minidl.checking import check_layer
from minidl.errors import ContractError
from minidl.modules import cached
from minidl.typing import Array, Seed
from tests.checking.test_contracts_of_layers import Scale

X = np.random.default_rng(0).normal(size=(6, 3))


class InTheClass(Scale):
    cache: dict[str, Array] = {}  # noqa: RUF012  (this is the mistake)

    def forward(self, x: Array) -> Array:
        self.cache["x"] = x
        y: Array = x * self.scale.value
        return y

    def backward(self, grad: Array) -> Array:
        self.scale.grad = (grad * self.cache["x"]).sum(axis=0)
        dx: Array = grad * self.scale.value
        return dx


class OnTheClass(Scale):
    def forward(self, x: Array) -> Array:
        type(self).x = x  # this is the mistake
        y: Array = x * self.scale.value
        return y


class InADefault(Scale):
    def __init__(self, n: int = 3, store: list[Any] = []) -> None:  # noqa: B006  (this is the mistake)
        super().__init__(n)
        self.store = store

    def forward(self, x: Array) -> Array:
        self.store[:] = [x]
        y: Array = x * self.scale.value
        return y

    def backward(self, grad: Array) -> Array:
        self.scale.grad = (grad * self.store[0]).sum(axis=0)
        dx: Array = grad * self.scale.value
        return dx


class KeepsEvery(Scale):
    def __init__(self, n: int = 3) -> None:
        super().__init__(n)
        self.batches: list[Any] = []

    def forward(self, x: Array) -> Array:
        self.batches.append(x)
        return super().forward(x)


class KeepsListsOfNumbers(KeepsEvery):
    def forward(self, x: Array) -> Array:
        self.batches.append(x.tolist())
        return Scale.forward(self, x)


class KeepsGradients(KeepsEvery):
    def forward(self, x: Array) -> Array:
        return Scale.forward(self, x)

    def backward(self, grad: Array) -> Array:
        self.batches.append(grad.copy())
        return super().backward(grad)


class KeepsInEvaluation(KeepsEvery):
    def forward(self, x: Array) -> Array:
        return Scale.forward(self, x) if self.training else super().forward(x)


class KeepsInTheClass(Scale):
    everything: list[Array] = []  # noqa: RUF012  (this is the mistake)

    def forward(self, x: Array) -> Array:
        self.everything.append(x)
        return super().forward(x)


class KeepsInACache(Scale):
    history: Any = cached()

    def forward(self, x: Array) -> Array:
        vars(self).setdefault("history", []).append(x)
        return super().forward(x)


class Remembers(Scale):
    """Keeps what it has computed for each batch."""

    def __init__(self, n: int = 3) -> None:
        super().__init__(n)
        self.known: dict[bytes, float] = {}

    def forward(self, x: Array) -> Array:
        self.known[x.tobytes()] = 1.0
        return super().forward(x)


class BufferInEvaluation(Scale):
    buffer = np.empty(0)

    def forward(self, x: Array) -> Array:
        y = super().forward(x)
        if self.training:
            return y
        if (self.buffer.shape, self.buffer.dtype) != (y.shape, y.dtype):
            self.buffer = np.empty_like(y)
        self.buffer[...] = y
        return self.buffer


class OrderOfMemory(Scale):
    def backward(self, grad: Array) -> Array:
        return super().backward(grad.ravel("K").reshape(grad.shape))


class OrderInTraining(Scale):
    def backward(self, grad: Array) -> Array:
        return super().backward(grad.ravel("K").reshape(grad.shape) if self.training else grad)


class OneBlock(Scale):
    def backward(self, grad: Array) -> Array:
        flat = grad.view()
        flat.shape = (grad.size,)
        return super().backward(flat.reshape(grad.shape))


class Unlocks(Scale):
    def backward(self, grad: Array) -> Array:
        grad.setflags(write=True)
        return super().backward(grad)


class KeepProbability(Layer):
    """Its constructor takes the probability to drop a number, and its attribute holds that to keep it."""

    mask: Any = cached()

    def __init__(self, p: float = 0.3, rng: Seed = None) -> None:
        self.p = 1.0 - p
        self.rng = np.random.default_rng(rng)

    def forward(self, x: Array) -> Array:
        kept = np.asarray(self.rng.random(x.shape)) < self.p if self.training else np.ones(x.shape, bool)
        self.mask = kept.astype(x.dtype)
        y: Array = x * self.mask
        return y

    def backward(self, grad: Array) -> Array:
        dx: Array = grad * self.mask
        return dx


STRENGTHS = cycle((0.05, 0.5, 0.95))


class ReadsOtherThanItKeeps(KeepProbability):
    """Has the right argument after a copy and a file, but drops by another number."""

    def __init__(self, p: float = 0.3, rng: Seed = 0, *, share: float = 0.5) -> None:
        super().__init__(p, rng)
        self.share, self.p = share, p
        self.strength = next(STRENGTHS)

    def forward(self, x: Array) -> Array:
        kept = np.asarray(self.rng.random(x.shape)) < self.strength if self.training else np.ones(x.shape, bool)
        self.mask = kept.astype(x.dtype)
        y: Array = x * self.mask
        return y


class UnheldGenerator(Scale):
    def forward(self, x: Array) -> Array:
        y = super().forward(x)
        noise = np.asarray(np.random.default_rng().normal(size=y.shape))
        return y + noise.astype(y.dtype) if self.training else y


ALONE = "another instance is used between its forward and its backward"
GROWS = "it grows with every batch, by [0-9]+ bytes per call"
GRADIENT = "backward of a .* gradient has another result"

LAYERS: list[tuple[type[Layer], str]] = [
    (InTheClass, ALONE),
    (OnTheClass, ALONE),
    (InADefault, ALONE),
    (KeepsEvery, GROWS),
    (KeepsListsOfNumbers, GROWS),
    (KeepsGradients, GROWS),
    (KeepsInEvaluation, GROWS),
    (KeepsInTheClass, GROWS),
    (KeepsInACache, GROWS),
    (Remembers, GROWS),
    (BufferInEvaluation, "a later call writes to the y"),
    (OrderOfMemory, GRADIENT),
    (OrderInTraining, GRADIENT),
    (OneBlock, "raises AttributeError"),
    (Unlocks, "raises ValueError: cannot set WRITEABLE"),
    (KeepProbability, "another result: the constructor must keep each argument"),
    (ReadsOtherThanItKeeps, "as from a file, it returns another result"),
    (UnheldGenerator, "another y for the same input"),
]


class LastOnly(KeepsEvery):
    """Is right: it keeps the last batch."""

    def forward(self, x: Array) -> Array:
        self.batches = [x]
        return Scale.forward(self, x)


class Records(KeepsEvery):
    """Is right: it keeps a number per call."""

    def forward(self, x: Array) -> Array:
        self.batches.append(float(x.mean()))
        return Scale.forward(self, x)


class ByEarlierBatches(Scale):
    """Is right: it subtracts a running mean, of which x is not yet part."""

    buffers = ("mean",)

    def __init__(self, n: int = 3) -> None:
        super().__init__(n)
        self.mean = np.zeros(n)

    def forward(self, x: Array) -> Array:
        y = super().forward(x - self.mean)
        if self.training:
            self.mean = (0.9 * self.mean + 0.1 * x.mean(axis=0)).astype(x.dtype)
        return y


class ByEarlierBatchesInPlace(ByEarlierBatches):
    def forward(self, x: Array) -> Array:
        y = Scale.forward(self, x - self.mean)
        if self.training:
            self.mean += 0.1 * (x.mean(axis=0) - self.mean)
        return y


class ByCount(Scale):
    """Is right: it begins gently, and the number of calls is a buffer."""

    buffers = ("calls",)
    factor: float = cached()

    def __init__(self, n: int = 3) -> None:
        super().__init__(n)
        self.calls = 0

    def forward(self, x: Array) -> Array:
        self.factor = min(1.0, 0.1 + 0.01 * self.calls)
        self.calls += self.training
        return self.factor * super().forward(x)

    def backward(self, grad: Array) -> Array:
        return super().backward(self.factor * grad)


@pytest.mark.parametrize("right", [LastOnly, Records, ByEarlierBatches, ByEarlierBatchesInPlace, ByCount])
def test_unbroken_layers_pass(right: type[Layer]) -> None:
    assert check_layer(right(), X).error < 1e-8


@pytest.mark.parametrize(("broken", "words"), LAYERS, ids=lambda value: getattr(value, "__name__", ""))
def test_the_check_finds_what_is_broken(broken: type[Layer], words: str) -> None:
    with pytest.raises(ContractError, match=words):
        check_layer(broken(), X)


@pytest.mark.parametrize("broken", [InTheClass, KeepsEvery])
def test_the_check_finds_it_inside_a_model(broken: type[Layer]) -> None:
    with pytest.raises(ContractError):
        check_layer(Sequential(Dense(3, 3, rng=0), broken(), Dense(3, 1, rng=0), broken(1)), X)  # type: ignore[call-arg]


def test_training_with_the_same_random_numbers_is_compared_after_a_copy_and_a_file() -> None:
    assert check_layer(Sequential(Dense(3, 4, rng=0), Dropout(0.2, rng=0), Dense(4, 2, rng=0)), X).error < 1e-8
