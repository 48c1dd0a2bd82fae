"""The Gaussian error linear unit, and the error function, which NumPy lacks."""

from __future__ import annotations

from math import pi, sqrt

import numpy as np

from minidl.arguments import flag
from minidl.layers.activations import Activation
from minidl.modules import cached
from minidl.typing import Array

__all__ = ["GELU", "erf", "normal_cdf"]


class GELU(Activation):
    """``y = x Φ(x)`` with the normal distribution ``Φ(x) = ½ (1 + erf(x/√2))`` (Hendrycks and Gimpel 2016).

    Shapes    x and y of any equal shape
    Backward  dx = g (Φ(x) + x φ(x))     with g = dL/dy, φ = Φ′ = e^(−x²/2) / √(2π)

    With ``approximate=True``, Φ(x) is ``½ (1 + t)`` with t = tanh(√(2/π) (x + 0.044715 x³)), and its derivative is
    ``½ (1 − t²) √(2/π) (1 + 0.134145 x²)``. Both conventions are PyTorch's.

    Args:
        approximate: whether to use the tanh formula, which is within 5e-4 of the exact one.

    >>> GELU()(np.array([[-10.0, 0.0, 1.0]])).round(4)
    array([[-0.    ,  0.    ,  0.8413]])
    """

    x: Array = cached()
    cdf: Array = cached()

    def __init__(self, *, approximate: bool = False) -> None:
        self.approximate = flag("GELU: approximate", approximate)

    def forward(self, x: Array) -> Array:
        self.x = x
        if self.approximate:
            inside = np.clip(x, -FAR, FAR)
            cdf: Array = 0.5 + 0.5 * np.tanh(sqrt(2 / pi) * (inside + 0.044715 * inside * inside * inside))
        else:
            cdf = normal_cdf(x)
        self.cdf = cdf
        return x * cdf

    def backward(self, grad: Array) -> Array:
        x, cdf = self.x, self.cdf
        if self.approximate:
            x = np.clip(x, -FAR, FAR)
            # ½ (1 − t²) = 2 cdf (1 − cdf), as t = 2 cdf − 1
            slope: Array = 2 * cdf * (1 - cdf) * sqrt(2 / pi) * (1 + 0.134145 * x * x)
        else:
            with np.errstate(over="ignore"):  # of x², and e^(−∞) is 0
                slope = x * x
            slope *= -0.5
            np.exp(slope, out=slope)
            slope *= 1 / sqrt(2 * pi)
        slope *= x
        slope += cdf
        slope *= grad
        return slope


FAR = 100.0
"""Beyond ±100, Φ is 0 or 1 and φ is 0. Powers of x are taken of numbers clipped to that, so that none overflows."""


def normal_cdf(x: Array) -> Array:
    """``Φ(x) = ½ (1 + erf(x/√2))``, to 1e-15.

    In float32, it is ½ (1 + tanh(x P(x²))) with a polynomial P, to 1e-7.

    >>> normal_cdf(np.array([-10.0, 0.0, 1.0])).round(8)
    array([0.        , 0.5       , 0.84134475])
    """
    if x.dtype == np.float32:  # in a sixth of the time that Cody's functions take
        with np.errstate(over="ignore"):  # to infinity, whose tanh is 1
            result = _polynomial(x * x, NARROW)
            result *= x
        np.tanh(result, out=result)
    else:
        result = erf(x / sqrt(2))
    result *= 0.5
    result += 0.5
    return result


def erf(x: Array) -> Array:
    """``erf(x) = 2/√π ∫₀ˣ e^(−t²) dt``, to 1e-15, by the rational functions of Cody (1969).

    >>> erf(np.array([-10.0, 0.0, 1.0])).round(8)
    array([-1.        ,  0.        ,  0.84270079])
    """
    size = np.abs(x)
    # Both formulas are evaluated everywhere, on arguments clipped so that nothing overflows.
    tail = np.minimum(size, 6.0)  # beyond 6 the result is 1
    outer: Array = np.copysign(1 - np.exp(-tail * tail) * _ratio(tail, OUTER), x)
    small = size <= 0.46875
    square = np.minimum(size, 0.46875) ** 2
    inner = x * _ratio(square, INNER)
    return np.where(small, inner, outer)


def _ratio(x: Array, coefficients: tuple[tuple[float, ...], tuple[float, ...]]) -> Array:
    """The quotient of two polynomials, highest power first."""
    above, below = (_polynomial(x, each) for each in coefficients)
    above /= below
    return above


def _polynomial(x: Array, coefficients: tuple[float, ...]) -> Array:
    """Horner's rule in place. One temporary less per operation saves a tenth of a step."""
    y = x * coefficients[0]
    y += coefficients[1]
    for coefficient in coefficients[2:]:
        y *= x
        y += coefficient
    return y


# erf(x) = x P(x²) / Q(x²) for |x| ≤ 0.46875, W. J. Cody, Rational Chebyshev approximations for the error function,
# Mathematics of Computation 23 (1969) 631-637.
INNER = (
    (
        1.85777706184603153e-1,
        3.16112374387056560e0,
        1.13864154151050156e2,
        3.77485237685302021e2,
        3.20937758913846947e3,
    ),
    (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3),
)
# 1 − erf(x) = e^(−x²) P(x) / Q(x) for 0.46875 ≤ x ≤ 4; beyond 4 it is below 2e-8, so its relative error is negligible.
OUTER = (
    (
        2.15311535474403846e-8,
        5.64188496988670089e-1,
        8.88314979438837594e0,
        6.61191906371416295e1,
        2.98635138197400131e2,
        8.81952221241769090e2,
        1.71204761263407058e3,
        2.05107837782607147e3,
        1.23033935479799725e3,
    ),
    (
        1.0,
        1.57449261107098347e1,
        1.17693950891312499e2,
        5.37181101862009858e2,
        1.62138957456669019e3,
        3.29079923573345963e3,
        4.36261909014324716e3,
        3.43936767414372164e3,
        1.23033935480374942e3,
    ),
)
# Φ(x) = ½ (1 + tanh(x P(x²))) for |x| ≤ 5.7, off by 3e-8 at most, and P grows beyond: P is fitted to
# atanh(erf(x/√2)) / x by weighted least squares.
NARROW = (
    1.756279139e-09,
    -1.322663354e-07,
    3.964773805e-06,
    -5.530632001e-05,
    -3.259473761e-05,
    3.633308440e-02,
    7.978849415e-01,
)
