"""Layers that no file can hold, or that draw other initial values than a seed or generator says."""

from typing import Any

import numpy as np
import pytest

from minidl import CheckpointError, Dense, Layer, Parameter, save
from minidl.checking import check_layer
from minidl.errors import ContractError
from minidl.typing import Array, Seed
from tests.checking.test_contracts_of_layers import Scale

X = np.random.default_rng(0).normal(size=(6, 3))


class ParameterAsArgument(Layer):
    def __init__(self, slope: float = 0.5) -> None:
        self.slope = Parameter(slope)

    def forward(self, x: Array) -> Array:
        self.x = x
        y: Array = x * self.slope.value
        return y

    def backward(self, grad: Array) -> Array:
        self.slope.grad = (grad * self.x).sum()
        dx: Array = grad * self.slope.value
        return dx


class ParametersAsArgument(ParameterAsArgument):
    def __init__(self, slopes: tuple[float, ...] = (0.5,)) -> None:
        self.slopes = [Parameter(slope) for slope in slopes]

    @property
    def slope(self) -> Parameter:  # type: ignore[override]
        return self.slopes[0]


class Function(Layer):
    def __init__(self, f: Any = np.sin, slope: Any = np.cos, sign: Any = None) -> None:
        self.f, self.slope, self.sign = f, slope, sign or np.positive

    def forward(self, x: Array) -> Array:
        self.x = x
        y: Array = self.f(x)
        return y

    def backward(self, grad: Array) -> Array:
        dx: Array = grad * self.slope(self.x)
        return dx


class GeneratorInTuple(Scale):
    def __init__(self, n: int = 3) -> None:
        super().__init__(n)
        self.rngs = (np.random.default_rng(0),)


class Replaced(Scale):
    """Another argument makes the part than the one that is kept."""

    def __init__(self, n: int = 3) -> None:
        super().__init__(n)
        self.part = Dense(2, 2, rng=0)
        self.part = Dense(n, n, rng=0) if n != 3 else self.part
        self.n = n + 1


class Draws(Layer):
    """``y = s x + b`` with drawn s and b. It is right, and the classes below break initialize."""

    def __init__(self, rng: Seed = None) -> None:
        self.scale, self.shift = Parameter(np.ones(3)), Parameter(np.zeros(3))
        self.initialize(rng)

    def initialize(self, rng: Seed) -> None:
        generator = np.random.default_rng(rng)
        self.scale.value, self.shift.value = generator.normal(size=(2, 3))

    def forward(self, x: Array) -> Array:
        self.x = x
        y: Array = x * self.scale.value + self.shift.value
        return y

    def backward(self, grad: Array) -> Array:
        self.scale.grad, self.shift.grad = (grad * self.x).sum(axis=0), grad.sum(axis=0)
        dx: Array = grad * self.scale.value
        return dx


class Spawns(Draws):
    """Is right: each spawn has other children."""

    def initialize(self, rng: Seed) -> None:
        one, other = np.random.default_rng(rng).spawn(2)
        self.scale.value, self.shift.value = one.normal(size=3), other.normal(size=3)


class SameForBoth(Draws):
    def initialize(self, rng: Seed) -> None:
        self.scale.value = np.random.default_rng(rng).normal(size=3)
        self.shift.value = np.random.default_rng(rng).normal(size=3)


class IntegersOnly(Draws):
    def initialize(self, rng: Seed) -> None:
        super().initialize(rng if isinstance(rng, int) else 7)


class Legacy(Draws):
    def initialize(self, rng: Seed) -> None:
        generator = np.random.RandomState(rng)  # type: ignore[arg-type]  # this is the mistake
        self.scale.value = generator.normal(size=3)

    def __init__(self) -> None:
        super().__init__(0)


class DrawsFromACopy(Draws):
    def initialize(self, rng: Seed) -> None:
        if isinstance(rng, np.random.Generator):
            fresh = np.random.default_rng()
            fresh.bit_generator.state = rng.bit_generator.state
            rng = fresh
        super().initialize(rng)


LAYERS: list[tuple[type[Layer], str]] = [
    (ParameterAsArgument, "argument 'slope' as self.slope, .* but a Parameter is there, .* under another name"),
    (ParametersAsArgument, "minidl.save refuses it: architecture.slopes/0 is of type Parameter"),
    (GeneratorInTuple, "minidl.save refuses it: .* tuple"),
    (Replaced, "minidl.save refuses it: .* could not be made again"),
    (SameForBoth, r"initialize draws other parameters from np.random.default_rng\(0\) than from 0"),
    (IntegersOnly, r"initialize draws other parameters from np.random.default_rng\(0\) than from 0"),
    (Legacy, "raises TypeError"),
    (DrawsFromACopy, "initialize draws the same parameters from a generator the second time"),
]


@pytest.mark.parametrize("right", [Draws, Spawns])
def test_unbroken_layers_pass(right: type[Layer]) -> None:
    assert check_layer(right(), X).error < 1e-8


@pytest.mark.parametrize(("broken", "words"), LAYERS, ids=lambda value: getattr(value, "__name__", ""))
def test_the_check_finds_what_is_broken(broken: type[Layer], words: str) -> None:
    with pytest.raises(ContractError, match=words):
        check_layer(broken(), X)


@pytest.mark.parametrize("layer", [ParametersAsArgument(), Function(), GeneratorInTuple(), Replaced()], ids=repr)
def test_what_save_refuses_is_refused_with_the_same_advice(layer: Layer, tmp_path: Any) -> None:
    with pytest.raises(CheckpointError) as saved:
        save(layer, tmp_path / "layer.npz")
    with pytest.raises(ContractError) as checked:
        check_layer(layer, X)
    assert str(saved.value).split("; ", 1)[-1] in str(checked.value)


def test_what_save_only_warns_of_passes() -> None:
    def initializer(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return np.asarray(rng.normal(size=shape))

    assert check_layer(Dense(3, 2, initializer=initializer, rng=0), X).error < 1e-8
