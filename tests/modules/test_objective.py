"""Objectives: also what is not trained is as before after a pure call."""

from collections.abc import Callable

import numpy as np
import pytest

from minidl import Objective, Parameter
from minidl.typing import Array
from tests.helpers import unchanged


class Remembers(Objective):
    """An objective with buffers that each forward changes, one in place and one by setting it anew."""

    buffers = ("mean", "count")

    def __init__(self) -> None:
        self.theta = Parameter([1.0, 2.0])
        self.mean = np.zeros(2)
        self.count = 0

    def forward(self) -> float:
        self.mean += self.theta.value
        self.count += 1
        if self.theta.value[0] < 0:
            raise ValueError("not below 0")
        return float(self.theta.value.sum())

    def backward(self) -> None:
        self.theta.grad = np.ones(2)


CALLS: list[Callable[[Remembers, Array], object]] = [
    Remembers.value,
    Remembers.gradient,
    Remembers.value_and_gradient,
    Remembers.hessian,
]


@pytest.mark.parametrize("call", CALLS)
def test_buffers_are_restored(call: Callable[[Remembers, Array], object]) -> None:
    objective = Remembers()
    objective.forward()
    with unchanged(objective):
        call(objective, np.array([3.0, 4.0]))
        with pytest.raises(ValueError, match="not below 0"):
            call(objective, np.array([-3.0, 4.0]))
    assert objective.mean.tolist() == [1.0, 2.0]
    assert objective.count == 1


def test_what_is_not_finite_is_an_answer_without_a_warning() -> None:
    class Far(Remembers):
        def forward(self) -> float:
            return float(np.exp(self.theta.value).sum())

    assert Far().value([1e4, 0.0]) == np.inf
