"""Whether backward is linear in the gradient that it is given."""

from __future__ import annotations

from math import inf, isfinite

import numpy as np

from minidl.checking.case import Case
from minidl.checking.contract import require
from minidl.errors import GradientError
from minidl.modules import Layer, backward_without_dx
from minidl.typing import Array

__all__ = ["check_linearity"]

# Powers of 2, so that all products are exact. The small ones find thresholds, the large ones clipping.
FACTORS = (2.0**-60, -(2.0**5), 2.0**60)
EXACT = 1e-9  # of the largest number in the gradient of an array
ZERO = 1e-13  # of the largest number of all
SUMMED = 1e-9  # likewise. Where terms cancel, the gradient of a sum rounds like the terms.


def check_linearity(case: Case, rng: np.random.Generator) -> None:
    """Check that B(c g) = c B(g) and B(g + h) = B(g) + B(h), where B(g) is what backward returns and writes for g.

    `backward_parameters` is checked likewise. Losses and objectives have no g.

    Raises:
        GradientError: backward is not linear.
    """
    if not isinstance(case.target, Layer):
        return
    one, other = rng.normal(size=(2, *case.y.shape))
    for method in dict.fromkeys(("backward", backward_without_dx(type(case.target)))):
        first, second = case.answers(method, one), case.answers(method, other)
        largest = max([1.0, *(_largest(array) for found in (first, second) for array in found.values())])
        for name, array in case.answers(method, 0.0 * one).items():
            _require(_largest(array) <= ZERO * largest, method, f"from zeros it makes {_largest(array):.2g} for {name}")
        for factor in FACTORS:
            scaled = case.answers(method, factor * one)
            for name, array in first.items():
                error = _largest(scaled[name] / factor - array)
                small = error <= EXACT * _largest(array) + ZERO * largest
                _require(
                    small, method, f"with grad times {factor:.3g}, that of {name} is not {factor:.3g} times as large"
                )
        both = case.answers(method, one + other)
        for name in first:
            error = _largest(both[name] - first[name] - second[name])
            _require(error <= SUMMED * largest, method, f"that of {name} for a sum of two is not the sum of both")


def _require(holds: bool, method: str, what: str) -> None:
    message = f"the gradients by {method}(grad) must be linear in grad: {what}; do not clip, round or shift them"
    require(holds, message, GradientError)


def _largest(array: Array) -> float:
    """The largest absolute value, infinite if one is not a number."""
    largest = float(np.abs(array).max(initial=0.0))
    return largest if isfinite(largest) else inf
