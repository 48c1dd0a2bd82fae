"""What a step evaluates: the loss of a batch and the gradients of all parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from minidl.batch import rows, samples
from minidl.events import NothingCounts
from minidl.modules import Layer, Loss, as_gradient, backward_without_dx
from minidl.typing import Array, Batch

__all__ = ["evaluation"]


def evaluation(
    model: Layer, loss: Loss, size: int | None, *, counted: bool, grouped: bool = False
) -> Callable[[Any], float]:
    """Return the function that takes a batch, writes the gradients and returns the loss.

    Args:
        model, loss: what is evaluated.
        size: how many samples go through the model at once. None means all.
        counted: whether samples count differently: a batch has weights as its third part, or the loss has counts. The
            function then raises `NothingCounts` for a batch in which nothing counts. The model does not see it.
        grouped: whether the function takes a list of batches instead of one.
    """
    backward = backward_without_dx(type(model))

    def evaluate(batch: tuple[Batch, Batch]) -> float:
        x, y = batch
        prediction = model.forward(x)
        value = loss.forward(prediction, y)
        getattr(model, backward)(as_gradient(loss.backward(), prediction))
        return value

    def evaluate_counted(batch: tuple[Any, ...]) -> float:
        if not loss.shares(*batch[1:]).any():
            raise NothingCounts
        if len(batch) == 2:
            return evaluate(batch)
        x, y, weights = batch
        prediction = model.forward(x)
        value = loss.weighted(prediction, y, weights)
        getattr(model, backward)(loss.weighted_gradient(prediction, y, weights))
        return value

    one = evaluate_counted if counted else evaluate

    def evaluate_parts(parts: Iterable[Any], totals: Array) -> float:
        grad, whole = model.parameters().grad, totals.sum()
        if not whole:
            raise NothingCounts
        value, total = 0.0, np.zeros_like(grad)
        for part, share in zip(parts, (totals / whole).tolist(), strict=True):
            if share:
                value += share * one(part)
                total += share * grad
        grad[...] = total
        return value

    def evaluate_split(batch: tuple[Any, ...]) -> float:
        assert size is not None
        starts = range(0, samples(batch), size)
        shares = loss.shares(*batch[1:]) if counted else np.ones(samples(batch))
        return evaluate_parts((rows(batch, slice(i, i + size)) for i in starts), np.add.reduceat(shares, starts))

    def evaluate_group(batches: list[tuple[Any, ...]]) -> float:
        return evaluate_parts(batches, np.array([loss.shares(*batch[1:]).sum() for batch in batches]))

    if grouped:
        return evaluate_group
    return one if size is None else evaluate_split
