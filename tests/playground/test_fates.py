"""What goes wrong with a network is said in words, the gravest first."""

from collections.abc import Sequence
from math import nan
from typing import Any

import numpy as np
import pytest

from minidl import ReLU, Tanh
from minidl.playground.fates import Epoch, Hidden, Signs, fate_of, hidden_layer

ALIVE = Hidden([False, False], copies=False)
DEAD = Hidden([True, True], copies=False)
HALF = Hidden([True, False], copies=False)
COPIES = Hidden([False, False], copies=True)


def signs(
    hidden: Any = (ALIVE, ALIVE),
    gradients: Any = (0.1, 0.1, 0.1),
    training: Sequence[float] = (),
    test: Sequence[float] = (),
    **more: Any,
) -> Signs:
    """Signs after epochs with these losses."""
    epochs = [Epoch(number, *losses) for number, losses in enumerate(zip(training, test or [nan] * 9, strict=False), 1)]
    best = min(epochs, key=lambda epoch: epoch.test) if epochs else None
    return Signs(hidden, gradients, now=epochs[-1] if epochs else None, best=best, **more)


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (signs(), None),
        (signs(divergence=ArithmeticError("at step 3"), hidden=[DEAD]), "Stopped: at step 3."),
        (signs(hidden=[ALIVE, DEAD]), "All 2 units of hidden layer 2 are dead."),
        (
            signs(hidden=[ALIVE, HALF]),
            "1 of 4 hidden units is dead: 0 for every training sample, so it learns nothing.",
        ),
        (
            signs(hidden=[HALF, HALF]),
            "2 of 4 hidden units are dead: 0 for every training sample, so they learn nothing.",
        ),
        (signs(hidden=[COPIES]), "The 2 units of hidden layer 1 are copies of each other."),
        (signs(hidden=[]), None),
        (signs(first_loss=0.7, training=[0.8, 1.2]), "has risen from 0.7 to 1.2: the learning rate is too large."),
        (signs(first_loss=0.7, training=[9.0, 9.0, 1.0]), None),
        (signs(first_loss=0.5, training=[0.75]), None),
        (signs(first_loss=0.5, training=[0.1, 0.2, 0.9]), "from 0.5 to 0.9"),
        (signs(first_loss=0.7, gradients=[1e-5, 0.1, 0.2]), None),
        (signs(first_loss=0.3, training=[0.2], gradients=[1e-5, 0.1, 0.2]), "Gradients vanish"),
        (signs(first_loss=0.5, training=[0.25], gradients=[1e-5, 0.1, 0.2]), "Gradients vanish"),
        (signs(first_loss=0.7, training=[0.69], gradients=[1e-3, 0.1, 1.0]), None),
        (signs(first_loss=0.7, training=[0.69], gradients=[5e-4, 0.1, 0.1]), None),
        (signs(first_loss=0.7, training=[0.69], gradients=[0.0, 0.1, 0.1]), None),
        (signs(first_loss=0.7, training=[0.4, 0.1], test=[0.1, 0.14]), None),
        (signs(first_loss=0.7, training=[0.4, 0.1], test=[0.1, 0.15]), "Overfitting"),
        (signs(first_loss=0.7, training=[0.4, 0.4], test=[0.5, 0.9]), None),
        (
            signs(first_loss=0.7, training=[0.69], gradients=[1e-5, 0.1, 0.2]),
            "that of the first layer is 20,000 times smaller",
        ),
        (signs(first_loss=0.7, training=[0.69], gradients=[1e-300, 0.1, 0.2]), "is 2e+299 times smaller"),
        (signs(first_loss=0.7, training=[0.1], gradients=[1e-5, 0.1, 0.2]), None),
        (signs(first_loss=0.7, training=[0.69], gradients=[0.0, 0.0, 0.0]), None),
        (signs(first_loss=0.7, training=[0.6, 0.4, 0.1], test=[0.6, 0.5, 0.7]), "was lowest, 0.5, after epoch 2."),
        (signs(first_loss=0.7, training=[0.6, 0.4, 0.1], test=[0.6, 0.5, 0.55]), None),
        (signs(first_loss=0.7, training=[0.6, 0.4, 0.5], test=[0.6, 0.5, 0.9]), None),
        (signs(first_loss=0.7, training=[0.001], test=[0.001, 0.005]), None),
    ],
)
def test_a_fate_is_read_from_its_signs(found: Signs, message: str | None) -> None:
    fate = fate_of(found)
    assert fate is None if message is None else message in str(fate)


def test_only_a_relu_dies() -> None:
    outputs = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 2.0]])
    assert hidden_layer(ReLU(), outputs).dead == [True, False, False]
    assert hidden_layer(Tanh(), outputs).dead == [False] * 3


def test_copies_are_several_units_that_agree_on_all_data() -> None:
    assert hidden_layer(Tanh(), np.array([[1.0, 1.0], [2.0, 2.0]])).copies
    assert not hidden_layer(Tanh(), np.array([[1.0, 1.0], [2.0, 2.1]])).copies
    assert not hidden_layer(Tanh(), np.array([[1.0], [2.0]])).copies
    assert not hidden_layer(ReLU(), np.zeros((2, 2))).copies
