"""SciPy's minimizers on the landscapes of the race and on XOR, beside an optimizer of minidl."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from statistics import median
from typing import Any

import numpy as np

from minidl import (
    Adam,
    BCEWithLogitsLoss,
    Callback,
    Dense,
    Descent,
    EmpiricalRisk,
    Objective,
    Run,
    Sequential,
    Tanh,
    minimize,
)

__all__ = ["METHODS", "Counting", "race_scipy"]

METHODS = ("L-BFGS-B", "BFGS", "CG")
X, Y = [[0, 0], [0, 1], [1, 0], [1, 1]], [[0], [1], [1], [0]]
SOLVED, SEEDS, MOST = 0.01, range(20), 1000


class Counting(Objective):
    """An objective that counts how often a run evaluates it."""

    def __init__(self, objective: Objective) -> None:
        self.objective, self.evaluations = objective, 0

    def forward(self) -> float:
        self.evaluations += 1
        return self.objective.forward()

    def backward(self) -> None:
        self.objective.backward()


class StopBelow(Callback):
    """Stops a run when the value is low enough."""

    def on_step_end(self, run: Run) -> None:
        if run.loss < SOLVED:
            run.stop("solved")


def xor(seed: int) -> EmpiricalRisk:
    """The mean loss of a network 2-4-1 on XOR, as a function of its weights."""
    return EmpiricalRisk(Sequential(Dense(2, 4), Tanh(), Dense(4, 1), rng=seed), BCEWithLogitsLoss(), X, Y)


def race_xor(take: Callable[[Objective], Descent]) -> tuple[int, float, float]:
    """How many of the seeds solve XOR, and the medians of their steps and evaluations."""
    steps, evaluations = [], []
    for seed in SEEDS:
        risk = Counting(xor(seed))
        descent = take(risk)
        if descent.reason == "solved":
            steps.append(descent.steps)
            evaluations.append(risk.evaluations)
    return len(steps), median(steps or [np.inf]), median(evaluations or [np.inf])


def race_scipy(
    landscapes: Mapping[str, Any],
    judge: Callable[[str, Objective, Descent], str],
    outside: Callable[[Any], Callback],
    rates: Sequence[float],
) -> None:
    """Print one row for each method, and one for Adam on XOR. Without SciPy, print a sentence.

    Args:
        landscapes: name -> a function with the start of the race, as ``land.make()``, and its box.
        judge: the result of a run in words.
        outside: makes the callback that ends a run outside the box.
        rates: the learning rates that Adam may choose from.
    """
    try:
        minimize(xor(0), scipy=METHODS[0], steps=0)
    except ImportError:
        print("   SciPy is not installed, so its minimizers do not run. pip install scipy adds them.")
        return
    print(f"   steps (evaluations) as in the table above; XOR: medians until the loss is below {SOLVED:g}\n")
    print("   method      " + "".join(f"{name:<20}" for name in [*landscapes, "XOR"]) + "XOR solved")
    for method in METHODS:
        cells = []
        for name, land in landscapes.items():
            f = land.make()
            counting = Counting(f)
            descent = minimize(counting, scipy=method, callbacks=[outside(land)], floor=-1e9)
            cells.append(f"{judge(name, f, descent)} ({counting.evaluations})")
        solved, steps, evaluations = race_xor(partial(by_scipy, method=method))
        print_row(method, [*cells, f"{steps:g} ({evaluations:g})"], solved)
    solved, steps, lr = max(
        ((*race_xor(partial(adam, lr=lr))[:2], lr) for lr in rates),
        key=lambda result: (result[0], -result[1]),
    )
    print_row("Adam", [*[""] * len(landscapes), f"{steps:g} ({steps:g})"], solved, f", at rate {lr:g}")


def by_scipy(risk: Objective, method: str) -> Descent:
    return minimize(risk, scipy=method, callbacks=[StopBelow()])


def adam(risk: Objective, lr: float) -> Descent:
    return minimize(risk, Adam(risk.parameters(), lr), MOST, [StopBelow()])


def print_row(name: str, cells: Sequence[str], solved: int, note: str = "") -> None:
    print(f"   {name:<12}" + "".join(f"{cell:<20}" for cell in cells) + f"{solved} of {len(SEEDS)}{note}")
