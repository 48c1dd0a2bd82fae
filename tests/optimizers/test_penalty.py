"""The L1 penalty: its subgradient, what it leaves out, and that it is part of the state."""

import copy

import numpy as np
import pytest

from minidl import SGD, Adam, AdamW, Group, Parameter, StateError
from tests.helpers import bits


def stepped(optimizer: SGD | Adam, *parameters: Parameter, grad: float = 0.0) -> list[list[float]]:
    """The parameters after one step by equal gradients."""
    for parameter in parameters:
        parameter.grad = np.full(parameter.shape, grad)
    optimizer.step()
    return [parameter.value.tolist() for parameter in parameters]


def test_each_number_moves_towards_zero_by_the_same_amount_and_zero_stays() -> None:
    theta = Parameter([3.0, -0.5, 0.0, -0.0])
    assert stepped(SGD([theta], lr=0.5).penalize(l1=0.5), theta) == [[2.75, -0.25, 0.0, 0.0]]


def test_it_leaves_out_parameters_without_decay_and_those_that_are_frozen() -> None:
    free, frozen, penalized = Parameter([1.0], decay=False), Parameter([1.0]), Parameter([1.0])
    frozen.trainable = False
    ends = stepped(SGD([free, frozen, penalized], lr=0.5).penalize(l1=0.5), free, frozen, penalized)
    assert ends == [[1.0], [1.0], [0.75]]


def test_groups_multiply_it_by_their_rate_and_clipping_leaves_it_alone() -> None:
    slow, fast = Parameter([1.0]), Parameter([1.0])
    optimizer = SGD([Group([slow], 0.5), Group([fast])], lr=0.5).clip(value=0.25).penalize(l1=1.0)
    assert stepped(optimizer, slow, fast, grad=8.0) == [[1.0 - 0.25 * 1.25], [1.0 - 0.5 * 1.25]]


def test_beside_decoupled_weight_decay_it_acts_through_the_gradient() -> None:
    theta, bare = Parameter([2.0]), Parameter([2.0])
    (end,) = stepped(AdamW([theta], lr=0.1, weight_decay=0.1).penalize(l1=0.3), theta)
    (other,) = stepped(AdamW([bare], lr=0.1, weight_decay=0.1), bare, grad=0.3)
    assert end == other


@pytest.mark.parametrize("decay", [0.0, 0.2])
def test_it_is_shown_copied_and_saved(decay: float) -> None:
    theta = Parameter([1.0, -2.0])
    optimizer = Adam([theta], weight_decay=decay).penalize(l1=0.25)
    assert "l1=0.25" in repr(optimizer)
    assert "l1" not in repr(optimizer.penalize(l1=0.0)) + repr(Adam([theta]))
    optimizer.penalize(l1=0.25)
    twin, other = copy.deepcopy((optimizer, theta))
    other_optimizer = Adam([Parameter([1.0, -2.0])], weight_decay=decay).penalize(l1=9.0)
    other_optimizer.load_state(optimizer.state())
    ends = [stepped(optimizer, theta), stepped(twin, other)]
    (vector,) = other_optimizer.vectors
    vector.grad = np.zeros(2)
    other_optimizer.step()
    assert bits(*map(np.array, ends[0])) == bits(*map(np.array, ends[1])) == bits(vector.value)
    with pytest.raises(StateError, match="but the state has"):
        Adam([Parameter([1.0, -2.0])], weight_decay=decay).load_state(optimizer.state())


def test_it_makes_what_nothing_needs_small() -> None:
    """Of two features, one says nothing. Its weight ends within a step of 0, the other loses λ / 2 by hand."""
    x, theta = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]), Parameter([0.7, -0.9])
    y, optimizer = x @ [2.0, 0.0], SGD([theta], lr=0.01).penalize(l1=0.3)
    for _ in range(5000):
        theta.grad = 2 * x.T @ (x @ theta.value - y) / 4
        optimizer.step()
    np.testing.assert_allclose(theta.value, [2.0 - 0.3, 0.0], atol=0.004)
