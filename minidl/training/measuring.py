"""Measuring a model: its loss and metrics, on data or over batches."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from inspect import signature
from typing import Any

import numpy as np

from minidl.arguments import got
from minidl.batch import joined, samples
from minidl.metrics import is_mean_over_samples
from minidl.modules import Layer, Loss, evaluating
from minidl.training.settings import Metrics
from minidl.training.stream import Stream
from minidl.training.weights import Data
from minidl.typing import Array, Batch

__all__ = ["measured"]


def measured(
    model: Layer, loss: Loss, data: Data | Stream, metrics: Metrics, batch_size: int | None
) -> dict[str, float]:
    """Return the loss, as "loss", and each metric by its name, in evaluation.

    A metric that is a mean over samples is averaged over batches by weight. The others see all predictions at once.

    Args:
        model, loss: what is measured, and by what.
        data: inputs, targets and weights, or batches of them.
        metrics: name -> function. One with a parameter `sample_weight` takes the weights, if there are any.
        batch_size: samples per call of forward, for data. None means all.

    Raises:
        DataError, ShapeError: batches that the model or the loss cannot take.
        TypeError: a metric that does not return a number.
    """
    alone = copy.copy(loss)  # another thread may be using the loss itself
    means = {name: metric for name, metric in metrics.items() if is_mean_over_samples(metric)}
    others = {name: metric for name, metric in metrics.items() if name not in means}
    losses, values, totals = list[float](), list[dict[str, float]](), list[float]()
    kept = list[Data]()
    with evaluating(model):
        for x, y, *weights in data if isinstance(data, Stream) else [data]:
            size = None if isinstance(data, Stream) else batch_size
            prediction = model.forward(x) if size is None else model.predict(x, batch_size=size)
            weight = weights[0] if weights else None
            value = alone.forward(prediction, y) if weight is None else alone.weighted(prediction, y, weight)
            losses.append(value)
            total = float(samples(y) if weight is None else weight.sum())
            if means and total:
                values.append(_values(means, prediction, y, weight))
                totals.append(total)
            if others:
                kept.append((prediction, y, weight))
    result = {"loss": data.mean(losses) if isinstance(data, Stream) else losses[0]}
    shares = np.array(totals) / sum(totals) if len(totals) > 1 else np.ones(1)
    result |= {name: float(shares.dot([value[name] for value in values])) for name in means}
    result |= _values(others, *_whole(kept)) if others else {}
    return {name: result[name] for name in ("loss", *metrics)}


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
