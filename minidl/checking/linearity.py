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

# Powers of 2, so that all products are exact. The small one finds thresholds, the large one clipping.
FACTORS = (0.0, 2.0**-100, -(2.0**100))
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
        first, second, both = (case.answers(method, grad) for grad in (one, other, one + other))
        if not first:
            continue
        scaled = [(factor, case.answers(method, factor * one)) for factor in FACTORS]
        largest = max([1.0, *(_largest(array) for found in (first, second) for array in found.values())])
        wrong = ""
        for name, array in first.items():
            bound = EXACT * _largest(array) + ZERO * largest
            for factor, found in scaled:
                if not _largest(found[name] - factor * array) <= abs(factor) * bound:
                    wrong = f"with grad times {factor:.3g}, that of {name} is not {factor:.3g} times as large"
            if not _largest(both[name] - array - second[name]) <= SUMMED * largest:
                wrong = f"that of {name} for a sum of two is not the sum of both"
        require(
            not wrong,
            f"the gradients by {method}(grad) must be linear in grad: {wrong}; do not clip, round or shift them",
            GradientError,
        )


def _largest(array: Array) -> float:
    """The largest absolute value, infinite if one is not a number."""
    largest = float(np.abs(array).max(initial=0.0))
    return largest if isfinite(largest) else inf
