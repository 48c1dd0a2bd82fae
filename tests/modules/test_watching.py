"""While modules are watched, the results of forward and backward are seen. Afterwards the modules are as before."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minidl import Dense, Identity, Module, MSELoss, ReLU, Residual, Sequential
from minidl.modules import watching
from minidl.typing import Array

X = np.ones((3, 2))
Seen = list[tuple[str, str, Any]]


def recorder(seen: Seen) -> Callable[[str, Module, str, Any], None]:
    return lambda path, _, method, result: seen.append((path, method, result))


def test_results_are_seen_in_the_order_of_the_calls() -> None:
    model, seen = Sequential(Dense(2, 2, rng=0), Residual(ReLU())), Seen()
    before = [dict(vars(module)) for _, module in model.modules()]
    with watching(model.modules(), recorder(seen)):
        y = model.forward(X)
        model.backward_parameters(y)
    assert [(path, method) for path, method, _ in seen] == [
        *(("0", "forward"), ("1.0", "forward"), ("1", "forward"), ("", "forward")),
        *(("1.0", "backward"), ("1", "backward"), ("0", "backward"), ("", "backward")),
    ]
    assert seen[3][2] is y
    assert seen[6][2] is None  # backward_parameters returns nothing
    for (_, module), attributes in zip(model.modules(), before, strict=True):
        assert not vars(module).keys() & {"forward", "backward", "backward_parameters"}
        assert attributes.keys() <= vars(module).keys()


def test_a_loss_is_watched_too() -> None:
    loss, seen = MSELoss(), Seen()
    with watching(loss.modules("loss"), recorder(seen)):
        loss.forward(X, 2 * X)
        loss.backward()
    assert [(path, method) for path, method, _ in seen] == [("loss", "forward"), ("loss", "backward")]
    assert seen[0][2] == 1.0


class Fails(Identity):
    def forward(self, x: Array) -> Array:
        raise KeyError("no")


def test_an_exception_is_the_result_of_a_call_that_raises() -> None:
    model, seen = Sequential(Fails()), Seen()
    with pytest.raises(KeyError), watching(model.modules(), recorder(seen)):
        model.forward(X)
    assert [path for path, _, _ in seen] == ["0", ""]
    assert all(isinstance(result, KeyError) for _, _, result in seen)
    assert "forward" not in vars(model[0])


def test_a_method_that_a_user_has_set_on_an_instance_is_watched_and_stays() -> None:
    layer, seen = Identity(), Seen()

    def double(x: Array) -> Array:
        return 2 * x

    vars(layer)["forward"] = double
    with watching(layer.modules(), recorder(seen)):
        layer.forward(X)
    assert seen[0][2].tolist() == (2 * X).tolist()
    assert vars(layer)["forward"] is double


def test_modules_without_such_methods_are_passed_over() -> None:
    module = Module()
    with watching([("", module)], recorder([])):
        assert vars(module) == {}
