"""Ids and frozen layers deep inside containers of every kind, wherever data enters."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import (
    Adam,
    AdamW,
    Add,
    Batches,
    BatchNorm,
    Branches,
    Checkpoint,
    Concatenate,
    DataError,
    Dense,
    Embedding,
    EmpiricalRisk,
    Flatten,
    HyperparameterError,
    Identity,
    Layer,
    MSELoss,
    Parallel,
    Parameter,
    Residual,
    Sequential,
    Siamese,
    StateError,
    Tied,
    Trainer,
    load,
    save,
)
from minidl.batch import arrays_in, mapped
from minidl.checking import check_layer
from minidl.typing import Array
from tests.helpers import bits

BIG = 2**24 + 1
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(12, 3)), RNG.normal(size=(12, 1))


class Ids(Layer):
    """A stand-in for an `Embedding` of very many ids: it notes all ids that it is given."""

    takes_integers = True

    def __init__(self) -> None:
        self.weight = Parameter(np.ones((1, 1)))
        self.seen: set[Any] = set()

    def forward(self, x: Array) -> Array:
        self.seen |= {x.dtype, *x.ravel().tolist()}
        self.shape = x.shape
        y: Array = np.ones((len(x), 1), self.dtype) * self.weight.value
        return y

    def backward(self, grad: Array) -> Array:
        self.weight.grad = grad.sum(axis=0, keepdims=True)
        return np.zeros(self.shape, grad.dtype)


def one(x: Array) -> Any:
    return x


def two(x: Array) -> Any:
    return x, np.ones((len(x), 1))


DEEP: list[tuple[Callable[[Layer], Layer], Callable[[Array], Any]]] = [
    (lambda ids: Sequential(Sequential(Sequential(ids, Dense(1, 1)))), one),
    (lambda ids: Sequential(ids, Residual(Dense(1, 1), Residual())), one),
    (lambda ids: Tied(Tied(ids), Dense(1, 1)), one),
    (lambda ids: Sequential(Branches(Sequential(ids), Ids()), Add()), one),
    (lambda ids: Sequential(Branches(Branches(ids, Ids()), Branches(Ids())), Parallel(Add(), Add()), Add()), one),
    (lambda ids: Sequential(Parallel(Sequential(Branches(ids, Ids()), Add()), Dense(1, 1)), Add()), two),
    (lambda ids: Sequential(Parallel(Tied(ids), Residual()), Concatenate(), Dense(2, 1)), two),
    (
        lambda ids: Sequential(
            Branches(Parallel(ids, Identity()), Parallel(Ids(), Identity())), Parallel(Add(), Add()), Add()
        ),
        two,
    ),
    (lambda ids: Sequential(Siamese(Sequential(ids, Residual())), Add()), lambda x: (x, x)),
    (
        lambda ids: Sequential(Siamese(Sequential(Parallel(ids, Dense(1, 1)), Add())), Add()),
        lambda x: (two(x), two(x)),
    ),
]

WAYS: dict[str, Callable[[Layer, Any, Array], object]] = {
    "call": lambda model, x, _: model(x),
    "predict": lambda model, x, _: model.predict(x),
    "in parts": lambda model, x, _: model.predict(x, batch_size=2),
    "lists": lambda model, x, _: model.predict(mapped(np.ndarray.tolist, x), batch_size=2),
    "fit": lambda model, x, y: trainer(model).fit(x, y, batch_size=2, validation=(x, y), training_loss=True),
    "share": lambda model, x, y: trainer(model).fit(x, y, accumulate=2, batch_size=1, validation=0.4),
    "evaluate": lambda model, x, y: trainer(model).evaluate(x, y, batch_size=2),
    "risk": lambda model, x, y: EmpiricalRisk(model, MSELoss(), x, y).forward(),
    "batches": lambda model, x, y: [model.forward(part) for part, _ in Batches(model.check_input(x), y, batch_size=2)],
}


def trainer(model: Layer, *callbacks: Any, rule: Any = Adam, **options: Any) -> Trainer:
    return Trainer(model, MSELoss(), rule(model.parameters(), lr=0.1, **options), callbacks)


@pytest.mark.parametrize("way", [pytest.param(way, id=name) for name, way in WAYS.items()])
@pytest.mark.parametrize(("wrap", "given"), DEEP)
def test_ids_are_never_cast(
    wrap: Callable[[Layer], Layer], given: Callable[[Array], Any], way: Callable[..., object]
) -> None:
    ids = Ids()
    model = Sequential(wrap(ids), dtype=np.float32)
    way(model, given(np.full((4, 1), BIG)), np.ones((4, 1)))
    assert {each for each in ids.seen if not isinstance(each, np.dtype)} == {BIG}
    assert all(each.kind == "i" for each in ids.seen if isinstance(each, np.dtype))


@pytest.mark.parametrize(("wrap", "given"), DEEP)
def test_backward_returns_zeros_for_ids_in_the_structure_of_the_input(
    wrap: Callable[[Layer], Layer], given: Callable[[Array], Any]
) -> None:
    model = Sequential(wrap(Ids()), dtype=np.float32)
    batch = model.check_input(given(np.array([[3], [1], [1]])))
    dx = model.backward(np.ones_like(model.forward(batch)))
    assert mapped(np.shape, dx) == mapped(np.shape, batch)
    for array, grad in zip(arrays_in(batch), arrays_in(dx), strict=True):
        assert grad.dtype == np.float32
        assert array.dtype.kind == "f" or not grad.any()


class Shift(Layer):
    """Ids of a smaller vocabulary: it takes ids and returns ids."""

    takes_integers = True

    def output_shape(self, shape: Any) -> Any:
        return shape

    def forward(self, x: Array) -> Array:
        self.shape = x.shape
        y: Array = x + 1
        return y

    def backward(self, grad: Array) -> Array:
        return np.zeros(self.shape, grad.dtype)


def test_layers_that_return_ids_may_be_in_containers() -> None:
    plain = Sequential(Shift(), Embedding(9, 2, rng=0), Flatten(), Dense(8, 1, rng=1))
    ids = RNG.integers(0, 8, (12, 4))
    for nested in (
        Sequential(Sequential(Shift()), Embedding(9, 2, rng=0), Flatten(), Dense(8, 1, rng=1)),
        Sequential(Sequential(Sequential(Shift(), Identity())), Embedding(9, 2, rng=0), Flatten(), Dense(8, 1, rng=1)),
    ):
        assert bits(nested.predict(ids)) == bits(plain.predict(ids))
        assert check_layer(nested, ids).error < 1e-8
        trainer(nested).fit(ids, Y, batch_size=5, rng=0)
    two_inputs = Sequential(
        Parallel(Shift(), Identity()),
        Parallel(Sequential(Embedding(9, 2, rng=0), Flatten()), Dense(3, 8, rng=2)),
        Add(),
        Dense(8, 1, rng=1),
    )
    assert check_layer(two_inputs, (ids, X)).error < 1e-8
    trainer(two_inputs).fit((ids, X), Y, batch_size=5)


def test_ids_that_a_layer_in_front_turns_into_floats_are_refused() -> None:
    ids = np.array([[1, 2], [3, 4]])
    words = r"^the input of Embedding\(5, 2\) must hold ids, which are integers, got float64"
    with pytest.raises(DataError, match=words):
        Sequential(Flatten(), Embedding(5, 2)).predict(ids)
    with pytest.raises(
        DataError, match=r"^the input of Embedding\(5, 2\) must hold ids from 0 to 4, .* at index \(1, 1\)"
    ):
        Sequential(Shift(), Embedding(5, 2))(ids)


def test_every_branch_checks_the_ids() -> None:
    for layers in ((Embedding(9, 2), Embedding(5, 2)), (Embedding(5, 2), Embedding(9, 2))):
        model = Branches(*layers)
        with pytest.raises(DataError, match=r"^x must hold ids from 0 to 4, but there is 7 at index \(0, 1\)"):
            model([[1, 7]])
        ids = np.array([[1, 4], [0, 4]])
        assert bits(model(ids)) == bits(layers[0](ids), layers[1](ids))
        assert not model.backward((np.ones((2, 2, 2)), np.ones((2, 2, 2)))).any()


def test_layers_that_take_different_things_share_no_input() -> None:
    for layers in ((Embedding(5, 2), Identity()), (Dense(2, 2), Sequential(Embedding(5, 2)))):
        with pytest.raises(HyperparameterError, match="only some of them take ids; use Parallel"):
            Branches(*layers)
    with pytest.raises(HyperparameterError, match="only some of them take several inputs; use Parallel"):
        Branches(Add(), Identity())
    with pytest.raises(HyperparameterError, match=r"Residual adds its input, .* but Embedding\(5, 1\) takes ids"):
        Residual(Embedding(5, 1), Flatten())
    with pytest.raises(HyperparameterError, match=r"Residual adds its input, .* but Add\(\) takes several inputs"):
        Residual(Add(), Dense(2, 2))
    for kind in (Parallel, Branches):
        with pytest.raises(HyperparameterError, match=f"{kind.__name__} needs at least one layer"):
            kind()


FROZEN: list[Callable[[Layer], Layer]] = [
    lambda layer: Sequential(Sequential(Sequential(layer)), Dense(3, 1, rng=1)),
    lambda layer: Sequential(Residual(layer), Dense(3, 1, rng=1)),
    lambda layer: Sequential(Branches(layer, Dense(3, 3, rng=2)), Add(), Dense(3, 1, rng=1)),
    lambda layer: Sequential(
        Branches(Identity(), Identity()), Parallel(Residual(layer), Dense(3, 3, rng=2)), Add(), Dense(3, 1, rng=1)
    ),
    lambda layer: Sequential(Branches(Identity(), Identity()), Siamese(layer), Concatenate(), Dense(6, 1, rng=1)),
    lambda layer: Sequential(Tied(Dense(3, 3, rng=4), layer), Dense(3, 1, rng=1)),
]


def block() -> Sequential:
    inner = Sequential(Dense(3, 3, rng=0), BatchNorm(3))
    inner(X)  # moves the running averages
    return inner


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("wrap", FROZEN)
def test_frozen_layers_stay_as_they_are_in_every_container(
    wrap: Callable[[Layer], Layer], before: bool, tmp_path: Path
) -> None:
    layer = block()
    if before:
        layer.trainable = False
    model = wrap(layer)
    t = trainer(model, Checkpoint(tmp_path / "run.npz"), rule=AdamW, weight_decay=0.1)
    t.optimizer.clip(norm=0.5, value=0.1)
    if not before:
        t.fit(X, Y, batch_size=5, rng=0)
        layer.trainable = False
    state, slots = bits(*layer.state().values()), slots_of(t, layer)
    others = bits(model.parameters().value)
    t.fit(X, Y, epochs=2, batch_size=5, rng=1)
    assert bits(*layer.state().values()) == state
    assert slots_of(t, layer) == slots
    assert bits(model.parameters().value) != others
    save(model, tmp_path / "model.npz")
    for twin in (copy.deepcopy(model), load(tmp_path / "model.npz")):
        flags = [parameter.trainable for parameter in twin.parameters()]
        assert flags == [parameter.trainable for parameter in model.parameters()]
        assert flags.count(False) == 4
        assert bits(*twin.state().values()) == bits(*model.state().values())
    layer.trainable = True
    t.fit(X, Y, batch_size=5, rng=2)
    assert bits(*layer.state().values()) != state


def slots_of(t: Trainer, layer: Layer) -> Any:
    """What the optimizer remembers of the parameters of a layer."""
    places = np.concatenate(
        [np.full(each.size, any(each is own for own in layer.parameters())) for each in t.model.parameters()]
    )
    return bits(*(slot[places] for slot in t.optimizer.state().values() if isinstance(slot, np.ndarray)))


def shared() -> tuple[Layer, Layer]:
    first, second = Dense(3, 3), Dense(3, 3)
    second.weight = first.weight
    return first, second


@pytest.mark.parametrize(
    "build",
    [
        lambda a, b: Sequential(a, b),
        lambda a, b: Residual(a, b),
        lambda a, b: Parallel(a, b),
        lambda a, b: Branches(a, b),
        lambda a, b: Tied(a, b),
        lambda a, b: Sequential(Siamese(a), Siamese(b)),
        lambda a, b: Sequential(Sequential(Residual(a)), Branches(Tied(b))),
    ],
)
def test_a_parameter_in_two_layers_is_refused_when_the_container_is_built(build: Callable[..., Layer]) -> None:
    with pytest.raises(StateError, match="is in two places"):
        build(*shared())
