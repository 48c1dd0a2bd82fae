"""What `fit` and `evaluate` are given: arrays or batches, checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

from minidl.arguments import got, whole_number
from minidl.batch import rows, samples
from minidl.batches import Batches, BatchSource, is_source
from minidl.data import check_some_count
from minidl.errors import HyperparameterError
from minidl.modules import Layer, Loss
from minidl.splitting import hold_out
from minidl.training.stream import Stream
from minidl.training.weights import ClassWeight, Data, checked_data, times_class_weights
from minidl.typing import Array, ArrayLike

__all__ = ["Measured", "Validation", "data_or_batches", "prepared"]

Validation: TypeAlias = (
    tuple[ArrayLike, ArrayLike] | tuple[ArrayLike, ArrayLike, ArrayLike] | BatchSource | float | None
)
Measured: TypeAlias = list[tuple[str, Data | Stream]]
"""What to measure after each epoch, by "training" and "validation"."""


def data_or_batches(
    model: Layer, loss: Loss, x: Any, y: ArrayLike | None, of: str = "", **for_arrays: Any
) -> Data | Stream:
    """Return data x, y and weights, or batches x if y is None, as the model and the loss take them.

    Args:
        model, loss: what the data is for.
        x, y: arrays, or batches and None.
        of: what messages put before x, y and "batches".
        for_arrays: arguments of arrays alone, `sample_weight` among them. Those that are not None are refused with
            batches.

    Raises:
        HyperparameterError: one of these arguments with batches.
        TypeError: a y that is None, and an x that is not batches. A y that is a dict of metrics.
        DataError, ShapeError: data that the model or the loss cannot take. Weights that are all 0.
    """
    if isinstance(y, Mapping) and any(map(callable, y.values())):
        raise TypeError(f"{of}y must be targets, or left out with batches, {got(y)}; pass metrics by name: metrics=…")
    if y is not None:
        data = checked_data(model, loss, of, x, y, for_arrays.get("sample_weight"))
        check_some_count(data[2], f"{of}sample_weight")
        return data
    if not is_source(x):
        raise TypeError(
            f"{of}y is missing; without it, x must be batches: a list, `Batches`, `GeneratorBatches` or another object "
            f"with len() that can be looped over several times, {got(x)}"
        )
    for name, value in for_arrays.items():
        if value is not None:
            raise HyperparameterError(f"{name} is for arrays x and y; with batches, leave it to what makes the batches")
    return Stream(x, model, loss, of=of)


def prepared(
    model: Layer,
    loss: Loss,
    given: tuple[Any, ArrayLike | None, ArrayLike | None],
    validation: Validation,
    validation_seed: int,
    training_loss: bool,
    class_weight: ClassWeight,
    accumulate: int,
    **options: Any,
) -> tuple[Batches | Stream, Measured]:
    """Return the batches to learn from, and what to measure after each epoch.

    Args:
        model, loss: what the data is for.
        given: x, y and sample_weight.
        validation, validation_seed, training_loss, class_weight, accumulate: as in `Trainer.fit`.
        options: those of `Batches`, for arrays.
    """
    whole_number("validation_seed", validation_seed, 0)
    x, y, weights = given
    data = data_or_batches(model, loss, x, y, sample_weight=weights, **options)
    measured: Measured = []
    among = None
    if isinstance(validation, float | np.floating):
        if isinstance(data, Stream):
            raise HyperparameterError("a share as validation needs arrays x and y; with batches, pass data or batches")
        among, held = hold_out(samples(data[0]), validation, classes=loss.classes(data[1]), seed=validation_seed)
        share = _rows(data, held)
        check_some_count(share[2], "sample_weight", " that is held out for validation")
        measured.append(("validation", share))
    elif is_source(validation):
        measured.append(("validation", data_or_batches(model, loss, validation, None, "validation ")))
    elif isinstance(validation, tuple | list):
        held_out = checked_data(model, loss, "validation ", *validation)
        check_some_count(held_out[2], "validation sample_weight")
        measured.append(("validation", held_out))
    if isinstance(data, Stream):
        if training_loss:
            measured.insert(0, ("training", data))
        if class_weight == "balanced":
            raise HyperparameterError('class_weight="balanced" needs arrays x and y; with batches, pass a dict')
        return Stream(data.source, model, loss, accumulate, class_weight), measured
    if among is not None and (training_loss or options["batch_size"] is None):
        data, among = _rows(data, among), None  # these take the samples in one piece
    if training_loss:
        measured.insert(0, ("training", data))
    return _batches(loss, data, among, class_weight, accumulate, **options), measured


def _batches(
    loss: Loss, data: Data, among: Array | None, class_weight: ClassWeight, accumulate: int, **options: Any
) -> Batches:
    """Batches of the samples among the data, with the weights of their classes, for `accumulate` at a time."""
    x, y, weights = data
    taken = y if among is None else rows(y, among)
    chosen = weights if weights is None or among is None else weights[among]
    chosen = times_class_weights(chosen, class_weight, taken, loss)
    check_some_count(chosen, "sample_weight times class_weight", " to train on")
    if among is None or chosen is None:
        weights = chosen
    else:
        weights = np.zeros(samples(y))
        weights[among] = chosen
    if options["batch_size"] is not None:
        options["batch_size"] *= accumulate
    options["shuffle"] = options["shuffle"] in (None, True)
    batches = Batches(x, y, sample_weight=weights, among=among, **options)
    if weights is not None or loss.counts(y) is not None:
        batches.counts = loss.shares(taken, chosen)
    return batches


def _rows(data: Data, chosen: Array) -> Data:
    """Some samples of the data."""
    x, y, weights = data
    return rows(x, chosen), rows(y, chosen), None if weights is None else weights[chosen]
