"""What a layer raises inside a model, or wrongly gives: the message has its path, what came and what is wrong."""

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
    MinidlError,
    MSELoss,
    ReLU,
    Residual,
    Sequential,
    ShapeError,
    Sigmoid,
    Trainer,
)
from minidl.typing import Array
from tests.helpers import bits, unchanged
from tests.user_defined import Scale

Way = Callable[[Any], Any]

X, G = np.ones((8, 3)), np.ones((8, 2))


class Broken(Layer):
    """Gives what it is given, unless told to do something else."""

    def __init__(self, forward: Way = lambda x: x, backward: Way = lambda g: g) -> None:
        self.way, self.way_back = forward, backward

    def __repr__(self) -> str:
        return "Broken()"

    def forward(self, x: Array) -> Array:
        given: Array = self.way(x)
        return given

    def backward(self, grad: Array) -> Array:
        given: Array = self.way_back(grad)
        return given


def fails(error: Exception) -> Way:
    def way(_: Any) -> Any:
        raise error

    return way


def nothing(_: Any) -> None:
    """A forgotten return."""


FORWARD: list[tuple[Way, type[MinidlError], str]] = [
    (nothing, ContractError, r"forward must give an array, got NoneType$"),
    (lambda x: (x, "kept"), ContractError, r"forward must give an array, got tuple$"),
    (lambda x: x[:, :, 0], ShapeError, r"cannot take a batch of shape \(8, 3\) and type float64: too many indices"),
    (lambda x: x & 1, ContractError, r"a batch of shape \(8, 3\) and type float64: \w*TypeError: ufunc 'bitwise_and'"),
    (lambda x: x.missing, ContractError, r"\(8, 3\) and type float64: AttributeError: .* no attribute 'missing'$"),
    (lambda x: x + np.ones(4), ShapeError, r"\(8, 3\) and type float64: operands could not be broadcast"),
    (fails(DataError("no number may be 1")), DataError, r"no number may be 1$"),
    (fails(ContractError("not so")), ContractError, r"not so$"),
]

BACKWARD: list[tuple[Way, type[MinidlError], str]] = [
    (nothing, ContractError, r"backward must give an array, got NoneType$"),
    (lambda g: (g, "kept"), ContractError, r"backward must give an array, got tuple$"),
    (lambda g: g[:, :, 0], ShapeError, r"cannot take dL/dy of shape \(8, 3\) and type float64: too many indices"),
    (lambda g: g & 1, ContractError, r"cannot take dL/dy of shape \(8, 3\) and type float64: \w*TypeError: ufunc"),
    (lambda g: g.missing, ContractError, r"\(8, 3\) and type float64: AttributeError: .* no attribute 'missing'"),
    (lambda g: g + np.ones(4), ShapeError, r"and type float64: operands .*; dL/dy came from the next layer, ReLU\(\)$"),
    (fails(DataError("no number may be 1")), DataError, r"no number may be 1$"),
]

MODELS: list[tuple[str, Callable[[Layer], Sequential]]] = [
    ("1", lambda broken: Sequential(Dense(3, 3, rng=0), broken, ReLU(), Dense(3, 2, rng=0))),
    ("1", lambda broken: Sequential(Scale(3), broken, ReLU(), Dense(3, 2, rng=0))),
    (r"1\.0", lambda broken: Sequential(Dense(3, 3, rng=0), Sequential(broken, ReLU()), Dense(3, 2, rng=0))),
    (r"1\.0", lambda broken: Sequential(Dense(3, 3, rng=0), Residual(broken, ReLU()), Dense(3, 2, rng=0))),
    (r"0\.1\.1", lambda broken: Sequential(Sequential(ReLU(), Sequential(Scale(3), broken, ReLU())), Dense(3, 2))),
]


@pytest.mark.parametrize(("path", "make"), MODELS)
@pytest.mark.parametrize(("way", "error", "words"), FORWARD)
def test_forward(
    path: str, make: Callable[[Layer], Sequential], way: Way, error: type[MinidlError], words: str
) -> None:
    model = make(Broken(way))
    with unchanged(model), pytest.raises(error, match=rf"^layer {path}, Broken\(\): .*{words}") as caught:
        model.forward(X)
    assert type(caught.value) is error


@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize(("path", "make"), MODELS)
@pytest.mark.parametrize(("way", "error", "words"), BACKWARD)
def test_backward(
    path: str,
    make: Callable[[Layer], Sequential],
    way: Way,
    error: type[MinidlError],
    words: str,
    alone: bool,
) -> None:
    model = make(Broken(backward=way))
    model.forward(X)
    with pytest.raises(error, match=rf"^layer {path}, Broken\(\): .*{words}") as caught:
        (model.backward_parameters if alone else model.backward)(G)
    assert type(caught.value) is error


def test_the_cause_is_kept() -> None:
    model = Sequential(Dense(3, 3), Sequential(Broken(fails(IndexError("far out"))), Dense(3, 2)))
    with pytest.raises(ShapeError, match=r"^layer 1\.0, Broken.*: far out$") as caught:
        model.forward(X)
    inner = caught.value.__cause__
    assert isinstance(inner, ShapeError)
    assert isinstance(inner.__cause__, IndexError)


@pytest.mark.parametrize("bug", [NameError("n"), ZeroDivisionError("z"), KeyError("k"), RuntimeError("r")])
def test_other_errors_speak_for_themselves(bug: Exception) -> None:
    with pytest.raises(type(bug)) as caught:
        Sequential(Broken(fails(bug))).forward(X)
    assert caught.value is bug
    model = Sequential(Scale(3), Broken(backward=fails(bug)))
    model.forward(X)
    with pytest.raises(type(bug)) as caught:
        model.backward_parameters(X)
    assert caught.value is bug


@pytest.mark.parametrize("first", [Dense(3, 2, rng=0), Scale(3)])
def test_a_gradient_of_the_wrong_shape_is_laid_at_the_door_of_who_gave_it(first: Layer) -> None:
    model = Sequential(first, Broken(backward=lambda g: g.sum(axis=0)[:1, None, None, None]))
    grad = np.ones_like(model.forward(X))
    for call in (model.backward, model.backward_parameters):
        with pytest.raises(
            ShapeError, match=rf"^layer 0, {type(first).__name__}.* came from the next layer, Broken\(\)$"
        ):
            call(grad)


def test_of_a_dense_layer_both_shapes_are_named() -> None:
    model = Sequential(Dense(3, 3, rng=0), Broken(backward=lambda g: g.sum(axis=0)))
    model.forward(X)
    words = r"^layer 0, Dense\(3, 3\): dL/dy has shape \(3,\), but forward gave y of shape \(8, 3\); dL/dy came from"
    with pytest.raises(ShapeError, match=words):
        model.backward(X)


def test_a_list_is_no_array_for_a_layer_that_computes_with_it() -> None:
    model = Sequential(Dense(3, 3), Broken(backward=lambda g: g.tolist()), Dense(3, 2))
    model.forward(X)
    for call in (model.backward, model.backward_parameters):
        with pytest.raises(ContractError, match=r"^layer 1, Broken\(\): backward must give an array, got list$"):
            call(G)
    for after in ((), (Dense(3, 2),)):
        with pytest.raises(ContractError, match=r"^layer 0, Broken\(\): forward must give an array, got list$"):
            Sequential(Broken(lambda x: x.tolist()), *after).forward(X)


@pytest.mark.parametrize("wrong", [None, [[1.0, 1.0]], 3.0])
def test_who_calls_a_model_with_no_array_is_told(wrong: Any) -> None:
    model = Sequential(Dense(3, 2, rng=0))
    for empty_or_not in (model, Sequential()):
        with pytest.raises(DataError, match=r"^Sequential.forward takes an array, got \w+; call model\(x\)$"):
            empty_or_not.forward(wrong)
    model.forward(X)
    for call in (model.backward, model.backward_parameters):
        with unchanged(model), pytest.raises(ShapeError, match=r"^dL/dy has type \w+, but forward gave y of shape"):
            call(wrong)


class Lifts(Layer):
    """A slip: numbers of its own in float64."""

    def forward(self, x: Array) -> Array:
        y: Array = x * np.ones(3)
        return y

    def backward(self, grad: Array) -> Array:
        grad_x: Array = grad * np.ones(3)
        return grad_x


def test_a_layer_that_turns_float32_into_float64_is_found() -> None:
    model = Sequential(Dense(3, 3), ReLU(), Lifts(), Sequential(Dense(3, 2)), rng=0, dtype=np.float32)
    trainer = Trainer(model, MSELoss(), SGD(model.parameters(), lr=0.1))
    words = (
        r"^layer 3\.0, Dense\(3, 2\): forward took x of type float64, but the parameters are float32; .* check_layer"
    )
    with unchanged(model), pytest.raises(DataError, match=words):
        trainer.fit(X, G)


def test_float64_data_past_the_door_of_a_float32_model_are_named() -> None:
    model = Sequential(Dense(3, 2), Sigmoid(), rng=0, dtype=np.float32)
    grad = np.ones_like(model.forward(X))
    for call in (model.backward, model.backward_parameters):
        with pytest.raises(DataError, match=r"^layer 0, Dense\(3, 2\): forward took x of type float64, .*model\(x\)"):
            call(grad)


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


def test_a_float32_gradient_of_a_float64_model_fed_float32() -> None:
    layer = Dense(3, 2, rng=0)
    layer.forward(X.astype(np.float32))
    layer.backward(G)
    expected = bits(layer.parameters().grad)
    layer.parameters().grad = np.full(8, np.nan)
    layer.backward(G.astype(np.float32))
    assert bits(layer.parameters().grad) == expected


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1, 2), (2,), (8, 1), ()])
def test_a_gradient_that_would_be_broadcast_is_refused(shape: tuple[int, ...], dtype: Any) -> None:
    model = Sequential(Dense(3, 2, rng=0), ReLU())
    model.forward(X)
    with unchanged(model), pytest.raises(ShapeError, match=r"dL/dy has shape .*, but forward gave y of shape \(8, 2\)"):
        model.backward(np.ones(shape, dtype))
