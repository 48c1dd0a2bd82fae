"""A snapshot returns modules to attributes, buffers and generators as they were."""

from typing import Any

import numpy as np
import pytest

from minidl import BatchNorm, Dense, Dropout, Layer, ReLU, Residual, Sequential
from minidl.modules import Snapshot
from minidl.typing import Array
from tests.helpers import bits


class Busy(Layer):
    """Changes all kinds of attributes in forward, in place and by setting them."""

    buffers = ("mean", "count")

    def __init__(self) -> None:
        self.mean, self.count = np.zeros(2), 0
        self.log: list[int] = []
        self.table: dict[str, Any] = {"seen": 0}
        self.rngs = {"inner": [np.random.default_rng(3)]}

    def forward(self, x: Array) -> Array:
        self.mean += 1.0
        self.count += 1
        self.log.append(self.count)
        self.table["seen"] += 1
        self.table["last"] = x
        self.extra = x
        return x + self.rngs["inner"][0].normal()


X = np.ones((3, 2))


def test_everything_returns_and_objects_stay_the_same() -> None:
    layer = Busy()
    model = Sequential(Residual(layer), BatchNorm(2), Dropout(0.5, rng=0))
    objects = layer.mean, layer.log, layer.table
    with Snapshot([model]):
        first = model.forward(X)
        assert layer.count == 1
    assert (layer.count, layer.mean.tolist(), layer.log, layer.table) == (0, [0.0, 0.0], [], {"seen": 0})
    assert all(now is then for now, then in zip((layer.mean, layer.log, layer.table), objects, strict=True))
    assert "extra" not in vars(layer)
    assert bits(model.forward(X)) == bits(first)


def test_it_returns_after_an_error_and_as_often_as_asked() -> None:
    layer = Busy()
    with pytest.raises(ValueError, match="broadcast"), Snapshot([layer]):
        layer.mean += layer.forward(X)[:, :1]
    assert layer.count == 0
    snapshot = Snapshot([layer])
    for _ in range(2):
        layer.forward(X)
        snapshot.restore()
        assert (layer.count, layer.log) == (0, [])
    layer.forward(X)
    snapshot.take()
    layer.forward(X)
    snapshot.restore()
    assert (layer.count, layer.log) == (1, [1])


def test_what_forward_has_cached_returns_too() -> None:
    model = Sequential(Dense(2, 2, rng=0), ReLU())
    y = model.forward(X)
    with Snapshot([model]):
        model.forward(-X)
    model.backward(np.ones_like(y))
    assert model.parameters()["0.weight"].grad.tolist() == (X.T @ (y > 0)).tolist()


def test_an_array_that_is_not_a_buffer_is_put_back_but_not_copied() -> None:
    layer, array = ReLU(), np.zeros(2)
    layer.y = array
    with Snapshot([layer]):
        layer.y += 1.0
        layer.y = np.ones(3)
    assert layer.y is array
    assert array.tolist() == [1.0, 1.0]


def test_parameters_are_not_part_of_it() -> None:
    layer = Dense(2, 1)
    with Snapshot([layer]):
        layer.bias.value = [5.0]
    assert layer.bias.value.tolist() == [5.0]


@pytest.mark.parametrize(
    ("layer", "stateful"),
    [
        (Dense(2, 2), False),
        (Sequential(ReLU()), False),
        (Dropout(), True),
        (Sequential(BatchNorm(2)), True),
        (Busy(), True),
    ],
)
def test_stateful_alone_is_empty_where_there_is_neither_a_buffer_nor_a_generator(layer: Layer, stateful: bool) -> None:
    assert bool(Snapshot([layer], stateful=True)) is stateful
    assert Snapshot([layer])


def test_a_buffer_that_cannot_be_written_to_stays_as_it_is() -> None:
    layer = Busy()
    layer.mean.flags.writeable = False
    table = layer.mean
    with Snapshot([layer]):
        layer.count = 7
    assert layer.mean is table
    assert layer.count == 0
