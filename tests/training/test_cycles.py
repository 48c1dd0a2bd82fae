"""Descents that come back: cycles of every length that is looked for, and what only looks like one."""

import numpy as np
import pytest

from minidl import SGD, FunctionObjective, Quadratic, minimize
from minidl.typing import Array
from tests.training.descents import bowl, check_invariants, descend, line


def logistic(r: float, scale: float = 1.0) -> FunctionObjective:
    """A function on which a step of learning rate 1 takes x = θ / scale to r x (1 − x)."""

    def value(t: Array) -> float:
        x = t[0] / scale
        return float(scale * scale * (x**2 / 2 - r * (x**2 / 2 - x**3 / 3)))

    return FunctionObjective(value, lambda t: t - r * t * (1 - t / scale), [0.3 * scale])


CYCLES = [(2, 3.2), (3, 3.8318741), (4, 3.5), (5, 3.7389149), (6, 3.6275575), (7, 3.7016409), (8, 3.5546408)]


@pytest.mark.parametrize("scale", [1.0, 1e-2, 1e-4, 1e-5])
@pytest.mark.parametrize(("period", "r"), CYCLES)
def test_cycles_of_period_two_to_eight_are_found(period: int, r: float, scale: float) -> None:
    objective = logistic(r, scale)
    descent = descend(objective, 1.0, 5000)
    assert descent.fate == "cycle"
    assert f"the same {period} points return" in descent.reason
    assert descent.path is not None
    last = descent.path[-2 * period :, 0] / scale
    np.testing.assert_allclose(last[period:], last[:-period], rtol=0, atol=1.1e-9 / max(scale, 1e-3))
    assert np.diff(np.sort(last[:period])).min() > 1e-3
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


@pytest.mark.parametrize("start", [1e-7, 1e-4, 0.3, 1e3])
def test_a_step_that_jumps_to_and_fro_over_a_kink_is_a_cycle_of_any_size(start: float) -> None:
    objective = FunctionObjective(lambda t: float(abs(t).sum()), np.sign, [start])
    descent = descend(objective, 2 * start)
    assert (descent.fate, descent.steps) == ("cycle", 4)
    check_invariants(objective, descent)


@pytest.mark.parametrize("start", [1e-5, 1e-4, 1e-2, 1.0])
def test_points_of_a_cycle_return_to_within_a_millionth_of_their_distance(start: float) -> None:
    # With a learning rate of 2 − η the second return of a point that is 2 θ away from the other misses it by 4 η θ.
    assert descend(bowl(start), 2 - 4.9e-7, 100, cycle_tolerance=1.0).fate == "cycle"
    assert descend(bowl(start), 2 - 5.1e-7, 100, cycle_tolerance=1.0).fate == "unfinished"


@pytest.mark.parametrize("miss", [0.9, 1.1])
def test_points_of_a_cycle_return_to_within_the_tolerance(miss: float) -> None:
    tolerance = 4 * 1e-8 * 0.5
    assert descend(bowl(0.5), 2 - miss * 1e-8, 5, cycle_tolerance=tolerance).fate == (
        "cycle" if miss < 1 else "unfinished"
    )


@pytest.mark.parametrize("start", [1e-6, 1e-4, 1e-2])
def test_a_small_creep_along_a_valley_while_jumping_across_is_no_cycle(start: float) -> None:
    for curvature in (1e3, 1e5, 1e6):
        valley = Quadratic([[1.0, 0.0], [0.0, curvature]], start=[start, start])
        assert descend(valley, 2 / (1 + curvature), 300).fate == "unfinished"


@pytest.mark.parametrize("lr", [1.1, 1.3, 1.5])
def test_rest_where_rounding_jumps_between_two_numbers_is_no_cycle(lr: float) -> None:
    descent = descend(Quadratic([[0.3]], linear=[7.0], start=[0.0]), lr / 0.3)
    assert descent.path is not None
    *_, before, last = descent.path[:, 0].tolist()
    assert before != last
    assert set(descent.path[-20:, 0].tolist()) == {before, last}
    assert descent.fate == "stationary"


@pytest.mark.parametrize("lr", [1e-16, 1e-10, 1e-7, 1e-5, 1e-3])
def test_a_slow_crawl_is_no_cycle(lr: float) -> None:
    assert descend(line(1e-3, start=1.0), lr, 2000).fate == "unfinished"
