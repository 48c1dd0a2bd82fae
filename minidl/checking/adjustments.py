"""What an optimizer does with extreme gradients, with weight decay and with clipping."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from minidl.checking.contract import near, require, same_bits
from minidl.optimizers import Optimizer
from minidl.parameters import Parameter, ParameterVector
from minidl.typing import Array

__all__ = ["Make", "check_clip", "check_decay", "check_extremes"]

Make: TypeAlias = Callable[[Any], Optimizer]

SMALL = 1e-3  # size of the parameters, so that a step by a tiny gradient changes them visibly
EXTREMES = 1e-10, 3e-5, 1e6  # sizes of gradients


def check_extremes(make: Make) -> None:
    """Check that gradients of 0 keep everything finite, and that small and large ones move the parameters.

    Raises:
        ContractError: they do not.
    """
    for size in (0.0, *EXTREMES):
        optimizer, theta, before = _ones(make)
        signs = np.resize([1.0, -1.0], theta.size)
        if size == 0.0:
            signs[: theta.size // 2] = 0.0  # as for the weights of a dead ReLU
        for _ in range(3):
            theta.grad = signs * (size or 1.0)
            optimizer.step()
        slots = [array for array in optimizer.state().values() if isinstance(array, np.ndarray)]
        finite = all(np.isfinite(array).all() for array in (theta.value, *slots))
        require(finite, f"gradients of {size:g} end in numbers that are not finite: is there a division by 0?")
        moved = theta.value[signs != 0.0] != before[signs != 0.0]
        require(bool(moved.all()), f"gradients of {size or 1.0:g} do not change some parameters")
    optimizer, theta, _ = _ones(make)
    for size in (0.0, 0.0, 1.0, 0.0):
        theta.grad = np.full(theta.size, size)
        optimizer.step()
        require(bool(np.isfinite(theta.value).all()), "gradients of exactly 0 make parameters NaN or infinite: 0 / 0?")


def _ones(make: Make) -> tuple[Optimizer, ParameterVector, Array]:
    """A new optimizer, its parameters, which are small, and a copy of them. The first half has decay=False."""
    free, decayed = Parameter(SMALL * np.arange(1.0, 9.0)), Parameter(SMALL * np.arange(1.0, 9.0))
    free.decay = False
    parameters = ParameterVector([("free", free), ("decayed", decayed)])
    return make(parameters), parameters, parameters.value.copy()


def check_decay(make: Make) -> None:
    """Check that weight decay acts, but not on parameters with ``decay=False``.

    Raises:
        ContractError: it does not.
    """
    ends = []
    for decay in (None, 0.0, 0.5):
        optimizer, theta, before = _ones(make)
        if decay is not None:
            optimizer.weight_decay = decay
        for _ in range(3):
            theta.grad = np.zeros(theta.size)
            optimizer.step()
        ends.append(np.split(theta.value.copy(), 2))
    (made, _), (free, without), (also_free, with_decay) = ends
    shrunk = made / before[: made.size]
    # A step that scales all numbers alike, with gradients of 0, is a decay under whatever name.
    own = bool((np.abs(shrunk) < 1.0).all() and np.allclose(shrunk, shrunk[0], rtol=1e-6))
    require(
        same_bits(free, also_free) and not own,
        "weight decay acts on parameters with decay=False: leave it to Optimizer, by super().__init__(…, "
        "weight_decay=…) and super().step(), or to an overridden decayed",
    )
    require(
        not same_bits(without, with_decay),
        "weight_decay has no effect: an overridden step must call super().step(), which adds it to the gradients",
    )


def check_clip(make: Make) -> None:
    """Check that `Optimizer.clip` acts where the size of the gradients matters.

    Raises:
        ContractError: it does not.
    """
    for bound, name in ((0.5, "norm"), (0.25, "value")):
        ends = []
        for clipped, alike in ((False, False), (True, False), (False, True)):
            optimizer, theta, _ = _ones(make)
            if clipped:
                optimizer.clip(**{name: bound})
            for size in (0.01, 1.0, 8.0):
                grad = size * np.cos(np.arange(theta.size))
                if alike and name == "norm":
                    grad *= min(1.0, bound / (float(np.linalg.norm(grad)) + 1e-6))
                theta.grad = np.clip(grad, -bound, bound) if alike and name == "value" else grad
                optimizer.step()
            ends.append(theta.value.copy())
        # Rules that only look at signs or directions may end where they would without.
        require(
            not same_bits(ends[0], ends[1]) or near(ends[0], ends[2]),
            f"clip({name}={bound}) has no effect: an overridden step must call super().step(), which clips",
        )
