"""Training a model on data."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any, Literal

from minidl.arguments import check_type
from minidl.augment import Augment
from minidl.batches import Batches, BatchSource
from minidl.callbacks import Checkpoint, History
from minidl.callbacks.checkpoint import script
from minidl.errors import warn
from minidl.modules import Layer, Loss, training_as
from minidl.optimizers import Optimizer
from minidl.run import Callback, Run, check_callbacks
from minidl.training.evaluation import evaluation
from minidl.training.measuring import measured
from minidl.training.non_finite import Diagnosis
from minidl.training.preparation import Measured, Validation, data_or_batches, prepared
from minidl.training.resumption import Resumption
from minidl.training.settings import (
    Metrics,
    check_metrics,
    check_settings,
    explain_positional,
    warn_if_frozen,
)
from minidl.training.stream import Stream
from minidl.training.weights import ClassWeight, Data
from minidl.typing import Array, ArrayLike, Seed

__all__ = ["Trainer"]


class Trainer:
    """Fits a model to data: for each batch forward, loss, backward and one step of the optimizer.

    Args:
        model: the model to train.
        loss: the loss to minimize.
        optimizer: made on ``model.parameters()``.
        callbacks: see `Callback`. They are called in this order, after the `History` and before a `Checkpoint`. Each
            one may be listed once.

    Attributes:
        history: the losses of all fits so far.

    Raises:
        StateError: an optimizer on other parameters.
        TypeError: an argument of another type.

    >>> from minidl import Dense, MSELoss, SGD
    >>> model = Dense(1, 1, rng=0)
    >>> trainer = Trainer(model, MSELoss(), SGD(model.parameters(), lr=0.5))
    >>> history = trainer.fit([[0.0], [1.0]], [[1.0], [3.0]], epochs=200)
    >>> model.predict([[2.0]]).round(6)
    array([[5.]])
    """

    def __init__(self, model: Layer, loss: Loss, optimizer: Optimizer, callbacks: Sequence[Callback] = ()) -> None:
        for name, value, kind in (("model", model, Layer), ("loss", loss, Loss), ("optimizer", optimizer, Optimizer)):
            check_type(name, value, kind, "Trainer(model, loss, optimizer)")
        check_callbacks(callbacks)
        optimizer.check_owner(model)
        loss.check_model(model)
        if any(loss.named_parameters()):
            message = f"the loss {loss!r} has parameters that nothing trains: the optimizer moves those of the model"
            warn(message, stacklevel=2)
        self.model, self.loss, self.optimizer = model, loss, optimizer
        self.callbacks = list(callbacks)
        self.history = History()

    @explain_positional
    def fit(
        self,
        x: ArrayLike | BatchSource,
        y: ArrayLike | None = None,
        *,
        epochs: int = 1,
        batch_size: int | None = None,
        shuffle: bool | None = None,
        accumulate: int = 1,
        sample_weight: ArrayLike | None = None,
        class_weight: ClassWeight = None,
        validation: Validation = None,
        validation_seed: int = 0,
        metrics: Metrics | None = None,
        training_loss: bool = False,
        augment: Augment | None = None,
        rng: Seed = None,
        on_divergence: Literal["raise", "stop"] = "raise",
        resume_from: str | os.PathLike[str] | None = None,
    ) -> History:
        """Train for `epochs` passes over the data, and return the history. A second fit continues both.

        After each epoch, ``history.epochs["loss"]`` gains the mean loss over its batches, each measured before its step
        and in training, while the model was changing. ``epochs["validation_loss"]`` is the loss on the validation data
        after the epoch, and ``epochs["training_loss"]``, on request, that on the training data. These two can be
        compared. Each metric is measured on the same data, as ``epochs["validation_" + name]`` and
        ``epochs["training_" + name]``.

        With weights, each of these losses is ``Σ w · count · value / Σ w · count`` over its data (see `Loss.each`). A
        batch is divided by its own sum of weights, as in scikit-learn. Keras divides by the number of samples. A batch
        without weight takes no step and changes nothing. Weights do not act within layers such as `BatchNorm`.

        Ctrl-C or SIGTERM ends the fit after the current step and keeps everything. The second raises KeyboardInterrupt.

        Args:
            x, y: inputs and targets, samples along the first axis. Several inputs are a tuple of arrays. Or x alone:
                batches (x, y) or (x, y, weight), such as `Batches` of data larger than memory, `GeneratorBatches`, or
                any other object with ``len()`` over which one can loop again and again. They are checked one by one.
                What acts on arrays is then refused: `batch_size`, `shuffle`, `sample_weight`, `augment`, `rng`, a share
                as `validation`.
            epochs: passes over the data.
            batch_size: samples per batch. None takes all at once.
            shuffle: whether each epoch takes the samples in a new order. None means True for arrays.
            accumulate: batches per step. Their gradients are averaged, as if batch_size were `accumulate` times larger.
            sample_weight: the weight of each sample, (n,), at least 0. A share that is held out keeps its weights.
            class_weight: a dict of classes and weights, which multiply those of samples, for y with one class per
                sample. "balanced" makes all classes weigh the same. It does not act on what is measured after an epoch.
            validation: inputs and targets (x, y) or (x, y, weight), or batches, to measure on after each epoch. Or the
                share of x and y to hold out for it. If the targets are classes, it is the share of each class, up to
                rounding, and at least one sample of each stays in training.
            validation_seed: draws the samples that a share holds out. It is a number of its own, apart from `rng`, so
                that a second fit on the same data does not train on what the first held out.
            metrics: name -> function (prediction, target) -> number, such as ``{"accuracy": metrics.accuracy}``.
            training_loss: whether to measure loss and metrics on the training data, too, after each epoch.
            augment: a function ``(x, rng) -> x`` that changes the inputs of each training batch at random, such as
                `minidl.augment.flip`. What is measured after an epoch stays as it is. See `Batches`.
            rng: seed or generator of the orders and of `augment`.
            on_divergence: whether to "raise" an error or to "stop" the run when the loss or a gradient is no longer
                finite. That step's update is not applied in either case.
            resume_from: a file that a `Checkpoint` of this same fit wrote. The fit resumes there, even within an epoch,
                and ends bit for bit as it would have. `epochs` still counts from the beginning.

        Raises:
            DataError, ShapeError: data that the model or the loss cannot take. Arrays are checked first, so nothing has
                changed. Batches are checked one at a time, so earlier steps have been taken.
            HyperparameterError: arguments out of range, or arguments for arrays alone, with batches.
            TypeError: targets that are missing, with an x that is not batches. A metric that does not return a number.
            StateError: an optimizer on other parameters.
            CheckpointError: a file that is damaged or belongs to another run. Nothing has changed.
            OSError: the file does not exist or cannot be read.
            DivergenceError: the loss or a gradient is no longer finite. It names layer and direction, and carries the
                history and the batch.
        """
        check_settings(epochs, accumulate, batch_size, validation, on_divergence, shuffle, training_loss, y is None)
        check_metrics(metrics, measured=validation is not None or training_loss)
        self.optimizer.check_owner(self.model)
        warn_if_frozen(self.optimizer)
        options: Any = {"batch_size": batch_size, "shuffle": shuffle, "augment": augment, "rng": rng}
        asked = validation, validation_seed, training_loss, class_weight, accumulate
        batches, to_measure = prepared(self.model, self.loss, (x, y, sample_weight), *asked, **options)
        diagnosis = Diagnosis(self.model, self.loss, self._evaluation(batches, batch_size, accumulate))

        def measure() -> dict[str, float]:
            result = {"loss": run.passes.mean(self.history.loss)}
            for kind, data in to_measure:
                values = self._measured(data, metrics or {}, batch_size)
                result |= {f"{kind}_{name}": value for name, value in values.items()}
            return result

        run = self._run(
            self.model,
            self.optimizer,
            [self.history, *self.callbacks],
            batches,
            diagnosis.evaluate,
            measure=measure,
            **_described(to_measure, metrics),
            diagnose=diagnosis,
            loss_function=self.loss,
            epochs=epochs,
            epoch=len(self.history.epochs.get("loss", ())),
            step=len(self.history.loss),
            script=self._script(accumulate, to_measure, resumes=resume_from is not None),
            owner=self.history,
        )
        resume = None if resume_from is None else Resumption(resume_from, run)
        try:
            with resume or nullcontext(), training_as(True):
                run.go(resume)
        finally:
            self.history.reason = run.reason or run.ending
        if run.divergence is not None and on_divergence == "raise":
            run.divergence.history = self.history
            raise run.divergence
        return self.history

    def evaluate(
        self,
        x: ArrayLike | BatchSource,
        y: ArrayLike | None = None,
        metrics: Metrics | None = None,
        *,
        sample_weight: ArrayLike | None = None,
        batch_size: int | None = None,
    ) -> dict[str, float]:
        """The loss, as ``"loss"``, and each metric by its name, as in evaluation. Nothing changes.

        Args:
            x, y: inputs and targets, samples along the first axis. Or x alone: batches, as in `fit`.
            metrics: name -> function (prediction, target) -> number. One with a parameter `sample_weight` takes the
                weights. Over batches, a mean over samples (`minidl.metrics.mean_over_samples`) is averaged by weight.
                Others see all predictions and targets, which must then fit in memory.
            sample_weight: the weight of each sample in the loss, (n,), at least 0.
            batch_size: samples per call of forward. None takes all.

        Raises:
            DataError, ShapeError: data that the model or the loss cannot take.
            HyperparameterError: a batch size that is not a positive integer, metrics that are not functions. With
                batches, a batch size or weights.
            TypeError: as in `fit`.
        """
        check_metrics(metrics)
        data = data_or_batches(self.model, self.loss, x, y, sample_weight=sample_weight, batch_size=batch_size)
        return self._measured(data, metrics or {}, batch_size)

    def predict(self, x: ArrayLike, *, batch_size: int | None = None) -> Array:
        """The model's predictions, as `Layer.predict` returns them."""
        return self.model.predict(x, batch_size=batch_size)

    def _script(self, accumulate: int, to_measure: Measured, *, resumes: bool) -> dict[str, Any] | None:
        """What a checkpoint says of the run, None if the run neither writes nor reads one."""
        if resumes or any(isinstance(callback, Checkpoint) for callback in self.callbacks):
            return script(self.model, self.loss, self.optimizer, accumulate, to_measure)
        return None

    def _run(self, *args: Any, **options: Any) -> Run:
        """Make the run of a fit."""
        return Run(*args, **options)

    def _measured(self, data: Data | Stream, metrics: Metrics, batch_size: int | None) -> dict[str, float]:
        return measured(self.model, self.loss, data, metrics, batch_size)

    def _evaluation(self, batches: Batches | Stream, batch_size: int | None, accumulate: int) -> Callable[[Any], float]:
        if isinstance(batches, Stream):
            return evaluation(self.model, self.loss, None, counted=True, grouped=accumulate > 1)
        size = batch_size if accumulate > 1 else None
        return evaluation(self.model, self.loss, size, counted=batches.counts is not None)

    def __repr__(self) -> str:
        parts = [repr(self.model), repr(self.loss), repr(self.optimizer)]
        if self.callbacks:
            parts.append(f"callbacks: {', '.join(type(callback).__name__ for callback in self.callbacks)}")
        return f"{type(self).__name__}({', '.join(parts)}; {len(self.history.loss)} steps taken)"

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        # Copied parameters lie in memory of their own: pack those of the model, then find them there again.
        self.model.parameters()
        self.optimizer.rebind()


def _described(to_measure: Measured, metrics: Metrics | None) -> dict[str, Any]:
    """What a run is told of the end of an epoch: all names that are measured, and the batches of validation."""
    names = ["loss", *(f"{kind}_{name}" for kind, _ in to_measure for name in ("loss", *(metrics or ())))]
    sources = [data.source for kind, data in to_measure if kind == "validation" and isinstance(data, Stream)]
    return {"measures": names, "validation": sources[0] if sources else None}
