"""Broken layers, one row each: the checks find every one, and the message says what is wrong."""

import numpy as np
import pytest

from minidl import Layer, MinidlError, Parameter
from minidl.checking import check_layer
from minidl.errors import ContractError, GradientError
from minidl.typing import Array

X = np.random.default_rng(0).normal(size=(6, 3))


class Scale(Layer):
    """``y = s x``. It is right, and each class below breaks one thing."""

    def __init__(self, n: int = 3) -> None:
        self.n = n
        self.scale = Parameter(np.ones(n))

    def forward(self, x: Array) -> Array:
        self.x = x
        y: Array = x * self.scale.value
        return y

    def backward(self, grad: Array) -> Array:
        self.scale.grad = (grad * self.x).sum(axis=0)
        dx: Array = grad * self.scale.value
        return dx


class WrongSign(Scale):
    def backward(self, grad: Array) -> Array:
        dx = super().backward(grad)
        self.scale.grad = -self.scale.grad
        return dx


class HalfGradient(Scale):
    def backward(self, grad: Array) -> Array:
        return 0.5 * super().backward(grad)


class ForgotFactor(Scale):
    def backward(self, grad: Array) -> Array:
        super().backward(grad)
        return grad.copy()


class ForgotParameter(Scale):
    def backward(self, grad: Array) -> Array:
        dx: Array = grad * self.scale.value
        return dx


class WrongAxis(Scale):
    def backward(self, grad: Array) -> Array:
        self.scale.grad = (grad * self.x).sum(axis=1)
        return grad


class NothingBack(Scale):
    def backward(self, grad: Array) -> Array:
        super().backward(grad)
        return None  # type: ignore[return-value]  # this is the mistake


class TooSmallBack(Scale):
    def backward(self, grad: Array) -> Array:
        return super().backward(grad)[:, :1]


class AddsUp(Scale):
    def backward(self, grad: Array) -> Array:
        before = self.scale.grad.copy()
        dx = super().backward(grad)
        self.scale.grad = before + self.scale.grad
        return dx


class WritesToInput(Scale):
    def forward(self, x: Array) -> Array:
        x *= 2
        return super().forward(x)


class WritesToGradient(Scale):
    def backward(self, grad: Array) -> Array:
        self.scale.grad = (grad * self.x).sum(axis=0)
        grad *= self.scale.value
        return grad


class ReusesBuffer(Scale):
    buffer = np.empty(0)

    def forward(self, x: Array) -> Array:
        self.x = x
        if self.buffer.shape != x.shape or self.buffer.dtype != x.dtype:
            self.buffer = np.empty_like(x)
        return np.multiply(x, self.scale.value, out=self.buffer)


class ReusesGradient(Scale):
    buffer = np.empty(0)

    def backward(self, grad: Array) -> Array:
        dx = super().backward(grad)
        if self.buffer.shape != dx.shape or self.buffer.dtype != dx.dtype:
            self.buffer = np.empty_like(dx)
        self.buffer[...] = dx
        return self.buffer


class LiftsFloat32(Scale):
    def forward(self, x: Array) -> Array:
        y: Array = np.ones(3) * super().forward(x)
        return y


class LiftsGradient(Scale):
    def backward(self, grad: Array) -> Array:
        dx: Array = np.ones(3) * super().backward(grad)
        return dx


class MixesSamples(Scale):
    def forward(self, x: Array) -> Array:
        y: Array = super().forward(x) + x.mean(axis=0)
        return y


class OrderMatters(Scale):
    def forward(self, x: Array) -> Array:
        y: Array = super().forward(x) + np.arange(len(x), dtype=x.dtype)[:, None]
        return y


class FailsAlone(Scale):
    def forward(self, x: Array) -> Array:
        return super().forward(x) if len(x) > 1 else x[0]


class RandomInEvaluation(Scale):
    def forward(self, x: Array) -> Array:
        return super().forward(x) + np.random.default_rng().normal()


class LosesSample(Scale):
    def forward(self, x: Array) -> Array:
        return super().forward(x)[1:]


class NoArray(Scale):
    def forward(self, x: Array) -> Array:
        return super().forward(x).tolist()  # type: ignore[no-any-return]  # this is the mistake


class WrongShapeSaid(Scale):
    def output_shape(self, shape: tuple[int, ...] | None) -> tuple[int, ...] | None:
        return (7,)


class ForgotArgument(Scale):
    def __init__(self, n: int = 3, power: int = 1) -> None:
        super().__init__(n)


class HidesParameter(Scale):
    def __init__(self) -> None:
        super().__init__(3)
        self.secret = {Parameter(np.ones(3))}


class StateElsewhere(Scale):
    seen: dict[int, float] = {}  # noqa: RUF012  (this is the mistake: state that copies do not share)

    def forward(self, x: Array) -> Array:
        factor = self.seen.setdefault(id(self), 1.0 + len(self.seen))
        return super().forward(x) * factor

    def backward(self, grad: Array) -> Array:
        return super().backward(grad * self.seen[id(self)])


class PredictChanges(Scale):
    buffers = ("count",)

    def __init__(self) -> None:
        super().__init__(3)
        self.count = np.zeros(1)

    def forward(self, x: Array) -> Array:
        self.count = self.count + 1
        return super().forward(x)


class Crashes(Scale):
    def forward(self, x: Array) -> Array:
        raise KeyError("no such thing")


class OtherParametersOnly(Scale):
    def backward(self, grad: Array) -> Array:
        return super().backward(grad)

    def backward_parameters(self, grad: Array) -> None:
        self.scale.grad = np.zeros(3)


class UnnamedBuffer(Scale):
    """Centers by a running mean that is not named in `buffers`."""

    mean = 0.0

    def forward(self, x: Array) -> Array:
        if self.training:
            self.mean = 0.9 * self.mean + 0.1 * float(x.mean())
        return super().forward(x - (0.0 if self.training else self.mean))


class DrawnByConstructor(Scale):
    """Multiplies by numbers that the constructor draws."""

    def __init__(self, n: int = 3) -> None:
        super().__init__(n)
        self.fixed = np.random.default_rng().normal(size=n)

    def forward(self, x: Array) -> Array:
        return super().forward(x * self.fixed.astype(x.dtype))

    def backward(self, grad: Array) -> Array:
        dx: Array = super().backward(grad) * self.fixed.astype(grad.dtype)
        return dx


LAYERS: list[tuple[type[Layer], type[MinidlError], str]] = [
    (WrongSign, GradientError, "scale is off .* wrong sign"),
    (HalfGradient, GradientError, "gradient of x is off .* All are 0.5 times"),
    (ForgotFactor, GradientError, "gradient of x is off .* disagree"),
    (ForgotParameter, GradientError, "must overwrite the gradient of scale"),
    (
        WrongAxis,
        ContractError,
        r"the gradient of scale must have shape \(3,\), got \(6,\)$",
    ),
    (NothingBack, ContractError, "backward must return dL/dx, an array, got NoneType"),
    (TooSmallBack, ContractError, r"dL/dx of shape \(6, 1\), but x has \(6, 3\)"),
    (AddsUp, GradientError, "must overwrite the gradient of scale"),
    (WritesToInput, ContractError, "forward writes to its input"),
    (WritesToGradient, ContractError, "backward writes to the gradient"),
    (ReusesBuffer, ContractError, "a later call writes to the y"),
    (ReusesGradient, ContractError, "a later call writes to the dL/dx"),
    (LiftsFloat32, ContractError, r"must be float32, got float64: is there a float64 array in forward\? A learned n"),
    (LiftsGradient, ContractError, "backward must keep float32, got float64"),
    (MixesSamples, ContractError, "a sample alone .* mixes_samples"),
    (OrderMatters, ContractError, "the order of the samples .* mixes_samples"),
    (FailsAlone, ContractError, r"returns shape \(3,\) for a batch of one, expected \(1, 3\)"),
    (RandomInEvaluation, ContractError, "two predictions differ"),
    (LosesSample, ContractError, r"must keep the batch axis: x has shape \(6, 3\), y \(5, 3\)"),
    (NoArray, ContractError, "forward must return an array, got list"),
    (WrongShapeSaid, ContractError, r"output_shape returns \(7,\)"),
    (ForgotArgument, ContractError, "must keep its argument 'power' as self.power"),
    (HidesParameter, ContractError, "does not find 1 of its Parameters"),
    (StateElsewhere, ContractError, "its copy returns other results"),
    (PredictChanges, ContractError, "predict changes parameters or buffers"),
    (Crashes, ContractError, r"Crashes\(\) raises KeyError"),
    (UnnamedBuffer, ContractError, "as from a file, it returns another result: .* named in buffers"),
    (DrawnByConstructor, ContractError, "as from a file, it returns another result"),
    (OtherParametersOnly, ContractError, "backward_parameters writes other"),
]


def test_the_unbroken_layer_passes() -> None:
    assert check_layer(Scale(), X).error < 1e-8


@pytest.mark.parametrize(("broken", "error", "words"), LAYERS, ids=lambda value: getattr(value, "__name__", ""))
def test_the_check_finds_what_is_broken(broken: type[Layer], error: type[MinidlError], words: str) -> None:
    layer = broken()
    before = layer.parameters().value.copy()
    with pytest.raises(error, match=words):
        check_layer(layer, X)
    assert layer.parameters().value.tobytes() == before.tobytes()
