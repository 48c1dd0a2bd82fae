"""What losses keep, share and return: between instances, from call to call, and in other memory."""

import numpy as np
import pytest

from minidl import Loss, Parameter
from minidl.checking import check_loss
from minidl.errors import ContractError, GradientError
from minidl.modules import same_shape
from minidl.typing import Array
from tests.checking.test_what_is_kept import ALONE, GROWS

X = np.random.default_rng(0).normal(size=(6, 3))


class Cubed(Loss):
    """``mean |ŷ − y|³`` times a learned factor. It is right, and each class below breaks one thing."""

    def __init__(self) -> None:
        self.factor = Parameter(1.0)

    def forward(self, prediction: Array, target: Array) -> float:
        same_shape(prediction.shape, target.shape)
        self.difference = prediction - target
        self.value = float((np.abs(self.difference) ** 3).mean())
        return float(self.factor.value) * self.value

    def backward(self) -> Array:
        self.factor.grad = self.value
        d = self.difference
        grad: Array = 3 * self.factor.value * d * np.abs(d) / d.dtype.type(d.size)
        return grad


class SameBuffer(Cubed):
    buffer = np.empty(0)

    def backward(self) -> Array:
        grad = super().backward()
        if (self.buffer.shape, self.buffer.dtype) != (grad.shape, grad.dtype):
            self.buffer = np.empty_like(grad)
        self.buffer[...] = grad
        return self.buffer


class LossInTheClass(Cubed):
    kept: dict[str, Array] = {}  # noqa: RUF012  (this is the mistake)

    def forward(self, prediction: Array, target: Array) -> float:
        value = super().forward(prediction, target)
        self.kept["d"] = self.difference
        return value

    def backward(self) -> Array:
        self.difference = self.kept["d"]
        return super().backward()


class LossKeepsAll(Cubed):
    def __init__(self) -> None:
        super().__init__()
        self.everything: list[Array] = []

    def forward(self, prediction: Array, target: Array) -> float:
        self.everything.append(prediction)
        return super().forward(prediction, target)


class PredictionsAsTheyLie(Cubed):
    def forward(self, prediction: Array, target: Array) -> float:
        return super().forward(prediction.ravel("K").reshape(prediction.shape), target)


class TargetsAsTheyLie(Cubed):
    def forward(self, prediction: Array, target: Array) -> float:
        return super().forward(prediction, target.ravel("K").reshape(target.shape))


class ForgetsTheFactor(Cubed):
    """Right as long as the factor is 1, as at the beginning."""

    def backward(self) -> Array:
        return super().backward() / self.factor.value


LOSSES: list[tuple[type[Loss], str]] = [
    (SameBuffer, "a later (call|backward) writes to the gradient"),
    (LossInTheClass, ALONE),
    (LossKeepsAll, GROWS),
    (PredictionsAsTheyLie, "a Fortran-ordered prediction and a .* target have another result"),
    (TargetsAsTheyLie, "a Fortran-ordered target have another result"),
]


def test_an_unbroken_loss_passes() -> None:
    assert check_loss(Cubed(), X, X[::-1]).error < 1e-8


@pytest.mark.parametrize(("broken", "words"), LOSSES, ids=lambda value: getattr(value, "__name__", ""))
def test_broken_loss(broken: type[Loss], words: str) -> None:
    with pytest.raises(ContractError, match=words):
        check_loss(broken(), X, X[::-1])


def test_parameters_of_a_loss_are_moved_away_from_their_start() -> None:
    with pytest.raises(GradientError, match="gradient of prediction is off"):
        check_loss(ForgetsTheFactor(), X, X[::-1])
