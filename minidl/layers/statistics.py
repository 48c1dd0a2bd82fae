"""The running statistics of BatchNorm, estimated again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from minidl.arguments import check_type, whole_number
from minidl.batch import rows, samples
from minidl.batches import BatchSource, is_source
from minidl.errors import HyperparameterError
from minidl.layers.normalization import BatchNorm
from minidl.modules import Layer, Module, Snapshot, changing, training_as
from minidl.typing import ArrayLike, Batch

__all__ = ["estimate_statistics", "restored_statistics"]


def estimate_statistics(model: Module, x: ArrayLike | BatchSource, *, batch_size: int | None = None) -> None:
    """Estimate the running means and variances of all `BatchNorm` layers of a model again, from data.

    They become the means over the batches of x of what training would use there, ``m̄ = Σ n m / Σ n`` for batches of n
    samples. This is for parameters that no training step has produced, such as averaged ones; PyTorch's ``update_bn``
    does it for batches of equal size. Everything else stays, generators included. Frozen layers keep their statistics.

    Args:
        model: a layer that takes x.
        x: inputs. Or batches, as in `Trainer.fit`, of which the inputs are taken.
        batch_size: samples per batch, as in training. None takes all.

    Raises:
        DataError, ShapeError: data that the model cannot take. Nothing has changed.
        HyperparameterError: a batch size that is not a positive integer. With batches, a batch size.
        TypeError: a model that is not a Layer.

    >>> model = BatchNorm(1)
    >>> estimate_statistics(model, [[1.0], [3.0]])
    >>> model.running_mean, model.running_var
    (array([2.]), array([2.]))
    """
    check_type("model", model, Layer)
    assert isinstance(model, Layer)
    batches = _inputs(model, x, batch_size)
    norms, taken = _norms(model), 0
    with changing(model), Snapshot([model]), training_as(True), np.errstate(all="ignore"):
        for norm in norms:
            norm.running_mean, norm.running_var = np.zeros_like(norm.running_mean), np.ones_like(norm.running_var)
        for batch in batches:
            taken += samples(batch)
            for norm in norms:
                norm.momentum = samples(batch) / taken
            model.forward(batch)
        found = [(norm.running_mean, norm.running_var) for norm in norms]
    for norm, (mean, variance) in zip(norms, found, strict=True):
        norm.running_mean, norm.running_var = mean, variance


def _inputs(model: Layer, x: Any, batch_size: int | None) -> Iterator[Batch]:
    """The inputs in batches, as the model takes them. Arrays are checked at once, batches one at a time."""
    if is_source(x):
        if batch_size is not None:
            raise HyperparameterError("batch_size is for an array x; with batches, leave it to what makes the batches")
        parts = (batch[0] if isinstance(batch, tuple | list) else batch for batch in x)
        return (model.check_input(part, f"batch {number}: x") for number, part in enumerate(parts, 1))
    inputs = model.check_input(x)
    n = samples(inputs)
    size = n if batch_size is None else whole_number("batch_size", batch_size, 1)
    return (rows(inputs, slice(start, start + size)) for start in range(0, n, size))


@contextmanager
def restored_statistics(model: Module) -> Iterator[None]:
    """Have the running statistics of all `BatchNorm` layers as before after a ``with`` block."""
    before = [(norm, norm.running_mean, norm.running_var) for norm in _norms(model)]
    try:
        yield
    finally:
        for norm, mean, variance in before:
            norm.running_mean, norm.running_var = mean, variance


def _norms(model: Module) -> list[BatchNorm]:
    return [module for _, module in model.modules() if isinstance(module, BatchNorm)]
