"""All optimizers: rules against plain loops, blocks, types, hyper-parameters, and the parameters they move."""

import re
from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import SGD, Dense, HyperparameterError, Momentum, Optimizer, Parameter, ReLU, Sequential, StateError
from minidl.typing import Array
from tests.helpers import bits, unchanged
from tests.tables import OPTIMIZERS, OptimizerCase, seeds
from tests.user_defined import Adagrad

every_optimizer = pytest.mark.parametrize("case", OPTIMIZERS, ids=[case.name for case in OPTIMIZERS])


def run(optimizer: Optimizer, grads: Array) -> Array:
    """Take a step per gradient, and return the parameters after the last."""
    for grad in grads:
        start = 0
        for vector in optimizer.vectors:
            vector.grad = grad[start : start + vector.size]
            start += vector.size
        optimizer.step()
    return np.concatenate([vector.value for vector in optimizer.vectors])


@every_optimizer
@given(seeds, st.integers(1, 5), st.integers(0, 7))
def test_rule_agrees_with_a_plain_loop(case: OptimizerCase, seed: int, size: int, steps: int) -> None:
    rng = np.random.default_rng(seed)
    theta, grads = rng.normal(size=size), rng.normal(size=(steps, size))
    expected = [case.plain(theta[i].item(), grads[:, i].tolist()) for i in range(size)]
    parameter = Parameter(theta)
    optimizer = case.make([parameter])
    np.testing.assert_allclose(run(optimizer, grads), expected, rtol=1e-12, atol=1e-14)
    assert optimizer.steps == steps
    if steps:
        np.testing.assert_array_equal(parameter.grad, grads[-1])


@every_optimizer
@given(seeds, st.integers(1, 20), st.integers(1, 7))
def test_blocks_equal_the_whole_vector(case: OptimizerCase, seed: int, size: int, block: int) -> None:
    rng = np.random.default_rng(seed)
    theta, grads = rng.normal(size=size), rng.normal(size=(4, size))
    whole = run(case.make([Parameter(theta)]), grads)
    optimizer = case.make([Parameter(theta)])
    optimizer.cut(block)
    with mock.patch.object(optimizer, "update", wraps=optimizer.update) as update:
        assert bits(run(optimizer, grads)) == bits(whole)
    sizes = [call.args[0].size for call in update.call_args_list]
    assert sizes == [min(block, size - start) for start in range(0, size, block)] * 4


@every_optimizer
@given(seeds, st.integers(1, 5))
def test_minimises_a_bowl(case: OptimizerCase, seed: int, size: int) -> None:
    start = np.random.default_rng(seed).normal(size=size)
    parameter = Parameter(start + np.copysign(1.0, start))  # rules with a fixed step size need a distance to cover
    before = np.linalg.norm(parameter.value)
    optimizer = case.make([parameter])
    for _ in range(100):
        parameter.grad = parameter.value
        optimizer.step()
    assert np.linalg.norm(parameter.value) < 0.9 * before


@every_optimizer
def test_float32_stays_float32(case: OptimizerCase) -> None:
    theta, grads = np.array([1.0, -2.0]), np.random.default_rng(0).normal(size=(5, 2))
    parameter = Parameter(theta.astype(np.float32))
    optimizer = case.make([parameter])
    optimizer.lr = np.float64(optimizer.lr)
    assert type(optimizer.lr) is float
    with mock.patch.object(optimizer, "update", wraps=optimizer.update) as update:
        got = run(optimizer, grads.astype(np.float32))
    assert parameter.dtype == got.dtype == np.float32
    assert {array.dtype for call in update.call_args_list for array in call.args} == {np.dtype(np.float32)}
    np.testing.assert_allclose(got, run(case.make([Parameter(theta)]), grads), rtol=1e-5)


@every_optimizer
def test_learning_rate_outside_its_range_is_refused(case: OptimizerCase) -> None:
    optimizer = case.make([Parameter([1.0, 2.0])])
    wrong: list[Any] = [0, 0.0, -0.1, float("nan"), float("inf"), -float("inf"), True, "0.1", None, [0.1, 0.2], 1j]
    for lr in wrong:
        pattern = rf"{type(optimizer).__name__}: lr must be a finite number, above 0, got {re.escape(repr(lr))}"
        with unchanged(optimizer), pytest.raises(HyperparameterError, match=pattern):
            optimizer.lr = lr
        with pytest.raises(HyperparameterError, match=pattern):
            type(optimizer)([Parameter([1.0])], lr)
    optimizer.lr = 0.5
    assert optimizer.lr == 0.5


@pytest.mark.parametrize("momentum", [1, 1.5, -0.1, float("nan"), float("inf"), True, "0.9", None])
def test_momentum_outside_its_range_is_refused(momentum: Any) -> None:
    pattern = "Momentum: momentum must be a finite number, at least 0 and below 1, got"
    with pytest.raises(HyperparameterError, match=pattern):
        Momentum([Parameter([1.0])], 0.1, momentum)
    optimizer = Momentum([Parameter([1.0])], 0.1)
    with unchanged(optimizer), pytest.raises(HyperparameterError, match=pattern):
        optimizer.momentum = momentum


def test_defaults() -> None:
    optimizer = Momentum([Parameter([1.0])], 0.1)
    assert (optimizer.momentum, optimizer.nesterov, optimizer.steps) == (0.9, False, 0)


def test_a_new_learning_rate_acts_at_the_next_step_and_not_on_the_velocity() -> None:
    parameter = Parameter([0.0])
    optimizer = Momentum([parameter], lr=1.0, momentum=0.5)
    run(optimizer, np.ones((1, 1)))
    optimizer.lr = 0.1
    run(optimizer, np.ones((1, 1)))
    assert parameter.value[0] == pytest.approx(-1.0 - 0.1 * 1.5, rel=1e-15)


@every_optimizer
@pytest.mark.parametrize("nothing", [[], Sequential(ReLU()).parameters(), [Parameter(np.zeros(0))]])
def test_no_parameters_are_refused(case: OptimizerCase, nothing: Any) -> None:
    with pytest.raises(HyperparameterError, match="no parameters to optimize"):
        case.make(nothing)


@pytest.mark.parametrize("wrong", [Dense(2, 1), Sequential(Dense(2, 1)), [np.zeros(2)], {"a": Parameter([1.0])}, None])
def test_other_things_than_parameters_are_refused(wrong: Any) -> None:
    with pytest.raises(HyperparameterError, match=r"takes model\.parameters\(\).* a list of Parameters.*, got"):
        SGD(wrong, 0.1)


def test_the_same_parameter_twice_is_refused() -> None:
    parameter, other = Parameter([1.0]), Parameter([1.0])
    with pytest.raises(StateError, match="in two places, '0' and '2'"):
        SGD([parameter, other, parameter], 0.1)


def network() -> Sequential:
    return Sequential(Dense(2, 3), ReLU(), Dense(3, 1), rng=0)


@every_optimizer
def test_parameters_listed_from_a_model_stay_in_place_and_the_others_do_not_change(case: OptimizerCase) -> None:
    net = network()
    vector = net.parameters()
    memory, before = vector.value, vector.value.copy()
    optimizer = case.make([vector["2.bias"], vector["0.weight"], vector["0.bias"]])
    vector.grad = np.ones(vector.size)
    optimizer.step()
    assert net.parameters().value is not memory
    assert np.shares_memory(net.parameters().value, memory)
    moved = vector.value != before
    assert moved.tolist() == [True] * 9 + [False] * 3 + [True]
    np.testing.assert_array_equal(vector["2.weight"].value.ravel(), before[9:12])


def test_neighbours_in_a_list_are_one_vector() -> None:
    net = network()
    assert [vector.size for vector in SGD(list(net.parameters()), 0.1).vectors] == [13]
    first, second, third, fourth = net.parameters()
    assert [vector.size for vector in SGD([fourth, first, second], 0.1).vectors] == [1, 9]
    assert [vector.size for vector in SGD([first, third, fourth], 0.1).vectors] == [6, 4]


def test_loose_parameters_are_packed_together() -> None:
    a, b = Parameter([1.0]), Parameter([[2.0, 3.0]])
    optimizer = SGD([a, b], 1.0)
    assert len(optimizer.vectors) == 1
    a.grad, b.grad = [1.0], [[1.0, 1.0]]
    optimizer.step()
    assert (a.value.tolist(), b.value.tolist()) == ([0.0], [[1.0, 2.0]])


@every_optimizer
def test_a_step_after_the_parameters_moved_is_refused(case: OptimizerCase) -> None:
    net, part = network(), Sequential(Dense(2, 2))
    turned, packed = case.make(net.parameters()), case.make(part.parameters())
    net.astype(np.float32)
    Sequential(part, Dense(2, 1))
    for optimizer, module in ((turned, net), (packed, part)):
        steps, before = optimizer.steps, bits(*(p.value for p in module.parameters()))
        with pytest.raises(StateError, match=r"moved since .*parameters\(\) of the outermost model again"):
            optimizer.step()
        assert optimizer.steps == steps
        assert bits(*(p.value for p in module.parameters())) == before


@pytest.mark.parametrize("frozen", [False, True])
def test_later_steps_after_the_parameters_moved_are_refused_as_well(frozen: bool) -> None:
    layer = Dense(2, 2)
    layer.trainable = not frozen
    optimizer = SGD(layer.parameters(), lr=0.1)
    layer.astype(np.float32)
    for _ in range(2):
        with pytest.raises(StateError, match="moved since"):
            optimizer.step()


def test_an_optimizer_may_move_some_parameters_of_a_model_but_no_others() -> None:
    net = network()
    SGD(net.parameters(), 0.1).check_owner(net)
    SGD([net.parameters()["0.bias"]], 0.1).check_owner(net)
    with pytest.raises(StateError, match="parameters that Sequential does not have"):
        SGD(network().parameters(), 0.1).check_owner(net)


def test_a_missing_rule_is_named() -> None:
    class Lazy(Optimizer):
        pass

    with pytest.raises(NotImplementedError, match=r"Lazy must define update\("):
        Lazy([Parameter([1.0])], 0.1).step()


def test_repr_shows_size_and_hyperparameters() -> None:
    assert repr(Momentum(network().parameters(), 0.1)) == "Momentum(13 parameters, lr=0.1, momentum=0.9)"
    assert repr(Adagrad([Parameter([1.0])], 0.5)) == "Adagrad(1 parameters, lr=0.5, epsilon=1e-08)"
