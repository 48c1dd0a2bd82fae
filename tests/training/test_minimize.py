"""minimize: what it takes, what a descent holds, and how each fate comes about."""

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
    CubicValley,
    Dense,
    DivergenceError,
    EmpiricalRisk,
    FunctionObjective,
    Himmelblau,
    History,
    HyperparameterError,
    Loss,
    Momentum,
    Objective,
    Quadratic,
    RecordPath,
    Rosenbrock,
    Sequential,
    StateError,
    minimize,
)
from minidl.typing import Array
from tests.callbacks.recording import stops
from tests.helpers import unchanged
from tests.tables import seeds
from tests.training.descents import Walk, bowl, check_invariants, descend, line


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


def test_a_callback_can_stop_it() -> None:
    objective = bowl(8.0)
    descent = descend(objective, 0.5, 100, callbacks=[stops("on_step_end", 2)])
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


def test_stationary_starts_counting_again_after_a_larger_gradient() -> None:
    points = np.cumsum([0.0] * 6 + [1e-3] + [0.0] * 20).tolist()
    assert descend(Walk(points), 1e-9, 26, patience=6).steps == 12


def test_a_stationary_point_is_described() -> None:
    saddle = FunctionObjective(lambda t: t[0] ** 2 - t[1] ** 2, lambda t: [2 * t[0], -2 * t[1]], [1.0, 0.0])
    for objective, kind in (
        (Quadratic([[1.0, 0.0], [0.0, 2.0]]), "a minimum (Hessian eigenvalues 1 to 2)"),
        (saddle, "a saddle (Hessian eigenvalues -2 to 2)"),
    ):
        descent = descend(objective, 0.3)
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
    for name, value, kind in (("patience", 0, "a positive"), ("patience", 2.5, "a positive"), ("max_period", 1, "an")):
        words = f"{name} must be {kind} integer.* got {value}"
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
    np.testing.assert_array_equal(recorder.points, second.path)
    objective.parameters().value = [5.0]
    check_invariants(objective, descend(objective, 0.1, 2, callbacks=[recorder]))


PARTS: list[tuple[dict[str, Any], str]] = [
    (
        {"objective": Sequential(Dense(2, 1))},
        r"objective must be an Objective, got Sequential\(Dense\(2, 1\)\); with a loss and data a model becomes one: "
        r"EmpiricalRisk\(model, loss, x, y\)$",
    ),
    (
        {"objective": CubicValley},
        "objective must be of type Objective, got <class .*CubicValley'>; make one by calling it",
    ),
    ({"objective": Loss()}, r"objective must be of type Objective, got Loss\(\)$"),
    (
        {"objective": lambda theta: theta @ theta},
        "objective must be an Objective, got <function .*>; .*: FunctionObjective",
    ),
    ({"optimizer": SGD}, "optimizer must be of type Optimizer, got <class .*SGD'>; make one by calling it"),
    ({"optimizer": 0.1}, "optimizer must be of type Optimizer, got 0.1; the arguments are minimize"),
    ({"callbacks": History()}, r"callbacks must be a list, such as .*, got History\(0 steps\)"),
    ({"callbacks": [History(), History]}, "each callback must be of type Callback, got .*; make one by calling it"),
    ({"callbacks": [None]}, "each callback must be of type Callback, got None$"),
]


@pytest.mark.parametrize(("parts", "words"), PARTS)
def test_other_things_than_objective_optimizer_and_callbacks_are_refused(parts: dict[str, Any], words: str) -> None:
    objective = bowl()
    optimizer = SGD(objective.parameters(), 0.1)
    given: dict[str, Any] = {"objective": objective, "optimizer": optimizer, "steps": 3, "callbacks": ()}
    with unchanged(objective, optimizer), pytest.raises(TypeError, match=words):
        minimize(**{**given, **parts})
