"""Learning-rate schedules: plain functions step → factor of the learning rate. The first step is 0.

Each function here takes settings and returns such a schedule. `sequence` chains several. Any other function of the step
is a schedule, too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import cos, inf, pi
from typing import TypeAlias

from minidl.arguments import got, number, whole_number
from minidl.errors import HyperparameterError

__all__ = [
    "ScheduleFunction",
    "constant",
    "cosine",
    "cosine_restarts",
    "exponential",
    "linear_warmup",
    "one_cycle",
    "sequence",
    "step_decay",
]

ScheduleFunction: TypeAlias = Callable[[int], float]
"""A function of the step that returns the factor by which the learning rate is multiplied."""


def constant(factor: float = 1.0) -> ScheduleFunction:
    """``factor``, at every step.

    Raises:
        HyperparameterError: a factor that is negative or not finite.

    >>> constant()(100)
    1.0
    """
    factor = number("factor", factor, at_least=0)
    return lambda _: factor


def step_decay(every: int, factor: float = 0.1) -> ScheduleFunction:
    """``factor^⌊step / every⌋``: the learning rate is multiplied by a factor after every `every` steps.

    Raises:
        HyperparameterError: every that is not a positive integer, a factor that is negative or not finite.

    >>> [step_decay(2, 0.5)(step) for step in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """
    every = whole_number("every", every, 1)
    factor = number("factor", factor, at_least=0)
    return lambda step: _power(factor, step // every)


def exponential(factor: float) -> ScheduleFunction:
    """``factor^step``: the learning rate is multiplied by the same factor at every step.

    Raises:
        HyperparameterError: a factor that is negative or not finite.

    >>> [exponential(0.5)(step) for step in range(3)]
    [1.0, 0.5, 0.25]
    """
    factor = number("factor", factor, at_least=0)
    return lambda step: _power(factor, step)


def cosine(steps: int, end: float = 0.0) -> ScheduleFunction:
    """``end + (1 − end) (1 + cos(π step / steps)) / 2``, a half cosine from 1 to `end` (Loshchilov and Hutter 2017).

    After `steps` steps it stays at `end`.

    Raises:
        HyperparameterError: steps that are not a positive integer, an end that is negative or not finite.

    >>> [round(cosine(4)(step), 3) for step in range(6)]
    [1.0, 0.854, 0.5, 0.146, 0.0, 0.0]
    """
    steps = whole_number("steps", steps, 1)
    end = number("end", end, at_least=0)
    return lambda step: end + (1.0 - end) * 0.5 * (1.0 + cos(pi * min(int(step), steps) / steps))


def cosine_restarts(steps: int, *, growth: int = 1, end: float = 0.0) -> ScheduleFunction:
    """`cosine` over and over: each cycle falls from 1 to `end`, and the next begins at 1 (Loshchilov and Hutter 2017).

    It never stays at `end`: with ``growth=1``, step `steps` is 1 again.

    Args:
        steps: the length of the first cycle.
        growth: how many times as long as the one before each further cycle is.
        end: the factor that each cycle falls to.

    Raises:
        HyperparameterError: steps or growth that are not positive integers, an end that is negative or not finite.

    >>> [round(cosine_restarts(2, growth=2)(step), 3) for step in range(8)]
    [1.0, 0.5, 1.0, 0.854, 0.5, 0.146, 1.0, 0.962]
    """
    steps = whole_number("steps", steps, 1)
    growth = whole_number("growth", growth, 1)
    end = number("end", end, at_least=0)

    def factor(step: int) -> float:
        step, length = int(step), steps
        if growth == 1:
            step %= length
        while step >= length:
            step, length = step - length, length * growth
        return cosine(length, end)(step)

    return factor


def linear_warmup(steps: int, start: float = 0.0) -> ScheduleFunction:
    """``start + (1 − start) step / steps``, a straight line up to 1. After that it stays at 1.

    Raises:
        HyperparameterError: steps that are not a positive integer, a start that is negative or not finite.

    >>> [linear_warmup(4)(step) for step in range(6)]
    [0.0, 0.25, 0.5, 0.75, 1.0, 1.0]
    """
    steps = whole_number("steps", steps, 1)
    start = number("start", start, at_least=0)
    return lambda step: start + (1.0 - start) * min(int(step), steps) / steps


def one_cycle(steps: int, *, rise: float = 0.3, start: float = 0.04, end: float = 4e-6) -> ScheduleFunction:
    """A half cosine from `start` up to 1, then one from 1 down to `end` (Smith and Topin 2019).

    The defaults are PyTorch's: start is ``1 / div_factor``, and end is start divided by ``final_div_factor``.

    Args:
        steps: length of the cycle.
        rise: the share of the steps that goes up, above 0 and below 1.
        start, end: factors at the first and the last step.

    Raises:
        HyperparameterError: steps that are not an integer of at least 3, a rise that leaves no step before or after
            the maximum, a start or end that is negative or not finite.

    >>> [round(one_cycle(10)(step), 3) for step in (0, 1, 2, 6, 9)]
    [0.04, 0.52, 1.0, 0.389, 0.0]
    """
    steps = whole_number("steps", steps, 3)
    start = number("start", start, at_least=0)
    end = number("end", end, at_least=0)
    top, last = number("rise", rise) * steps - 1.0, steps - 1.0
    if not 0.0 < top < last:
        raise HyperparameterError(
            f"one_cycle: rise must leave steps before and after the maximum, got {rise} of {steps}"
        )

    def factor(step: int) -> float:
        step = int(step)
        begin, goal, share = (start, 1.0, step / top) if step <= top else (1.0, end, (step - top) / (last - top))
        return goal + (begin - goal) * 0.5 * (1.0 + cos(pi * min(share, 1.0)))

    return factor


def sequence(schedules: Sequence[ScheduleFunction], borders: Sequence[int]) -> ScheduleFunction:
    """Several schedules one after the other. Each counts its steps from its own start.

    Args:
        schedules: the schedules, one more than borders.
        borders: steps at which the next schedule starts, increasing.

    Raises:
        HyperparameterError: borders that are not integers, do not increase, or are not one fewer than the schedules.

    >>> warm_then_cool = sequence([linear_warmup(2), cosine(4)], [2])
    >>> [round(warm_then_cool(step), 3) for step in range(7)]
    [0.0, 0.5, 1.0, 0.854, 0.5, 0.146, 0.0]
    """
    for name, value in (("schedules", schedules), ("borders", borders)):
        if not isinstance(value, list | tuple):
            raise HyperparameterError(f"{name} must be a list, {got(value)}")
    begins = [0, *(whole_number("a border", border, 0) for border in borders)]
    if len(schedules) != len(begins) or any(a >= b for a, b in pairwise(begins)):
        raise HyperparameterError(
            f"{len(schedules)} schedules need {len(schedules) - 1} borders, increasing from 1, got {borders}"
        )

    def factor(step: int) -> float:
        step = int(step)
        index = max(i for i, begin in enumerate(begins) if begin <= step)
        return schedules[index](step - begins[index])

    return factor


def _power(factor: float, exponent: int) -> float:
    """A power of a factor. It is infinite where Python's floats raise, and a run then refuses it."""
    try:
        return float(factor ** int(exponent))
    except OverflowError:
        return inf
