"""What a layer raises inside a model keeps its type and message, and gains a note with the place per container."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minidl import (
    SGD,
    ContractError,
    DataError,
    Dense,
    Layer,
    MSELoss,
    ReLU,
    Residual,
    Sequential,
    ShapeError,
    Sigmoid,
    StateError,
    Trainer,
)
from minidl.typing import Array, Shape
from tests.helpers import unchanged
from tests.user_defined import Scale

Way = Callable[[Any], Any]

X, G = np.ones((8, 3)), np.ones((8, 2))


class Broken(Layer):
    """Passes on what it is given, unless told to do something else."""

    def __init__(self, forward: Way = lambda x: x, backward: Way = lambda g: g, takes: Shape | None = None) -> None:
        self.way, self.way_back, self.takes = forward, backward, takes

    def __repr__(self) -> str:
        return "Broken()"

    def output_shape(self, shape: Shape | None) -> Shape | None:
        if self.takes is not None and shape not in (None, self.takes):
            raise ShapeError(f"Broken takes samples of shape {self.takes}, got {shape}")
        return None

    def forward(self, x: Array) -> Array:
        y: Array = self.way(x)
        return y

    def backward(self, grad: Array) -> Array:
        grad_x: Array = self.way_back(grad)
        return grad_x


def fails(kind: Callable[[str], Exception], message: str) -> Way:
    def way(_: Any) -> Any:
        raise kind(message)

    return way


BUGS: list[tuple[Way, type[Exception], str]] = [
    (lambda a: a[:, :, 0], IndexError, "too many indices"),
    (lambda a: a & 1, TypeError, "bitwise_and"),
    (lambda a: a.missing, AttributeError, "no attribute 'missing'"),
    (lambda a: a + np.ones(4), ValueError, "could not be broadcast"),
    (fails(DataError, "no number may be 1"), DataError, "^no number may be 1$"),
    (fails(ContractError, "not so"), ContractError, "^not so$"),
    (fails(ZeroDivisionError, "z"), ZeroDivisionError, "^z$"),
    (fails(KeyError, "k"), KeyError, "^'k'$"),
]

# A model around a broken layer, and the layers that the notes name, innermost first.
MODELS: list[tuple[Callable[[Layer], Sequential], list[str]]] = [
    (lambda broken: Sequential(Dense(3, 3, rng=0), broken, ReLU(), Dense(3, 2, rng=0)), ["layer 1, Broken()"]),
    (
        lambda broken: Sequential(Dense(3, 3, rng=0), Residual(broken, ReLU()), Dense(3, 2, rng=0)),
        ["layer 0, Broken()", "layer 1, Residual(Broken(), ReLU())"],
    ),
    (
        lambda broken: Sequential(Sequential(ReLU(), Sequential(Scale(3), broken, ReLU())), Dense(3, 2)),
        [
            "layer 1, Broken()",
            "layer 1, Sequential(Scale(3), Broken(), ReLU())",
            "layer 0, Sequential(ReLU(), Sequential(Scale(3), Broken(), ReLU()))",
        ],
    ),
]


def check_notes(error: BaseException, places: list[str], what: str) -> None:
    assert len(error.__notes__) == len(places)
    for note, place in zip(error.__notes__, places, strict=True):
        assert note.startswith(f"{place}, {what} ("), note


@pytest.mark.parametrize(("make", "places"), MODELS)
@pytest.mark.parametrize(("way", "kind", "words"), BUGS)
def test_forward(make: Callable[[Layer], Sequential], places: list[str], way: Way, kind: Any, words: str) -> None:
    model = make(Broken(way))
    with unchanged(model), pytest.raises(kind) as caught:
        model.forward(X)
    assert re.search(words, str(caught.value))
    check_notes(caught.value, places, "forward of a batch")


@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize(("make", "places"), MODELS)
@pytest.mark.parametrize(("way", "kind", "words"), BUGS)
def test_backward(
    make: Callable[[Layer], Sequential], places: list[str], way: Way, kind: Any, words: str, alone: bool
) -> None:
    model = make(Broken(backward=way))
    if alone and not any(model[0].named_parameters()):
        return
    model.forward(X)
    with pytest.raises(kind) as caught:
        (model.backward_parameters if alone else model.backward)(G)
    assert re.search(words, str(caught.value))
    check_notes(caught.value, places, "backward of dL/dy")
    assert re.search(r"from layer [12], ReLU\(\)$", caught.value.__notes__[0])


def test_the_note_is_on_the_error_itself() -> None:
    bug = NameError("n")
    with pytest.raises(NameError) as caught:
        Sequential(ReLU(), Broken(fails(lambda _: bug, ""))).forward(X)
    assert caught.value is bug
    assert bug.__cause__ is None
    assert bug.__notes__ == ["layer 1, Broken(), forward of a batch (8, 3), float64, from layer 0, ReLU()"]


NO_ARRAYS: list[tuple[Way, str]] = [(lambda _: None, "NoneType"), (lambda a: (a, "cached"), "tuple"), (list, "list")]


@pytest.mark.parametrize(("way", "name"), NO_ARRAYS)
@pytest.mark.parametrize("after", [(), (Dense(3, 2),), (Sequential(Dense(3, 2)),)])
def test_a_layer_must_return_an_array(way: Way, name: str, after: tuple[Layer, ...]) -> None:
    words = rf"^layer 0, Broken\(\): {{}} must return an array, got {name}$"
    with pytest.raises(ContractError, match=words.format("forward")):
        Sequential(Broken(way), *after).forward(X)
    model = Sequential(Dense(3, 3), *after, Broken(backward=way))
    grad = np.ones_like(model.forward(X))
    for call in (model.backward, model.backward_parameters):
        with pytest.raises(ContractError, match=words.format("backward").replace("layer 0", f"layer {len(after) + 1}")):
            call(grad)


def test_a_layer_that_returns_no_gradient_is_named_where_it_is_first() -> None:
    model = Sequential(Broken(backward=lambda _: None), ReLU())
    model.forward(X)
    with pytest.raises(ContractError, match=r"^layer 0, Broken\(\): backward must return an array, got NoneType$"):
        model.backward(X)


def test_a_value_error_becomes_a_shape_error_only_if_the_shape_is_refused() -> None:
    add_four: Way = lambda x: x + np.ones(4)  # noqa: E731
    with pytest.raises(ShapeError, match=r"^Broken takes samples of shape \(4,\), got \(3,\)\n") as caught:
        Sequential(Sigmoid(), Broken(add_four, takes=(4,))).forward(X)
    assert isinstance(caught.value.__cause__, ValueError)
    check_notes(caught.value, ["layer 1, Broken()"], "forward of a batch")
    with pytest.raises(ValueError, match="could not be broadcast") as kept:
        Sequential(Sigmoid(), Broken(add_four, takes=(3,))).forward(X)
    assert type(kept.value) is ValueError
    with pytest.raises(TypeError, match=r"^no\n"):
        Sequential(Sigmoid(), Broken(fails(TypeError, "no"), takes=(4,))).forward(X)


@pytest.mark.parametrize("wrong", [None, [[1.0, 1.0, 1.0]], 3.0])
def test_whoever_calls_forward_without_an_array_is_told(wrong: Any) -> None:
    model = Sequential(Dense(3, 2, rng=0))
    for each in (model, Sequential()):
        with pytest.raises(DataError, match=r"^forward takes an array, got \w+; to pass other data, call model\(x\)$"):
            each.forward(wrong)
    model.forward(X)
    for call in (model.backward, model.backward_parameters):
        with unchanged(model), pytest.raises(ShapeError, match=r"^dL/dy must be an array .*\(8, 2\), got type \w+$"):
            call(wrong)


class Lifts(Layer):
    """A slip: numbers of its own in float64."""

    def forward(self, x: Array) -> Array:
        y: Array = x * np.ones(3)
        return y

    def backward(self, grad: Array) -> Array:
        grad_x: Array = grad * np.ones(3)
        return grad_x


def test_a_layer_that_turns_float32_into_float64_is_found_by_the_note() -> None:
    model = Sequential(Dense(3, 3), ReLU(), Lifts(), Sequential(Dense(3, 2)), rng=0, dtype=np.float32)
    trainer = Trainer(model, MSELoss(), SGD(model.parameters(), lr=0.1))
    with unchanged(model), pytest.raises(ValueError, match="right datatype") as caught:
        trainer.fit(X, G)
    assert caught.value.__notes__[0].startswith("layer 0, Dense(3, 2), backward of dL/dy (8, 2), float64")


@pytest.mark.parametrize("kind", [np.float64, np.int64])
@pytest.mark.parametrize("last", [Sigmoid, ReLU, Broken])
def test_a_gradient_of_another_type_is_cast_as_in_pytorch(last: Callable[[], Layer], kind: type) -> None:
    model = Sequential(Dense(3, 4), ReLU(), Dense(4, 2), last(), rng=0, dtype=np.float32)
    grad = np.random.default_rng(0).integers(-5, 5, (8, 2))
    model(X)
    model.backward(grad.astype(np.float32))
    expected = model.parameters().grad.copy()
    for call in (model.backward, model.backward_parameters):
        model.parameters().grad = np.full(expected.shape, np.nan)
        call(grad.astype(kind))
        np.testing.assert_allclose(model.parameters().grad, expected, rtol=1e-5)
        assert model.parameters().dtype == np.float32


class Float64MSE(MSELoss):
    """A user's loss that computes in float64 whatever it is given."""

    def backward(self) -> Array:
        return super().backward().astype(np.float64)


@pytest.mark.parametrize("wrap", [lambda layer: layer, Sequential])
def test_a_model_in_float32_trains_behind_a_loss_in_float64(wrap: Callable[[Layer], Layer]) -> None:
    trained = []
    for loss in (MSELoss(), Float64MSE()):
        model = wrap(Dense(3, 2, rng=0).astype(np.float32))
        Trainer(model, loss, SGD(model.parameters(), lr=0.1)).fit(X, G, epochs=3)
        trained.append(model.parameters().value)
    np.testing.assert_array_equal(trained[0], trained[1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1, 2), (2,), (8, 1), ()])
def test_a_gradient_that_would_be_broadcast_is_refused(shape: tuple[int, ...], dtype: Any) -> None:
    model = Sequential(Dense(3, 2, rng=0), ReLU())
    model.forward(X)
    with unchanged(model), pytest.raises(ShapeError, match=r"^dL/dy must be an array of y's shape \(8, 2\), got shape"):
        model.backward(np.ones(shape, dtype))


def test_after_a_failed_forward_there_is_no_backward() -> None:
    net = Sequential(Dense(2, 1))
    net.forward(np.ones((4, 2)))
    with pytest.raises(ShapeError):
        net.forward(np.ones((4, 3)))
    with pytest.raises(StateError, match="backward before forward"):
        net.backward(np.ones((4, 1)))
