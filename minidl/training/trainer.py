"""Training a model on data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np

from minidl.data import Batches
from minidl.errors import DivergenceError, HyperparameterError
from minidl.modules import Layer, Loss
from minidl.optimizers import Optimizer
from minidl.training.callbacks import Callback, History
from minidl.training.run import Run
from minidl.typing import Array, ArrayLike, Seed

__all__ = ["Trainer"]


class Trainer:
    """Fits a model to data: for each batch forward, loss, backward and one step of the optimizer.

    Args:
        model: what to train.
        loss: what to make small.
        optimizer: made on ``model.parameters()``.
        callbacks: see `Callback`; called in this order, after the `History`.

    Raises:
        StateError: an optimizer on other parameters.

    >>> from minidl import Dense, MSELoss, SGD
    >>> model = Dense(1, 1, rng=0)
    >>> trainer = Trainer(model, MSELoss(), SGD(model.parameters(), lr=0.5))
    >>> history = trainer.fit([[0.0], [1.0]], [[1.0], [3.0]], epochs=200)
    >>> model.predict([[2.0]]).round(6)
    array([[5.]])
    """

    def __init__(self, model: Layer, loss: Loss, optimizer: Optimizer, callbacks: Sequence[Callback] = ()) -> None:
        optimizer.check_owner(model)
        loss.check_model(model)
        self.model, self.loss, self.optimizer = model, loss, optimizer
        self.callbacks = list(callbacks)
        self.history = History()

    def fit(
        self,
        x: ArrayLike,
        y: ArrayLike,
        *,
        epochs: int = 1,
        batch_size: int | None = None,
        shuffle: bool = True,
        validation: tuple[ArrayLike, ArrayLike] | None = None,
        metrics: Mapping[str, Callable[[Array, Array], float]] | None = None,
        rng: Seed = None,
        on_divergence: Literal["raise", "stop"] = "raise",
    ) -> History:
        """Train for so many passes over the data, and return the history; a second fit goes on with both.

        After each epoch the history's ``epochs["loss"]`` holds the mean loss over its batches, each taken before
        its step, and ``epochs["validation_loss"]`` the loss on the validation data after the epoch; each metric is
        measured there, too, as ``epochs["validation_" + name]``.

        Args:
            x, y: inputs and targets, samples along the first axis.
            epochs: passes over the data.
            batch_size: samples a step; None takes all at once.
            shuffle: whether each epoch takes the samples in a new order.
            validation: inputs and targets to measure on after each epoch.
            metrics: name -> function (prediction, target) -> number, such as ``{"accuracy": metrics.accuracy}``.
            rng: seed or generator of the orders.
            on_divergence: when loss or gradient stop being finite, "raise" an error or "stop" the run with that
                reason; either way that step's update is not applied.

        Raises:
            DataError, ShapeError: data that model or loss cannot take; nothing has changed then.
            HyperparameterError: epochs, batch_size or on_divergence out of range.
            StateError: an optimizer on other parameters.
            DivergenceError: loss or gradient stopped being finite; it carries the history.
        """
        if isinstance(epochs, bool) or not isinstance(epochs, int | np.integer) or epochs < 0:
            raise HyperparameterError(f"epochs must be an integer of at least 0, got {epochs!r}")
        if on_divergence not in ("raise", "stop"):
            raise HyperparameterError(f'on_divergence must be "raise" or "stop", got {on_divergence!r}')
        if validation is not None and (not isinstance(validation, tuple | list) or len(validation) != 2):
            raise HyperparameterError(f"validation must be a pair (x, y), got {type(validation).__name__}")
        if metrics and validation is None:
            raise HyperparameterError("metrics are measured on validation data; pass validation=(x, y) as well")
        self.optimizer.check_owner(self.model)
        batches = Batches(*self._check(x, y), batch_size=batch_size, shuffle=shuffle, rng=rng)
        held_out = self._check(*validation) if validation is not None else None
        model, loss, history = self.model, self.loss, self.history
        run = Run(model, self.optimizer, [history, *self.callbacks])
        run.epoch, run.step = len(history.epochs.get("loss", ())), len(history.loss)
        run.epochs, run.steps = run.epoch + epochs, run.step + epochs * len(batches)

        def evaluate(batch: tuple[Array, Array]) -> float:
            value = loss.forward(model.forward(batch[0]), batch[1])
            model.backward_parameters(loss.backward())
            return value

        count = len(batches)

        def measure() -> None:
            run.metrics = {"loss": batches.mean(history.loss[-count:])}
            if held_out is not None:
                with model.training_as(False):
                    prediction = model.forward(held_out[0])
                run.metrics["validation_loss"] = loss.forward(prediction, held_out[1])
                for name, metric in (metrics or {}).items():
                    run.metrics[f"validation_{name}"] = float(metric(prediction, held_out[1]))

        with model.training_as(True):
            run.go(evaluate, [batches] * epochs, measure)
        if run.diverged and on_divergence == "raise":
            raise DivergenceError(f"{run.reason}; try a smaller learning rate, or look at the data", history)
        return history

    def _check(self, x: ArrayLike, y: ArrayLike) -> tuple[Array, Array]:
        inputs = self.model.check_input(x)
        targets = self.loss.check_target(y, self.model.output_shape(inputs.shape[1:]), inputs.dtype)
        return inputs, targets
