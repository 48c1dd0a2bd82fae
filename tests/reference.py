"""Finite differences, written apart from what the package itself offers for this."""

from collections.abc import Callable

import numpy as np

from minidl.typing import Array

STEPS = (1e-3, 1e-4, 1e-5, 1e-6)
"""Step sizes: a kink near one of them spoils it, so that only an error at all of them counts."""

TOLERANCE = 1e-8

ROUNDING = 4 * np.finfo(np.float64).eps
"""What rounding makes of a number of size 1: the difference of two such, divided by a step, shows it."""


def numeric_gradient(
    function: Callable[[], Array | float], array: Array, weights: Array | float = 1.0, step: float = STEPS[0]
) -> Array:
    """The gradient of Σ weights · function() by `array`, which the function reads, from the five-point stencil.

    Differences are taken number by number before they are summed, where less is lost to rounding.
    """
    gradient = np.zeros(array.shape)
    for index in np.ndindex(array.shape):
        center, values = float(array[index]), []
        for shift in (step, -step, 2 * step, -2 * step):
            array[index] = center + shift
            values.append(np.array(function(), dtype=np.float64))
        array[index] = center
        near, far = values[0] - values[1], values[2] - values[3]
        gradient[index] = np.sum(weights * (8 * near - far)) / (12 * step)
    return gradient


def gradient_error(
    function: Callable[[], Array | float], array: Array, analytic: Array, weights: Array | float = 1.0
) -> float:
    """‖analytic − numeric‖ / max(‖numeric‖, 1e-8), the least of all step sizes needed.

    What rounding explains is no error: where the true gradient is 0, as behind a normalisation, it is all there is.
    It is taken off only where the error would be too large otherwise.
    """
    assert analytic.shape == array.shape
    size = float(np.linalg.norm(weights * np.asarray(function())))
    noise = ROUNDING * size * array.size**0.5 / STEPS[0]
    least = corrected = np.inf
    for step in STEPS:
        numeric = numeric_gradient(function, array, weights, step)
        gap, scale = float(np.linalg.norm(analytic - numeric)), max(float(np.linalg.norm(numeric)), 1e-8)
        least, corrected = min(least, gap / scale), min(corrected, max(0.0, gap - noise) / scale)
        if least <= TOLERANCE:
            return least
    return corrected


WORST: dict[str, float] = {}
"""The largest error of each thing that was checked, for the end of the report."""


def worst(name: str, error: float) -> float:
    """The error, after a note of it if it is the largest so far under this name."""
    WORST[name] = max(error, WORST.get(name, 0.0))
    return error
