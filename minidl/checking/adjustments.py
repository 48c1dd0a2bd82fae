"""What an optimizer does with extreme gradients, with weight decay and with clipping."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import numpy as np

from minidl.checking.contract import near, require, same_bits
from minidl.optimizers import Optimizer
from minidl.parameters import Parameter, ParameterVector
from minidl.typing import Array

__all__ = ["LONG", "Make", "check_clip", "check_decay", "check_extremes"]

Make: TypeAlias = Callable[[Any], Optimizer]

LONG = 20  # steps in which a rule should use everything that it has. Some steps may leave numbers alone.
START = np.tile(1e-3 * np.arange(1.0, 9.0), 2)  # so small that a step by a tiny gradient changes it visibly
DECAYING = 1e3 * START  # so large that decay is most of what a step without a gradient does
SIZES = 1.0, 1e-10, 3e-5, 1e6  # of gradients


def _end(
    make: Make, grads: Iterable[Array], start: Array = START, decay: float | None = None, /, **clip: float
) -> tuple[Array, Optimizer]:
    """The parameters after steps by some gradients, and the optimizer. The first half of them has ``decay=False``."""
    free, decayed = Parameter(start[:8], decay=False), Parameter(start[8:])
    parameters = ParameterVector([("free", free), ("decayed", decayed)])
    optimizer = make(parameters)
    if decay is not None:
        optimizer.weight_decay = decay
    if clip:
        optimizer.clip(**clip)
    for grad in grads:
        parameters.grad = grad
        optimizer.step()
    return parameters.value.copy(), optimizer


def check_extremes(make: Make) -> None:
    """Check that gradients of 0 keep everything finite, and that small and large ones move the parameters.

    Raises:
        ContractError: they do not.
    """
    some = np.repeat([0.0, 1.0], 8) * np.resize([1.0, -1.0], 16)  # zeros as for the weights of a dead ReLU
    for size in SIZES:
        theta, optimizer = _end(make, [size * factor * some for factor in (0.0, *LONG * (1.0,), 0.0)])
        slots = [array for array in optimizer.state().values() if isinstance(array, np.ndarray)]
        require(
            all(np.isfinite(array).all() for array in (theta, *slots)),
            f"gradients of exactly 0 and of {size:g} make numbers that are not finite: is there a division by 0?",
        )
        moved = (theta != START)[some != 0.0]
        require(bool(moved.all()), f"gradients of {size:g} do not change some parameters")


def check_decay(make: Make) -> None:
    """Check that weight decay acts, but not on parameters with ``decay=False``.

    Raises:
        ContractError: it does not.
    """
    zeros = np.zeros(16)
    for grads in (3 * [zeros], LONG * [zeros], LONG * [np.cos(np.arange(16.0))]):
        ends = [np.split(_end(make, grads, DECAYING, decay)[0], 2) for decay in (None, 0.0, 0.5)]
        (made, _), (free, without), (also_free, with_decay) = ends
        shrunk = made / DECAYING[:8]
        # Steps that scale all numbers alike, with gradients of 0, are a decay under whatever name.
        own = bool(0.0 < abs(shrunk[0]) < 1.0 and np.allclose(shrunk, shrunk[0], rtol=1e-6))
        require(
            same_bits(free, also_free) and not own,
            "weight decay acts on parameters with decay=False: leave it to Optimizer, by super().__init__(…, "
            "weight_decay=…) and super().step(), or to an overridden decayed",
        )
        if not same_bits(without, with_decay):
            return
    reason = "an overridden step must call super().step(), which adds it to the gradients"
    require(False, f"weight_decay has no effect: {reason}")


def check_clip(make: Make) -> None:
    """Check that `Optimizer.clip` acts where the size of the gradients matters.

    Raises:
        ContractError: it does not.
    """
    grads = [size * np.cos(np.arange(16.0)) for size in (0.01, 1.0, 8.0)]
    clipped = {
        "norm": [grad * min(1.0, 0.25 / (float(np.linalg.norm(grad)) + 1e-6)) for grad in grads],
        "value": [np.clip(grad, -0.25, 0.25) for grad in grads],
    }
    plain, _ = _end(make, grads)
    for name, expected in clipped.items():
        found, _ = _end(make, grads, **{name: 0.25})
        # Rules that only look at signs or directions may end where they would without.
        require(
            not same_bits(plain, found) or near(plain, _end(make, expected)[0]),
            f"clip({name}=0.25) has no effect: an overridden step must call super().step(), which clips",
        )
