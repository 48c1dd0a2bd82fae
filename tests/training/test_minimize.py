"""Minimising: what a descent holds, how each fate comes about, and the truth about the valley of the assignment."""

from collections.abc import Callable
from math import exp, inf, nan
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import (
    SGD,
    BCEWithLogitsLoss,
    Beale,
    Callback,
    CubicValley,
    Dense,
    DivergenceError,
    EmpiricalRisk,
    FunctionObjective,
    Himmelblau,
    HyperparameterError,
    Momentum,
    Objective,
    Quadratic,
    RecordPath,
    Rosenbrock,
    Run,
    StateError,
    minimize,
)
from minidl.training.minimize import Descent
from minidl.typing import Array
from tests.helpers import bits, unchanged
from tests.tables import seeds


def line(slope: float, start: float = 0.0) -> FunctionObjective:
    return FunctionObjective(lambda t: slope * t[0], lambda _: [slope], [start])


def bowl(start: float = 1.0) -> FunctionObjective:
    """θ²/2, where a step of learning rate η multiplies θ by 1 − η."""
    return FunctionObjective(lambda t: t[0] ** 2 / 2, lambda t: t, [start])


def descend(objective: Objective, lr: float, steps: int = 1000, **options: Any) -> Descent:
    return minimize(objective, SGD(objective.parameters(), lr), steps, **options)


def check_invariants(objective: Objective, descent: Descent) -> None:
    assert descent.path is not None
    assert len(descent.path) == len(descent.loss) + 1 == descent.steps + 1
    assert bits(descent.path[-1]) == bits(descent.theta) == bits(objective.parameters().value)
    assert np.isfinite(descent.path).all()
    assert np.isfinite([*descent.loss, descent.value]).all()
    assert [*descent.loss, descent.value] == [objective.value(point) for point in descent.path]
    gradient = objective.gradient(descent.theta)
    assert np.isfinite(gradient).all()
    assert bits(objective.parameters().grad) == bits(gradient)


@given(
    st.sampled_from([CubicValley, Rosenbrock, Himmelblau, Beale]), seeds, st.floats(-5, 1), st.sampled_from([0, 0.9])
)
def test_whatever_the_fate_all_is_finite_and_fits_together(
    make: type[Objective], seed: int, exponent: float, momentum: float
) -> None:
    objective = make()
    objective.parameters().value = start = np.random.default_rng(seed).normal(size=2)
    optimizer = Momentum(objective.parameters(), 10**exponent, momentum)
    descent = minimize(objective, optimizer, 150, ceiling=inf if seed % 2 else 1e6)
    check_invariants(objective, descent)
    assert descent.path is not None
    assert descent.path[0].tolist() == start.tolist()
    assert descent.fate in ("stationary", "cycle", "ran away", "blew up", "unfinished")
    assert descent.reason
    if descent.fate == "unfinished":
        assert -1e3 <= descent.value <= (inf if seed % 2 else 1e6 * max(1.0, abs([*descent.loss, descent.value][0])))
    assert repr(descent).startswith(f"Descent({descent.fate!r} after {descent.steps} steps at value")


def test_steps_by_hand() -> None:
    descent = descend(bowl(8.0), 0.5, 3)
    assert descent.loss == [32.0, 8.0, 2.0]
    assert descent.path is not None
    assert descent.path.tolist() == [[8.0], [4.0], [2.0], [1.0]]
    assert (descent.value, descent.steps, descent.fate) == (0.5, 3, "unfinished")
    assert descent.reason == "all 3 steps were taken"


def test_no_steps() -> None:
    objective = bowl(8.0)
    descent = descend(objective, 0.5, 0)
    check_invariants(objective, descent)
    assert (descent.loss, descent.steps, descent.value) == ([], 0, 32.0)


class StopAt(Callback):
    """Stops a run when so many steps are taken."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_end(self, run: Run) -> None:
        if run.step == self.step:
            run.stop("enough")


def test_a_callback_can_stop_it() -> None:
    objective = bowl(8.0)
    descent = descend(objective, 0.5, 100, callbacks=[StopAt(2)])
    assert (descent.steps, descent.fate, descent.reason) == (2, "unfinished", "enough")
    check_invariants(objective, descent)


def test_stationary_counts_steps_and_takes_gradient_and_step_together() -> None:
    at_rest = descend(bowl(0.0), 0.5)
    assert (at_rest.fate, at_rest.steps) == ("stationary", 100)
    assert descend(bowl(0.0), 0.5, patience=7).steps == 7
    assert descend(line(2e-6), 0.01).fate == "unfinished"
    assert descend(line(2e-6), 0.01, tolerance=3e-6).fate == "stationary"
    assert descend(line(5e-7), 10.0).fate == "unfinished"
    assert descend(line(5e-7), 1.0).fate == "stationary"


def test_stationary_starts_counting_anew_after_a_larger_gradient() -> None:
    slopes = [0.0] * 5 + [1e-3] + [0.0] * 20

    class Bumpy(FunctionObjective):
        def __init__(self) -> None:
            self.calls = -1
            super().__init__(lambda _: 0.0, self.slope, [0.0])

        def slope(self, _: object) -> list[float]:
            self.calls += 1
            return [slopes[max(self.calls - 1, 0)]]  # minimize looks once before the first step

    assert descend(Bumpy(), 1e-9, 26, patience=6).steps == 12


KINDS: list[tuple[Callable[[], Objective], str]] = [
    (lambda: Quadratic([[1.0, 0.0], [0.0, 2.0]]), "a minimum (Hessian eigenvalues 1 to 2)"),
    (
        lambda: FunctionObjective(lambda t: t[0] ** 2 - t[1] ** 2, lambda t: [2 * t[0], -2 * t[1]], [1.0, 0.0]),
        "a saddle (Hessian eigenvalues -2 to 2)",
    ),
    (lambda: FunctionObjective(lambda t: -float(t @ t), lambda t: -2 * t, [0.0, 0.0]), "a maximum"),
    (
        lambda: FunctionObjective(lambda t: t[0] ** 2 + t[1] ** 4, lambda t: [2 * t[0], 4 * t[1] ** 3], [1.0, 0.0]),
        "degenerate, flat to second order",
    ),
    (lambda: FunctionObjective(lambda _: 1.0, lambda _: [0.0], [1.0]), "degenerate"),
]


@pytest.mark.parametrize(("make", "kind"), KINDS)
def test_stationary_points_are_told_apart(make: Callable[[], Objective], kind: str) -> None:
    descent = descend(make(), 0.3)
    assert descent.fate == "stationary"
    assert f"at most 1e-06 for 100 steps; {kind}" in descent.reason


def test_ran_away_is_strictly_below_the_floor() -> None:
    descent = descend(line(1.0), 1.0, floor=-5.0)
    assert (descent.fate, descent.loss[-1], descent.steps) == ("ran away", -6.0, 7)
    assert "below -5" in descent.reason
    assert descend(line(1.0), 1.0, 1100).loss[-1] == -1001.0
    assert descend(line(1.0), 1.0, 1100, floor=-inf).fate == "unfinished"


def test_blew_up_is_above_the_ceiling_times_the_first_value() -> None:
    descent = descend(bowl(1.0), 3.0, ceiling=100.0)
    assert (descent.fate, descent.loss) == ("blew up", [0.5, 2.0, 8.0, 32.0, 128.0])
    assert descend(bowl(1.0), 3.0, ceiling=31.0).loss[-1] == 32.0
    assert descend(bowl(2.0), 3.0, ceiling=100.0).loss[-1] == 512.0
    assert descend(bowl(2.0), 3.0, ceiling=4.0).loss == [2.0, 8.0, 32.0]
    assert 1e6 < descend(bowl(1.0), 3.0).loss[-1] < 4e6


def power(start: float) -> FunctionObjective:
    """θ⁴ in Python numbers, which raise OverflowError where NumPy gives infinity."""
    return FunctionObjective(lambda t: t[0].item() ** 4, lambda t: [4 * t[0].item() ** 3], [start])


def steep(start: float) -> FunctionObjective:
    """eᶿ, whose value overflows before its tame derivative does."""
    return FunctionObjective(lambda t: exp(t[0]), lambda _: [-1.0], [start])


def is_finite(objective: Objective, theta: Array) -> bool:
    try:
        with np.errstate(all="ignore"):
            value, grad = objective.value_and_gradient(theta)
            return bool(np.isfinite(value + grad @ grad))
    except OverflowError:
        return False


@pytest.mark.parametrize(("objective", "lr"), [(power(10.0), 1.0), (steep(1.0), 500.0), (bowl(), 1e100)])
def test_overflow_counts_as_blow_up_and_is_taken_back(objective: FunctionObjective, lr: float) -> None:
    descent = descend(objective, lr, ceiling=inf)
    assert descent.fate == "blew up"
    assert "not finite" in descent.reason
    assert 0 < descent.steps < 20
    check_invariants(objective, descent)
    assert is_finite(objective, descent.theta)
    assert not is_finite(objective, descent.theta - lr * objective.gradient(descent.theta))


@pytest.mark.parametrize("objective", [bowl(nan), bowl(inf), power(1e100), steep(1e4), bowl(1e200)])
def test_a_start_that_is_not_finite_is_an_error(objective: Objective) -> None:
    before = objective.parameters().value.copy()
    with pytest.raises(DivergenceError, match="not finite at the start; start somewhere else"):
        descend(objective, 0.1)
    np.testing.assert_array_equal(objective.parameters().value, before)


def test_the_path_of_many_parameters_is_kept_when_asked_for() -> None:
    def large(n: int) -> FunctionObjective:
        return FunctionObjective(lambda t: float(t @ t), lambda t: 2 * t, np.ones(n))

    assert descend(large(101), 0.1, 5).path is None
    path = descend(large(100), 0.1, 5).path
    assert path is not None
    assert path.shape == (6, 100)
    blown = descend(large(101), 1e160, 5, ceiling=inf)
    assert (blown.path, blown.fate, blown.steps) == (None, "blew up", 0)
    recorder = RecordPath()
    path = descend(large(101), 0.1, 5, callbacks=[recorder]).path
    assert path is not None
    np.testing.assert_array_equal(path, recorder.points)
    assert path.shape == (6, 101)


def test_wrong_arguments_change_nothing() -> None:
    objective = bowl()
    optimizer = SGD(objective.parameters(), 0.1)
    wrong: list[dict[str, Any]] = [{"steps": -1}, {"steps": 1.5}, {"steps": nan}, {"steps": "3"}, {"steps": True}]
    for options in [*wrong, {"steps": None}]:
        with unchanged(objective, optimizer), pytest.raises(HyperparameterError, match="integer, at least 0, got"):
            minimize(objective, optimizer, **options)
    positive = "a positive integer"
    for name, value, kind in (
        ("patience", 0, positive),
        ("patience", 2.5, positive),
        ("max_period", 1, "an integer, at least 2"),
    ):
        words = f"{name} must be {kind}, got {value}"
        with unchanged(objective, optimizer), pytest.raises(HyperparameterError, match=words):
            minimize(objective, optimizer, 3, **{name: value})  # type: ignore[arg-type]
    assert objective.parameters().value.tolist() == [1.0]
    with unchanged(objective), pytest.raises(StateError, match="parameters that FunctionObjective does not have"):
        minimize(objective, SGD(bowl().parameters(), 0.1), 3)


def test_a_network_is_minimised_like_a_function() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 2)), rng.integers(0, 2, (20, 1))
    risk = EmpiricalRisk(Dense(2, 1, rng=0), BCEWithLogitsLoss(), x, y)
    descent = minimize(risk, Momentum(risk.parameters(), 0.5), 3000)
    assert descent.fate == "stationary"
    assert "a minimum" in descent.reason
    check_invariants(risk, descent)


def test_the_first_fate_stands_when_the_next_point_is_not_finite() -> None:
    def cliff(t: Array) -> float:
        return 0.0 if t[0] < 1 else -2000.0 if t[0] == 1 else inf

    objective = FunctionObjective(cliff, lambda _: [-1.0], [0.0])
    descent = descend(objective, 1.0, 50)
    assert (descent.fate, descent.value, descent.theta.tolist()) == ("ran away", -2000.0, [1.0])
    check_invariants(objective, descent)


def test_a_recorder_that_is_used_again_gives_the_path_of_the_latest_run() -> None:
    objective, recorder = bowl(), RecordPath()
    first = descend(objective, 0.1, 3, callbacks=[recorder])
    second = descend(objective, 0.1, 4, callbacks=[recorder])
    assert first.path is not None
    check_invariants(objective, second)
    assert len(recorder.points) == 3 + 4 + 1
    objective.parameters().value = [5.0]
    check_invariants(objective, descend(objective, 0.1, 2, callbacks=[recorder]))
