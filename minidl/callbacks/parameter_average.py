"""The average of the parameters over the steps."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from minidl.arguments import number
from minidl.errors import MinidlWarning, StateError
from minidl.modules import Module
from minidl.parameters import ParameterVector
from minidl.run import Callback, Run
from minidl.typing import Array

__all__ = ["ParameterAverage"]


class ParameterAverage(Callback):
    """``a ← a + (1 − d) / (1 − dᵗ) (θ − a)``  after step t: the moving average of all parameters.

    The weight begins at 1, so that a is θ after the first step, and falls to 1 − d; from then on this is
    ``a ← d a + (1 − d) θ``. Thus a = Σᵢ dᵗ⁻ⁱ θᵢ / Σᵢ dᵗ⁻ⁱ at any time: an average from zero, its bias corrected as in
    Adam (Kingma and Ba 2015). For d → 1 it is the plain mean of Polyak and Juditsky (1992). PyTorch's
    ``get_ema_multi_avg_fn`` and Keras 3's ``use_ema`` begin with θ after the first step, too, but with the weight
    1 − d from the second step on: there the first θ counts for dᵗ⁻¹ of all, 61% after 500 steps with d = 0.999.

    Training goes on from the parameters, not from the average. Buffers, such as BatchNorm's running means, are those
    of the model itself.

    Args:
        decay: d, from 0 (the latest parameters) to below 1; the last 1 / (1 − d) steps or so count.

    Attributes:
        average: a, (P,), None before the first step.
        steps: t, how many steps it is made of.

    Raises:
        HyperparameterError: a decay out of range.
        StateError: a model whose parameters are not as many or not of the type that were averaged.

    >>> from minidl import Quadratic, SGD, minimize
    >>> bowl, average = Quadratic([[1.0]], start=[8.0]), ParameterAverage(decay=0.5)
    >>> descent = minimize(bowl, SGD(bowl.parameters(), lr=0.5), steps=2, callbacks=[average])
    >>> with average.applied(bowl):
    ...     print(bowl.parameters().value)  # (2 + 0.5 · 4) / (1 + 0.5)
    [2.66666667]
    >>> bowl.parameters().value
    array([2.])
    """

    def __init__(self, decay: float = 0.999) -> None:
        self.decay = number("ParameterAverage: decay", decay, at_least=0, below=1)
        self.average: Array | None = None
        self.steps = 0
        self._parameters: ParameterVector | None = None

    def on_fit_begin(self, run: Run) -> None:
        parameters = run.model.parameters()
        _check_fit(self.average, parameters)
        self._parameters = parameters

    def on_step_end(self, run: Run) -> None:
        assert self._parameters is not None  # set when the fit began
        theta = self._parameters.value
        self.steps += 1
        if self.average is None:
            self.average = theta.copy()
        else:
            self.average += (1.0 - self.decay) / (1.0 - self.decay**self.steps) * (theta - self.average)

    @contextmanager
    def applied(self, model: Module) -> Iterator[None]:
        """Give a model the averaged parameters inside a ``with`` block; afterwards it has its own back.

        Raises:
            StateError: before the first step, or a model that the average does not fit.
        """
        if self.average is None:
            raise StateError("there is no average before the first step; train with this callback first")
        parameters = model.parameters()
        _check_fit(self.average, parameters)
        own = parameters.value.copy()
        parameters.value = self.average
        try:
            yield
        finally:
            model.parameters().value = own  # asked anew, as they may have moved into a larger model

    def state(self) -> dict[str, Any]:
        average = None if self.average is None else self.average.copy()
        return {"decay": self.decay, "steps": self.steps, "average": average}

    def load_state(self, state: Mapping[str, Any]) -> None:
        average = None if state["average"] is None else np.array(state["average"])
        if self._parameters is not None:
            _check_fit(average, self._parameters)
        if state["decay"] != self.decay:
            message = f"the average is one with decay={state['decay']}, which is taken, not {self.decay}"
            warnings.warn(message, MinidlWarning, stacklevel=2)
        self.average, self.steps, self.decay = average, int(state["steps"]), float(state["decay"])


def _check_fit(average: Array | None, parameters: ParameterVector) -> None:
    if average is not None and (average.size, average.dtype) != (parameters.size, parameters.dtype):
        raise StateError(
            f"the average is of {average.size} parameters in {average.dtype}, the model has {parameters.size} in "
            f"{parameters.dtype}; make a new ParameterAverage for it"
        )
