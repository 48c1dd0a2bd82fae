"""Training a model on data."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any, Literal, TypeAlias

import numpy as np

from minidl.arguments import same_length, whole_number
from minidl.data import Batches, hold_out
from minidl.errors import DivergenceError, HyperparameterError, MinidlWarning
from minidl.modules import Layer, Loss
from minidl.optimizers import Optimizer
from minidl.training.callbacks import Callback, History
from minidl.training.checkpoint import Checkpoint, script
from minidl.training.parts import check_parts
from minidl.training.resumption import Resumption
from minidl.training.run import Run
from minidl.training.witness import Finding, Witness
from minidl.typing import Array, ArrayLike, Seed

__all__ = ["Trainer"]

Metrics: TypeAlias = Mapping[str, Callable[[Array, Array], float]]


class Trainer:
    """Fits a model to data: for each batch forward, loss, backward and one step of the optimizer.

    Args:
        model: what to train.
        loss: what to make small.
        optimizer: made on ``model.parameters()``.
        callbacks: see `Callback`; called in this order, after the `History`, and before a `Checkpoint`.

    Attributes:
        history: the losses of all fits so far.

    Raises:
        StateError: an optimizer on other parameters.
        TypeError: parts of other types.

    >>> from minidl import Dense, MSELoss, SGD
    >>> model = Dense(1, 1, rng=0)
    >>> trainer = Trainer(model, MSELoss(), SGD(model.parameters(), lr=0.5))
    >>> history = trainer.fit([[0.0], [1.0]], [[1.0], [3.0]], epochs=200)
    >>> model.predict([[2.0]]).round(6)
    array([[5.]])
    """

    def __init__(self, model: Layer, loss: Loss, optimizer: Optimizer, callbacks: Sequence[Callback] = ()) -> None:
        check_parts(callbacks, model=(model, Layer), loss=(loss, Loss), optimizer=(optimizer, Optimizer))
        optimizer.check_owner(model)
        loss.check_model(model)
        if any(loss.named_parameters()):
            message = (
                f"the loss {loss!r} has parameters, and nothing trains them: the optimizer moves those of the model"
            )
            warnings.warn(message, MinidlWarning, stacklevel=2)
        self.model, self.loss, self.optimizer = model, loss, optimizer
        self.callbacks = list(callbacks)
        self.history = History()

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        # Copied parameters have memory of their own: those that the optimizer moves, and then the model's, all of them.
        self.model.parameters()
        self.optimizer.find_again()

    def fit(
        self,
        x: ArrayLike,
        y: ArrayLike,
        *,
        epochs: int = 1,
        batch_size: int | None = None,
        shuffle: bool = True,
        accumulate: int = 1,
        validation: tuple[ArrayLike, ArrayLike] | float | None = None,
        metrics: Metrics | None = None,
        training_loss: bool = False,
        rng: Seed = None,
        on_divergence: Literal["raise", "stop"] = "raise",
        resume_from: str | os.PathLike[str] | None = None,
    ) -> History:
        """Train for so many passes over the data, and return the history; a second fit goes on with both.

        After each epoch the history's ``epochs["loss"]`` holds the mean loss over its batches, each taken before its
        step and in training, that is of a model that was changing; ``epochs["validation_loss"]`` is the loss on the
        validation data after the epoch, and ``epochs["training_loss"]``, where asked for, that on the training data:
        these two can be compared. Each metric is measured on the same data as they are, as
        ``epochs["validation_" + name]`` and ``epochs["training_" + name]``.

        Ctrl-C ends a fit after the present step, with everything kept; pressed once more, it raises KeyboardInterrupt.

        Args:
            x, y: inputs and targets, samples along the first axis.
            epochs: passes over the data.
            batch_size: samples that go through the model at once; None takes all.
            shuffle: whether each epoch takes the samples in a new order.
            accumulate: batches a step; their gradients are averaged, as if batch_size were so many times larger.
            validation: inputs and targets to measure on after each epoch; or the share of x and y to hold out for
                that, a fixed random choice, the same in every fit on as many samples.
            metrics: name -> function (prediction, target) -> number, such as ``{"accuracy": metrics.accuracy}``.
            training_loss: whether to measure loss and metrics over the training data, too, after each epoch.
            rng: seed or generator of the orders.
            on_divergence: when loss or gradient stop being finite, "raise" an error or "stop" the run with that
                reason; either way that step's update is not applied.
            resume_from: a file of a `Checkpoint` of this same fit, which is taken up where the file was written, in
                the middle of an epoch even, and ends bit for bit as it would have; `epochs` stays the whole number.

        Raises:
            DataError, ShapeError: data that model or loss cannot take; nothing has changed then.
            HyperparameterError: arguments out of range.
            StateError: an optimizer on other parameters.
            CheckpointError: a file that is damaged, or of another run; nothing has changed then.
            OSError: there is no such file, or it cannot be read.
            DivergenceError: loss or gradient stopped being finite; it names layer and direction, and carries the
                history and the batch.
        """
        _check(epochs, accumulate, batch_size, validation, on_divergence)
        _check_metrics(metrics)
        if metrics and validation is None and not training_loss:
            raise HyperparameterError(
                "metrics are measured where a loss is: pass validation=(x, y), or training_loss=True for those of the "
                "training data"
            )
        self.optimizer.check_owner(self.model)
        inputs, targets = self._check_data(x, y)
        measured: list[tuple[str, Array, Array]] = []
        if isinstance(validation, float | np.floating):
            (inputs, targets), held_out = hold_out(inputs, targets, validation)
            measured.append(("validation", *held_out))
        elif validation is not None:
            measured.append(("validation", *self._check_data(*validation, "validation ")))
        if training_loss:
            measured.insert(0, ("training", inputs, targets))
        together = None if batch_size is None else batch_size * accumulate
        batches = Batches(inputs, targets, batch_size=together, shuffle=shuffle, rng=rng)
        history = self.history
        run = Run(self.model, self.optimizer, [history, *self.callbacks], batches)
        run.step, run.epoch = len(history.loss), len(history.epochs.get("loss", ()))
        run.first_epoch, run.loss_function = run.epoch, self.loss
        if resume_from is not None or any(isinstance(callback, Checkpoint) for callback in self.callbacks):
            run.script = script(self.model, self.loss, self.optimizer, accumulate)
        resume = None if resume_from is None else Resumption(resume_from, run)
        count = len(batches)
        run.epochs = run.first_epoch + epochs
        run.steps = run.step + (run.epochs - run.epoch) * count - batches.taken
        evaluate = evaluation(self.model, self.loss, batch_size if accumulate > 1 else None)
        witness = Witness(self.model, self.loss)
        finding: Finding | None = None
        suspect: tuple[Array, Array] | None = None

        def explain(batch: tuple[Array, Array]) -> str:
            nonlocal finding, suspect
            finding, suspect = witness.find(evaluate, batch), batch
            return f", in batch {batches.taken} of epoch {run.epoch + 1}, {finding.words}"

        def measure() -> None:
            run.metrics = {"loss": run.loss if count == 1 else batches.mean(history.loss[-count:])}
            for kind, features, answers in measured:
                for name, value in self._measure(features, answers, metrics or {}, batch_size).items():
                    run.metrics[f"{kind}_{name}"] = value

        try:
            with resume or nullcontext(), self.model.training_as(True):
                run.go(witness.noting(evaluate), measure, explain=explain, resume=resume)
        finally:
            history.reason = run.reason
        if finding is not None and on_divergence == "raise":
            raise DivergenceError(
                f"{run.reason}; try a smaller learning rate, or look at the data",
                history,
                step=run.step,
                batch=suspect,
                layer=finding.layer,
                direction=finding.direction,
            )
        return history

    def evaluate(
        self, x: ArrayLike, y: ArrayLike, metrics: Metrics | None = None, *, batch_size: int | None = None
    ) -> dict[str, float]:
        """The loss, as ``"loss"``, and each metric by its name, as in evaluation; nothing changes.

        Args:
            x, y: inputs and targets, samples along the first axis.
            metrics: name -> function (prediction, target) -> number.
            batch_size: samples that go through the model at once; None takes all.

        Raises:
            DataError, ShapeError: data that model or loss cannot take.
            HyperparameterError: a batch size that is not a positive integer, metrics that are no functions.
        """
        _check_metrics(metrics)
        inputs, targets = self._check_data(x, y)
        return self._measure(inputs, targets, metrics or {}, batch_size)

    def _measure(self, inputs: Array, targets: Array, metrics: Metrics, batch_size: int | None) -> dict[str, float]:
        with self.model.training_as(False), self.loss.training_as(False):
            if batch_size is None:
                prediction = self.model.forward(inputs)
            else:
                prediction = self.model.predict(inputs, batch_size=batch_size)
            loss = self.loss.forward(prediction, targets)
        return {"loss": loss, **{name: _number(name, metric(prediction, targets)) for name, metric in metrics.items()}}

    def _check_data(self, x: ArrayLike, y: ArrayLike, of: str = "") -> tuple[Array, Array]:
        inputs = self.model.check_input(x, f"{of}x")
        targets = self.loss.check_target(y, self.model.output_shape(inputs.shape[1:]), inputs.dtype)
        same_length(inputs, targets, of)
        return inputs, targets


def evaluation(model: Layer, loss: Loss, size: int | None) -> Callable[[tuple[Array, Array]], float]:
    """The function that takes a batch, fills the gradients and gives the loss, `size` samples at a time."""

    def evaluate(batch: tuple[Array, Array]) -> float:
        value = loss.forward(model.forward(batch[0]), batch[1])
        model.backward_parameters(loss.backward())
        return value

    if size is None:
        return evaluate

    def evaluate_parts(batch: tuple[Array, Array]) -> float:
        (x, y), grad = batch, model.parameters().grad
        value, total = 0.0, np.zeros_like(grad)
        for start in range(0, len(x), size):
            part = x[start : start + size], y[start : start + size]
            share = len(part[0]) / len(x)
            value += share * evaluate(part)
            total += share * grad
        grad[...] = total
        return value

    return evaluate_parts


def _check_metrics(metrics: Any) -> None:
    if metrics is not None and not isinstance(metrics, Mapping):
        raise HyperparameterError(
            f'metrics must be a dict of names and functions, such as {{"accuracy": metrics.accuracy}}, got {metrics!r}'
        )
    if "loss" in (metrics or {}):
        raise HyperparameterError('a metric cannot be called "loss": that is the name of the loss itself')
    for name, metric in (metrics or {}).items():
        if not callable(metric):
            raise HyperparameterError(
                f"the metric {name!r} must be a function (prediction, target) -> number, such as metrics.accuracy, got "
                f"{metric!r:.80}"
            )


def _number(name: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise TypeError(f"the metric {name!r} must give one number, got {value!r:.80}") from error


def _check(epochs: int, accumulate: int, batch_size: int | None, validation: Any, on_divergence: str) -> None:
    """Raise `HyperparameterError` for settings that make no sense."""
    whole_number("epochs", epochs, 0)
    whole_number("accumulate", accumulate, 1)
    if batch_size is not None:
        whole_number("batch_size", batch_size, 1)
    if accumulate > 1 and batch_size is None:
        raise HyperparameterError("accumulate needs a batch_size: without one a batch is all there is")
    if on_divergence not in ("raise", "stop"):
        raise HyperparameterError(f'on_divergence must be "raise" or "stop", got {on_divergence!r}')
    pair = isinstance(validation, tuple | list) and len(validation) == 2
    if not (validation is None or pair or isinstance(validation, float | np.floating)):
        raise HyperparameterError(f"validation must be a pair (x, y) or a share such as 0.2, got {validation!r:.80}")
