"""Layers that are wrong for a batch of one only, that draw without their seed, or whose generators are nested."""

from typing import Any

import numpy as np
import pytest

from minidl import ContractError, Parameter
from minidl.checking import check_layer
from minidl.typing import Array, Seed
from tests.checking.test_contracts_of_layers import Scale, X


class Squeezes(Scale):
    """Sums the parameter's gradient along the wrong axis for a batch of one."""

    def backward(self, grad: Array) -> Array:
        self.scale.grad = np.squeeze(grad * self.x).sum(axis=0) * np.ones(self.n)
        dx: Array = grad * self.scale.value
        return dx


class LosesAxis(Scale):
    def backward(self, grad: Array) -> Array:
        dx = super().backward(grad)
        return dx[0] if len(dx) == 1 else dx


class OtherAlone(Scale):
    def backward(self, grad: Array) -> Array:
        dx = super().backward(grad)
        return 2 * dx if len(dx) == 1 else dx


class DrawsForItself(Scale):
    def initialize(self, rng: Seed) -> None:
        self.scale.value = np.random.default_rng().normal(size=self.n)


class CannotDraw(Scale):
    def initialize(self, rng: Seed) -> None:
        raise KeyError("no such thing")


class NoInitialization(Scale):
    """Is right: it draws nothing, so it needs no initialize."""


class Noisy(Scale):
    """Is right: its generators are in a dict of lists."""

    def __init__(self, n: int = 3) -> None:
        super().__init__(n)
        self.rngs: dict[str, list[Any]] = {"noise": [np.random.default_rng(0)]}

    def forward(self, x: Array) -> Array:
        y = super().forward(x)
        return y + self.rngs["noise"][0].normal(size=y.shape).astype(y.dtype) if self.training else y


class Typed(Scale):
    def backward(self, grad: Array) -> Array:
        return np.zeros_like(super().backward(grad), dtype=int)


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (Squeezes, "the parameter gradients of two samples are not the sum of those of each alone"),
        (LosesAxis, r"backward returns dL/dx of shape \(3,\) for a batch of one, but x has \(1, 3\)"),
        (OtherAlone, "a sample alone has another dL/dx than within its batch"),
        (DrawsForItself, r"initialize\(0\) draws other parameters the second time"),
        (CannotDraw, "raises KeyError"),
        (Typed, "backward must return an array of floats, got int64"),
    ],
)
def test_the_check_finds_what_is_broken(broken: type[Scale], words: str) -> None:
    with pytest.raises(ContractError, match=words):
        check_layer(broken(), X)


@pytest.mark.parametrize("right", [NoInitialization, Noisy])
def test_unbroken_layers_pass(right: type[Scale]) -> None:
    assert check_layer(right(), X).error < 1e-8


def test_the_check_does_not_change_the_layer() -> None:
    layer = Scale()
    layer.shift = Parameter([1.0])  # type: ignore[attr-defined]
    before = layer.parameters().value.copy()
    with pytest.raises(ContractError):
        check_layer(layer, X)
    assert layer.parameters().value.tolist() == before.tolist()


class Factor(Scale):
    def __init__(self) -> None:
        super().__init__()
        self.factor = np.float64(2.0)


class PlainArray(Scale):
    buffers = ("mean",)

    def __init__(self) -> None:
        super().__init__()
        self.mean, self.count = np.zeros(3), np.arange(3)
        self.shift, self.inner = np.zeros(3), Factor()

    def forward(self, x: Array) -> Array:
        y: Array = super().forward(x) + self.shift
        return y


def test_a_plain_array_in_the_place_of_a_parameter_is_named() -> None:
    words = (
        r": is it shift or inner\.factor\? A learned number must be a Parameter, and any other array of the layer a "
    )
    with pytest.raises(ContractError, match=rf"float32, got float64{words}buffer$"):
        check_layer(PlainArray(), X)
