"""Layers and losses that fail, mostly for one sample that is larger than the others, and fits with them."""

import math
from typing import Any

import numpy as np
import pytest

from minidl import SGD, Callback, DivergenceError, Layer, Loss, Module, MSELoss, Parameter, Run, Trainer
from minidl.modules.places import places_of
from minidl.training.non_finite import METHODS
from minidl.typing import Array, Shape
from tests.helpers import bits
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


class Fragile(Elementwise):
    """Gives infinity forward, or NaN backward."""

    def __init__(self, where: str = "forward") -> None:
        self.where = where

    def forward(self, x: Array) -> Array:
        self.x = x
        return np.where(np.abs(x) > 1e5, np.inf, x) if self.where == "forward" else x

    def backward(self, grad: Array) -> Array:
        return grad * np.nan if self.where == "backward" and large(self.x) else grad


class Stretch(Scale):
    """Has a gradient that is infinite, while all that it gives is finite."""

    def backward(self, grad: Array) -> Array:
        finite = super().backward(grad)
        if large(self.x):
            self.scale.grad = np.full(self.n, -np.inf)
        return finite


class ByHelper(Elementwise):
    """Writes the gradient of a part, which is never asked for it itself."""

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
    """Blows when it is called for the fifth time since `burnt` was 0; how often that was is a buffer, or is not."""

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
    """Fails when it draws a number below 1/10."""

    def __init__(self, rng: int) -> None:
        self.rng = np.random.default_rng(rng)
        self.weight = Parameter(np.ones(1))

    def forward(self, x: Array) -> Array:
        self.x = x
        return x * (np.nan if self.rng.random() < 0.1 else self.weight.value)

    def backward(self, grad: Array) -> Array:
        self.weight.grad = (grad * self.x).sum()[None]
        return grad * self.weight.value


class Before(Callback):
    """Keeps what a step began with."""

    def on_step_begin(self, run: Run) -> None:
        self.began = everything(run.model)


def everything(module: Module) -> list[Any]:
    """Parameters, buffers and generators."""
    generators = [place.generator for place in places_of(module).values()]
    return [bits(*module.state().values()), *(generator.bit_generator.state for generator in generators)]


def is_clean(*modules: Module) -> bool:
    """Whether nothing stands before a method."""
    return not any(method in vars(part) for module in modules for _, part in module.modules() for method in METHODS)


def diverge(model: Layer, loss: Loss | None = None, *callbacks: Callback, **options: Any) -> DivergenceError:
    """Fit until it fails, and check what holds for every failure."""
    loss, before = loss or MSELoss(), Before()
    rate, data = options.pop("lr", 1e-15), options.pop("data", (X, Y))
    trainer = Trainer(model, loss, SGD(model.parameters(), rate), [*callbacks, before])
    with pytest.raises(DivergenceError) as caught:
        trainer.fit(*data, **{"batch_size": 2, "shuffle": False, **options})
    error = caught.value
    assert error.history is trainer.history
    assert str(error) == f"{trainer.history.reason}; try a smaller learning rate, or look at the data"
    assert trainer.optimizer.steps == error.step == len(trainer.history.loss)
    assert np.isfinite(trainer.history.loss).all()
    assert everything(model) == before.began
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
