"""Slopes along one direction: which step counts, how far rounding shifts it, and where it jumps."""

from collections.abc import Callable

import numpy as np
import pytest

from minidl.checking.noise import EPS, STEPS, Slope, jumps, measure, one_sided, rounding
from minidl.differences import five_point

Change = Callable[[float], float]
UNKNOWN = Slope("", analytic=0.0, numeric=0.0)


def change(f: Change) -> Change:
    """How much a function changes from t = 0, as the checks look at it."""
    return lambda t: f(t) - f(0.0)


@pytest.mark.parametrize("stencil", [five_point, one_sided])
@pytest.mark.parametrize("step", [0.5, -0.5])
def test_stencils_are_exact_for_polynomials_of_degree_four(
    stencil: Callable[[Change, float], float], step: float
) -> None:
    polynomial = change(lambda t: 1 + 2 * t + 3 * t**2 + 4 * t**3 + 5 * t**4)
    assert stencil(polynomial, step) == pytest.approx(2.0, abs=1e-13)


def test_a_kink_within_the_first_steps_is_measured_again_with_smaller_ones() -> None:
    close = change(lambda t: abs(t - 5e-4))
    assert measure(close, UNKNOWN._replace(analytic=-1.0), 1e-9, EPS).gap < 1e-9
    assert measure(close, UNKNOWN._replace(analytic=1.0), 1e-9, EPS).excess > 1.0


@pytest.mark.parametrize("place", [3e-10, -3e-10, 1e-11])
def test_a_kink_closer_than_all_steps_is_seen_from_one_side(place: float) -> None:
    close = change(lambda t: abs(t - place))
    steps = tuple(float(-np.sign(place)) * step for step in STEPS[1:])
    slope = UNKNOWN._replace(analytic=float(-np.sign(place)))
    assert measure(close, slope, 1e-9, EPS).excess > 0.1
    assert measure(close, slope, 1e-9, EPS, stencil=one_sided, steps=steps).gap < 1e-9


def test_if_no_step_agrees_the_one_with_the_least_noise_counts() -> None:
    bend = change(lambda t: np.sin(300.0 * t) / 300.0)  # bends too much for the first step alone
    slope = measure(bend, UNKNOWN._replace(analytic=1.1), 1e-9, EPS)
    assert slope.numeric == pytest.approx(1.0, abs=1e-6)
    assert slope.noise < 1e-6
    assert slope.excess == pytest.approx(0.1, abs=1e-5)


@pytest.mark.parametrize("size", [1.0, 1e6])
def test_rounding_is_at_least_some_units_in_the_last_place(size: float) -> None:
    assert rounding(change(lambda t: size + 0.0 * t), EPS * size) == 8 * EPS * size


@pytest.mark.parametrize("amplified", 10.0 ** np.arange(2, 9))
@pytest.mark.parametrize("kink", [0.0, 1.0])
def test_rounding_is_measured_where_a_function_amplifies_it_even_beside_a_kink(amplified: float, kink: float) -> None:
    found = rounding(change(lambda t: ((amplified + t) - amplified) + kink * abs(t)), EPS)
    assert 0.1 * EPS * amplified < found < 10 * EPS * amplified


@pytest.mark.parametrize("height", [1e-6, 1.0, 1e6])
def test_the_slope_jumps_at_a_kink_of_any_size(height: float) -> None:
    assert jumps(change(lambda t: height * abs(t)), EPS)


@pytest.mark.parametrize(
    ("smooth", "size"),
    [
        (lambda t: 1e3 * t * t, 1.0),
        (lambda t: (1e6 + t) ** 2, 1e12),
        (lambda t: (1e10 + t) - 1e10, 1.0),
        (lambda t: float(np.float32(1.1 + t)), 1.1),
    ],
    ids=["bend", "large", "rounded", "float32"],
)
def test_neither_bends_nor_rounding_are_kinks(smooth: Change, size: float) -> None:
    assert not jumps(change(smooth), EPS * size)
