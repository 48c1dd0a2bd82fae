"""SciPy's minimizers in place of an optimizer: the same result, the same events, and errors that say what to do."""

import os
import signal
import sys
from typing import Any

import numpy as np
import pytest

from minidl import (
    SGD,
    BCEWithLogitsLoss,
    Beale,
    Callback,
    Checkpoint,
    CubicValley,
    Dense,
    DivergenceError,
    EmpiricalRisk,
    FunctionObjective,
    Himmelblau,
    HyperparameterError,
    Objective,
    ParameterAverage,
    ProgressBar,
    Quadratic,
    RecordPath,
    Rosenbrock,
    Run,
    Schedule,
    Sequential,
    StateError,
    Tanh,
    load,
    minimize,
)
from minidl.interruption import INTERRUPTED
from minidl.schedules import cosine
from minidl.training.scipy_run import METHODS
from tests.callbacks.recording import At, Hooks, stops
from tests.helpers import bits

with_scipy = pytest.mark.usefixtures("scipy")
every_method = pytest.mark.parametrize("method", METHODS)
XOR = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), np.array([[0.0], [1.0], [1.0], [0.0]])


@pytest.fixture
def scipy() -> Any:
    return pytest.importorskip("scipy.optimize")


def xor(seed: int = 1) -> EmpiricalRisk:
    model = Sequential(Dense(2, 4), Tanh(), Dense(4, 1), rng=seed)
    return EmpiricalRisk(model, BCEWithLogitsLoss(), *XOR)


@with_scipy
@every_method
@pytest.mark.parametrize("f", [Rosenbrock(), Beale(), Himmelblau(), Quadratic([[2.0, 0.0], [0.0, 90.0]], start=[1, 2])])
def test_it_comes_to_rest_in_a_minimum_and_every_number_is_that_of_the_objective(f: Objective, method: str) -> None:
    start = f.parameters().value.copy()
    try:
        descent = minimize(f, scipy=method)
    finally:
        end = f.parameters().value.copy()
        f.parameters().value = start
    assert descent.fate == "stationary"
    assert "a minimum" in descent.reason
    assert f"{method} of SciPy: " in descent.reason
    assert np.linalg.norm(f.gradient(descent.theta)) <= 1e-6
    assert descent.path is not None
    assert descent.steps == len(descent.loss) == len(descent.path) - 1
    assert [*descent.loss, descent.value] == [f.value(point) for point in descent.path]
    assert bits(descent.path[0]) == bits(start)
    assert bits(descent.path[-1]) == bits(descent.theta) == bits(end)
    assert max(descent.loss) == descent.loss[0] >= descent.value


@with_scipy
@pytest.mark.parametrize("method", ["L-BFGS-B", "BFGS", "CG"])
def test_it_visits_the_points_that_scipy_visits(method: str, scipy: Any) -> None:
    f = Rosenbrock()
    points: list[Any] = []
    options = METHODS[method](1e-6, 2)
    result = scipy.minimize(
        f.value_and_gradient,
        f.parameters().value.copy(),
        method=method,
        jac=True,
        callback=lambda x: points.append(x.copy()),
        options=options,
    )
    descent = minimize(f, scipy=method)
    assert descent.path is not None
    np.testing.assert_array_equal(descent.path[1:], points)
    assert descent.value == result.fun


@with_scipy
@pytest.mark.parametrize("method", ["L-BFGS-B", "BFGS", "CG"])
def test_in_the_valley_that_has_no_end_it_runs_away(method: str) -> None:
    descent = minimize(CubicValley(-1.0, 1.0), scipy=method)
    assert (descent.fate, descent.reason) == ("ran away", "the value fell below -1000")
    assert np.isfinite([*descent.loss, descent.value, *descent.theta]).all()


@with_scipy
@pytest.mark.parametrize("method", ["L-BFGS-B", "BFGS", "CG"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_it_trains_a_network_on_xor(method: str, dtype: Any) -> None:
    risk = xor()
    risk.astype(dtype)
    descent = minimize(risk, scipy=method, steps=200)
    assert descent.value < 1e-3
    assert ((risk.model.predict(XOR[0]) > 0) == (XOR[1] > 0)).all()
    assert descent.theta.dtype == dtype


@with_scipy
def test_frozen_parameters_stay() -> None:
    risk = xor()
    first: Any = risk.model
    first[0].trainable = False
    before = bits(first[0].parameters().value)
    descent = minimize(risk, scipy="BFGS", steps=30)
    assert bits(first[0].parameters().value) == before
    assert descent.value < descent.loss[0]


@with_scipy
@every_method
def test_callbacks_are_notified_as_in_any_run(method: str) -> None:
    at, path = At(), RecordPath()
    seen: list[float] = []

    def check(run: Run) -> None:
        parameters = run.model.parameters()
        assert isinstance(run.model, Objective)
        np.testing.assert_array_equal(parameters.grad, run.model.gradient(parameters.value))
        seen.append(run.loss)

    descent = minimize(Beale(), None, 8, [at, path, Hooks(on_step_end=check), ProgressBar(show=False)], scipy=method)
    assert at.counts["on_step_end"] == descent.steps == 8
    assert at.counts["on_step_begin"] == 8
    assert [at.counts[name] for name in ("on_fit_begin", "on_epoch_begin", "on_epoch_end", "on_fit_end")] == [1] * 4
    assert [event for event, *_ in at.events[2:6]] == ["on_step_begin", "on_step_end"] * 2
    assert seen == descent.loss
    assert (descent.fate, descent.reason) == ("unfinished", "all 8 steps were taken")
    assert descent.path is not None
    assert bits(*path.points) == bits(*descent.path)


@with_scipy
def test_a_callback_may_stop_it_and_so_may_ctrl_c() -> None:
    for callback, reason, steps in (
        (stops("on_step_end", 3), "enough", 3),
        (stops("on_step_begin", 3), "enough", 2),
        (At("on_step_end", 2, lambda: os.kill(os.getpid(), signal.SIGINT)), INTERRUPTED, 3),
    ):
        f = Rosenbrock()
        descent = minimize(f, scipy="L-BFGS-B", callbacks=[callback])
        assert (descent.fate, descent.reason, descent.steps) == ("unfinished", reason, steps)
        assert descent.path is not None
        assert bits(descent.path[-1]) == bits(f.parameters().value)
        assert descent.value == f.value(descent.theta)


@with_scipy
def test_an_average_and_a_checkpoint_accompany_it(tmp_path: Any) -> None:
    average, f = ParameterAverage(1.0), Rosenbrock()
    descent = minimize(f, scipy="BFGS", steps=5, callbacks=[average, Checkpoint(tmp_path / "run.npz")])
    assert average.average is not None
    assert descent.path is not None
    np.testing.assert_allclose(average.average, descent.path[1:].mean(axis=0))
    assert bits(load(tmp_path / "run.npz").parameters().value) == bits(descent.theta)


@with_scipy
def test_an_error_of_the_objective_leaves_it_at_the_last_point() -> None:
    calls: list[int] = []

    def f(x: Any) -> float:
        calls.append(1)
        if len(calls) > 12:
            raise KeyError("the objective fails")
        return float(x[0] ** 4 + x[1] ** 2)

    points = RecordPath()
    objective = FunctionObjective(f, lambda x: [4 * x[0] ** 3, 2 * x[1]], start=[3.0, 4.0])
    with pytest.raises(KeyError):
        minimize(objective, scipy="L-BFGS-B", callbacks=[points])
    assert bits(objective.parameters().value) == bits(points.points[-1])


@with_scipy
def test_points_where_the_value_is_not_finite_are_not_reported() -> None:
    def log(x: Any) -> float:
        return float(x[0] - np.log(x[0]))

    objective = FunctionObjective(log, lambda x: 1 - 1 / x, start=[1e-3])
    descent = minimize(objective, scipy="L-BFGS-B", steps=100)
    assert np.isfinite([*descent.loss, descent.value]).all()
    with pytest.raises(DivergenceError, match="not finite at the start"):
        minimize(FunctionObjective(log, lambda x: 1 - 1 / x, start=[-1.0]), scipy="BFGS")


@with_scipy
def test_no_steps_and_the_start_at_the_minimum() -> None:
    assert minimize(Rosenbrock(), scipy="BFGS", steps=0).steps == 0
    f = Quadratic([[1.0]], start=[0.0])
    descent = minimize(f, scipy="L-BFGS-B")
    assert (descent.fate, descent.steps, descent.value) == ("stationary", 0, 0.0)


class Changes(Callback):
    changes_parameters = True


@with_scipy
def test_what_it_refuses() -> None:
    f = Rosenbrock()
    with pytest.raises(HyperparameterError, match="scipy must be one of BFGS, CG, L-BFGS-B, Newton-CG, got 'Powell'"):
        minimize(f, scipy="Powell")
    for callback in (Schedule(cosine(3)), Changes()):
        message = f"^{type(callback).__name__} changes the run, but SciPy's BFGS takes steps of its own"
        with pytest.raises(StateError, match=message):
            minimize(f, scipy="BFGS", callbacks=[callback])
    with pytest.raises(HyperparameterError, match="steps must be an integer, at least 0, got -1"):
        minimize(f, scipy="BFGS", steps=-1)


def test_an_optimizer_and_scipy_exclude_each_other_and_one_is_needed() -> None:
    f = Rosenbrock()
    with pytest.raises(TypeError, match=r"takes an optimizer or scipy=, got SGD.* and scipy='BFGS'"):
        minimize(f, SGD(f.parameters(), 0.1), 3, scipy="BFGS")
    with pytest.raises(TypeError, match=r"optimizer must be of type Optimizer, got None; .*or minimize"):
        minimize(f)
    with pytest.raises(HyperparameterError, match="steps must be an integer, at least 0, got None"):
        minimize(f, SGD(f.parameters(), 0.1))


def test_without_scipy_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy", None)
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(ImportError, match=r'needs the package SciPy; pip install "minidl\[scipy\]"'):
        minimize(Rosenbrock(), scipy="BFGS")
