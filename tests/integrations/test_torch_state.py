"""States as PyTorch has them, without PyTorch: arrays by name, and what is refused."""

import ast
import re
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest

from minidl import (
    GRU,
    LSTM,
    Add,
    BatchNorm,
    Branches,
    Concatenate,
    Conv2D,
    DataError,
    Dense,
    Embedding,
    Flatten,
    GlobalAveragePool2D,
    GroupNorm,
    HyperparameterError,
    Identity,
    Layer,
    Module,
    ReLU,
    Reshape,
    Sequential,
    ShapeError,
    Standardize,
    StateError,
    Tied,
    TransformerBlock,
)
from minidl.batch import sample_shape
from minidl.integrations import load_torch, torch_state
from minidl.typing import Array
from tests.helpers import bits, unchanged
from tests.tables import LAYERS, LayerCase
from tests.user_defined import Scale, Skip

rng = np.random.default_rng(0)


def randomised(model: Module, seed: int = 0) -> Any:
    drawn = np.random.default_rng(seed)
    model.load_state({name: drawn.normal(size=value.shape) for name, value in model.state().items()})
    return model


def linear(outputs: int, inputs: int, name: str) -> dict[str, Array]:
    return {f"{name}.weight": rng.normal(size=(outputs, inputs)), f"{name}.bias": rng.normal(size=outputs)}


ROUND = [case for case in LAYERS if not case.name.startswith("user's Scale") and "Standardize" not in case.name]


@pytest.mark.parametrize("case", ROUND, ids=[case.name for case in ROUND])
def test_every_layer_gets_back_what_it_has_written(case: LayerCase) -> None:
    for width in (4, 2):
        model, other = randomised(case.make(width)), randomised(case.make(width), 1)
        shape = sample_shape(case.draw(np.random.default_rng(0), 2, width))
        load_torch(other, torch_state(model, input_shape=shape), input_shape=shape)
        for name, value in model.state().items():
            if name.rpartition(".")[2] not in ("offset", "scale", "count", "values"):  # of layers that PyTorch lacks
                assert bits(other.state()[name]) == bits(value)


def test_a_square_matrix_is_transposed_and_a_recurrent_bias_is_a_sum() -> None:
    dense = Dense(3, 3)
    state = linear(3, 3, "fc")
    load_torch(dense, state)
    assert np.array_equal(dense.weight.value, state["fc.weight"].T)
    gru = GRU(2, 1)
    given = {"weight_ih_l0": rng.normal(size=(3, 2)), "weight_hh_l0": rng.normal(size=(3, 1))}
    load_torch(gru, {**given, "bias_ih_l0": np.array([1.0, 2.0, 3.0]), "bias_hh_l0": np.array([10.0, 20.0, 30.0])})
    assert gru.bias.value.tolist() == [11.0, 22.0, 3.0, 30.0]
    written = torch_state(gru)
    assert (written["bias_ih_l0"].tolist(), written["bias_hh_l0"].tolist()) == ([11.0, 22.0, 3.0], [0.0, 0.0, 30.0])


def test_what_follows_flatten_is_permuted() -> None:
    height, width, channels = 2, 3, 4
    model: Any = Sequential(Conv2D(1, channels, 1), Flatten(), BatchNorm(24), ReLU(), Dense(24, 2))
    norm = {name: rng.normal(size=24) for name in ("weight", "bias", "running_mean", "running_var")}
    state = {"a.weight": rng.normal(size=(channels, 1, 1, 1)), "a.bias": np.zeros(channels), **linear(2, 24, "c")}
    state |= {f"b.{name}": value for name, value in norm.items()} | {"b.num_batches_tracked": np.array(7)}
    load_torch(model, state, input_shape=(height, width, 1))
    for i, j, c in product(range(height), range(width), range(channels)):
        here, there = (i * width + j) * channels + c, (c * height + i) * width + j
        assert np.array_equal(model[4].weight.value[here], state["c.weight"][:, there])
        for name, value in norm.items():
            own = getattr(model[2], name)
            assert (own if "running" in name else own.value)[here] == value[there]


NEED_A_SHAPE: dict[str, Layer] = {
    "CNN": Sequential(Conv2D(1, 2, 3), Flatten(), Dense(18, 1)),
    "flat images": Sequential(Flatten(), Dense(18, 1)),
    "a norm": Sequential(Conv2D(1, 2, 3), Flatten(), BatchNorm(18)),
    "from a row": Sequential(Dense(3, 18), ReLU(), Reshape(3, 3, 2), Conv2D(2, 1, 1)),
    "one branch of two, of as many features": Sequential(
        Branches(GlobalAveragePool2D(), Sequential(Conv2D(2, 2, 3), Flatten())), Add(), Dense(2, 1)
    ),
    "one branch of two": Sequential(
        Branches(Flatten(), Sequential(Conv2D(2, 2, 3, padding=1), Flatten())), Add(), Dense(18, 1)
    ),
}


@pytest.mark.parametrize("name", NEED_A_SHAPE)
def test_without_a_needed_input_shape_the_error_says_so(name: str) -> None:
    model = NEED_A_SHAPE[name]
    for call in (lambda: torch_state(model), lambda: load_torch(model, {})):
        with unchanged(model), pytest.raises(HyperparameterError, match=r"pass input_shape=, .* such as \(28, 28, 1\)"):
            call()


def test_a_wrong_input_shape_is_named() -> None:
    model = Sequential(Conv2D(1, 2, 3), Flatten(), Dense(18, 1))
    with pytest.raises(ShapeError, match="channels"):
        torch_state(model, input_shape=(1, 5, 5))


class Own(Layer):
    """A container of a user: nobody knows what it passes to its layers."""

    def __init__(self) -> None:
        self.body, self.head = Conv2D(1, 2, 3), Sequential(Flatten(), Dense(18, 1))

    def forward(self, x: Array) -> Array:
        return self.head.forward(self.body.forward(x))


UNKNOWN_ORDER: dict[str, tuple[Layer, tuple[int, ...], type[Exception]]] = {
    "a user's container": (Own(), (5, 5, 1), HyperparameterError),
    "a user's container behind Flatten": (Sequential(Flatten(), Skip(Dense(50, 50))), (5, 5, 2), StateError),
    "groups": (Sequential(Flatten(), GroupNorm(2, 50)), (5, 5, 2), StateError),
    "a user's layer": (Sequential(Flatten(), Scale(50)), (5, 5, 2), StateError),
    "two orders": (
        Sequential(Branches(Flatten(), Sequential(Reshape(25, 2), Flatten())), Add(), Dense(50, 1)),
        (5, 5, 2),
        StateError,
    ),
    "two orders of tied weights": (
        Tied(Dense(24, 12), Reshape(2, 2, 3), Conv2D(3, 12, 2), Flatten()),
        (24,),
        StateError,
    ),
    "two orders of an input": (
        Branches(
            Sequential(Branches(Identity(), Dense(8, 2)), Concatenate(), Dense(10, 3)),
            Sequential(Reshape(2, 2, 2), Conv2D(2, 3, 2)),
        ),
        (8,),
        StateError,
    ),
}


@pytest.mark.parametrize("name", UNKNOWN_ORDER)
def test_what_cannot_be_converted_is_refused(name: str) -> None:
    model, shape, error = UNKNOWN_ORDER[name]
    with pytest.raises(error):
        torch_state(model, input_shape=shape)


def two() -> Sequential:
    return Sequential(Dense(2, 2), ReLU(), Dense(2, 2), rng=0)


def test_equal_shapes_need_names_and_the_error_suggests_them() -> None:
    model: Any = two()
    state = linear(2, 2, "first") | linear(2, 2, "second")
    with unchanged(model), pytest.raises(StateError, match=r"several ways to match .* pass names=") as caught:
        load_torch(model, state)
    suggested = re.search(r"\{.*\}", str(caught.value))
    assert suggested is not None
    load_torch(model, state, names=ast.literal_eval(suggested[0]))
    assert np.array_equal(model[2].weight.value, state["second.weight"].T)
    load_torch(model, state, names={"2": "first"})
    assert np.array_equal(model[0].weight.value, state["second.weight"].T)
    load_torch(model, state, names={"0.weight": "first.weight"})
    assert np.array_equal(model[0].weight.value, state["first.weight"].T)


def test_a_layer_that_is_named_is_no_longer_one_of_its_container() -> None:
    model: Any = Sequential(Sequential(Dense(2, 2), Dense(2, 2)), Dense(2, 2))
    state = linear(2, 2, "body.0") | linear(2, 2, "last") | linear(2, 2, "other")
    load_torch(model, state, names={"0": "body", "0.1": "other"})
    assert np.array_equal(model[0][0].weight.value, state["body.0.weight"].T)
    assert np.array_equal(model[0][1].weight.value, state["other.weight"].T)
    assert np.array_equal(model[1].weight.value, state["last.weight"].T)


def test_a_layer_may_be_named_by_one_of_its_arrays() -> None:
    model: Any = Sequential(LSTM(2, 2, return_sequences=True), LSTM(2, 2), rng=0)
    state = torch_state(model, names={"0": "rnn", "1": "rnn:1"})
    assert {"rnn.weight_ih_l0", "rnn.bias_hh_l1"} <= state.keys()
    load_torch(model, state, names={"1.weight": "rnn.weight_ih_l0"})
    assert np.array_equal(model[1].weight.value, state["rnn.weight_ih_l0"].T)
    assert np.array_equal(model[0].weight.value, state["rnn.weight_ih_l1"].T)


def test_a_container_is_suggested_where_names_agree_inside() -> None:
    model = Sequential(TransformerBlock(4, 2, rng=0), TransformerBlock(4, 2, rng=1))
    state = {re.sub("^", "layers.", name): value for name, value in torch_state(model).items()}
    with pytest.raises(StateError) as caught:
        load_torch(Sequential(*(TransformerBlock(4, 2) for _ in range(2))), state)
    assert str(caught.value).endswith("it would be {'': 'layers'}")


def test_copies_may_be_matched_in_any_order() -> None:
    model = two()
    one = linear(2, 2, "first")
    load_torch(model, one | {name.replace("first", "second"): value for name, value in one.items()})
    first, _, second = model
    assert bits(*first.state().values()) == bits(*second.state().values())


NAMED = linear(2, 2, "a") | linear(2, 2, "b")
REFUSED: dict[str, tuple[Callable[[], Any], Any, Any, type[Exception], str]] = {
    "too few": (
        two,
        linear(2, 2, "0"),
        None,
        StateError,
        r"2 layers with weights, PyTorch's state 1; here: 0 \(weight",
    ),
    "a shape by name": (
        two,
        linear(2, 2, "0") | linear(3, 2, "2"),
        None,
        ShapeError,
        r"2 \(weight \(3, 2\), .* does not fit Dense\(2, 2",
    ),
    "no counterpart": (two, linear(2, 2, "a") | linear(3, 2, "b"), None, StateError, "has no counterpart"),
    "no bias": (lambda: Dense(2, 2), {"weight": np.ones((2, 2))}, None, ShapeError, "does not fit"),
    "bias too many": (lambda: Dense(2, 2, use_bias=False), linear(2, 2, "a"), None, ShapeError, "does not fit"),
    "more arrays": (lambda: LSTM(1, 1), {"weight_hr_l0": np.ones((1, 1))}, None, ShapeError, "does not fit"),
    "unknown path": (two, NAMED, {"7": "a"}, HyperparameterError, "'7' is not a path in the model"),
    "unknown name": (two, NAMED, {"0": "c"}, HyperparameterError, "'c' is not a path in PyTorch's state"),
    "taken": (two, NAMED, {"0": "a", "2": "a"}, HyperparameterError, "another entry has taken it"),
    "names of numbers": (two, NAMED, {0: "a"}, TypeError, "each path in names must be of type str"),
    "not a state": (two, [1, 2], None, TypeError, "state must be of type Mapping"),
    "a checkpoint": (two, {"model": NAMED, "epoch": 3}, None, TypeError, r"'model' is a dict; pass state\['model'\]"),
    "not numbers": (lambda: Dense(1, 1), {"weight": [["a"]]}, None, DataError, "weight must hold real numbers"),
    "other values for tied weights": (
        lambda: Tied(Embedding(3, 2)),
        {"0.weight": np.ones((3, 2)), "1.weight": np.zeros((3, 2))},
        None,
        StateError,
        "is shared in the model",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_after_an_error_nothing_has_changed(name: str) -> None:
    make, state, names, error, message = REFUSED[name]
    model = make()
    with unchanged(model), pytest.raises(error, match=message):
        load_torch(model, state, names=names)


def test_layers_that_pytorch_lacks_keep_what_they_have() -> None:
    model: Any = Sequential(Standardize(2).adapt([[1.0, 2.0], [3.0, 5.0]]), Dense(2, 1))
    before = model[0].state()
    load_torch(model, linear(1, 2, "fc"))
    assert bits(*model[0].state().values()) == bits(*before.values())
    assert torch_state(model).keys() == {"1.weight", "1.bias"}


def test_values_take_the_type_of_the_model() -> None:
    model = two().astype(np.float32)
    load_torch(model, {name: value.astype(np.float64) for name, value in torch_state(two()).items()})
    assert {value.dtype for value in model.state().values()} == {np.dtype(np.float32)}
    assert {value.dtype for value in torch_state(model).values()} == {np.dtype(np.float32)}


def test_names_of_a_state_are_checked() -> None:
    with pytest.raises(HyperparameterError, match=r"names: '7' is not the path .* layers with weights are '0', '2'"):
        torch_state(two(), names={"7": "a"})
    with pytest.raises(StateError, match=r"two arrays are called a\.weight"):
        torch_state(two(), names={"0": "a", "2": "a"})
