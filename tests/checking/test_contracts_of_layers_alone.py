"""Layers that are wrong for one sample only, that draw without their seed, or whose generators are further in."""

from typing import Any

import numpy as np
import pytest

from minidl import ContractError, Parameter
from minidl.checking import check_layer
from minidl.typing import Array, Seed
from tests.checking.test_contracts_of_layers import Scale, X


class Squeezes(Scale):
    """The parameter's gradient is summed along the wrong axis where there is one sample."""

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
    """Is right: what is not drawn need not be drawn again."""


class Noisy(Scale):
    """Is right: its generators are attributes, in a dict of lists."""

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
        (LosesAxis, r"for a batch of one, backward gives dL/dx of shape \(3,\), but x has \(1, 3\)"),
        (OtherAlone, "dL/dx of a sample alone is another than within its batch"),
        (DrawsForItself, r"initialize\(0\) twice gives other parameters"),
        (CannotDraw, "raises KeyError"),
        (Typed, "backward must give an array of floats, got int64"),
    ],
)
def test_broken_layer(broken: type[Scale], words: str) -> None:
    with pytest.raises(ContractError, match=words):
        check_layer(broken(), X)


@pytest.mark.parametrize("right", [NoInitialization, Noisy])
def test_unbroken_layers_pass(right: type[Scale]) -> None:
    assert check_layer(right(), X).error < 1e-8


def test_the_parameters_of_the_checked_layer_stay() -> None:
    layer = Scale()
    layer.shift = Parameter([1.0])  # type: ignore[attr-defined]
    before = layer.parameters().value.copy()
    with pytest.raises(ContractError):
        check_layer(layer, X)
    assert layer.parameters().value.tolist() == before.tolist()
