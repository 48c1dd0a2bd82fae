"""Runs in which a minimizer of SciPy takes the steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf, isfinite, sqrt
from types import ModuleType
from typing import Any

import numpy as np

from minidl.errors import HyperparameterError, StateError, describe
from minidl.events import EVENTS
from minidl.modules import Objective
from minidl.optimizers import Optimizer
from minidl.parameters import ParameterVector
from minidl.run import Callback, Run
from minidl.typing import Array

__all__ = ["METHODS", "ScipyRun"]

METHODS: dict[str, Callable[[float, int], dict[str, Any]]] = {
    "BFGS": lambda length, _: {"gtol": length, "norm": 2.0},
    "CG": lambda length, _: {"gtol": length, "norm": 2.0},
    # It looks at the largest element of the gradient.
    "L-BFGS-B": lambda length, size: {"gtol": length / sqrt(size), "ftol": 0.0, "maxfun": 10**9},
    # It looks at the step.
    "Newton-CG": lambda length, _: {"xtol": 1e-3 * length},
}
"""SciPy's methods that need the gradient and nothing else, with options that stop them at a gradient of that length."""


class ScipyRun(Run):
    """A run of one epoch in which SciPy takes the steps: each of its iterations is one.

    Callbacks are notified as in any run. When SciPy ends it, its message is the reason.

    Args:
        method: one of `METHODS`.
        objective, callbacks, steps, evaluate: as for `Run`. `evaluate` writes the gradients and returns the value.
        tolerance: the length of the gradient at which the method is to stop.
        owner: as for `Run`.

    Raises:
        HyperparameterError: another method.
        ImportError: SciPy is not installed.
        StateError: a callback that changes parameters or the optimizer.
    """

    def __init__(
        self,
        method: str,
        objective: Objective,
        callbacks: Sequence[Callback],
        steps: int,
        evaluate: Callable[[Any], float],
        tolerance: float,
        owner: object,
    ) -> None:
        if method not in METHODS:
            raise HyperparameterError(f"scipy must be one of {', '.join(METHODS)}, got {method!r}")
        for callback in callbacks:
            if callback.changes_parameters or callback.changes_optimizer:
                raise StateError(f"{describe(callback)} changes the run, but SciPy's {method} takes steps of its own")
        self._package, self.method, self._parameters = _package(), method, objective.parameters()
        self._options = METHODS[method](tolerance, max(1, self._parameters.size))
        self._moving = np.flatnonzero(np.concatenate([np.full(each.size, each.trainable) for each in self._parameters]))
        stand_in = _Steps(self._parameters, method)
        super().__init__(objective, stand_in, callbacks, range(steps), evaluate, owner=owner)

    def _loop(self, within_epoch: bool) -> None:
        epoch_begin, self._step_begin, self._step_end, epoch_end = map(self._listeners, EVENTS[1:-1])
        self._tell(epoch_begin)
        self._point, self._begun = self._parameters.value.copy(), False
        if steps := len(self.batches):
            self._minimize(steps)
        self.epoch += 1
        self._tell(epoch_end)

    def _minimize(self, steps: int) -> None:
        try:
            result = self._package.minimize(
                self._evaluated,
                self._point[self._moving].astype(np.float64),
                method=self.method,
                jac=True,
                callback=self._arrived,
                options={**self._options, "maxiter": steps},
            )
        finally:  # SciPy may have looked at points beyond
            self._parameters.value = self._point
        if self.step < steps:
            self.stop(f"{self.method} of SciPy: {str(result.message).strip(' .').lower()}")

    def _evaluated(self, x: Array) -> tuple[float, Array]:
        """Value and gradient at the moving parameters x, for SciPy. The first such call begins a step."""
        if not self._begun:
            self._begun = True
            self._tell(self._step_begin)
        value = self._value_at(x)
        self._last = x.copy(), value
        return value, self._parameters.grad[self._moving].astype(np.float64)

    def _value_at(self, x: Array) -> float:
        theta = self._point.copy()
        theta[self._moving] = x
        self._parameters.value = theta
        try:
            return self.evaluate(None)
        except OverflowError:  # Python's floats raise where NumPy's become infinite
            return inf

    def _arrived(self, x: Array) -> None:
        """End a step, at x."""
        # Usually x is what was evaluated last. Otherwise callbacks would read parameters and gradients of elsewhere.
        last, value = self._last
        if not np.array_equal(last, x):
            value = self._value_at(x)
        self._point = self._parameters.value.copy()
        self.step += 1
        if self.interrupted:
            self.stop(self.interrupted)
        self._tell(self._step_end)
        self.loss, self._begun = value, False
        if not isfinite(value):
            self.stop("the value is not finite")
            self._tell([])


class _Steps(Optimizer):
    """Stands where a run has its optimizer."""

    def __init__(self, parameters: ParameterVector, method: str) -> None:
        super().__init__(parameters, 1.0)
        self.method = method

    def step(self) -> None:
        raise StateError(f"the steps are those of SciPy's {self.method}")

    def __repr__(self) -> str:
        return f"SciPy's {self.method}"


def _package() -> ModuleType:
    try:
        import scipy.optimize
    except ImportError as error:
        raise ImportError('this needs the package SciPy; pip install "minidl[scipy]"') from error
    module: ModuleType = scipy.optimize
    return module
