"""What a step evaluates: the loss of a batch and the gradients of all parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.batch import rows, samples
from minidl.events import NothingCounts
from minidl.modules import Layer, Loss, as_gradient, backward_without_dx
from minidl.typing import Batch

__all__ = ["evaluation"]


def evaluation(model: Layer, loss: Loss, size: int | None, *, counted: bool) -> Callable[[Any], float]:
    """Return the function that takes a batch, writes the gradients and returns the loss.

    Args:
        model, loss: what is evaluated.
        size: how many samples go through the model at once. None means all.
        counted: whether samples count differently: a batch has weights as its third part, or the loss has counts. The
            function then raises `NothingCounts` for a batch in which nothing counts. The model does not see it.
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
    if size is None:
        return one

    def evaluate_parts(batch: tuple[Any, ...]) -> float:
        grad, n = model.parameters().grad, samples(batch)
        value, total = 0.0, np.zeros_like(grad)
        shares = loss.shares(*batch[1:]) if counted else np.ones(n)
        whole = shares.sum()
        if not whole:
            raise NothingCounts
        for start in range(0, n, size):
            chosen = slice(start, start + size)
            if share := float(shares[chosen].sum() / whole):
                value += share * one(rows(batch, chosen))
                total += share * grad
        grad[...] = total
        return value

    return evaluate_parts
