"""Broken losses, one row each."""

import numpy as np
import pytest

from minidl import Loss, MinidlError, Parameter
from minidl.checking import check_loss
from minidl.errors import ContractError, GradientError
from minidl.modules import same_shape
from minidl.typing import Array

X = np.random.default_rng(0).normal(size=(6, 3))


class Absolute(Loss):
    """``mean (ŷ − y)⁴``. It is right."""

    def forward(self, prediction: Array, target: Array) -> float:
        same_shape(prediction.shape, target.shape)
        self.difference = prediction - target
        return float((self.difference**4).mean())

    def backward(self) -> Array:
        grad: Array = 4 * self.difference**3 / self.difference.size
        return grad


class Weighted(Absolute):
    """The same times a learned weight."""

    def __init__(self) -> None:
        self.weight = Parameter([2.0])

    def forward(self, prediction: Array, target: Array) -> float:
        self.value = super().forward(prediction, target)
        return float(self.weight.value[0]) * self.value

    def backward(self) -> Array:
        self.weight.grad = np.array([self.value])
        grad: Array = self.weight.value[0] * super().backward()
        return grad


class LiftedByParameter(Weighted):
    def backward(self) -> Array:
        return super().backward() * np.ones(1)


class SumNotMean(Absolute):
    def forward(self, prediction: Array, target: Array) -> float:
        return super().forward(prediction, target) * prediction.size

    def backward(self) -> Array:
        return super().backward() * self.difference.size


class ForgotMean(Absolute):
    def backward(self) -> Array:
        return super().backward() * self.difference.size


class Broadcasts(Absolute):
    def forward(self, prediction: Array, target: Array) -> float:
        self.difference = prediction - target
        return float((self.difference**4).mean())  # no check of the shapes


class NumpyNumber(Absolute):
    def forward(self, prediction: Array, target: Array) -> float:
        return np.float64(super().forward(prediction, target))


class LiftedLoss(Absolute):
    def backward(self) -> Array:
        return super().backward().astype(np.float64)


class OneGradientForAll(Absolute):
    def backward(self) -> Array:
        return np.asarray(super().backward().sum(axis=0))


class NoGradient(Absolute):
    def backward(self) -> Array:
        return None  # type: ignore[return-value]  # this is the mistake


class WritesToPrediction(Absolute):
    def forward(self, prediction: Array, target: Array) -> float:
        value = super().forward(prediction, target)
        prediction -= target
        return value


class GivesBuffer(Absolute):
    def backward(self) -> Array:
        self.difference = 2 * self.difference
        return super().backward()


class CrashingLoss(Absolute):
    def backward(self) -> Array:
        raise ZeroDivisionError


LOSSES: list[tuple[type[Loss], type[MinidlError], str]] = [
    (SumNotMean, ContractError, "must be a mean over the batch"),
    (ForgotMean, GradientError, "gradient of prediction .* All are 6 times too large"),
    (Broadcasts, ContractError, "same_shape"),
    (NumpyNumber, ContractError, "Python float, got float64"),
    (LiftedLoss, ContractError, "must be float32, got float64"),
    (LiftedByParameter, ContractError, "must be float32, got float64"),
    (OneGradientForAll, ContractError, r"shape \(1,\), but the prediction has \(6, 1\)"),
    (NoGradient, ContractError, "an array, got NoneType"),
    (WritesToPrediction, ContractError, "writes to prediction or target"),
    (GivesBuffer, ContractError, "a second backward returns another gradient"),
    (CrashingLoss, ContractError, r"CrashingLoss\(\) raises ZeroDivisionError"),
]


@pytest.mark.parametrize("right", [Absolute, Weighted])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_unbroken_losses_pass(right: type[Loss], dtype: type) -> None:
    loss = right().astype(dtype)
    assert check_loss(loss, X[:, :1], X[:, 1:2]).error < 1e-8
    assert [parameter.dtype for parameter in loss.parameters()] == [dtype] * len(loss.parameters())


@pytest.mark.parametrize(("broken", "error", "words"), LOSSES, ids=lambda value: getattr(value, "__name__", ""))
def test_broken_loss(broken: type[Loss], error: type[MinidlError], words: str) -> None:
    with pytest.raises(error, match=words):
        check_loss(broken(), X[:, :1], X[:, 1:2])
