"""Where each fate of a descent begins, by default and at the borders of what can be asked for."""

from math import inf, nan

import numpy as np
import pytest

from minidl import Callback, DivergenceError, FunctionObjective, HyperparameterError, RecordPath, Run
from minidl.training.minimize import Descent
from tests.helpers import unchanged
from tests.training.test_minimize import bowl, descend, line


class Walk(FunctionObjective):
    """θ itself, with slopes that lead gradient descent of learning rate 1 from each of these points to the next."""

    def __init__(self, points: list[float]) -> None:
        self.calls, self.points = -1, points
        super().__init__(lambda t: t[0].item(), self.slope, points[:1])

    def slope(self, _: object) -> list[float]:
        here = max(self.calls, 0)  # minimize looks once before the first step
        self.calls += 1
        return [self.points[here] - self.points[here + 1]] if here + 1 < len(self.points) else [0.0]


def walk(points: list[float], **options: float) -> Descent:
    descent = descend(Walk(points), 1.0, len(points) - 1, **options)
    assert descent.path is not None
    np.testing.assert_allclose(descent.path[:, 0], points[: len(descent.path)], rtol=0, atol=1e-15)
    return descent


def test_what_is_just_allowed() -> None:
    assert descend(bowl(0.0), 0.5, patience=1).steps == 1
    assert descend(line(5e-7), 10.0, 3, patience=1).fate == "unfinished"
    assert descend(bowl(0.0), 0.5, tolerance=0.0).fate == "stationary"
    assert descend(bowl(), 2.0, max_period=2).fate == "cycle"
    assert descend(bowl(), 2.0, cycle_tolerance=0.0).fate == "cycle"
    assert descend(bowl(), 3.0, ceiling=0.5).loss == [0.5, 2.0]
    assert descend(bowl(), 0.5, np.int64(3)).steps == 3  # type: ignore[arg-type]  # NumPy's integers are integers, too


@pytest.mark.parametrize(
    "wrong", [{"tolerance": -1e-9}, {"cycle_tolerance": -1e-9}, {"ceiling": 0.0}, {"ceiling": -1.0}]
)
def test_what_is_just_refused(wrong: dict[str, float]) -> None:
    objective = bowl()
    ((name, value),) = wrong.items()
    with (
        unchanged(objective),
        pytest.raises(HyperparameterError, match=f"{name} must be a number, (at least|above) 0, got {value}"),
    ):
        descend(objective, 0.1, 3, **wrong)


def test_a_first_value_below_zero_sets_the_ceiling_by_its_size() -> None:
    sunk = FunctionObjective(lambda t: t[0] ** 2 / 2 - 100, lambda t: t, [1.0])
    assert descend(sunk, 3.0, ceiling=1.0).loss == [-99.5, -98.0, -92.0, -68.0, 28.0, 412.0]


def test_the_default_ceiling() -> None:
    assert walk([1.0, 1e6, 0.0, 1e6 + 0.5, 0.0, 0.0]).loss == [1.0, 1e6, 0.0, 1e6 + 0.5]
    assert walk([2.0, 2e6, 0.0, 2e6 + 0.5, 0.0, 0.0]).loss == [2.0, 2e6, 0.0, 2e6 + 0.5]


def test_the_default_longest_period_is_eight() -> None:
    for period in (8, 9):
        points = [float(step % period) for step in range(5 * period)]
        assert walk(points).fate == ("cycle" if period == 8 else "unfinished")
        assert walk(points, max_period=9).reason == f"the same {period} points return, to within 1e-09"


@pytest.mark.parametrize(("miss", "fate"), [(0.9e-9, "cycle"), (1.1e-9, "unfinished")])
def test_the_default_tolerance_of_a_cycle(miss: float, fate: str) -> None:
    for points in ([0.0, 1.0, miss, 1.0, 0.0], [0.0, 1.0, 0.0, 1.0, miss], [0.0, 1.0, 0.0, 1.0 + miss, 0.0]):
        assert walk(points).fate == fate


@pytest.mark.parametrize(("miss", "fate"), [(0.9e-10, "cycle"), (1.1e-10, "unfinished")])
@pytest.mark.parametrize("near", [1, 2, 3])
def test_a_cycle_is_as_exact_as_its_two_nearest_points_ask_for(near: int, miss: float, fate: str) -> None:
    once = [0.0, 1.0, 2.0, 3.0]
    once[near] = 1e-4
    assert walk([*once, miss, *once[1:], miss]).fate == fate


@pytest.mark.parametrize(("tolerance", "fate"), [(41.0, "cycle"), (39.0, "unfinished")])
def test_a_large_cycle_may_have_a_large_tolerance(tolerance: float, fate: str) -> None:
    # The second return misses by 4 · 1e-7 · 1e8.
    assert descend(bowl(1e8), 2 - 1e-7, 4, cycle_tolerance=tolerance, ceiling=inf).fate == fate


@pytest.mark.parametrize(("still", "fate"), [(1, "cycle"), (2, "unfinished")])
def test_a_cycle_all_of_whose_points_are_still_is_none(still: int, fate: str) -> None:
    # Steps shrink: the last so many of four are within the tolerance, the others not.
    shrink = 1e-8
    tolerance = (2 - shrink) * (1 - shrink) ** (3.5 - still)
    assert descend(bowl(), 2 - shrink, 4, cycle_tolerance=1e-7, tolerance=tolerance).fate == fate


@pytest.mark.parametrize(
    ("value", "slope"), [(0.0, nan), (0.0, inf), (0.0, 1e200), (nan, 0.0), (inf, 0.0), (-inf, 0.0)]
)
def test_a_start_is_refused_where_value_or_gradient_is_not_finite(value: float, slope: float) -> None:
    objective = FunctionObjective(lambda _: value, lambda _: [0.0, slope], [1.0, 1.0])
    with pytest.raises(DivergenceError, match="not finite at the start"):
        descend(objective, 0.1)


@pytest.mark.parametrize("size", [100, 101])
def test_the_hessian_is_looked_at_for_up_to_a_hundred_parameters(size: int) -> None:
    wide = FunctionObjective(lambda t: float(t @ t), lambda t: 2 * t, np.zeros(size))
    descent = descend(wide, 0.1, patience=3)
    assert descent.fate == "stationary"
    assert descent.reason.endswith("for 3 steps; a minimum (Hessian eigenvalues 2 to 2)" if size == 100 else "3 steps")


def test_the_path_is_recorded_once() -> None:
    seen: list[int] = []

    class Sees(Callback):
        def on_fit_begin(self, run: Run) -> None:
            seen.append(sum(isinstance(callback, RecordPath) for callback in run.callbacks))

    for callbacks in ([Sees()], [RecordPath(), Sees()], [Sees(), RecordPath()]):
        descend(bowl(), 0.1, 3, callbacks=callbacks)
    assert seen == [1, 1, 1]
