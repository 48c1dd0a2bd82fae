"""Trainers that are copied, and what is said when one is made."""

import copy
import pickle
from typing import Any

import pytest

from minidl import Adam, MinidlWarning, MSELoss, Parameter
from tests.helpers import bits
from tests.training import resuming
from tests.training.resuming import fit, grouped, trainer


@pytest.mark.parametrize("again", [copy.deepcopy, lambda trainer: pickle.loads(pickle.dumps(trainer))])
@pytest.mark.parametrize(
    "optimizer", [Adam, grouped(0.1, 1.0), grouped(0.1, 1.0, swapped=True), lambda p, lr: Adam(list(p)[2:], lr)]
)
def test_a_copy_of_a_trainer_goes_on_like_the_trainer(again: Any, optimizer: Any) -> None:
    first = trainer(optimizer=optimizer)
    fit(first, 2)
    other = again(first)
    assert bits(other.model.parameters().value) == bits(first.model.parameters().value)
    ends = [fit(one, 2) for one in (first, other)]
    assert ends[0] == ends[1]


class Weighted(MSELoss):
    """Has a parameter."""

    def __init__(self) -> None:
        self.weight = Parameter(1.0)


def test_a_loss_with_parameters_is_said_not_to_be_trained() -> None:
    with pytest.warns(MinidlWarning, match=r"the loss Weighted\(\) has parameters, and nothing trains them") as caught:
        trainer(loss=Weighted)
    assert caught[0].filename == resuming.__file__
