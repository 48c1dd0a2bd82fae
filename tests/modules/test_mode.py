"""Training and evaluation: a flag of each module, and a context that overrides it."""

from collections.abc import Iterator
from threading import Thread

import numpy as np
import pytest

from minidl import Dense, Layer, Module, Parameter, ReLU, Sequential, ShapeError
from minidl.modules import training_as
from minidl.typing import Array


def test_training_is_set_for_the_whole_tree_and_overridden_for_a_while() -> None:
    net = Sequential(ReLU(), Sequential(Dense(1, 1)))

    def modes() -> list[bool]:
        return [module.training for _, module in net.modules()]

    assert modes() == [True] * 4
    net[1].training = False
    own = [True, True, False, False]
    assert modes() == own
    for training in (True, False):
        with training_as(training):
            assert modes() == [training] * 4
            with training_as(None):
                assert modes() == own
            assert modes() == [training] * 4
        assert modes() == own
    with pytest.raises(KeyError), training_as(False):
        raise KeyError
    assert modes() == own
    net.training = True
    assert net[1].training


def test_a_mode_for_a_while_holds_in_its_own_thread_only() -> None:
    layer, seen = ReLU(), list[bool]()
    with training_as(False):
        thread = Thread(target=lambda: seen.append(layer.training))
        thread.start()
        thread.join()
        assert not layer.training
    assert seen == [True]


def test_a_mode_for_a_while_walks_through_no_tree() -> None:
    class Walked(Layer):
        def children(self) -> Iterator[tuple[str, Module | Parameter]]:
            raise AssertionError

    with training_as(False):
        assert not Walked().training


class ModeProbe(Layer):
    """Gives its input in training, else zeros."""

    def forward(self, x: Array) -> Array:
        return x if self.training else 0 * x


def test_predict_evaluates_and_leaves_the_mode_also_after_an_error() -> None:
    net = Sequential(ModeProbe(), Dense(2, 1))
    x = np.ones((3, 2))
    assert np.any(net(x))
    assert not np.any(net.predict(x))
    with pytest.raises(ShapeError):
        net.predict(np.ones((3, 5)))
    assert [module.training for _, module in net.modules()] == [True, True, True]
    net.training = False
    net.predict(x)
    assert not net.training
