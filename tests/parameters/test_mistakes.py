"""What a Parameter says when it is used as if it were an array, and what is said of a gradient of another shape."""

import copy
import math
import operator
import pickle
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minidl import (
    SGD,
    ContractError,
    DataError,
    Layer,
    MinidlError,
    MSELoss,
    Parameter,
    ParameterVector,
    Sequential,
    ShapeError,
    Tanh,
    Trainer,
)
from minidl.checking import check_layer
from minidl.modules import cached
from minidl.typing import Array
from tests.helpers import unchanged

X = np.random.default_rng(0).normal(size=(5, 3))
WORDS = r"a Parameter is not an array but holds one: use self\.b\.value"


def named(name: str = "0.b") -> Any:
    parameter = Parameter([1.0, 2.0, 3.0])
    ParameterVector([(name, parameter)])
    return parameter


UFUNCS = {value.__name__: value for value in vars(np).values() if isinstance(value, np.ufunc)}


@pytest.mark.parametrize("name", UFUNCS)
def test_every_elementwise_function_of_numpy_names_the_array(name: str) -> None:
    function, b = UFUNCS[name], named()
    for place in range(function.nin):
        arguments = [b if index == place else X for index in range(function.nin)]
        with pytest.raises(TypeError, match=WORDS):
            function(*arguments)


BINARY = (
    *(operator.add, operator.sub, operator.mul, operator.matmul, operator.truediv, operator.floordiv, operator.mod),
    *(operator.pow, operator.lshift, operator.rshift, operator.and_, operator.or_, operator.xor),
    *(operator.iadd, operator.isub, operator.imul, operator.imatmul, operator.itruediv, operator.ifloordiv),
    *(operator.imod, operator.ipow, operator.ilshift, operator.irshift, operator.iand, operator.ior, operator.ixor),
    *(operator.lt, operator.le, operator.gt, operator.ge, divmod),
)
OTHERS = [X, X.tolist(), 2, 2.0, np.float32(2.0)]


@pytest.mark.parametrize("operation", BINARY, ids=lambda operation: operation.__name__)
@pytest.mark.parametrize("other", OTHERS, ids=lambda value: type(value).__name__)
def test_every_operator_names_the_array(operation: Callable[[Any, Any], Any], other: Any) -> None:
    b = named()
    for one, two in ((b, other), (other, b), (b, named())):
        with unchanged(b), pytest.raises(TypeError, match=WORDS):
            operation(copy.deepcopy(one), two)


ONE: dict[str, Callable[[Any], Any]] = {
    **{function.__name__: function for function in (float, int, complex, abs, len, list, sum, max, iter, sorted)},
    "round": round,
    **{function.__name__: function for function in (operator.neg, operator.pos, operator.invert, operator.index)},
    **{f"math.{function.__name__}": function for function in (math.exp, math.floor, math.ceil, math.trunc, math.sqrt)},
    "b[0]": lambda b: b[0],
    "b[:, None]": lambda b: b[:, None],
    "b[0] = 1": lambda b: b.__setitem__(0, 1),
    "1 in b": lambda b: 1 in b,
    "x == b": lambda b: operator.eq(X, b),
    "b != x": lambda b: b != X,
    "x.dot(b)": X.dot,
    "x[b]": lambda b: X[b],
    "x[...] = b": lambda b: X.copy().__setitem__(..., b),
    "x += b": lambda b: X.copy().__iadd__(b),
    "asarray": np.asarray,
    "array": lambda b: np.array([b, b]),
    "full": lambda b: np.full(3, b),
    "einsum": lambda b: np.einsum("ni,i->n", X, b),
    "where": lambda b: np.where(X > 0, X, b),
    "concatenate": lambda b: np.concatenate([b, b]),
    "stack": lambda b: np.stack([X[0], b]),
    "dot": lambda b: np.dot(X, b),
    "clip": lambda b: np.clip(X, 0, b),
    "reduce": lambda b: np.add.reduce(b),
    "norm": lambda b: np.linalg.norm(b),
    **{
        f"np.{function.__name__}": function
        for function in (
            *(np.sum, np.mean, np.prod, np.min, np.max, np.argmax, np.std, np.var, np.cumsum, np.sort, np.ravel),
            *(np.transpose, np.diag, np.shape, np.ndim, np.size, np.zeros_like, np.copy, np.round, np.where),
        )
    },
}


@pytest.mark.parametrize("name", ONE)
def test_every_function_names_the_array(name: str) -> None:
    b = named()
    with unchanged(b), pytest.raises(TypeError, match=WORDS):
        ONE[name](b)


@pytest.mark.parametrize(
    ("name", "code"),
    [("b", "self.b"), ("0.b", "self.b"), ("heads.1", "self.heads[1]"), ("0", "parameter"), ("", "parameter")],
)
def test_the_message_writes_what_the_layer_writes(name: str, code: str) -> None:
    with pytest.raises(TypeError, match=rf"use {re.escape(code)}\.value$"):
        named(name) + 1


def test_it_is_an_object_all_the_same() -> None:
    b = named()
    assert b
    assert b == b
    assert b != named()
    assert b in [named(), b]
    assert len({b, named()}) == 2
    for other in (copy.copy(b), copy.deepcopy(b), pickle.loads(pickle.dumps(b))):
        assert other.value.tolist() == [1.0, 2.0, 3.0]
        assert other != b
    assert isinstance(repr(b), str)


def test_a_parameter_is_no_data() -> None:
    b = named()
    for call in (lambda: Parameter(b), lambda: setattr(b, "grad", named()), lambda: Tanh().predict(b)):
        with unchanged(b), pytest.raises(DataError, match=WORDS):
            call()


class Two(Layer):
    """``y = a x + b``. `wrong` is the parameter whose gradient is not summed."""

    x: Array = cached()

    def __init__(self, d: int, wrong: str = "", attribute: str = "grad") -> None:
        self.d, self.wrong, self.attribute = d, wrong, attribute
        self.a, self.b = Parameter(np.ones(d)), Parameter(np.zeros(d))

    def forward(self, x: Array) -> Array:
        self.x = x
        return x * self.a.value + self.b.value

    def backward(self, grad: Array) -> Array:
        for name, each in (("a", grad * self.x), ("b", grad)):
            right = each.reshape(-1, self.d).sum(axis=0)
            setattr(getattr(self, name), self.attribute if name == self.wrong else "grad", right)
            if name == self.wrong:
                setattr(getattr(self, name), self.attribute, each)
        return grad * self.a.value


def fit(model: Layer, x: Array) -> None:
    Trainer(model, MSELoss(), SGD(model.parameters(), lr=0.1)).fit(x, x)


@pytest.mark.parametrize("wrong", ["a", "b"])
@pytest.mark.parametrize("shape", [(5, 3), (5, 1, 3), (2, 3, 2, 3)])
@pytest.mark.parametrize(
    ("use", "error", "path"),
    [
        (check_layer, ContractError, ""),
        (lambda layer, x: check_layer(Sequential(Tanh(), layer), x), ContractError, "1."),
        (fit, ShapeError, ""),
        (lambda layer, x: fit(Sequential(Tanh(), layer), x), ShapeError, "1."),
    ],
    ids=["check", "check in a model", "fit", "fit in a model"],
)
def test_a_gradient_of_another_shape_names_its_parameter(
    wrong: str, shape: tuple[int, ...], use: Callable[[Layer, Array], Any], error: type[MinidlError], path: str
) -> None:
    x = np.random.default_rng(1).normal(size=shape)
    axes = {2: "the samples, axis 0", 3: "all samples, axes 0 and 1", 4: "all samples, axes 0, 1 and 2"}[len(shape)]
    words = f"the gradient of {path}{wrong} must have shape (3,), got {shape}; sum over {axes}"
    with pytest.raises(error, match=rf"{re.escape(words)}(\n|$)"):
        use(Two(3, wrong), x)
    words = f"the value of {path}{wrong} must have shape (3,), got {shape}"
    with pytest.raises(error, match=rf"{re.escape(words)}(\n|$)"):
        use(Two(3, wrong, "value"), x)
    use(Two(3), x)


@pytest.mark.parametrize("given", [(6,), (3, 1), (3, 5), (2,), ()])
def test_only_axes_that_are_too_many_are_to_be_summed(given: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=rf"^the gradient of 0\.b must have .*, got {re.escape(str(given))}$"):
        named().grad = np.ones(given)
    with pytest.raises(ShapeError, match=r"^the gradient of 0\.b .*, got \(1, 3\); sum over the samples, axis 0$"):
        named().grad = [[1.0, 2.0, 3.0]]


def test_a_copy_keeps_the_name_and_a_larger_model_gives_another() -> None:
    layer = Two(3, "a")
    layer.parameters()
    for each, path in ((copy.deepcopy(layer), "a"), (pickle.loads(pickle.dumps(layer)), "a"), (layer, "0.a")):
        if path == "0.a":
            Sequential(layer).parameters()
        each.forward(X)
        with pytest.raises(ShapeError, match=rf"^the gradient of {path} must"):
            each.backward(X)


def test_without_a_model_the_gradient_has_no_name() -> None:
    layer = Two(3, "a")
    layer.forward(X)
    with pytest.raises(ShapeError, match=r"^the gradient must have shape \(3,\), got \(5, 3\); sum over the samples"):
        layer.backward(X)
