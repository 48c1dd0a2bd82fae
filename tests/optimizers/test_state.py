"""Optimizers saved, copied and resumed."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import (
    SGD,
    DataError,
    Dense,
    HyperparameterError,
    Momentum,
    NAdam,
    Optimizer,
    Parameter,
    Sequential,
    ShapeError,
    StateError,
)
from minidl.optimizers import Parameters
from minidl.typing import Array
from tests.helpers import bits, bits_of, unchanged
from tests.optimizers.test_all_optimizers import every_optimizer, network, run
from tests.tables import OptimizerCase, seeds
from tests.user_defined import Adagrad


def through_pickle(thing: Any) -> Any:
    return pickle.loads(pickle.dumps(thing))


@every_optimizer
@given(seeds, st.integers(1, 5), st.integers(0, 4))
def test_state_continues_bit_for_bit(case: OptimizerCase, seed: int, size: int, steps: int) -> None:
    rng = np.random.default_rng(seed)
    theta, grads = rng.normal(size=size), rng.normal(size=(steps + 3, size))
    straight = case.make([Parameter(theta)])
    run(straight, grads)
    first = case.make([Parameter(theta)])
    there = run(first, grads[:steps])
    second = case.make([Parameter(there)])
    second.lr = 0.7
    second.load_state(first.state())
    run(second, grads[steps:])
    assert bits_of(second) == bits_of(straight)


@every_optimizer
def test_state_is_a_copy(case: OptimizerCase) -> None:
    optimizer = case.make([Parameter([1.0, 2.0])])
    state = optimizer.state()
    before = bits(*state.values())
    run(optimizer, np.ones((3, 2)))
    assert bits(*state.values()) == before
    attributes = set(vars(optimizer))
    optimizer.load_state(state)
    assert set(vars(optimizer)) == attributes
    state_again = bits(*optimizer.state().values())
    for name in optimizer.slots:
        state[name][...] = 7
    assert bits(*optimizer.state().values()) == state_again == before


def test_state_over_several_vectors() -> None:
    net = network()
    vector = net.parameters()
    optimizer = Momentum([vector["2.bias"], vector["0.weight"]], 0.1)
    run(optimizer, np.arange(14.0).reshape(2, 7))
    other = Momentum([vector["2.bias"], vector["0.weight"]], 0.1)
    other.load_state(optimizer.state())
    assert bits(*other.state().values()) == bits(*optimizer.state().values())
    np.testing.assert_allclose(other.state()["velocity"], 0.9 * np.arange(7) + np.arange(7, 14))


@every_optimizer
def test_a_wrong_state_changes_nothing(case: OptimizerCase) -> None:
    optimizer = case.make([Parameter([1.0, 2.0])])
    run(optimizer, np.ones((2, 2)))
    good = optimizer.state()
    lacking = {name: value for name, value in good.items() if name != "lr"}
    wrong: list[tuple[dict[str, Any], type[Exception]]] = [
        ({}, StateError),
        (lacking | {"steps": 9}, StateError),
        (good | {"steps": 9, "more": 1.0}, StateError),
        (good | {"steps": 9, "lr": -1.0}, HyperparameterError),
        (good | {"steps": 9, "lr": np.ones(3)}, HyperparameterError),
    ]
    wrong += [(good | {"steps": 9, "lr": 0.7, name: np.zeros(3)}, ShapeError) for name in optimizer.slots]
    wrong += [(good | {"steps": 9, "lr": 0.7, name: ["a", "b"]}, DataError) for name in optimizer.slots]
    for state, error in wrong:
        with unchanged(optimizer), pytest.raises(error):
            optimizer.load_state(state)


def test_the_state_of_another_optimizer_is_refused() -> None:
    parameters = [Parameter([1.0])]
    with pytest.raises(StateError, match=r"SGD has steps, lr.* but the state has steps, lr, .*velocity"):
        SGD(parameters, 0.1).load_state(Momentum(parameters, 0.1).state())


@every_optimizer
@pytest.mark.parametrize("twin", [copy.deepcopy, through_pickle])
def test_model_and_optimizer_copied_together_stay_connected(case: OptimizerCase, twin: Callable[[Any], Any]) -> None:
    net = network()
    optimizer = case.make(net.parameters())
    grads = np.random.default_rng(1).normal(size=(4, 13))
    run(optimizer, grads[:2])
    other_net, other = twin((net, optimizer))
    with unchanged(net, optimizer):
        other_net.parameters().grad = grads[2]
        other.step()
    run(optimizer, grads[2:3])
    assert bits_of(other) == bits_of(optimizer)
    assert bits_of(other_net) == bits_of(net)
    assert other_net.parameters().value.base is other.vectors[0].value.base


@pytest.mark.parametrize("twin", [copy.deepcopy, through_pickle])
def test_an_optimizer_copied_alone_copies_its_parameters(twin: Callable[[Any], Any]) -> None:
    parameter = Parameter([1.0, 2.0])
    optimizer = Adagrad([parameter], 0.1)
    run(optimizer, np.ones((2, 2)))
    with unchanged(parameter, optimizer):
        other = twin(optimizer)
        assert (other.steps, other.lr, other.epsilon) == (2, 0.1, 1e-8)
        run(other, np.ones((1, 2)))
    run(optimizer, np.ones((1, 2)))
    assert bits(other.vectors[0].value) == bits(parameter.value)


def test_training_resumes_exactly_after_save_and_load() -> None:
    def train(net: Sequential, optimizer: Momentum, steps: int) -> None:
        for _ in range(steps):
            net.parameters().grad = np.sin(net.parameters().value)
            optimizer.step()

    net = Sequential(Dense(2, 2, rng=0))
    optimizer = Momentum(net.parameters(), 0.1)
    train(net, optimizer, 3)
    saved = net.state(), optimizer.state()
    train(net, optimizer, 3)
    again = Sequential(Dense(2, 2, rng=5))
    resumed = Momentum(again.parameters(), 0.5)
    again.load_state(saved[0])
    resumed.load_state(saved[1])
    train(again, resumed, 3)
    assert bits_of(again) == bits_of(net)


class Seldom(SGD):
    """Moves only once in `every` steps."""

    def __init__(self, parameters: Parameters, lr: float, *, every: int = 1, loud: bool = False) -> None:
        super().__init__(parameters, lr)
        self.every, self.loud, self._hidden = every, loud, 7

    def update(self, theta: Array, grad: Array) -> None:
        if self.steps % self.every == 0:
            super().update(theta, grad)


def test_flags_and_integers_are_hyperparameters_too() -> None:
    ball = Momentum([Parameter([1.0])], 0.1, nesterov=True)
    assert list(ball.state()) == ["steps", "lr", "weight_decay", "momentum", "nesterov", "velocity"]
    assert repr(ball) == "Momentum(1 parameters, lr=0.1, momentum=0.9, nesterov=True)"
    assert repr(Momentum([Parameter([1.0])], 0.1)) == "Momentum(1 parameters, lr=0.1, momentum=0.9)"
    seldom = Seldom([Parameter([1.0])], 0.1, every=1234567)
    assert list(seldom.state()) == ["steps", "lr", "weight_decay", "every", "loud"]
    assert repr(seldom) == "Seldom(1 parameters, lr=0.1, every=1234567)"
    assert (
        repr(Seldom([Parameter([1.0])], 0.1, every=0, loud=True)) == "Seldom(1 parameters, lr=0.1, every=0, loud=True)"
    )


PAIRS: list[tuple[Callable[[list[Parameter]], Optimizer], Callable[[list[Parameter]], Optimizer]]] = [
    (lambda p: Momentum(p, 0.1, nesterov=True), lambda p: Momentum(p, 0.1)),
    (lambda p: Momentum(p, 0.1), lambda p: Momentum(p, 0.1, nesterov=True)),
    (lambda p: Seldom(p, 0.1, every=3), lambda p: Seldom(p, 0.1, every=2, loud=True)),
]


@pytest.mark.parametrize(("make", "make_other"), PAIRS)
def test_a_state_restores_flags_and_integers(
    make: Callable[[list[Parameter]], Optimizer], make_other: Callable[[list[Parameter]], Optimizer]
) -> None:
    grads = np.random.default_rng(0).normal(size=(7, 2))
    straight = make([Parameter([1.0, 2.0])])
    there = run(straight, grads[:3]).copy()
    other = make_other([Parameter(there)])
    other.load_state(straight.state())
    assert repr(other) == repr(straight)
    run(straight, grads[3:])
    run(other, grads[3:])
    assert bits_of(other) == bits_of(straight)
    refused = make_other([Parameter([1.0, 2.0])])
    with unchanged(refused), pytest.raises(HyperparameterError):
        refused.load_state(straight.state() | {"lr": -1.0})


def test_a_refused_step_changes_nothing() -> None:
    model = Sequential(Dense(2, 2, rng=0), Dense(2, 1, rng=1))
    optimizer = NAdam(model.parameters())
    before = optimizer.state()
    Sequential(Dense(2, 2), model, dtype=np.float32)  # the parameters move
    with pytest.raises(StateError, match="have moved"):
        optimizer.step()
    assert {name: value for name, value in optimizer.state().items() if isinstance(value, float | int)} == {
        name: value for name, value in before.items() if isinstance(value, float | int)
    }


def test_decay_can_be_switched_later() -> None:
    weight, bias = Parameter([1.0]), Parameter([1.0])
    optimizer = SGD([weight, bias], lr=0.1, weight_decay=1.0)
    bias.decay = False
    optimizer.step()
    assert [weight.value.item(), bias.value.item()] == [0.9, 1.0]
    bias.decay, weight.decay = True, False
    optimizer.step()
    assert [weight.value.item(), bias.value.item()] == [0.9, 0.9]


class Picky(SGD):
    """Refuses the numbers that it does not like with an exception of its own."""

    @property
    def limit(self) -> float:
        return self.most

    @limit.setter
    def limit(self, limit: float) -> None:
        if limit > 1.0:
            raise LookupError
        self.most = limit

    scalars = ("limit",)


def test_a_state_that_a_subclass_refuses_changes_nothing() -> None:
    optimizer = Picky([Parameter([1.0])], lr=0.1)
    optimizer.limit = 0.5
    with unchanged(optimizer), pytest.raises(LookupError):
        optimizer.load_state({**optimizer.state(), "steps": 7, "lr": 0.2, "limit": 2.0})
