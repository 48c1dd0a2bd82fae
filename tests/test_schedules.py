"""Schedules: their values at selected steps, their composition, and what they refuse."""

from collections.abc import Callable
from itertools import pairwise
from math import cos, inf, pi
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import SGD, HyperparameterError, Quadratic, Schedule, minimize
from minidl.schedules import (
    ScheduleFunction,
    constant,
    cosine,
    cosine_restarts,
    exponential,
    linear_warmup,
    one_cycle,
    sequence,
    step_decay,
)


@pytest.mark.parametrize(
    ("schedule", "values"),
    [
        (constant(), {0: 1.0, 5: 1.0}),
        (constant(0.3), {0: 0.3, 99: 0.3}),
        (step_decay(3), {0: 1.0, 2: 1.0, 3: 0.1, 5: 0.1, 6: 0.01}),
        (step_decay(1, 0.5), {0: 1.0, 1: 0.5, 4: 0.0625}),
        (exponential(0.9), {0: 1.0, 1: 0.9, 2: 0.81}),
        (exponential(1.1), {2: 1.21}),
        (exponential(2), {3: 8.0}),
        (step_decay(2, 3), {3: 3.0}),
        (cosine(8), {0: 1.0, 2: (1 + cos(pi / 4)) / 2, 4: 0.5, 8: 0.0, 9: 0.0, 99: 0.0}),
        (cosine(4, 0.2), {0: 1.0, 2: 0.6, 4: 0.2, 50: 0.2}),
        (cosine_restarts(4), {0: 1.0, 2: 0.5, 3: (1 - cos(pi / 4)) / 2, 4: 1.0, 6: 0.5, 4 * 10**9 + 2: 0.5}),
        (cosine_restarts(2, growth=3, end=0.2), {0: 1.0, 1: 0.6, 2: 1.0, 5: 0.6, 8: 1.0, 17: 0.6, 26: 1.0}),
        (cosine_restarts(1), {0: 1.0, 1: 1.0, 99: 1.0}),
        (linear_warmup(4), {0: 0.0, 1: 0.25, 4: 1.0, 5: 1.0}),
        (linear_warmup(5, 0.5), {0: 0.5, 2: 0.7, 5: 1.0, 6: 1.0}),
        (linear_warmup(1), {0: 0.0, 1: 1.0}),
        (one_cycle(11), {0: 0.04, 10: 4e-6, 99: 4e-6}),
        (one_cycle(10, rise=0.3), {2: 1.0, 1: 0.52}),
        (one_cycle(9, rise=5 / 9, start=0.5, end=0.1), {0: 0.5, 2: 0.75, 4: 1.0, 6: 0.55, 8: 0.1}),
        (sequence([constant(0.5)], []), {0: 0.5, 7: 0.5}),
        (sequence([linear_warmup(2), constant(), step_decay(1)], [2, 4]), {0: 0, 1: 0.5, 2: 1, 3: 1, 4: 1, 5: 0.1}),
        (sequence((constant(0.5), constant()), (3,)), {0: 0.5, 2: 0.5, 3: 1}),
    ],
)
def test_values(schedule: ScheduleFunction, values: dict[int, float]) -> None:
    assert {step: schedule(step) for step in values} == pytest.approx(values, rel=1e-12, abs=1e-15)
    assert all(type(schedule(step)) is float for step in values)


@given(st.integers(10, 60), st.floats(0.2, 0.8), st.floats(0, 0.99), st.floats(0, 0.99))
def test_one_cycle_rises_to_one_and_falls(steps: int, rise: float, start: float, end: float) -> None:
    factors = list(map(one_cycle(steps, rise=rise, start=start, end=end), range(steps)))
    top = factors.index(max(factors))
    assert factors[:top] == sorted(factors[:top])
    assert factors[top:] == sorted(factors[top:], reverse=True)
    assert (factors[0], factors[-1]) == pytest.approx((start, end))
    assert abs(top - (rise * steps - 1)) <= 1


@given(st.integers(1, 30), st.floats(0, 1))
def test_cosine_and_warmup_stay_between_their_ends(steps: int, end: float) -> None:
    down, up = cosine(steps, end), linear_warmup(steps, end)
    values = [(down(step), up(step)) for step in range(steps + 3)]
    for (down_now, up_now), (down_next, up_next) in pairwise(values):
        assert end - 1e-15 <= down_next <= down_now <= 1
        assert end <= up_now <= up_next <= 1 + 1e-15


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: one_cycle(10, rise=0.1), "rise must leave steps before and after the maximum, got 0.1 of 10"),
        (lambda: one_cycle(10, rise=1.0), "rise must leave steps before and after the maximum, got 1.0 of 10"),
        (lambda: sequence([], []), "0 schedules need -1 borders"),
        (lambda: sequence([constant()], [1]), r"1 schedules need 0 borders, increasing from 1, got \[1\]"),
        (lambda: sequence([constant(), constant()], [0]), r"2 schedules need 1 borders, increasing .* got \[0\]"),
        (lambda: sequence([constant()] * 3, [2, 2]), r"3 schedules need 2 borders, increasing .* got \[2, 2\]"),
    ],
)
def test_what_is_out_of_range_is_refused(make: Callable[[], ScheduleFunction], words: str) -> None:
    with pytest.raises(HyperparameterError, match=words):
        make()


NUMBERS = [int, np.int8, np.int64, np.uint8, np.float32, np.float64]


@pytest.mark.parametrize("kind", NUMBERS)
@pytest.mark.parametrize("step_kind", [np.int64, np.int32, np.uint16])
def test_numbers_of_numpy_act_like_pythons(kind: Any, step_kind: Any) -> None:
    whole = int if kind in (np.float32, np.float64) else kind
    pairs = [
        (exponential(kind(3)), exponential(3)),
        (step_decay(whole(2), kind(3)), step_decay(2, 3)),
        (cosine(whole(9), kind(2)), cosine(9, 2)),
        (cosine_restarts(whole(9), growth=whole(2), end=kind(2)), cosine_restarts(9, growth=2, end=2)),
        (linear_warmup(whole(9), kind(2)), linear_warmup(9, 2)),
        (one_cycle(whole(9), start=kind(2), end=kind(1)), one_cycle(9, start=2, end=1)),
        (constant(kind(3)), constant(3)),
        (sequence([constant(kind(3)), cosine(9)], [whole(4)]), sequence([constant(3), cosine(9)], [4])),
    ]
    for schedule, plain in pairs:
        for step in (0, 1, 5, 41, 300, 1000):
            given = schedule(step_kind(step))
            assert type(given) is float
            assert given == plain(step)
    assert exponential(kind(3))(41) == 3.0**41


@pytest.mark.parametrize("schedule", [exponential(2), step_decay(1, 2.0), exponential(1e200)])
def test_growth_beyond_the_largest_number_is_infinite_and_refused_by_a_run(schedule: ScheduleFunction) -> None:
    step: Any = np.int64(5000)
    assert schedule(5000) == schedule(step) == inf
    theta = Quadratic([[1.0]])
    with pytest.raises(HyperparameterError, match=r"schedule's factor at step \d+ must be a finite number, .* got inf"):
        minimize(theta, SGD(theta.parameters(), 1e-320 if schedule(2) > 1e300 else 1e-310), 2000, [Schedule(schedule)])
