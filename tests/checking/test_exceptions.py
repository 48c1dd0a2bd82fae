"""Whatever is wrong with the thing checked, its own exceptions included, is raised as one error of this package."""

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minidl import Dense, Layer, Loss, Objective, Optimizer, Parameter, Sequential
from minidl.checking import check_gradients, check_layer, check_loss, check_objective, check_optimizer
from minidl.errors import ContractError, GradientError
from minidl.modules import same_shape
from minidl.typing import Array

X, Y = np.random.default_rng(0).normal(size=(2, 6, 3))


class Twice(Layer):
    def forward(self, x: Array) -> Array:
        return 2 * x

    def backward(self, grad: Array) -> Array:
        return 2 * grad


class Square(Loss):
    def forward(self, prediction: Array, target: Array) -> float:
        same_shape(prediction.shape, target.shape)
        self.difference = prediction - target
        return float((self.difference**2).mean())

    def backward(self) -> Array:
        grad: Array = 2 * self.difference / self.difference.size
        return grad


class Bowl(Objective):
    def __init__(self) -> None:
        self.theta = Parameter([1.0, -2.0])

    def forward(self) -> float:
        return float((self.theta.value**2).sum())

    def backward(self) -> None:
        self.theta.grad = 2 * self.theta.value


class Plain(Optimizer):
    def update(self, theta: Array, grad: Array) -> None:
        theta -= self.lr * grad


def lock(self: Any) -> None:
    if isinstance(self, Bowl):
        Bowl.__init__(self)
    self.lock = threading.Lock()


def fails(*_: Any, **__: Any) -> Any:
    raise ZeroDivisionError


def broken(base: type, **parts: Any) -> Any:
    """An instance of a subclass with some attributes replaced."""
    return type("Broken", (base,), parts)()


CHECKS: dict[type, tuple[Callable[..., object], Callable[..., object], tuple[Array, ...]]] = {
    Twice: (check_gradients, check_layer, (X,)),
    Square: (check_gradients, check_loss, (X, Y)),
    Bowl: (check_gradients, check_objective, ()),
}


def returns(value: object) -> Callable[..., Any]:
    return lambda *_, **__: value


RAGGED = [[1.0], [1.0, 2.0]]

BROKEN: list[tuple[type, dict[str, Any], str]] = [
    *((base, {"__init__": lock}, "cannot pickle") for base in CHECKS),
    *((base, {name: fails}, "ZeroDivisionError") for base in CHECKS for name in ("forward", "backward", "astype")),
    *((base, {"named_parameters": fails}, "ZeroDivisionError") for base in CHECKS),
    (Twice, {"forward": returns(X > 0)}, "forward must return an array of float.*, got bool"),
    (Twice, {"forward": returns(X.astype(object))}, "forward must return an array of float.*, got object"),
    (Twice, {"forward": returns(RAGGED)}, "forward must return an array.*, got list"),
    (Twice, {"forward": returns(1.0)}, "forward must return an array.*, got float"),
    (Twice, {"backward": returns(RAGGED)}, "backward must return .*, got list"),
    (Twice, {"backward": returns(X + 1j)}, "backward must .*, got complex"),
    (Twice, {"backward": returns(X > 0)}, "backward must .*, got bool"),
    (Square, {"forward": returns(X)}, r"forward must return a .*, got (float64|ndarray)"),
    (Square, {"forward": returns("1.0")}, "forward must return a .*, got str"),
    (Square, {"backward": returns(RAGGED)}, "backward must return .*, got list"),
    (Square, {"check_target": fails}, "ZeroDivisionError"),
    (Square, {"check_target": returns(RAGGED)}, "raises .*Error"),
    (Bowl, {"forward": returns(X)}, r"forward must return a .*, got (float64|ndarray)"),
    (Bowl, {"forward": returns(None)}, "forward must return a .*, got NoneType"),
]


@pytest.mark.parametrize("alone", [True, False], ids=["check_gradients", "all of it"])
@pytest.mark.parametrize(("base", "parts", "words"), BROKEN, ids=lambda value: getattr(value, "__name__", None))
def test_whatever_is_broken(base: type, parts: dict[str, Any], words: str, alone: bool) -> None:
    gradients, everything, inputs = CHECKS[base]
    with pytest.raises((ContractError, GradientError), match=words):
        (gradients if alone else everything)(broken(base, **parts), *inputs)


@pytest.mark.parametrize("base", CHECKS)
def test_the_message_starts_with_the_name_and_has_it_once(base: type) -> None:
    for check in CHECKS[base][:2]:
        for parts in ({"forward": returns(None)}, {"backward": returns(RAGGED)}, {"backward": fails}):
            with pytest.raises((ContractError, GradientError), match=r"^Broken\(") as caught:
                check(broken(base, **parts), *CHECKS[base][2])
            assert str(caught.value).count("Broken(") == 1


@pytest.mark.parametrize("check", [check_gradients, check_layer])
def test_the_cause_says_where_in_a_model_it_was_raised(check: Callable[..., object]) -> None:
    model = Sequential(Dense(3, 3), broken(Twice, backward=fails))
    with pytest.raises(ContractError, match=r"^Sequential\(Dense\(3, 3\), Broken\(\)\) raises Zero") as caught:
        check(model, X)
    assert "layer 1, Broken(), backward" in caught.value.__cause__.__notes__[0]  # type: ignore[union-attr]


def test_a_shape_that_depends_on_the_numbers() -> None:
    with pytest.raises(ContractError, match=r"y of shape \(1, 3\) near a point where it is \(6, 3\)"):
        check_gradients(broken(Twice, forward=lambda _, x: x if (x == X).all() else x[:1]), X)


@pytest.mark.parametrize("base", CHECKS)
def test_a_repr_that_fails_is_not_needed(base: type) -> None:
    for check in CHECKS[base][:2]:
        check(broken(base, __repr__=fails), *CHECKS[base][2])
        with pytest.raises((ContractError, GradientError), match="Broken"):
            check(broken(base, __repr__=fails, backward=fails), *CHECKS[base][2])


@pytest.mark.parametrize("check", [check_layer, check_loss, check_objective])
def test_other_things_are_refused_even_if_their_repr_fails(check: Callable[..., object]) -> None:
    inputs = {check_layer: (X,), check_loss: (X, Y)}.get(check, ())
    with pytest.raises(ContractError, match="got Broken"):
        check(broken(object, __repr__=fails), *inputs)


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"__init__": returns(None)}, r"Broken: __init__ must call super\(\).__init__\(parameters, lr\)"),
        ({"state": fails}, "ZeroDivisionError"),
        ({"load_state": fails}, "ZeroDivisionError"),
        ({"__repr__": fails, "step": fails}, "Broken raises ZeroDivisionError"),
    ],
)
def test_broken_optimizer(parts: dict[str, Any], words: str) -> None:
    kind = type("Broken", (Plain,), parts)
    with pytest.raises(ContractError, match=words):
        check_optimizer(lambda parameters: kind(parameters, 0.5))


def test_an_optimizer_whose_repr_fails_passes() -> None:
    kind = type("Broken", (Plain,), {"__repr__": fails})
    check_optimizer(lambda parameters: kind(parameters, 0.5))


def test_make_without_a_repr() -> None:
    with pytest.raises(ContractError, match="make must return an Optimizer, got Broken"):
        check_optimizer(returns(broken(object, __repr__=fails)))
