"""The average of the parameters over the steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any, Literal

import numpy as np

from minidl.arguments import got, number, whole_number
from minidl.batches import BatchSource
from minidl.errors import HyperparameterError, StateError, warn
from minidl.layers.statistics import estimate_statistics, restored_statistics
from minidl.modules import Module
from minidl.parameters import ParameterVector
from minidl.run import Callback, Run
from minidl.typing import Array, ArrayLike

__all__ = ["ParameterAverage"]


class ParameterAverage(Callback):
    """``a ← a + (1 − d) / (1 − dᵗ) (θ − a)``  after step t: the moving average of all parameters.

    t counts the steps of all fits of one trainer. With another trainer, the average starts again. With
    ``every="epoch"``, it counts epochs instead, and ``start=n`` leaves out the first n of them or of the steps.

    After the first step, a is θ. The weight of a new θ then falls from 1 to 1 − d, where the rule becomes
    ``a ← d a + (1 − d) θ``. At any time a = Σᵢ dᵗ⁻ⁱ θᵢ / Σᵢ dᵗ⁻ⁱ, an exponential average with its bias corrected as in
    Adam (Kingma and Ba 2015). With ``decay=1`` it is the plain mean, ``a ← a + (θ − a) / t``: over steps that of Polyak
    and Juditsky (1992), and over epochs stochastic weight averaging (SWA, Izmailov et al. 2018).

    PyTorch's ``get_ema_multi_avg_fn`` and Keras 3's ``use_ema`` also start from θ after the first step, but use the
    weight 1 − d from the second step on. There the first θ has the weight dᵗ⁻¹: 61% after 500 steps with d = 0.999.

    Training continues from the parameters, not from the average. Buffers, such as BatchNorm's running means, are not
    averaged. `applied` estimates those of BatchNorm again, for the averaged parameters, if it is given the data.

    Args:
        decay: d, from 0 (the latest parameters) to 1 (the plain mean). About the last 1 / (1 − d) steps count.
        start: how many steps, or epochs, to leave out first.
        every: whether to average after each "step" or after each "epoch".

    Attributes:
        average: a, (P,), None before the first step. It is float64 for float32 parameters, too: there it would stop
            moving once the weight of a new θ is below 6e-8.
        steps: t, the number of steps, or epochs, in the average.

    Raises:
        HyperparameterError: arguments out of range.
        StateError: a model with another number of parameters than were averaged.

    >>> from minidl import Quadratic, SGD, minimize
    >>> bowl, average = Quadratic([[1.0]], start=[8.0]), ParameterAverage(decay=0.5)
    >>> descent = minimize(bowl, SGD(bowl.parameters(), lr=0.5), steps=2, callbacks=[average])
    >>> with average.applied(bowl):
    ...     print(bowl.parameters().value)  # (2 + 0.5 · 4) / (1 + 0.5)
    [2.66666667]
    >>> bowl.parameters().value
    array([2.])
    """

    adds = ()

    def __init__(self, decay: float = 0.999, *, start: int = 0, every: Literal["step", "epoch"] = "step") -> None:
        self.decay = number("ParameterAverage: decay", decay, at_least=0, at_most=1)
        self.start = whole_number("ParameterAverage: start", start, 0)
        if every not in ("step", "epoch"):
            raise HyperparameterError(f'ParameterAverage: every must be "step" or "epoch", {got(every)}')
        self.every = every
        self._parameters: ParameterVector | None = None
        self.reset()

    def reset(self) -> None:
        self.average: Array | None = None
        self.steps = 0

    def on_fit_begin(self, run: Run) -> None:
        parameters = run.model.parameters()
        _check_fit(self.average, parameters)
        self._parameters = parameters

    def on_step_end(self, run: Run) -> None:
        if self.every == "step" and run.step > self.start:
            self._average()

    def on_epoch_end(self, run: Run) -> None:
        if self.every == "epoch" and run.epoch > self.start:
            self._average()

    def _average(self) -> None:
        assert self._parameters is not None  # set when the fit began
        theta = self._parameters.value
        self.steps += 1
        if self.average is None:
            self.average = theta.astype(np.float64)
        else:
            weight = 1.0 / self.steps if self.decay == 1.0 else (1.0 - self.decay) / (1.0 - self.decay**self.steps)
            self.average += weight * (theta - self.average)

    def on_fit_end(self, run: Run) -> None:
        self._parameters = None

    @contextmanager
    def applied(
        self, model: Module, x: ArrayLike | BatchSource | None = None, *, batch_size: int | None = None
    ) -> Iterator[None]:
        """Have a model use the averaged parameters inside a ``with`` block. Afterwards it has its own again.

        Args:
            model: the model that was averaged, or a copy of it.
            x: inputs or batches, such as those of training. From them the running means and variances of all
                `BatchNorm` layers are estimated again; see `estimate_statistics`. They belong to the parameters, so
                after the block they are as before. None leaves them as they are.
            batch_size: samples per batch of x, as in training. None takes all.

        Raises:
            StateError: before the first step, or for a model that the average does not fit.
            DataError, ShapeError: data that the model cannot take.
        """
        if self.average is None:
            raise StateError("there is no average before the first step; train with this callback first")
        parameters = model.parameters()
        _check_fit(self.average, parameters)
        own = parameters.value.copy()
        with nullcontext() if x is None else restored_statistics(model):
            try:
                parameters.value = self.average
                if x is not None:
                    estimate_statistics(model, x, batch_size=batch_size)
                yield
            finally:
                model.parameters().value = own  # read again: they may have moved into a larger model

    def state(self) -> dict[str, Any]:
        average = None if self.average is None else self.average.copy()
        return {"decay": self.decay, "steps": self.steps, "average": average}

    def load_state(self, state: Mapping[str, Any]) -> None:
        average = None if state["average"] is None else np.array(state["average"], np.float64)
        if self._parameters is not None:
            _check_fit(average, self._parameters)
        if state["decay"] != self.decay:
            message = f"the saved average has decay={state['decay']}, which replaces {self.decay}"
            warn(message, stacklevel=2)
        self.average, self.steps, self.decay = average, int(state["steps"]), float(state["decay"])


def _check_fit(average: Array | None, parameters: ParameterVector) -> None:
    if average is not None and average.size != parameters.size:
        raise StateError(
            f"the average has {average.size} parameters, the model has {parameters.size}; create a new "
            "ParameterAverage for it"
        )
