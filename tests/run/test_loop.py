"""The loop itself: what it checks before an update."""

from collections.abc import Iterable
from math import inf, isnan, nan

import numpy as np
import pytest

from minidl import SGD, FunctionObjective, Run
from tests.helpers import bits


def make(batches: Iterable[int] = (0, 1), epochs: int = 1) -> tuple[FunctionObjective, Run]:
    objective = FunctionObjective(lambda t: float(t @ t), lambda t: 2 * t, [1.0, 2.0])
    return objective, Run(objective, SGD(objective.parameters(), 0.1), [], batches, epochs=epochs)


@pytest.mark.parametrize(
    ("loss", "grad"), [(nan, 1.0), (inf, 1.0), (-inf, 1.0), (1.0, nan), (1.0, inf), (1.0, -inf), (1.0, 1e200)]
)
def test_no_update_by_what_is_not_finite(loss: float, grad: float) -> None:
    objective, run = make()
    before = bits(objective.parameters().value)

    def evaluate(_: int) -> float:
        objective.parameters().grad = [0.0, grad]
        return loss

    run.go(evaluate)
    assert run.diverged
    assert run.reason == "loss or gradient stopped being finite at step 0"
    assert (run.step, run.optimizer.steps, run.epoch) == (0, 0, 0)
    assert bits(objective.parameters().value) == before


def test_an_overflow_error_counts_as_infinite() -> None:
    def evaluate(_: int) -> float:
        raise OverflowError

    _, run = make()
    run.go(evaluate)
    assert run.diverged
    assert run.loss == inf


def test_warnings_are_off_inside_and_as_before_outside() -> None:
    objective, run = make()

    def evaluate(_: int) -> float:
        objective.parameters().grad = [0.0, 0.0]
        return float(np.float64(1e300) * np.float64(1e300))

    with np.errstate(over="raise"):
        run.go(evaluate)
        assert np.geterr()["over"] == "raise"
    assert run.diverged


def test_what_a_run_begins_with() -> None:
    objective, _ = make()
    run = Run(objective, SGD(objective.parameters(), 0.1), [], [])
    assert (run.epochs, run.steps, run.epoch, run.step, run.first_epoch) == (1, 0, 0, 0, 0)
    assert (run.metrics, run.script, run.reason, run.diverged, run.interrupted) == ({}, {}, None, False, False)
    assert isnan(run.loss)


def test_measure_comes_after_each_epoch() -> None:
    objective, run = make(epochs=3)
    seen: list[tuple[int, int]] = []
    run.go(lambda _: objective.forward(), lambda: seen.append((run.epoch, run.step)))
    assert seen == [(1, 2), (2, 4), (3, 6)]


def test_an_epoch_without_a_batch_is_measured_all_the_same() -> None:
    objective, run = make([], epochs=2)
    seen: list[int] = []
    run.go(lambda _: objective.forward(), lambda: seen.append(run.epoch))
    assert (seen, run.step) == ([1, 2], 0)
