"""Measuring a model: its loss and metrics, on data or over batches."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from inspect import signature
from typing import Any, NamedTuple

import numpy as np

from minidl.arguments import got
from minidl.batch import joined, samples
from minidl.metrics import is_mean_over_samples
from minidl.modules import Layer, Loss, evaluating
from minidl.training.settings import Metrics
from minidl.training.stream import Stream
from minidl.training.weights import Data
from minidl.typing import Array, Batch

__all__ = ["Record", "measured"]


class Record(NamedTuple):
    """What is measured on one batch.

    Attributes:
        loss, counted: the mean loss, and how much the batch counts in it.
        values, total: the metrics that are means over samples, and the sum of the weights. None if nothing counts.
        kept: prediction, target and weights, if other metrics need them.
    """

    loss: float
    counted: float
    values: dict[str, float] | None
    total: float
    kept: Data | None


def measured(
    model: Layer,
    loss: Loss,
    data: Data | Stream | None,
    metrics: Metrics,
    batch_size: int | None,
    gather: Callable[[list[Record]], list[Record]] = list,
) -> dict[str, float]:
    """Return the loss, as "loss", and each metric by its name, in evaluation.

    A metric that is a mean over samples is averaged over batches by weight. The others see all predictions at once.

    Args:
        model, loss: what is measured, and by what.
        data: inputs, targets and weights, or batches of them. None if this process has no part of them.
        metrics: name -> function. One with a parameter `sample_weight` takes the weights, if there are any.
        batch_size: samples per call of forward, for data. None means all.
        gather: takes what this process has measured, and returns what all have, if each has a part of the data.

    Raises:
        DataError, ShapeError: batches that the model or the loss cannot take.
        TypeError: a metric that does not return one number.
    """
    alone = copy.copy(loss)  # another thread may be using the loss itself
    means = {name: metric for name, metric in metrics.items() if is_mean_over_samples(metric)}
    others = {name: metric for name, metric in metrics.items() if name not in means}
    records = list[Record]()
    with evaluating(model):
        size = None if isinstance(data, Stream) else batch_size
        for x, y, *weights in _batches(data):
            prediction = model.forward(x) if size is None else model.predict(x, batch_size=size)
            weight = weights[0] if weights else None
            value = alone.forward(prediction, y) if weight is None else alone.weighted(prediction, y, weight)
            total = float(samples(y) if weight is None else weight.sum())
            found = _values(means, prediction, y, weight) if means and total else None
            kept = (prediction, y, weight) if others else None
            records.append(Record(value, float(loss.shares(y, weight).sum()), found, total, kept))
    records = gather(records)
    result = {"loss": _mean([record.loss for record in records], [record.counted for record in records])}
    pairs = [(record.values, record.total) for record in records if record.values is not None]
    for name in means:
        result[name] = _mean([values[name] for values, _ in pairs], [total for _, total in pairs])
    result |= _values(others, *_whole([record.kept for record in records if record.kept])) if others else {}
    return {name: result[name] for name in ("loss", *metrics)}


def _batches(data: Data | Stream | None) -> Iterable[Any]:
    if isinstance(data, Stream):
        return data
    return [] if data is None else [data]


def _mean(values: list[float], totals: list[float]) -> float:
    """The mean by weight. One value stays as it is. If nothing counts, it is 0."""
    return values[0] if len(values) == 1 else float(np.dot(totals, values) / (sum(totals) or 1))


def _whole(kept: list[Data]) -> Data:
    """Predictions, targets and weights of all batches. Without weights, those of a batch are 1 if others have some."""
    if len(kept) == 1:
        return kept[0]
    predictions, targets, weights = zip(*kept, strict=True)
    weight = None
    if any(part is not None for part in weights):
        filled = (np.ones(samples(y)) if w is None else w for y, w in zip(targets, weights, strict=True))
        weight = np.concatenate(list(filled))
    return joined(predictions), joined(targets), weight


def _values(metrics: Mapping[str, Any], prediction: Batch, target: Batch, weight: Array | None) -> dict[str, float]:
    """The value of each metric. A note names the metric that raises an error."""
    values = {}
    for name, metric in metrics.items():
        weights = {"sample_weight": weight} if weight is not None and _takes_weights(metric) else {}
        try:
            value = metric(prediction, target, **weights)
        except Exception as error:
            error.add_note(f"raised by the metric {name!r}")
            raise
        try:
            values[name] = float(value)
        except (TypeError, ValueError) as error:
            raise TypeError(f"the metric {name!r} must return one number, {got(value)}") from error
    return values


def _takes_weights(metric: Callable[..., Any]) -> bool:
    """Whether a metric has a parameter `sample_weight`, as all of `minidl.metrics` and of scikit-learn have."""
    try:
        return "sample_weight" in signature(metric).parameters
    except (TypeError, ValueError):  # a function written in C may not say
        return False
