"""Layers and losses that fail, mostly for one sample that is larger than the others, and fits that diverge."""

import math
from typing import Any

import numpy as np
import pytest

from minidl import Callback, DivergenceError, Layer, Loss, Module, MSELoss, Parameter
from minidl.modules.places import generators_in
from minidl.modules.watching import METHODS
from minidl.typing import Array, Shape
from tests.callbacks.recording import Hooks
from tests.helpers import bits
from tests.training.factories import make_trainer
from tests.user_defined import Scale

X, Y = np.random.default_rng(0).normal(size=(9, 2)), np.random.default_rng(1).normal(size=(9, 1))
GOOD = X.copy()
X[5, 0] = 1e6


def large(x: Array) -> bool:
    return bool((np.abs(x) > 1e5).any())


class Elementwise(Layer):
    """``y = x``."""

    def output_shape(self, shape: Shape | None) -> Shape | None:
        return shape

    def forward(self, x: Array) -> Array:
        self.x = x
        return x

    def backward(self, grad: Array) -> Array:
        return grad


class Raises(Elementwise):
    """Raises in its nth forward."""

    def __init__(self, error: type[BaseException], nth: int = 1) -> None:
        self.error, self.left = error, nth

    def forward(self, x: Array) -> Array:
        self.left -= 1
        if self.left == 0:
            raise self.error("layer")
        return x


class Sees(Elementwise):
    """Records the samples that pass through in training and in evaluation."""

    def __init__(self) -> None:
        self.trained: list[Array] = []
        self.evaluated: list[Array] = []

    def forward(self, x: Array) -> Array:
        (self.trained if self.training else self.evaluated).append(x)
        return x


class Fragile(Elementwise):
    """Returns infinity in forward, or NaN in backward, for a batch with a large number."""

    def __init__(self, where: str = "forward") -> None:
        self.where = where

    def forward(self, x: Array) -> Array:
        self.x = x
        return np.where(np.abs(x) > 1e5, np.inf, x) if self.where == "forward" else x

    def backward(self, grad: Array) -> Array:
        return grad * np.nan if self.where == "backward" and large(self.x) else grad


class Stretch(Scale):
    """Has an infinite gradient, while all that it returns is finite."""

    def backward(self, grad: Array) -> Array:
        finite = super().backward(grad)
        if large(self.x):
            self.scale.grad = np.full(self.n, -np.inf)
        return finite


class ByHelper(Elementwise):
    """Writes the gradient of its part, whose own backward is never called."""

    def __init__(self) -> None:
        self.part = Scale(2)

    def backward(self, grad: Array) -> Array:
        self.part.scale.grad = np.full(2, np.nan if large(self.x) else 0.0)
        return grad


class Exponential(Elementwise):
    """Raises OverflowError, as Python's own mathematics does."""

    def __init__(self, where: str) -> None:
        self.where = where

    def forward(self, x: Array) -> Array:
        if self.where == "forward":
            math.exp(np.abs(x).max())
        return super().forward(x)

    def backward(self, grad: Array) -> Array:
        math.exp(np.abs(self.x).max())
        return grad


class BrokenLoss(MSELoss):
    """A loss that is infinite, or has a gradient that is NaN."""

    def __init__(self, where: str) -> None:
        self.where = where

    def forward(self, prediction: Array, target: Array) -> float:
        self.failing = bool((np.abs(prediction) > 1e4).any())
        loss = super().forward(prediction, target)
        return math.inf if self.where == "forward" and self.failing else loss

    def backward(self) -> Array:
        return super().backward() * (np.nan if self.where == "backward" and self.failing else 1.0)


class Fuse(Elementwise):
    """Returns NaN in its fifth call since `burnt` was 0. The count is a buffer if it is `kept`."""

    def __init__(self, *, kept: bool = True, in_place: bool = False, error: type[Exception] | None = None) -> None:
        self.kept, self.in_place, self.error = kept, in_place, error
        self.burnt = np.zeros(1)
        if kept:
            self.buffers = ("burnt",)

    def forward(self, x: Array) -> Array:
        if self.in_place:
            self.burnt += 1
        else:
            self.burnt = self.burnt + 1
        if self.burnt[0] == 6 and self.error is not None:
            raise self.error("a second time")
        return x * np.nan if self.burnt[0] == 5 else x


class Unlucky(Elementwise):
    """Returns NaN when it draws a number below 1/10."""

    def __init__(self, rng: int) -> None:
        self.rng = np.random.default_rng(rng)
        self.weight = Parameter(np.ones(1))

    def forward(self, x: Array) -> Array:
        self.x = x
        return x * (np.nan if self.rng.random() < 0.1 else self.weight.value)

    def backward(self, grad: Array) -> Array:
        self.weight.grad = (grad * self.x).sum()[None]
        return grad * self.weight.value


def everything(module: Module) -> list[Any]:
    """Parameters, buffers and generators."""
    generators = [each for _, part in module.modules() for each in generators_in(vars(part))]
    return [bits(*module.state().values()), *(generator.bit_generator.state for generator in generators)]


def is_clean(*modules: Module) -> bool:
    """Whether no method is wrapped."""
    return not any(method in vars(part) for module in modules for _, part in module.modules() for method in METHODS)


def diverge(model: Layer, loss: Loss | None = None, *callbacks: Callback, **options: Any) -> DivergenceError:
    """Fit until the run diverges, and check what holds for every divergence."""
    loss, began = loss or MSELoss(), list[list[Any]]()
    rate, data = options.pop("lr", 1e-15), options.pop("data", (X, Y))
    before = Hooks(on_step_begin=lambda run: began.append(everything(run.model)))
    trainer = make_trainer(model, *callbacks, before, loss=loss, lr=rate)
    with pytest.raises(DivergenceError) as caught:
        trainer.fit(*data, **{"batch_size": 2, "shuffle": False, **options})
    error = caught.value
    assert error.history is trainer.history
    assert str(error) == trainer.history.reason
    assert str(error).endswith("; try a smaller learning rate, or look at the data")
    assert trainer.optimizer.steps == error.step == len(trainer.history.loss)
    assert np.isfinite(trainer.history.loss).all()
    assert everything(model) == began[-1]
    assert is_clean(model, loss)
    return error


def fails_by_hand(model: Layer, loss: Loss, batch: tuple[Array, Array] | None) -> bool:
    assert batch is not None
    with np.errstate(all="ignore"):
        try:
            value = loss.forward(model.forward(batch[0]), batch[1])
            model.backward_parameters(loss.backward())
        except OverflowError:
            return True
        return not np.isfinite([value, *model.parameters().grad]).all()
