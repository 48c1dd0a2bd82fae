"""What `minimize` is made of: other things than an objective, an optimizer and callbacks are refused in words.

Those of a `Trainer` are in test_script.py.
"""

from typing import Any

import pytest

from minidl import SGD, CubicValley, Dense, History, Loss, Quadratic, Sequential, minimize
from tests.helpers import unchanged


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        (
            {"objective": Sequential(Dense(2, 1))},
            r"objective must be of type Objective, got Sequential\(Dense\(2, 1\)\); with a loss and data a model "
            r"becomes one: EmpiricalRisk\(model, loss, x, y\)$",
        ),
        (
            {"objective": CubicValley},
            "objective must be of type Objective, got <class .*CubicValley'>; make one",
        ),
        ({"objective": Loss()}, r"objective must be of type Objective, got Loss\(\)$"),
        ({"objective": lambda theta: theta @ theta}, "objective must be of type Objective, got <function .*>$"),
        ({"optimizer": SGD}, "optimizer must be of type Optimizer, got <class .*SGD'>; make one by calling it"),
        ({"optimizer": 0.1}, "optimizer must be of type Optimizer, got 0.1$"),
        ({"callbacks": History()}, r"callbacks must be a list of callbacks, got History\(0 steps\)"),
        ({"callbacks": [History(), History]}, "each callback must be of type Callback, got .*; make one by calling it"),
        ({"callbacks": [None]}, "each callback must be of type Callback, got None$"),
    ],
)
def test_parts_of_other_kinds_are_refused(parts: dict[str, Any], words: str) -> None:
    objective = Quadratic([[1.0]])
    optimizer = SGD(objective.parameters(), 0.1)
    given: dict[str, Any] = {"objective": objective, "optimizer": optimizer, "steps": 3, "callbacks": ()}
    with unchanged(objective, optimizer), pytest.raises(TypeError, match=words):
        minimize(**{**given, **parts})
