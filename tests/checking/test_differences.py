"""Finite differences along one direction: which step counts, what rounding makes of it, and where the slope jumps."""

from collections.abc import Callable

import numpy as np
import pytest

from minidl.checking.differences import STEPS, five_point, jumps, measure, one_sided, rounding
from minidl.typing import Array

ONE = np.ones(1)
EPS = float(np.finfo(np.float64).eps)


def number(f: Callable[[float], float]) -> Callable[[float], Array]:
    return lambda t: np.array([f(t)])


@pytest.mark.parametrize("stencil", [five_point, one_sided])
@pytest.mark.parametrize("step", [0.5, -0.5])
def test_stencils_are_exact_for_polynomials_of_degree_four(
    stencil: Callable[[Callable[[float], Array], Array, float], float], step: float
) -> None:
    polynomial = number(lambda t: 1 + 2 * t + 3 * t**2 + 4 * t**3 + 5 * t**4)
    assert stencil(polynomial, ONE, step) == pytest.approx(2.0, abs=1e-13)


def test_a_kink_within_the_first_steps_is_measured_again_with_smaller_ones() -> None:
    close = number(lambda t: abs(t - 5e-4))
    assert measure(close, ONE, "", analytic=-1.0, allowed=1e-9).gap < 1e-9
    assert measure(close, ONE, "", analytic=1.0, allowed=1e-9).excess > 1.0


@pytest.mark.parametrize("place", [3e-10, -3e-10, 1e-11])
def test_a_kink_closer_than_all_steps_is_seen_from_one_side(place: float) -> None:
    close = number(lambda t: abs(t - place))
    steps = tuple(float(-np.sign(place)) * step for step in STEPS[1:])
    assert measure(close, ONE, "", analytic=-np.sign(place), allowed=1e-9).excess > 0.1
    assert measure(close, ONE, "", -np.sign(place), 1e-9, stencil=one_sided, steps=steps).gap < 1e-9


def test_where_nothing_agrees_the_step_counts_that_is_least_in_doubt() -> None:
    bend = number(lambda t: np.sin(300.0 * t) / 300.0)  # bends too much for the first step alone
    slope = measure(bend, ONE, "", analytic=1.1, allowed=1e-9)
    assert slope.numeric == pytest.approx(1.0, abs=1e-6)
    assert slope.noise < 1e-6
    assert slope.excess == pytest.approx(0.1, abs=1e-5)


@pytest.mark.parametrize("size", [1.0, 1e6])
def test_rounding_is_at_least_some_units_in_the_last_place(size: float) -> None:
    assert rounding(number(lambda t: size + 0.0 * t), ONE) == 8 * EPS * size


@pytest.mark.parametrize("amplified", 10.0 ** np.arange(2, 9))
@pytest.mark.parametrize("kink", [0.0, 1.0])
def test_rounding_is_found_where_a_function_amplifies_it_also_beside_a_kink(amplified: float, kink: float) -> None:
    found = rounding(number(lambda t: ((amplified + t) - amplified) + kink * abs(t)), ONE)
    assert 0.1 * EPS * amplified < found < 10 * EPS * amplified


@pytest.mark.parametrize("height", [1e-6, 1.0, 1e6])
def test_a_kink_jumps_whatever_its_size(height: float) -> None:
    assert jumps(number(lambda t: height * abs(t)), ONE)


@pytest.mark.parametrize(
    "smooth",
    [
        number(lambda t: 1e3 * t * t),
        number(lambda t: (1e6 + t) ** 2),
        number(lambda t: (1e10 + t) - 1e10),
        number(lambda t: float(np.float32(1.1 + t))),
    ],
    ids=["bend", "large", "rounded", "float32"],
)
def test_neither_bends_nor_rounding_are_kinks(smooth: Callable[[float], Array]) -> None:
    assert not jumps(smooth, ONE)
