"""A search for the learning rate."""

from __future__ import annotations

import copy
from math import exp, log
from typing import Any, NamedTuple

from minidl.arguments import check_type, number, whole_number
from minidl.batches import BatchSource
from minidl.errors import DivergenceError, HyperparameterError
from minidl.modules.places import generators_in
from minidl.run import Callback, Run
from minidl.training.trainer import Trainer
from minidl.training.weights import ClassWeight
from minidl.typing import ArrayLike, Seed

__all__ = ["RateSearch", "find_learning_rate"]

SMOOTHING = 0.9
"""The decay of the average that smooths the losses: about the last ten count."""

DIVERGED = 4.0
"""The search ends when the smoothed loss is this many times its minimum, as in fastai."""

LEAST = 10
"""The fewest steps from which to suggest a rate."""


class RateSearch(NamedTuple):
    """What `find_learning_rate` returns. `minidl.plotting.plot_rate_search` draws it.

    Attributes:
        lr: the suggestion: a tenth of the rate at which the smoothed loss is lowest.
        rates: the learning rate of each step, increasing by the same factor.
        losses: the loss of each step, before its update.
        smoothed: the losses, smoothed.
    """

    lr: float
    rates: list[float]
    losses: list[float]
    smoothed: list[float]

    def __repr__(self) -> str:
        return f"RateSearch(lr={self.lr:.3g}, {len(self.rates)} steps up to {self.rates[-1]:.3g})"


def find_learning_rate(
    trainer: Trainer,
    x: ArrayLike | BatchSource,
    y: ArrayLike | None = None,
    *,
    lowest: float = 1e-6,
    highest: float = 10.0,
    steps: int = 100,
    batch_size: int | None = None,
    sample_weight: ArrayLike | None = None,
    class_weight: ClassWeight = None,
    rng: Seed = None,
) -> RateSearch:
    """Train a copy while the learning rate grows from step to step, until the loss rises (Smith 2017).

    The rate of step i is ``lowest · (highest / lowest)^(i / (steps − 1))``. The search ends early once the smoothed
    loss is four times its minimum, or is no longer finite. The trainer, its model, its optimizer and the generators of
    batches stay as they are, and none of the callbacks is called.

    The suggestion is a tenth of the rate at which the smoothed loss is lowest: there, steps are nearly too large. It is
    a rate to begin with, not the best one. (Where the loss falls fastest is the other common choice. On slow problems,
    noise at tiny rates misleads it.)

    Args:
        trainer: what to train a copy of.
        x, y, sample_weight, class_weight: the data, as in `Trainer.fit`. Batches are passed as x alone.
        lowest, highest: the first and the last learning rate.
        steps: how many learning rates to try.
        batch_size: samples per batch. None takes all at once.
        rng: seed or generator of the order of the samples. A generator is copied. With batches it must be None.

    Raises:
        DataError, ShapeError: data that the model or the loss cannot take.
        HyperparameterError: rates that are not above 0 and increasing, or fewer than 10 steps.
        DivergenceError: the loss is not finite before ten steps. A smaller `lowest` helps.
        TypeError: something that is not a Trainer. Targets that are missing, with an x that is not batches.

    >>> from minidl import Dense, MSELoss, SGD
    >>> model = Dense(1, 1, rng=0)
    >>> trainer = Trainer(model, MSELoss(), SGD(model.parameters(), lr=0.1))
    >>> search = find_learning_rate(trainer, [[0.0], [1.0]], [[1.0], [3.0]])
    >>> 0.05 < search.lr < 1.0, trainer.history
    (True, History(0 steps))
    """
    check_type("trainer", trainer, Trainer)
    lowest = number("lowest", lowest, above=0)
    highest = number("highest", highest, above=0)
    if lowest >= highest:
        raise HyperparameterError(f"highest must be above lowest, got {lowest:g} and {highest:g}")
    steps = whole_number("steps", steps, LEAST)
    search, trial = _Search(lowest, highest, steps), copy.deepcopy(trainer)
    copied = Trainer(trial.model, trial.loss, trial.optimizer, [search])
    weights: Any = {"sample_weight": sample_weight, "class_weight": class_weight}
    streams = [(drawn.bit_generator, drawn.bit_generator.state) for drawn in generators_in(getattr(x, "__dict__", {}))]
    try:
        rng = copy.deepcopy(rng)
        copied.fit(x, y, epochs=steps, batch_size=batch_size, rng=rng, on_divergence="stop", **weights)
    finally:
        for bits, state in streams:
            bits.state = state
    if len(search.losses) < LEAST:
        raise DivergenceError(
            f"the loss stopped being finite, or grew fourfold, after {len(search.losses)} steps at learning rates up "
            f"to {search.rates[-1]:.3g}; begin with a smaller lowest, such as lowest={lowest / 100:g}",
            step=len(search.losses),
        )
    rates = search.rates[: len(search.losses)]
    lowest_loss = search.smoothed.index(min(search.smoothed))
    return RateSearch(max(rates[lowest_loss] / 10.0, lowest), rates, search.losses, search.smoothed)


class _Search(Callback):
    """Sets the learning rate of each step, and stops the run when it diverges or all rates were tried."""

    def __init__(self, lowest: float, highest: float, steps: int) -> None:
        self.growth, self.lowest, self.steps = log(highest / lowest) / (steps - 1), lowest, steps
        self.rates: list[float] = []
        self.losses: list[float] = []
        self.smoothed: list[float] = []
        self.mean = 0.0

    def on_step_begin(self, run: Run) -> None:
        run.optimizer.lr = self.lowest * exp(self.growth * len(self.rates))
        self.rates.append(run.optimizer.lr)

    def on_step_end(self, run: Run) -> None:
        self.losses.append(run.loss)
        self.mean = SMOOTHING * self.mean + (1.0 - SMOOTHING) * run.loss
        self.smoothed.append(self.mean / (1.0 - SMOOTHING ** len(self.losses)))
        lowest = min(self.smoothed)
        if len(self.losses) == self.steps or self.smoothed[-1] > lowest + (DIVERGED - 1.0) * abs(lowest):
            run.stop("the search has ended")
