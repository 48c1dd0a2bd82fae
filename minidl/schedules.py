"""Learning-rate schedules: plain functions step → factor of the learning rate, step 0 being the first.

Each function here takes settings and gives such a schedule; `sequence` puts several one after the other. Any function
of the step is a schedule, too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import cos, isfinite, pi
from typing import TypeAlias

from minidl.arguments import whole_number
from minidl.errors import HyperparameterError

__all__ = [
    "ScheduleFunction",
    "constant",
    "cosine",
    "exponential",
    "linear_warmup",
    "one_cycle",
    "sequence",
    "step_decay",
]

ScheduleFunction: TypeAlias = Callable[[int], float]
"""A function of the step that gives the factor by which the learning rate is multiplied."""


def constant(factor: float = 1.0) -> ScheduleFunction:
    """``factor``, at every step.

    Raises:
        HyperparameterError: a factor that is negative or not finite.

    >>> constant()(100)
    1.0
    """
    _check("factor", factor)
    return lambda _: factor


def step_decay(every: int, factor: float = 0.1) -> ScheduleFunction:
    """``factor^⌊step / every⌋``: the rate drops by a factor after so many steps each.

    Raises:
        HyperparameterError: every that is no integer of at least 1, a factor that is negative or not finite.

    >>> [step_decay(2, 0.5)(step) for step in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """
    every = whole_number("every", every, 1)
    _check("factor", factor)
    return lambda step: float(factor ** (step // every))


def exponential(factor: float) -> ScheduleFunction:
    """``factor^step``: the rate shrinks by the same factor at every step.

    Raises:
        HyperparameterError: a factor that is negative or not finite.

    >>> [exponential(0.5)(step) for step in range(3)]
    [1.0, 0.5, 0.25]
    """
    _check("factor", factor)
    return lambda step: float(factor**step)


def cosine(steps: int, end: float = 0.0) -> ScheduleFunction:
    """``end + (1 − end) (1 + cos(π step / steps)) / 2``, half a wave from 1 down to `end` (Loshchilov and Hutter 2017).

    After so many steps it stays at `end`.

    Raises:
        HyperparameterError: steps that are no integer of at least 1, an end that is negative or not finite.

    >>> [round(cosine(4)(step), 3) for step in range(6)]
    [1.0, 0.854, 0.5, 0.146, 0.0, 0.0]
    """
    steps = whole_number("steps", steps, 1)
    _check("end", end)
    return lambda step: end + (1.0 - end) * 0.5 * (1.0 + cos(pi * min(step, steps) / steps))


def linear_warmup(steps: int, start: float = 0.0) -> ScheduleFunction:
    """``start + (1 − start) step / steps``, a straight line up to 1, which it then keeps.

    Raises:
        HyperparameterError: steps that are no integer of at least 1, a start that is negative or not finite.

    >>> [linear_warmup(4)(step) for step in range(6)]
    [0.0, 0.25, 0.5, 0.75, 1.0, 1.0]
    """
    steps = whole_number("steps", steps, 1)
    _check("start", start)
    return lambda step: start + (1.0 - start) * min(step, steps) / steps


def one_cycle(steps: int, *, rise: float = 0.3, start: float = 0.04, end: float = 4e-6) -> ScheduleFunction:
    """Half a cosine wave up from `start` to 1, then one down to `end` (Smith and Topin 2019).

    The defaults are PyTorch's: ``1 / div_factor``, and that through ``final_div_factor``.

    Args:
        steps: length of the whole.
        rise: the share of it that goes up, between 0 and 1.
        start, end: factors at the first and the last step.

    Raises:
        HyperparameterError: steps that are no integer of at least 3, a rise that leaves none of them before or after
            the top, a start or end that is negative or not finite.

    >>> [round(one_cycle(10)(step), 3) for step in (0, 1, 2, 6, 9)]
    [0.04, 0.52, 1.0, 0.389, 0.0]
    """
    steps = whole_number("steps", steps, 3)
    _check("start", start)
    _check("end", end)
    top, last = rise * steps - 1.0, steps - 1.0
    if not 0.0 < top < last:
        raise HyperparameterError(f"one_cycle: rise must leave steps before and after the top, got {rise} of {steps}")

    def factor(step: int) -> float:
        begin, goal, share = (start, 1.0, step / top) if step <= top else (1.0, end, (step - top) / (last - top))
        return goal + (begin - goal) * 0.5 * (1.0 + cos(pi * min(share, 1.0)))

    return factor


def sequence(schedules: Sequence[ScheduleFunction], borders: Sequence[int]) -> ScheduleFunction:
    """One schedule after the other, each counting its steps from its own beginning.

    Args:
        schedules: one more than there are borders.
        borders: steps at which the next one begins, increasing.

    Raises:
        HyperparameterError: borders that are no integers, do not increase, or are not one fewer than the schedules.

    >>> warm_then_cool = sequence([linear_warmup(2), cosine(4)], [2])
    >>> [round(warm_then_cool(step), 3) for step in range(7)]
    [0.0, 0.5, 1.0, 0.854, 0.5, 0.146, 0.0]
    """
    begins = [0, *(whole_number("a border", border, 0) for border in borders)]
    if len(schedules) != len(begins) or any(a >= b for a, b in pairwise(begins)):
        raise HyperparameterError(
            f"{len(schedules)} schedules need {len(schedules) - 1} borders, increasing from 1 on, got {borders}"
        )

    def factor(step: int) -> float:
        index = max(i for i, begin in enumerate(begins) if begin <= step)
        return schedules[index](step - begins[index])

    return factor


def _check(name: str, value: float) -> None:
    if not (isfinite(value) and value >= 0.0):
        raise HyperparameterError(f"{name} must be at least 0 and finite, got {value!r}")
