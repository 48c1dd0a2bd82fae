"""Minimizing an objective."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, isfinite
from typing import NamedTuple

import numpy as np

from minidl.arguments import check_type, whole_number
from minidl.callbacks import History, RecordPath
from minidl.errors import DivergenceError, describe
from minidl.modules import Objective, check_is_objective
from minidl.notebook import chart
from minidl.optimizers import Optimizer
from minidl.run import Callback, Run, check_callbacks
from minidl.sums import norm
from minidl.training.fate import NOT_FINITE, FateWatch, kind_of_point
from minidl.training.scipy_run import ScipyRun
from minidl.typing import Array

__all__ = ["Descending", "Descent", "minimize"]

SCIPY_STEPS = 1000
"""The default number of steps of SciPy's methods, which take few."""

SMALL = 100
"""Up to this many parameters, the path is recorded and the Hessian computed without being asked for."""


class Descent(NamedTuple):
    """What `minimize` returns. Every number in it is finite.

    Attributes:
        loss: the value before each step.
        path: every point visited, (steps + 1, P). None for more than 100 parameters without a `RecordPath`.
        theta: where it ended, (P,). The objective's parameters are left there, too.
        value: the value at theta.
        fate: "stationary", "cycle", "ran away", "blew up" or "unfinished".
        reason: the fate in words.
        steps: the number of steps taken.
    """

    loss: list[float]
    path: Array | None
    theta: Array
    value: float
    fate: str
    reason: str
    steps: int

    def __repr__(self) -> str:
        return f"Descent({self.fate!r} after {self.steps} steps at value {self.value:.6g}: {self.reason})"

    def _repr_html_(self) -> str:
        """The value at each point as a chart, for a notebook."""
        return chart(repr(self), {"value": [*self.loss, self.value]}, "step", "value")


def minimize(
    objective: Objective,
    optimizer: Optimizer | None = None,
    steps: int | None = None,
    callbacks: Sequence[Callback] = (),
    *,
    scipy: str | None = None,
    tolerance: float = 1e-6,
    patience: int = 100,
    max_period: int = 8,
    cycle_tolerance: float = 1e-9,
    floor: float = -1e3,
    ceiling: float = 1e6,
) -> Descent:
    """Take up to `steps` steps downhill, and say how the run ended.

    The first of these events ends the run and names its fate. The value at the last point counts, too.

    - "stationary": gradient and step are at most `tolerance` long for `patience` steps in a row. The reason then says
      what kind of point it is, by the Hessian.
    - "cycle": 2 to `max_period` points repeat, to within `cycle_tolerance` and a millionth of their distance.
    - "ran away": the value is below `floor`.
    - "blew up": the value is above ``ceiling · max(1, |first value|)``, or parameters, value or gradient are not
      finite.
    - "unfinished": all steps were taken, or a callback stopped the run.

    A step to a point where parameters, value or gradient are not finite is undone. The result, the parameters, and
    every `History` and `RecordPath` then belong to the last point where all were finite. Other callbacks have already
    been notified of that step.

    **SciPy.** With ``scipy="L-BFGS-B"`` in place of an optimizer, a minimizer of SciPy takes the steps, where SciPy is
    installed. A step is one of its iterations, which may evaluate several points. It is told to stop at a gradient of
    `tolerance`, and the fate is then "stationary". If it stops anywhere else, the fate is "unfinished", and the reason
    is SciPy's message. Callbacks are notified as usual, but those that change parameters or the learning rate, such as
    a `Schedule`, are refused. It suits objectives that are the same at each evaluation, as an `EmpiricalRisk` without
    dropout is.

    Args:
        objective: the objective to minimize, from where its parameters are.
        optimizer: made on ``objective.parameters()``.
        steps: the largest number of steps to take. With `scipy`, the default is 1000.
        callbacks: see `Callback`.
        scipy: "L-BFGS-B", "BFGS", "CG" or "Newton-CG", in place of an optimizer.

    Raises:
        HyperparameterError: thresholds or a number of steps out of range, another method of SciPy.
        ImportError: SciPy is not installed.
        StateError: an optimizer on other parameters. With `scipy`, a callback that changes the run.
        DivergenceError: parameters, value or gradient are not finite at the start.
        TypeError: an argument of another type.

    >>> from minidl import SGD, Quadratic
    >>> bowl = Quadratic([[1.0, 0.0], [0.0, 2.0]])
    >>> descent = minimize(bowl, SGD(bowl.parameters(), lr=0.5), steps=1000)
    >>> descent.fate, len(descent.path) == descent.steps + 1
    ('stationary', True)
    """
    check_is_objective(objective)
    if scipy is None or optimizer is not None:
        check_type("optimizer", optimizer, Optimizer, 'minimize(objective, optimizer, steps) or minimize(…, scipy="…")')
    if scipy is not None and optimizer is not None:
        raise TypeError(f"minimize takes an optimizer or scipy=, got {describe(optimizer)} and scipy={scipy!r}")
    check_callbacks(callbacks)
    steps = whole_number("steps", SCIPY_STEPS if steps is None and scipy is not None else steps, 0)
    if optimizer is not None:
        optimizer.check_owner(objective)
    watch = FateWatch(tolerance, patience, max_period, cycle_tolerance, floor, ceiling)
    descending = Descending(objective, optimizer, steps, callbacks, watch, scipy=scipy)
    descending.run.go()
    return descending.result()


class Descending:
    """A descent that is set up, and its result once its run has ended.

    Args:
        objective, optimizer, steps, callbacks, scipy: as for `minimize`.
        watch: what recognizes the fate.
        kind: the type of the run.

    Attributes:
        run: the run, which has not begun.
        history, recorder: what it records. The recorder is None for many parameters without a `RecordPath`.

    Raises:
        HyperparameterError, ImportError, StateError, DivergenceError: as for `minimize`.

    >>> from minidl import SGD, Quadratic
    >>> bowl = Quadratic([[1.0]])
    >>> descending = Descending(bowl, SGD(bowl.parameters(), lr=0.5), 2, [], FateWatch())
    >>> descending.run.go()
    >>> descending.result().path
    array([[1.  ],
           [0.5 ],
           [0.25]])
    """

    def __init__(
        self,
        objective: Objective,
        optimizer: Optimizer | None,
        steps: int,
        callbacks: Sequence[Callback],
        watch: FateWatch,
        *,
        scipy: str | None = None,
        kind: type[Run] = Run,
    ) -> None:
        self.objective, self.watch, self.scipy = objective, watch, scipy
        self.first = _value(objective)
        if not isfinite(self.first):
            raise DivergenceError("parameters, value or gradient are not finite at the start; start somewhere else")
        self.history = History()
        recorder = next((callback for callback in callbacks if isinstance(callback, RecordPath)), None)
        if recorder is None and objective.parameters().size <= SMALL:
            recorder = RecordPath()
            callbacks = [recorder, *callbacks]
        self.recorder = recorder

        def evaluate(_: int) -> float:
            value = float(objective.forward())
            objective.backward()
            return value

        every = [self.history, *callbacks, watch]
        if optimizer is None:
            tolerance = watch.tolerance
            self.run: Run = ScipyRun(str(scipy), objective, every, steps, evaluate, tolerance, owner=self.history)
        else:
            self.run = kind(objective, optimizer, every, range(steps), evaluate, owner=self.history)
        self.run.loss = self.first

    def result(self) -> Descent:
        """Return how the run ended. A last step to where numbers are not finite is undone."""
        run, watch, history, parameters = self.run, self.watch, self.history, self.objective.parameters()
        value = _value(self.objective)
        if run.divergence is not None or not isfinite(value):
            # If a step has begun here, the step that led here began at the point before.
            begun = np.array_equal(watch.here, parameters.value, equal_nan=True)
            parameters.value = watch.before if begun else watch.here
            value = history.loss[-1] if run.step else self.first
            _undo_step(run)
            _value(self.objective)  # for the gradients there
            if watch.fate == "unfinished":
                watch.end(run, "blew up", NOT_FINITE)
        elif watch.fate == "unfinished":
            watch.judge(run, value)
            still = run.reason and norm(parameters.grad) <= watch.tolerance
            if self.scipy is not None and still and watch.fate == "unfinished":
                watch.end(run, "stationary", f"the gradient is at most {watch.tolerance:g} ({run.reason})")
        reason = watch.reason or run.reason or f"all {len(run.batches)} steps were taken"
        if watch.fate == "stationary" and parameters.size <= SMALL:
            reason = f"{reason}; {kind_of_point(self.objective.hessian(parameters.value))}"
        return Descent(
            loss=history.loss,
            path=None if self.recorder is None else np.array(self.recorder.points[self.recorder.begin :]),
            theta=parameters.value.copy(),
            value=value,
            fate=watch.fate,
            reason=reason,
            steps=run.step,
        )


def _undo_step(run: Run) -> None:
    """Remove the last step from the run and its records, if there is one."""
    if run.step == 0:
        return
    run.step -= 1
    for callback in run.callbacks:
        if isinstance(callback, History):
            callback.loss.pop()
        if isinstance(callback, RecordPath):
            callback.points.pop()


def _value(objective: Objective) -> float:
    """The value at the current parameters, infinite if parameters, value or gradient are not finite."""
    parameters = objective.parameters()
    value, parameters.grad = objective.value_and_gradient(parameters.value)
    with np.errstate(all="ignore"):
        finite = isfinite(value) and np.isfinite([parameters.grad, parameters.value]).all()
    return value if finite else inf
