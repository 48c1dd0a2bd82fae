"""Convolutions of Keras whose settings differ from those here, although the weights have the same shapes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minidl import Conv1D, Conv2D, ConvTranspose2D, HyperparameterError, Layer
from minidl.integrations import load_keras
from tests.helpers import unchanged
from tests.integrations.packages import real

keras: Any = real("keras")
L: Any = keras.layers


def chain(*layers: Any, axes: int = 2) -> Any:
    return keras.Sequential([keras.Input((*(9, 8)[:axes], 3)), *layers])


EQUAL: dict[str, tuple[Callable[[], Layer], Callable[[], Any]]] = {
    "strides": (lambda: Conv2D(3, 4, 3, stride=(1, 2)), lambda: chain(L.Conv2D(4, 3, strides=(1, 2)))),
    "same as a number": (lambda: Conv2D(3, 4, 3, padding=1), lambda: chain(L.Conv2D(4, 3, padding="same"))),
    "nothing to pad": (
        lambda: ConvTranspose2D(3, 4, 2, stride=2, padding=0),
        lambda: chain(L.Conv2DTranspose(4, 2, strides=2, padding="same")),
    ),
    "a layer that pads": (lambda: Conv2D(3, 4, 3, padding=1), lambda: chain(L.ZeroPadding2D(1), L.Conv2D(4, 3))),
}


@pytest.mark.parametrize("name", EQUAL)
def test_equal_settings_predict_the_same(name: str) -> None:
    make, make_other = EQUAL[name]
    own, other = make(), make_other()
    load_keras(own, other)
    x = np.random.default_rng(0).normal(size=(2, 9, 8, 3)).astype(np.float32)
    assert np.abs(own.predict(x) - other(x).detach().numpy()).max() < 1e-6


REFUSED: dict[str, tuple[Callable[[], Layer], Callable[[], Any], str]] = {
    "strides": (
        lambda: Conv2D(3, 4, 3),
        lambda: chain(L.Conv2D(4, 3, strides=2)),
        r"strides=\(2, 2\), Conv2D.* stride=1",
    ),
    "dilation": (
        lambda: Conv2D(3, 4, 3),
        lambda: chain(L.Conv2D(4, 3, dilation_rate=(1, 2))),
        r"dilation_rate=\(1, 2\), Conv2D.* dilation=1",
    ),
    "no padding": (
        lambda: Conv2D(3, 4, 3),
        lambda: chain(L.Conv2D(4, 3, padding="same")),
        "padding='same', .* padding=0",
    ),
    "causal": (
        lambda: Conv1D(3, 4, 3, padding=1),
        lambda: chain(L.Conv1D(4, 3, padding="causal"), axes=1),
        "padding='causal', .* padding=1",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_other_settings_are_refused(name: str) -> None:
    make, other, message = REFUSED[name]
    own = make()
    with unchanged(own), pytest.raises(HyperparameterError, match=message):
        load_keras(own, other())
