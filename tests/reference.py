"""Finite differences, written independently of those in the package."""

from collections.abc import Callable

import numpy as np

from minidl.typing import Array
from tests.tracing import untraced

STEPS = (1e-3, 1e-4, 1e-5, 1e-6)
"""Step sizes. A kink may spoil one of them, so only an error at all of them counts."""

TOLERANCE = 1e-8

ROUNDING = 4 * np.finfo(np.float64).eps
"""The rounding error of the difference of two numbers of size 1."""


CENTRAL = ((1, 8.0), (-1, -8.0), (2, -1.0), (-2, 1.0))
"""The five-point stencil: pairs (steps away, factor). The sum is divided by 12 steps."""

ONE_SIDED = ((0, -25.0), (1, 48.0), (2, -36.0), (3, 16.0), (4, -3.0))
"""The one-sided stencil, for a kink that is closer than any step."""


@untraced  # its caller has called the function once, and all other calls run the same lines
def numeric_gradient(
    function: Callable[[], Array | float],
    array: Array,
    weights: Array | float = 1.0,
    step: float = STEPS[0],
    stencil: tuple[tuple[int, float], ...] = CENTRAL,
) -> Array:
    """The gradient of Σ weights · function() with respect to `array`, which the function reads.

    Differences are taken number by number before they are summed, which loses less to rounding.
    """
    gradient = np.zeros(array.shape)
    for index in np.ndindex(array.shape):
        center, total = float(array[index]), np.zeros(1)
        for count, factor in stencil:
            array[index] = center + count * step
            total = total + factor * np.array(function(), dtype=np.float64)
        array[index] = center
        gradient[index] = np.sum(weights * total) / (12 * step)
    return gradient


def gradient_error(
    function: Callable[[], Array | float], array: Array, analytic: Array, weights: Array | float = 1.0
) -> float:
    """‖analytic − numeric‖ / max(‖numeric‖, 1e-8), the least over the step sizes.

    Rounding is not an error. Where the true gradient is 0, as before a normalization, nothing else is measured. It is
    subtracted only where the error would be too large otherwise. Then one-sided differences count as well.
    """
    assert analytic.shape == array.shape
    size = float(np.linalg.norm(weights * np.asarray(function())))
    noise = ROUNDING * size * array.size**0.5 / STEPS[0]
    least = corrected = np.inf
    nearest = np.full(array.shape, np.inf)
    for step in STEPS:
        numeric = numeric_gradient(function, array, weights, step)
        gap, scale = float(np.linalg.norm(analytic - numeric)), max(float(np.linalg.norm(numeric)), 1e-8)
        least, corrected = min(least, gap / scale), min(corrected, max(0.0, gap - noise) / scale)
        if least <= TOLERANCE:
            return least
        nearest = np.where(np.abs(numeric - analytic) < np.abs(nearest - analytic), numeric, nearest)
    for step in (1e-4, -1e-4, 1e-5, -1e-5, 1e-6, -1e-6):
        numeric = numeric_gradient(function, array, weights, step, ONE_SIDED)
        nearest = np.where(np.abs(numeric - analytic) < np.abs(nearest - analytic), numeric, nearest)
    gap, scale = float(np.linalg.norm(analytic - nearest)), max(float(np.linalg.norm(nearest)), 1e-8)
    return float(min(corrected, max(0.0, gap - noise) / scale))


WORST: dict[str, float] = {}
"""The largest error of each thing checked, for the summary after the tests."""


def worst(name: str, error: float) -> float:
    """Record the error if it is the largest so far under this name, and return it."""
    WORST[name] = max(error, WORST.get(name, 0.0))
    return error
