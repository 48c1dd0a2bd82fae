"""How a descent ends: where each fate begins, that it fits the last point, and that a last step can be taken back."""

from math import inf, nan
from typing import Any

import numpy as np
import pytest

from minidl import (
    SGD,
    CubicValley,
    DivergenceError,
    FunctionObjective,
    History,
    HyperparameterError,
    Momentum,
    Objective,
    Parameter,
    RecordPath,
    minimize,
)
from minidl.training.fate import NOT_FINITE
from minidl.training.minimize import Descent
from tests.callbacks.recording import Hooks, stops
from tests.helpers import unchanged
from tests.training.descents import Walk, bowl, check_invariants, descend, line

LAST: list[tuple[Objective, float, int, dict[str, float], str, str]] = [
    # objective, learning rate, steps, thresholds; the fate and its reason
    (CubicValley(1, 1), 1e-2, 2, {}, "blew up", "the value rose to 2.53e+11"),
    (CubicValley(1, 1), 1e-2, 1, {}, "unfinished", "all 1 steps were taken"),
    (CubicValley(1, 1), 1e-4, 2942, {}, "unfinished", "all 2942 steps were taken"),
    (CubicValley(1, 1), 1e-4, 2943, {}, "ran away", "the value fell below -1000"),
    (CubicValley(1, 1), 1e-4, 2943, {"floor": -inf}, "unfinished", "all 2943 steps were taken"),
    (line(1.0), 1.0, 5, {"floor": -5.0}, "unfinished", "all 5 steps were taken"),
    (line(1.0), 1.0, 6, {"floor": -5.0}, "ran away", "the value fell below -5"),
    (line(1.0), 1.0, 0, {"floor": 1.0}, "ran away", "the value fell below 1"),
    (bowl(1.0), 3.0, 3, {"ceiling": 32.0}, "unfinished", "all 3 steps were taken"),
    (bowl(1.0), 3.0, 4, {"ceiling": 32.0}, "blew up", "the value rose to 128"),
    (bowl(2.0), 3.0, 2, {"ceiling": 16.0}, "unfinished", "all 2 steps were taken"),
    (bowl(2.0), 3.0, 2, {"ceiling": 15.0}, "blew up", "the value rose to 32"),
]


@pytest.mark.parametrize(("objective", "lr", "steps", "thresholds", "fate", "reason"), LAST)
def test_the_last_point_is_judged_too(
    objective: Objective, lr: float, steps: int, thresholds: dict[str, Any], fate: str, reason: str
) -> None:
    descent = descend(objective, lr, steps, **thresholds)
    assert (descent.fate, descent.reason, descent.steps) == (fate, reason, steps)
    check_invariants(objective, descent)


def test_the_reason_is_that_of_the_fate_also_where_a_callback_stops() -> None:
    for step, fate, reason in (
        (5, "unfinished", "enough"),
        (6, "ran away", "fell below"),
        (7, "ran away", "fell below"),
    ):
        descent = descend(line(1.0), 1.0, 50, floor=-5.0, callbacks=[stops("on_step_end", step)])
        assert (descent.steps, descent.fate) == (step, fate)
        assert reason in descent.reason


def arctan(slope: float = 1e3) -> FunctionObjective:
    """It falls to −slope π/2, and has a value, without slope, even at infinity."""
    return FunctionObjective(lambda t: -slope * float(np.arctan(t).sum()), lambda t: -slope / (1.0 + t * t), [0.0, 0.0])


@pytest.mark.parametrize("steps", [1, 2, 200])
@pytest.mark.parametrize("slope", [1e3, 1.5])
def test_parameters_that_are_not_finite_are_no_end(slope: float, steps: int) -> None:
    objective, recorder = arctan(slope), RecordPath()
    descent = minimize(objective, SGD(objective.parameters(), 1.7e308), steps, [recorder])
    assert (descent.fate, descent.reason, descent.steps) == ("blew up", NOT_FINITE, 0)
    assert descent.theta.tolist() == [0.0, 0.0]
    check_invariants(objective, descent)


@pytest.mark.parametrize("steps", [1, 2, 200])
def test_one_parameter_that_is_not_finite_is_no_end(steps: int) -> None:
    objective = FunctionObjective(
        lambda t: -float(np.arctan(t[0])), lambda t: [-1e3 / (1.0 + t[0] ** 2), 0.0], [0.0, 2.0]
    )
    descent = minimize(objective, SGD(objective.parameters(), 1.7e308), steps)
    assert (descent.fate, descent.reason, descent.steps) == ("blew up", NOT_FINITE, 0)
    assert descent.theta.tolist() == [0.0, 2.0]
    check_invariants(objective, descent)


def test_parameters_whose_squares_overflow_are_finite() -> None:
    objective = arctan()
    descent = minimize(objective, SGD(objective.parameters(), 1e200), 200, floor=-inf)
    assert descent.fate == "stationary"
    assert descent.theta.tolist() == [1e203, 1e203]


def test_momentum_that_carries_into_infinity_is_taken_back_where_it_left() -> None:
    objective = arctan()
    descent = minimize(objective, Momentum(objective.parameters(), 5e304, 0.99), 200, floor=-inf)
    assert (descent.fate, descent.reason) == ("blew up", NOT_FINITE)
    assert 0 < descent.steps < 200
    assert 1e307 < descent.theta[0] < inf
    check_invariants(objective, descent)


def logarithm() -> FunctionObjective:
    """From 1 with learning rate 0.6 the first step leads to 0.4, the second below 0."""
    return FunctionObjective(lambda t: np.log(t[0]), lambda t: 1 / t, [1.0])


@pytest.mark.parametrize("objective", [logarithm(), arctan()])
@pytest.mark.parametrize("steps", [2, 200])
def test_a_step_is_taken_back_in_all_that_keep_it(objective: FunctionObjective, steps: int) -> None:
    objective.parameters().value = objective.start
    keepers: list[Any] = [RecordPath(), History(), RecordPath(), History()]
    optimizer = SGD(objective.parameters(), 0.6 if objective.theta.size == 1 else 1.7e308)
    descent = minimize(objective, optimizer, steps, keepers)
    check_invariants(objective, descent)
    assert descent.fate == "blew up"
    for keeper in keepers[1::2]:
        assert keeper.loss == descent.loss
    for keeper in keepers[::2]:
        assert np.array_equal(keeper.points, descent.path)  # type: ignore[arg-type]  # a path is kept of so few


class Moody(Objective):
    """1 or infinite, whatever its parameters: what depends on more than these can do so."""

    def __init__(self, *values: float) -> None:
        self.theta = Parameter([1.0])
        self.values = iter(values)

    def forward(self) -> float:
        return next(self.values)

    def backward(self) -> None:
        self.theta.grad = [1.0]


@pytest.mark.parametrize("values", [(1.0, inf, inf, inf), (1.0, inf, 1.0, 1.0), (1.0, 1.0, inf, 1.0, 1.0)])
def test_before_the_first_step_there_is_none_to_take_back(values: tuple[float, ...]) -> None:
    objective, history = Moody(*values), History()
    history.loss = [3.0]  # of an earlier run
    descent = minimize(objective, SGD(objective.parameters(), 0.1), 5, [history])
    assert (descent.fate, descent.steps, descent.loss, descent.value) == ("blew up", 0, [], 1.0)
    assert history.loss == [3.0]
    assert descent.theta.tolist() == [1.0]


def test_losses_are_python_numbers() -> None:
    seen: list[type] = []

    class Square(Objective):
        def __init__(self) -> None:
            self.theta = Parameter([1.0])

        def forward(self) -> float:
            return np.float64(self.theta.value[0] ** 2)

        def backward(self) -> None:
            self.theta.grad = 2 * self.theta.value

    objective, history = Square(), History()
    sees = Hooks(on_step_end=lambda run: seen.append(type(run.loss)))
    descent = minimize(objective, SGD(objective.parameters(), 0.1), 3, [history, sees])
    assert seen == [float] * 3
    assert {type(loss) for loss in [*history.loss, *descent.loss, descent.value]} == {float}


@pytest.mark.parametrize("lr", [1.0, 1e-2])
@pytest.mark.parametrize("step", range(7))
def test_a_stop_before_a_step_ends_at_a_finite_point(step: int, lr: float) -> None:
    objective = CubicValley(1, 1)
    with np.errstate(all="ignore"):
        descent = descend(objective, lr, 50, ceiling=1e300, callbacks=[stops("on_step_begin", step + 1)])
        assert np.isfinite(descent.value)
        assert descent.value == objective.value(descent.theta)
        check_invariants(objective, descent)


def test_a_hessian_that_is_not_finite_is_said_to_be_so() -> None:
    objective = FunctionObjective(
        lambda t: float((t * t).sum()), lambda t: np.where(t < 0, np.nan, 2 * t), [0.0, 0.0, 0.0]
    )
    descent = minimize(objective, SGD(objective.parameters(), 0.1), 200)
    assert (descent.fate, descent.reason.partition("; ")[2]) == ("stationary", "its Hessian is not finite")


def walk(points: list[float], **options: float) -> Descent:
    descent = descend(Walk(points), 1.0, len(points) - 1, **options)
    assert descent.path is not None
    np.testing.assert_allclose(descent.path[:, 0], points[: len(descent.path)], rtol=0, atol=1e-15)
    return descent


def test_what_is_just_allowed() -> None:
    assert descend(bowl(0.0), 0.5, patience=1).steps == 1
    assert descend(line(5e-7), 10.0, 3, patience=1).fate == "unfinished"
    assert descend(bowl(0.0), 0.5, tolerance=0.0).fate == "stationary"
    assert descend(bowl(), 2.0, max_period=2).fate == "cycle"
    assert descend(bowl(), 2.0, cycle_tolerance=0.0).fate == "cycle"
    assert descend(bowl(), 3.0, ceiling=0.5).loss == [0.5, 2.0]
    assert descend(bowl(), 0.5, np.int64(3)).steps == 3  # type: ignore[arg-type]  # NumPy's integers are integers, too


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        *((name, nan) for name in ("tolerance", "cycle_tolerance", "ceiling", "floor")),
        *[("tolerance", -1e-9), ("cycle_tolerance", -1e-9), ("ceiling", 0.0), ("ceiling", -1.0)],
    ],
)
def test_what_is_just_refused(name: str, wrong: float) -> None:
    objective = bowl()
    with (
        unchanged(objective),
        pytest.raises(HyperparameterError, match=f"{name} must be a number.*, got {wrong}$"),
    ):
        descend(objective, 0.1, 3, **{name: wrong})


def test_a_first_value_below_zero_sets_the_ceiling_by_its_size() -> None:
    sunk = FunctionObjective(lambda t: t[0] ** 2 / 2 - 100, lambda t: t, [1.0])
    assert descend(sunk, 3.0, ceiling=1.0).loss == [-99.5, -98.0, -92.0, -68.0, 28.0, 412.0]


def test_the_default_ceiling() -> None:
    assert walk([1.0, 1e6, 0.0, 1e6 + 0.5, 0.0, 0.0]).loss == [1.0, 1e6, 0.0, 1e6 + 0.5]
    assert walk([2.0, 2e6, 0.0, 2e6 + 0.5, 0.0, 0.0]).loss == [2.0, 2e6, 0.0, 2e6 + 0.5]


def test_the_default_longest_period_is_eight() -> None:
    for period in (8, 9):
        points = [float(step % period) for step in range(5 * period)]
        assert walk(points).fate == ("cycle" if period == 8 else "unfinished")
        assert walk(points, max_period=9).reason == f"the same {period} points return, to within 1e-09"


@pytest.mark.parametrize(("miss", "fate"), [(0.9e-9, "cycle"), (1.1e-9, "unfinished")])
def test_the_default_tolerance_of_a_cycle(miss: float, fate: str) -> None:
    for points in ([0.0, 1.0, miss, 1.0, 0.0], [0.0, 1.0, 0.0, 1.0, miss], [0.0, 1.0, 0.0, 1.0 + miss, 0.0]):
        assert walk(points).fate == fate


@pytest.mark.parametrize(("miss", "fate"), [(0.9e-10, "cycle"), (1.1e-10, "unfinished")])
@pytest.mark.parametrize("near", [1, 2, 3])
def test_a_cycle_is_as_exact_as_its_two_nearest_points_ask_for(near: int, miss: float, fate: str) -> None:
    once = [0.0, 1.0, 2.0, 3.0]
    once[near] = 1e-4
    assert walk([*once, miss, *once[1:], miss]).fate == fate


@pytest.mark.parametrize(("tolerance", "fate"), [(41.0, "cycle"), (39.0, "unfinished")])
def test_a_large_cycle_may_have_a_large_tolerance(tolerance: float, fate: str) -> None:
    # The second return misses by 4 · 1e-7 · 1e8.
    assert descend(bowl(1e8), 2 - 1e-7, 4, cycle_tolerance=tolerance, ceiling=inf).fate == fate


@pytest.mark.parametrize(("still", "fate"), [(1, "cycle"), (2, "unfinished")])
def test_a_cycle_all_of_whose_points_are_still_is_none(still: int, fate: str) -> None:
    # Steps shrink: the last so many of four are within the tolerance, the others not.
    shrink = 1e-8
    tolerance = (2 - shrink) * (1 - shrink) ** (3.5 - still)
    assert descend(bowl(), 2 - shrink, 4, cycle_tolerance=1e-7, tolerance=tolerance).fate == fate


@pytest.mark.parametrize(("value", "slope"), [(0.0, nan), (0.0, inf), (nan, 0.0), (inf, 0.0), (-inf, 0.0)])
def test_a_start_is_refused_where_value_or_gradient_is_not_finite(value: float, slope: float) -> None:
    objective = FunctionObjective(lambda _: value, lambda _: [0.0, slope], [1.0, 1.0])
    with pytest.raises(DivergenceError, match="not finite at the start"):
        descend(objective, 0.1)


@pytest.mark.parametrize("size", [100, 101])
def test_the_hessian_is_looked_at_for_up_to_a_hundred_parameters(size: int) -> None:
    wide = FunctionObjective(lambda t: float(t @ t), lambda t: 2 * t, np.zeros(size))
    descent = descend(wide, 0.1, patience=3)
    assert descent.fate == "stationary"
    assert descent.reason.endswith("for 3 steps; a minimum (Hessian eigenvalues 2 to 2)" if size == 100 else "3 steps")


def test_the_path_is_recorded_once() -> None:
    seen: list[int] = []
    count = Hooks(on_fit_begin=lambda run: seen.append(sum(isinstance(each, RecordPath) for each in run.callbacks)))
    for callbacks in ([count], [RecordPath(), count], [count, RecordPath()]):
        descend(bowl(), 0.1, 3, callbacks=callbacks)
    assert seen == [1, 1, 1]
