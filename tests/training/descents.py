"""Objectives with a known course of descent, and what holds for every descent."""

from typing import Any

import numpy as np

from minidl import SGD, FunctionObjective, Objective, minimize
from minidl.training.minimize import Descent
from tests.helpers import bits


def line(slope: float, start: float = 0.0) -> FunctionObjective:
    return FunctionObjective(lambda t: slope * t[0], lambda _: [slope], [start])


def bowl(start: float = 1.0) -> FunctionObjective:
    """θ²/2, where a step of learning rate η multiplies θ by 1 − η."""
    return FunctionObjective(lambda t: t[0] ** 2 / 2, lambda t: t, [start])


class Walk(FunctionObjective):
    """θ itself, with slopes that lead gradient descent of learning rate 1 from each of these points to the next."""

    def __init__(self, points: list[float]) -> None:
        self.step, self.points = 0, points
        super().__init__(lambda t: t[0].item(), self.slope, points[:1])

    def slope(self, _: object) -> list[float]:
        here, *following = self.points[self.step :][:2]
        self.step += 1
        return [here - point for point in following] or [0.0]


def descend(objective: Objective, lr: float, steps: int = 1000, **options: Any) -> Descent:
    return minimize(objective, SGD(objective.parameters(), lr), steps, **options)


def check_invariants(objective: Objective, descent: Descent) -> None:
    """Check that all is finite, and that losses, path, value and the objective belong together."""
    assert descent.path is not None
    assert len(descent.path) == len(descent.loss) + 1 == descent.steps + 1
    assert bits(descent.path[-1]) == bits(descent.theta) == bits(objective.parameters().value)
    assert np.isfinite(descent.path).all()
    assert np.isfinite([*descent.loss, descent.value]).all()
    assert [*descent.loss, descent.value] == [objective.value(point) for point in descent.path]
    gradient = objective.gradient(descent.theta)
    assert np.isfinite(gradient).all()
    assert bits(objective.parameters().grad) == bits(gradient)
