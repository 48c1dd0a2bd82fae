"""The weights of samples, from what `fit` and `evaluate` are given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import numpy as np

from minidl.arguments import got, number
from minidl.batch import samples
from minidl.data import as_weights
from minidl.errors import DataError, HyperparameterError, ShapeError
from minidl.modules import Layer, Loss
from minidl.typing import Array, ArrayLike, Batch

__all__ = ["ClassWeight", "Data", "checked_data", "times_class_weights"]

Data: TypeAlias = tuple[Batch, Batch, Array | None]
"""Inputs, targets, and weights or None."""

ClassWeight: TypeAlias = Mapping[int, float] | Literal["balanced"] | None


def checked_data(
    model: Layer, loss: Loss, of: str, x: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
) -> Data:
    """Return inputs, targets and weights as the model and the loss take them. Messages put `of` before their names.

    Raises:
        DataError, ShapeError: data that the model or the loss cannot take.
    """
    inputs, targets = loss.check_data(model, x, y, of)
    if sample_weight is None:
        return inputs, targets, None
    return inputs, targets, as_weights(sample_weight, samples(targets), f"{of}sample_weight")


def times_class_weights(weights: Array | None, class_weight: ClassWeight, y: Batch, loss: Loss) -> Array | None:
    """Return the weights of samples times those of their classes.

    Args:
        weights: (n,). None: all are 1.
        class_weight: class -> weight. "balanced": ``Σ w / (k · Σ w of the class)`` for k classes, as in scikit-learn.
        y: one class per sample, (n,) or (n, 1).
        loss: targets that it does not count need no weight.

    Raises:
        HyperparameterError: another kind of `class_weight`, a weight below 0, or a class without one.
        ShapeError, DataError: targets that are not one class per sample. A class without weight in "balanced".

    >>> from minidl import MSELoss
    >>> times_class_weights(None, "balanced", np.array([0, 0, 0, 1]), MSELoss()).round(3)
    array([0.667, 0.667, 0.667, 2.   ])
    """
    if class_weight is None:
        return weights
    if not (class_weight == "balanced" or isinstance(class_weight, Mapping)):
        raise HyperparameterError(
            f'class_weight must be "balanced" or a dict of classes and weights such as {{0: 1, 1: 5}}, '
            f"{got(class_weight)}"
        )
    result = np.ones(samples(y)) if weights is None else weights.copy()
    counted = np.flatnonzero(loss.shares(y))
    classes, place = np.unique(_classes(y)[counted], return_inverse=True)
    keys = [int(key) for key in classes.tolist()]
    if isinstance(class_weight, Mapping):
        by_class = _given(keys, class_weight)
    else:
        by_class = _balanced(keys, np.bincount(place, result[counted], len(keys)))
    result[counted] *= by_class[place]
    return as_weights(result, len(result), "sample_weight times class_weight")


def _classes(y: Batch) -> Array:
    if isinstance(y, tuple) or y.shape not in ((len(y),), (len(y), 1)):
        shapes = "several arrays" if isinstance(y, tuple) else f"shape {y.shape}"
        raise ShapeError(
            f"class_weight needs one class per sample, targets (n,) or (n, 1), but they have {shapes}; pass "
            "sample_weight= instead"
        )
    flat: Array = y.reshape(-1)
    if wrong := np.flatnonzero(flat != np.floor(flat)).tolist():
        raise DataError(
            f"class_weight needs targets that are classes, whole numbers, but there is {flat[wrong[0]]} at index "
            f"{wrong[0]}; pass sample_weight= instead"
        )
    return flat


def _balanced(keys: list[int], sums: Array) -> Array:
    for key, total in zip(keys, sums.tolist(), strict=True):
        if total == 0:
            raise DataError(f'class_weight="balanced": all samples of class {key} have the weight 0; leave them out')
    result: Array = sums.sum() / (len(keys) * sums)
    return result


def _given(keys: list[int], class_weight: Mapping[int, Any]) -> Array:
    if missing := [key for key in keys if key not in class_weight]:
        raise HyperparameterError(
            f"class_weight has no weight for class {missing[0]}, which occurs in y; its keys are {list(class_weight)}"
        )
    return np.array([number(f"class_weight of class {key}", class_weight[key], at_least=0) for key in keys])
