"""Hyper-parameters that are checked whenever they are set."""

from __future__ import annotations

from math import inf, isfinite, nan
from typing import Any

from minidl.errors import HyperparameterError

__all__ = ["hyperparameter"]


class _Hyperparameter:
    """A float that is checked whenever it is set, and kept in the instance under its own name."""

    def __init__(self, above: float, at_least: float, below: float, at_most: float) -> None:
        self.above, self.at_least, self.below, self.at_most = above, at_least, below, at_most

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __set__(self, instance: object, value: Any) -> None:
        # There is no __get__: reading finds the float in the instance, at the speed of any attribute.
        try:
            number = nan if isinstance(value, bool | str) else float(value)
        except (TypeError, ValueError):
            number = nan
        if not (isfinite(number) and self.above < number < self.below and self.at_least <= number <= self.at_most):
            raise HyperparameterError(f"{type(instance).__name__}: {self.name} must be {self}, got {value!r}")
        vars(instance)[self.name] = number

    def __str__(self) -> str:
        low = f"above {self.above:g}" if isfinite(self.above) else f"at least {self.at_least:g}"
        high = f"below {self.below:g}" if isfinite(self.below) else f"at most {self.at_most:g}"
        has_low, has_high = isfinite(max(self.above, self.at_least)), isfinite(min(self.below, self.at_most))
        return "a finite number " + " and ".join([low] * has_low + [high] * has_high)


def hyperparameter(
    *,
    above: float = -inf,
    at_least: float = -inf,
    below: float = inf,
    at_most: float = inf,
) -> Any:
    """Declare a hyper-parameter of an optimizer with its range, such as ``lr: float = hyperparameter(above=0)``.

    Setting it checks the range, raises `HyperparameterError`, and turns the value into a Python float: a NumPy
    float64 would lift float32 arrays.
    """
    return _Hyperparameter(above, at_least, below, at_most)
