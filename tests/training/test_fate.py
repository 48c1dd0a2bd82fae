"""The fates of descent on f(x, y) = (3 − x³) + 50 (2y² − x)², and the kinds of points where it can come to rest."""

from inspect import signature

import numpy as np
import pytest

from minidl import SGD, CubicValley, Momentum, minimize
from minidl.training.fate import FateWatch, kind_of_point
from minidl.training.minimize import Descent
from minidl.typing import Array

BUDGET = 20_000


def descend(x: float, y: float, lr: float, momentum: float = 0.0, **options: float) -> Descent:
    valley = CubicValley(x, y)
    optimizer = Momentum(valley.parameters(), lr, momentum) if momentum else SGD(valley.parameters(), lr)
    return minimize(valley, optimizer, BUDGET, **options)  # type: ignore[arg-type]  # all options here are floats


def plain_path(x: float, y: float, lr: float, momentum: float, steps: int) -> Array:
    """Gradient descent with momentum on f, written out."""
    points, vx, vy = [(x, y)], 0.0, 0.0
    for _ in range(steps):
        vx = momentum * vx + -3 * x**2 - 100 * (2 * y**2 - x)
        vy = momentum * vy + 400 * y * (2 * y**2 - x)
        x, y = x - lr * vx, y - lr * vy
        points.append((x, y))
    return np.array(points)


def f(x: float, y: float) -> float:
    return (3 - x**3) + 50 * (2 * y**2 - x) ** 2


RUNS = [(-1, 1, 1e-4, 0), (1, 1, 1e-4, 0), (1, 1, 1e-3, 0), (1, 1, 5e-3, 0), (1, 1, 1e-2, 0), (-1, 1, 1e-4, 0.9)]


@pytest.mark.parametrize(("x", "y", "lr", "momentum"), RUNS)
def test_paths_agree_with_a_plain_loop(x: float, y: float, lr: float, momentum: float) -> None:
    descent = descend(x, y, lr, momentum)
    steps = min(descent.steps, 1500)
    assert descent.path is not None
    np.testing.assert_allclose(descent.path[: steps + 1], plain_path(x, y, lr, momentum, steps), rtol=1e-6)


def test_small_steps_come_to_rest_beside_the_saddle() -> None:
    descent = descend(-1, 1, 1e-4)
    assert descent.fate == "stationary"
    assert "degenerate" in descent.reason
    assert descent.theta.tolist() == [pytest.approx(0.0006, abs=5e-5), pytest.approx(0.018, abs=5e-4)]
    assert 2.999999999 < descent.value < 3


def test_small_steps_from_the_other_side_run_away_and_in_the_end_blow_up() -> None:
    descent = descend(1, 1, 1e-4)
    assert descent.fate == "ran away"
    assert -1100 < descent.loss[-1] < -1000 <= descent.loss[-2]
    x, y = descent.theta
    assert x == pytest.approx(2 * y**2, rel=0.02)
    on = descend(1, 1, 1e-4, floor=-np.inf)
    assert on.fate == "blew up"
    assert min(on.loss) < -1e5


def test_ten_times_longer_steps_fall_overshoot_and_blow_up() -> None:
    descent = descend(1, 1, 1e-3)
    assert descent.fate == "blew up"
    assert round(min(descent.loss)) == -114
    assert descent.loss[-1] > 52e6


CYCLE = {(0.4000, -0.4056): 3.188, (0.3669, -0.4632): 3.144}


@pytest.mark.parametrize(("start", "side"), [((1, 1), 1), ((0.1, 0.1), -1)])
def test_too_long_for_the_walls_is_a_cycle_of_two(start: tuple[float, float], side: int) -> None:
    descent = descend(*start, 5e-3)
    assert descent.fate == "cycle"
    assert "the same 2 points" in descent.reason
    assert descent.path is not None
    for point in descent.path[-2:]:
        (nearest,) = [p for p in CYCLE if np.allclose(point * [1, side], p, rtol=0, atol=6e-5)]
        assert f(*point) == pytest.approx(CYCLE[nearest], abs=6e-4)
    assert abs(descent.path[-1] - descent.path[-2]).max() > 0.03


def test_what_the_cycle_had_found_before_is_lost() -> None:
    descent = descend(0.1, 0.1, 5e-3)
    assert int(np.argmin(descent.loss)) == 5662
    assert min(descent.loss) == pytest.approx(2.738, abs=5e-4)
    assert descent.value > 3.1


def test_the_longest_steps_blow_up_at_once() -> None:
    descent = descend(1, 1, 1e-2)
    assert descent.fate == "blew up"
    assert descent.steps <= 6
    assert np.isfinite(descent.loss).all()
    with np.errstate(all="ignore"):
        values = [CubicValley.f(point) for point in plain_path(1, 1, 1e-2, 0, 6)]
    assert np.isfinite(values).tolist() == [True] * 6 + [False]
    # Without a ceiling, it goes on up to the last point whose value and gradient are finite.
    further = descend(1, 1, 1e-2, ceiling=np.inf)
    assert further.steps == len(further.loss) == 5
    assert [*further.loss, further.value] == pytest.approx(values[:6], rel=1e-6)


def test_momentum_passes_the_saddle_where_plain_descent_stays() -> None:
    descent = descend(-1, 1, 1e-4, momentum=0.9)
    assert descent.fate == "ran away"
    assert descent.path is not None
    assert np.linalg.norm(descent.path, axis=1).min() < 0.25
    assert descent.theta[0] > 8
    assert descent.theta[1] < -2


KINDS = {
    "a minimum": [[1.0, 100.0], [1.1e-3, 100.0]],
    "a maximum": [[-3.0, -1.0], [-100.0, -1.1e-3]],
    "a saddle": [[-1.0, 0.0, 1.0], [-1.1e-3, 100.0], [-100.0, 1.1e-3]],
    "degenerate": [[0.0, 100.0], [-9e-4, 100.0], [0.0, -1.0], [0.0, 0.0], [-100.0, -9e-4], [-100.0, 9e-4]],
}


@pytest.mark.parametrize(("kind", "eigenvalues"), [(kind, each) for kind, cases in KINDS.items() for each in cases])
def test_kind_of_point_from_the_eigenvalues(kind: str, eigenvalues: list[float]) -> None:
    turn, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(len(eigenvalues),) * 2))
    assert kind_of_point(turn @ np.diag(eigenvalues) @ turn.T).startswith(kind)


@pytest.mark.parametrize("eigenvalues", [[1.0, 1e-5], [1.0, -1e-5], [-1.0, 1e-5], [-1.0, -1e-5]])
def test_an_eigenvalue_at_the_border_counts_as_zero(eigenvalues: list[float]) -> None:
    assert kind_of_point(np.diag(eigenvalues)).startswith("degenerate")


def test_a_watch_has_the_thresholds_of_minimize_by_default() -> None:
    watch, function = signature(FateWatch).parameters, signature(minimize).parameters
    assert {name: each.default for name, each in watch.items()} == {name: function[name].default for name in watch}
