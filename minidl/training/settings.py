"""Checks of what `Trainer.fit` and `Trainer.evaluate` are called with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from inspect import signature
from typing import Any, ParamSpec, TypeAlias, TypeVar

import numpy as np

from minidl.arguments import flag, got, whole_number
from minidl.batches import is_source
from minidl.errors import HyperparameterError, warn
from minidl.optimizers import Optimizer
from minidl.typing import Array

__all__ = ["Metrics", "check_metrics", "check_settings", "explain_positional", "warn_if_frozen"]

P = ParamSpec("P")
R = TypeVar("R")

Metrics: TypeAlias = Mapping[str, Callable[[Array, Array], float]]


def check_metrics(metrics: Any, *, measured: bool = True) -> None:
    """Raise `HyperparameterError` for metrics that are not a dict of functions, or that nothing would measure."""
    if metrics is not None and not isinstance(metrics, Mapping):
        raise HyperparameterError(
            f'metrics must be a dict of names and functions, such as {{"accuracy": metrics.accuracy}}, {got(metrics)}'
        )
    if "loss" in (metrics or {}):
        raise HyperparameterError('a metric must not be called "loss", which is the name of the loss itself')
    for name, metric in (metrics or {}).items():
        if not (callable(metric) and _takes_two(metric)):
            raise HyperparameterError(
                f"the metric {name!r} must be a function (prediction, target) -> number, such as metrics.accuracy, "
                f"{got(metric)}"
            )
    if metrics and not measured:
        raise HyperparameterError(
            "metrics need data to be measured on: pass validation=(x, y), or training_loss=True for the training data"
        )


def _takes_two(metric: Callable[..., Any]) -> bool:
    """Whether a function can be called with a prediction and a target. It is not called: it may count its calls."""
    for weights in ({}, {"sample_weight": None}):
        try:
            signature(metric).bind(None, None, **weights)
        except ValueError:  # some functions of C do not say what they take
            return True
        except TypeError:
            continue
        return True
    return False


def check_settings(
    epochs: int,
    accumulate: int,
    batch_size: Any,
    validation: Any,
    on_divergence: str,
    shuffle: bool | None,
    training_loss: bool,
    batches: bool,
) -> None:
    """Raise `HyperparameterError` for settings out of range or that contradict each other."""
    whole_number("epochs", epochs, 0)
    whole_number("accumulate", accumulate, 1)
    if batch_size is not None:
        whole_number("batch_size", batch_size, 1)
    if accumulate > 1 and batch_size is None and not batches:
        raise HyperparameterError("accumulate needs a batch_size: without one, a batch holds all samples")
    if shuffle is not None:
        flag("shuffle", shuffle)
    flag("training_loss", training_loss)
    if on_divergence not in ("raise", "stop"):
        raise HyperparameterError(f'on_divergence must be "raise" or "stop", {got(on_divergence)}')
    data = isinstance(validation, tuple | list) and len(validation) in (2, 3)
    if not (validation is None or data or is_source(validation) or isinstance(validation, float | np.floating)):
        raise HyperparameterError(
            f"validation must be (x, y), (x, y, weight), batches or a share such as 0.2, {got(validation)}"
        )


def warn_if_frozen(optimizer: Optimizer) -> None:
    """Warn before a fit that cannot change any parameter."""
    if not any(parameter.trainable for vector in optimizer.vectors for parameter in vector):
        warn("all parameters are frozen by trainable = False, so training changes nothing", stacklevel=4)


def explain_positional(function: Callable[P, R]) -> Callable[P, R]:
    """Make a function say how to write its keyword-only arguments. Python only counts the others.

    >>> @explain_positional
    ... def fit(x, y, *, epochs=1): ...
    >>> fit([1.0], [2.0], 10)
    Traceback (most recent call last):
        ...
    TypeError: fit takes x, y by position and all else by name, such as epochs=10
    """
    code, first = function.__code__, next(iter(function.__kwdefaults__ or {}))
    names = [name for name in code.co_varnames[: code.co_argcount] if name != "self"]

    @wraps(function)
    def explained(*args: P.args, **kwargs: P.kwargs) -> R:
        if len(args) > code.co_argcount:
            by_name = f"{first}={args[code.co_argcount]!r:.80}"
            raise TypeError(
                f"{function.__name__} takes {', '.join(names)} by position and all else by name, such as {by_name}"
            )
        return function(*args, **kwargs)

    return explained
