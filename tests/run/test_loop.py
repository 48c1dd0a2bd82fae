"""The loop itself: what it checks before an update, and what it measures."""

from collections.abc import Callable, Sequence
from math import inf, isnan, nan
from typing import Any

import numpy as np
import pytest

from minidl import SGD, DivergenceError, FunctionObjective, Run
from tests.helpers import bits

OBJECTIVE = FunctionObjective(lambda t: float(t @ t), lambda t: 2 * t, [1.0, 2.0])


def make(evaluate: Callable[[Any], float], batches: Sequence[int] = (0, 1), **options: Any) -> Run:
    return Run(OBJECTIVE, SGD(OBJECTIVE.parameters(), 0.1), [], batches, evaluate, **options)


def zero(_: int) -> float:
    OBJECTIVE.parameters().grad = [0.0, 0.0]
    return 0.0


@pytest.mark.parametrize(("loss", "grad"), [(nan, 1.0), (inf, 1.0), (-inf, 1.0), (1.0, nan), (1.0, inf), (1.0, -inf)])
def test_no_update_by_what_is_not_finite(loss: float, grad: float) -> None:
    def evaluate(_: int) -> float:
        OBJECTIVE.parameters().grad = [0.0, grad]
        return loss

    before, run = bits(OBJECTIVE.parameters().value), make(evaluate)
    run.go()
    assert run.divergence is not None
    assert run.divergence.step == 0
    assert run.reason == str(run.divergence) == "loss or gradient stopped being finite at step 0"
    assert (run.step, run.optimizer.steps, run.epoch) == (0, 0, 0)
    assert bits(OBJECTIVE.parameters().value) == before


@pytest.mark.parametrize(("loss", "grad"), [(1.0, 1e200), (1e308, 1e154), (-1e308, -1e308), (1.0, 1.7e308)])
def test_numbers_whose_squares_overflow_are_finite(loss: float, grad: float) -> None:
    def evaluate(_: int) -> float:
        OBJECTIVE.parameters().grad = [0.0, grad]
        return loss

    before = OBJECTIVE.parameters().value.copy()
    try:
        run = make(evaluate)
        run.go()
        assert run.divergence is None
        assert run.step == 2
        assert OBJECTIVE.parameters().value[1] == before[1] - 0.1 * grad - 0.1 * grad
    finally:
        OBJECTIVE.parameters().value = before


def test_a_diagnosis_is_the_reason_if_one_is_passed() -> None:
    run = make(lambda _: nan, [3], diagnose=lambda run, batch: DivergenceError(f"in {batch}", step=run.step))
    run.go()
    assert (run.reason, str(run.divergence)) == ("in 3", "in 3")


def test_an_overflow_error_counts_as_infinite() -> None:
    def evaluate(_: int) -> float:
        raise OverflowError

    run = make(evaluate)
    run.go()
    assert run.divergence is not None
    assert run.loss == inf


def test_a_type_error_of_the_objective_arrives_as_it_is() -> None:
    def evaluate(_: int) -> float:
        raise TypeError("inside")

    with pytest.raises(TypeError, match=r"^inside$"):
        make(evaluate).go()


def test_warnings_are_off_inside_and_as_before_outside() -> None:
    run = make(lambda batch: zero(batch) + float(np.float64(1e300) * np.float64(1e300)))
    with np.errstate(over="raise"):
        run.go()
        assert np.geterr()["over"] == "raise"
    assert run.divergence is not None


def test_what_a_run_begins_with() -> None:
    run = make(zero, [])
    assert (run.epochs, run.steps, run.epoch, run.step, run.first_epoch, run.first_step) == (1, 0, 0, 0, 0, 0)
    assert (run.metrics, run.script, run.reason, run.divergence, run.interrupted) == ({}, {}, None, None, None)
    assert isnan(run.loss)


def test_epochs_and_steps_count_from_those_before_and_batches_within_an_epoch() -> None:
    batches: list[int] = []

    def evaluate(batch: int) -> float:
        batches.append(run.batch)
        return zero(batch)

    run = make(evaluate, (0, 1, 2), epochs=2, epoch=5, step=15)
    assert (run.epochs, run.steps, run.epoch, run.step, run.batch) == (7, 21, 5, 15, 1)
    run.go()
    assert (run.epoch, run.step, run.first_epoch, run.first_step) == (7, 21, 5, 15)
    assert batches == [1, 2, 3, 1, 2, 3]


@pytest.mark.parametrize(("batches", "seen"), [((0, 1), [(1, 2), (2, 4), (3, 6)]), ((), [(1, 0), (2, 0), (3, 0)])])
def test_every_epoch_is_measured_also_one_without_a_batch(batches: Any, seen: list[tuple[int, int]]) -> None:
    measured: list[dict[str, float]] = []

    def measure() -> dict[str, float]:
        measured.append({"epoch": run.epoch, "step": run.step})
        return measured[-1]

    run = make(zero, batches, epochs=3, measure=measure)
    run.go()
    assert [(each["epoch"], each["step"]) for each in measured] == seen
    assert run.metrics is measured[-1]
