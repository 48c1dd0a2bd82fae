"""Descents that come back: cycles of every length that is looked for, and what only looks like one."""

import numpy as np
import pytest

from minidl import SGD, FunctionObjective, Quadratic, minimize
from tests.training.test_minimize import bowl, check_invariants, descend, line


def logistic(r: float) -> FunctionObjective:
    """A function on which a step of learning rate 1 takes θ to r θ (1 − θ)."""
    return FunctionObjective(
        lambda t: t[0] ** 2 / 2 - r * (t[0] ** 2 / 2 - t[0] ** 3 / 3), lambda t: t - r * t * (1 - t), [0.3]
    )


CYCLES = [(2, 3.2), (3, 3.8318741), (4, 3.5), (5, 3.7389149), (6, 3.6275575), (7, 3.7016409), (8, 3.5546408)]


@pytest.mark.parametrize(("period", "r"), CYCLES)
def test_cycles_of_period_two_to_eight_are_found(period: int, r: float) -> None:
    objective = logistic(r)
    descent = descend(objective, 1.0, 5000)
    assert descent.fate == "cycle"
    assert f"the same {period} points return" in descent.reason
    assert descent.path is not None
    last = descent.path[-2 * period :, 0]
    np.testing.assert_allclose(last[period:], last[:-period], rtol=0, atol=1e-6)
    assert len(np.unique(last.round(6))) == period
    check_invariants(objective, descent)


def test_cycles_beyond_the_longest_period_and_chaos_are_none() -> None:
    assert descend(logistic(3.5), 1.0, 2000, max_period=3).fate == "unfinished"
    assert descend(logistic(3.5), 1.0, 2000, max_period=4).fate == "cycle"
    assert descend(logistic(3.5666674), 1.0, 5000).fate == "unfinished"
    assert descend(logistic(3.9), 1.0, 5000).fate == "unfinished"


def test_convergence_in_a_zigzag_is_no_cycle() -> None:
    assert descend(bowl(), 1.9, 2000).fate == "stationary"
    assert descend(bowl(), 2.0, 2000).fate == "cycle"
    assert descend(bowl(), 1.99999, 2000).fate == "unfinished"
    assert descend(bowl(), 1.9999999, 2000, cycle_tolerance=1e-6).fate == "cycle"


def test_a_creep_along_a_valley_while_jumping_across_is_no_cycle() -> None:
    valley = Quadratic([[1.0, 0.0], [0.0, 1e4]])
    descent = minimize(valley, SGD(valley.parameters(), lr=2 / (1 + 1e4)), steps=200_000)
    assert descent.fate == "stationary"
    assert descent.value < 1e-12


def test_points_of_a_cycle_lie_a_million_times_its_tolerance_apart() -> None:
    assert descend(bowl(0.51), 2.0, cycle_tolerance=1e-6).fate == "cycle"
    assert descend(bowl(0.49), 2.0, cycle_tolerance=1e-6).fate == "unfinished"


@pytest.mark.parametrize("lr", [1e-16, 1e-10, 1e-7, 1e-5, 1e-3])
def test_a_slow_crawl_is_no_cycle(lr: float) -> None:
    assert descend(line(1e-3, start=1.0), lr, 2000).fate == "unfinished"
