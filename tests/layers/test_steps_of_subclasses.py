"""Steps of subclasses: a class that overrides forward must override step, too, unless that calls forward."""

from typing import Any

import numpy as np
import pytest

from minidl import (
    LSTM,
    Dense,
    PositionEmbedding,
    SelfAttention,
    Sequential,
    SinusoidalPositions,
    StateError,
)
from minidl.typing import Array, Batch
from tests.layers.test_stepping import SEQUENCES, stepped
from tests.user_defined import Scaled, Skip


class Summed(LSTM):
    """It changes forward, and forgets step."""

    def forward(self, x: Batch) -> Array:
        return 2 * super().forward(x)


class Looking(SelfAttention):
    """It changes forward, and forgets step."""

    def forward(self, x: Batch) -> Array:
        return 2 * super().forward(x)


class Placed(PositionEmbedding):
    """It changes forward, and forgets step."""

    def forward(self, x: Array) -> Array:
        return 2 * super().forward(x)


class Waving(SinusoidalPositions):
    """It changes forward, and forgets step."""

    def forward(self, x: Array) -> Array:
        return 2 * super().forward(x)


class Recurrence(LSTM):
    """It changes both."""

    def forward(self, x: Batch) -> Array:
        return 2 * super().forward(x)

    def step(self, x: Array, state: Any = None) -> tuple[Array, Any]:
        y, state = super().step(x, state)
        return 2 * y, state


def test_what_would_compute_something_else_is_refused() -> None:
    with pytest.raises(StateError, match="Scaled overrides forward but inherits step from Sequential"):
        Scaled(Dense(2, 3)).step(SEQUENCES[:, 0])
    with pytest.raises(StateError, match="Summed overrides forward but inherits step from Recurrent") as caught:
        Sequential(Dense(2, 3), Summed(3, 2)).step(SEQUENCES[:, 0])
    assert "layer 1, Summed(3, 2), step of a batch (3, 3), float64, from layer 0" in caught.value.__notes__[0]
    for other in (Looking(2, 1, causal=True), Placed(4, 2), Waving(2)):
        kinds = type(other).__name__, type(other).__mro__[1].__name__
        with pytest.raises(StateError, match="{} overrides forward but inherits step from {}".format(*kinds)):
            other.step(SEQUENCES[:, 0])
    layer = Recurrence(2, 3, return_sequences=True, rng=0)
    np.testing.assert_allclose(stepped(layer, SEQUENCES), layer(SEQUENCES), rtol=1e-12)
    with pytest.raises(StateError, match=r"LSTM\(2, 2\) needs other time steps .* and Skip, which contains it, does"):
        Skip(Sequential(LSTM(2, 2))).step(SEQUENCES[:, 0])
