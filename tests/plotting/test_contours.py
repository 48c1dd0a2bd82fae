"""The contours of a function of two variables, and the paths of descents on it."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.contour import QuadContourSet
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch
from matplotlib.text import Annotation

from minidl import (
    SGD,
    BCELoss,
    Beale,
    CubicValley,
    DataError,
    Dense,
    Descent,
    EmpiricalRisk,
    FunctionObjective,
    Himmelblau,
    HyperparameterError,
    Momentum,
    MSELoss,
    Objective,
    Quadratic,
    Rosenbrock,
    Sequential,
    ShapeError,
    Sigmoid,
    minimize,
)
from minidl.plotting import plot_contours
from minidl.plotting.landscape import refine
from minidl.typing import Array
from tests.plotting.helpers import axes, legend, render

BOX: dict[str, Any] = {"xlim": (-2.0, 2.0), "ylim": (-1.5, 1.5)}


def descend(lr: float, x: float = 1.0, y: float = 1.0, steps: int = 20000) -> Descent:
    valley = CubicValley(x, y)
    return minimize(valley, SGD(valley.parameters(), lr=lr), steps=steps)


def lines(ax: Axes) -> list[Array]:
    return [np.asarray(patch.get_path().vertices) for patch in ax.patches if isinstance(patch, PathPatch)]


def arrows(ax: Axes) -> list[tuple[float, float]]:
    return [note.xy for note in ax.texts if isinstance(note, Annotation)]


def markers(ax: Axes, kind: str) -> list[list[float]]:
    return [point for line in ax.lines if line.get_marker() == kind for point in np.asarray(line.get_xydata()).tolist()]


def handles(ax: Axes) -> list[Line2D]:
    return list(ax.get_legend().get_lines())  # type: ignore[union-attr]


def levels(ax: Axes) -> Array:
    return next(np.asarray(artist.levels) for artist in ax.collections if isinstance(artist, QuadContourSet))


@pytest.mark.parametrize("objective", [CubicValley(), Rosenbrock(), Himmelblau(), Beale(), Quadratic(np.eye(2))])
def test_every_function_has_contours_over_its_whole_range(objective: Objective) -> None:
    ax = plot_contours(objective, ax=axes())
    render(ax)
    found = levels(ax)
    assert len(found) >= 10
    assert (np.diff(found) > 0).all()
    corner = objective.value([ax.get_xlim()[1], ax.get_ylim()[1]])
    assert found[0] < objective.value(ax.transData.inverted().transform(ax.transAxes.transform((0.5, 0.5)))) + 1
    assert found[-1] > 0.01 * corner


@pytest.mark.usefixtures("fine_contours")
def test_contours_lie_where_the_function_has_their_value() -> None:
    valley = CubicValley()
    ax = plot_contours(valley, ax=axes(), **BOX)
    drawn = [artist for artist in ax.collections if isinstance(artist, QuadContourSet)][1]
    for level, path in zip(drawn.levels, drawn.get_paths(), strict=True):
        values = [valley.f(point) for point in np.asarray(path.vertices)]
        assert values == pytest.approx([level] * len(values), abs=0.05, rel=0.01)


@pytest.mark.usefixtures("fine_contours")
def test_a_contour_passes_close_to_the_saddle_and_the_valley_is_below_it() -> None:
    found = levels(plot_contours(CubicValley(), ax=axes(), **BOX))
    assert np.abs(found - 3.0).min() < 0.05
    assert (found < 2.9).sum() >= 2


@pytest.mark.parametrize(
    ("lr", "fate"), [(1e-4, "ran away"), (1e-3, "blew up"), (5e-3, "cycle"), (1e-2, "blew up"), (1e-6, "unfinished")]
)
def test_paths_stay_in_the_box_and_the_legend_names_their_fate(lr: float, fate: str) -> None:
    descent = descend(lr, steps=8000)
    ax = plot_contours(CubicValley(), {"run": descent}, axes(), **BOX)
    render(ax)
    assert legend(ax) == [f"run: {fate}", "start"]
    (line,) = lines(ax)
    assert np.isfinite(line).all()
    assert (np.abs(line) <= [2.0, 1.5]).all()
    np.testing.assert_array_equal(line[0], [1, 1])
    assert markers(ax, "o") == [[1, 1]]
    leaves = fate in ("ran away", "blew up")
    assert len(arrows(ax)) == leaves
    assert markers(ax, "s") == [] if leaves else [descent.theta.tolist()]
    for x, y in arrows(ax):
        assert abs(x) == pytest.approx(2) or abs(y) == pytest.approx(1.5)


def test_an_arrow_points_outwards_where_the_path_leaves() -> None:
    ax = plot_contours(CubicValley(), {"out": [[0.0, 0.0], [1e7, 0.5e7]]}, axes(), **BOX)
    (note,) = (note for note in ax.texts if isinstance(note, Annotation))
    np.testing.assert_allclose(note.xy, [2.0, 1.0])
    tail = np.array(note.get_position())
    assert tail[0] < 2
    assert tail[1] == pytest.approx(tail[0] / 2)


def test_a_path_that_comes_back_has_no_arrow() -> None:
    path = [[0.0, 0.0], [9.0, 0.0], [9.0, 1.0], [0.0, 1.0]]
    ax = plot_contours(CubicValley(), {"back": path}, axes(), **BOX)
    assert arrows(ax) == []
    assert markers(ax, "s") == [[0, 1]]
    assert lines(ax)[0].tolist() == [[0, 0], [2, 0], [2, 1], [0, 1]]


def test_a_path_outside_of_the_box_is_named_but_not_drawn() -> None:
    ax = plot_contours(CubicValley(), {"far": [[9.0, 9.0], [8.0, 9.0]]}, axes(), **BOX)
    assert (lines(ax), arrows(ax), markers(ax, "o")) == ([], [], [])
    assert legend(ax) == ["far"]


def test_paths_differ_in_colour_line_and_marker() -> None:
    paths = {str(index): [[0.0, 0.0], [1.0, index / 10]] for index in range(5)}
    ax = plot_contours(CubicValley(), paths, axes(), **BOX)
    assert legend(ax) == ["0", "1", "2", "3", "4", "start"]
    shown = handles(ax)[:5]
    assert len({line.get_color() for line in shown}) == 5
    assert len({line.get_marker() for line in shown}) == 5
    assert len({str(vars(line)["_dash_pattern"]) for line in shown}) == 5
    drawn = [patch for patch in ax.patches if isinstance(patch, PathPatch)]
    assert len({patch.get_edgecolor() for patch in drawn}) == 5


def test_minima_in_the_box_are_stars() -> None:
    ax = plot_contours(Himmelblau(), ax=axes())
    np.testing.assert_array_equal(markers(ax, "*"), Himmelblau.minima)
    assert legend(ax) == ["minima"]
    ax = plot_contours(Himmelblau(), ax=axes(), xlim=(0, 5), ylim=(0, 5))
    assert markers(ax, "*") == [[3, 2]]
    assert legend(ax) == ["minimum"]
    assert markers(plot_contours(CubicValley(), ax=axes()), "*") == []


def test_the_box_is_around_starts_ends_and_minima_but_not_around_those_that_ran_away() -> None:
    paths = {"still": descend(1e-4, -1.0, 1.0), "blew up": descend(1e-2), "away": descend(1e-4)}
    ax = plot_contours(CubicValley(), paths, axes())
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    assert -4 < left < -1
    assert 1 < right < 8
    assert -3 < bottom < 0
    assert 1 < top < 4
    ax = plot_contours(Rosenbrock(), {"short": [[-1.0, 1.0], [-0.9, 0.9]]}, axes())
    assert ax.get_xlim()[1] > 1


@pytest.mark.parametrize("momentum", [0.0, 0.9, 0.95, 0.99])
def test_a_path_that_swings_out_and_comes_back_is_seen_whole(momentum: float) -> None:
    bowl = Quadratic([[1.0, 0.0], [0.0, 30.0]], start=[1.0, 1.0])
    descent = minimize(bowl, Momentum(bowl.parameters(), lr=0.06, momentum=momentum), steps=5000)
    assert descent.path is not None
    assert descent.fate == "stationary"
    assert descent.path.min() < -0.75
    ax = plot_contours(bowl, {"swinging": descent}, axes())
    for axis, (low, high) in enumerate((ax.get_xlim(), ax.get_ylim())):
        assert low < descent.path[:, axis].min()
        assert descent.path[:, axis].max() < high


def test_one_step_far_away_does_not_widen_the_box() -> None:
    ax = plot_contours(CubicValley(), {"astray": [[0.0, 0.0], [0.5, 0.1], [500.0, 0.0], [1.0, 0.0]]}, axes())
    assert ax.get_xlim()[1] < 10


@settings(max_examples=8)
@given(seed=st.integers(0, 2**32 - 1), scale=st.sampled_from([1e-6, 1.0, 1e6]))
def test_the_box_contains_every_start_at_any_scale(seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    bowl = FunctionObjective(lambda theta: float(theta @ theta), lambda theta: 2 * theta, start=[1.0, 1.0])
    paths = {str(index): scale * rng.normal(size=(rng.integers(1, 9), 2)) for index in range(3)}
    ax = plot_contours(bowl, paths, axes())
    np.testing.assert_allclose(markers(ax, "o"), [path[0] for path in paths.values()])
    assert ax.get_xlim()[1] - ax.get_xlim()[0] < 50 * scale


def test_one_axis_can_be_limited_alone() -> None:
    ax = plot_contours(CubicValley(), {"a": [[0.0, 0.0], [1.0, 1.0]]}, axes(), xlim=(-7, 7))
    assert ax.get_xlim() == (-7, 7)
    assert ax.get_ylim()[1] < 3


def test_parameters_far_away_do_not_move_the_box() -> None:
    valley = CubicValley(1.0, 1.0)
    minimize(valley, SGD(valley.parameters(), lr=1e-2), steps=100)
    assert plot_contours(valley, ax=axes()).get_xlim()[1] < 10


def test_the_objective_does_not_change() -> None:
    valley = CubicValley(0.3, 0.4)
    valley.parameters().grad = [5.0, 6.0]
    plot_contours(valley, ax=axes())
    assert valley.parameters().value.tolist() == [0.3, 0.4]
    assert valley.parameters().grad.tolist() == [5.0, 6.0]


def test_a_network_of_two_parameters_has_contours() -> None:
    risk = EmpiricalRisk(Dense(1, 1, rng=0), MSELoss(), [[0.0], [1.0]], [[1.0], [3.0]])
    descent = minimize(risk, SGD(risk.parameters(), lr=0.1), steps=2000)
    ax = plot_contours(risk, {"fit": descent}, axes())
    render(ax)
    np.testing.assert_allclose(markers(ax, "s"), [[2, 1]], atol=1e-4)


def test_values_that_are_not_finite_stay_white() -> None:
    def f(theta: Array) -> float:
        if theta[0] < 0:
            raise OverflowError
        return float(np.log(theta[1]) + theta[0])

    hole = FunctionObjective(f, lambda theta: theta, start=[1.0, 1.0])
    ax = plot_contours(hole, ax=axes(), xlim=(-1, 1), ylim=(-1, 1))
    render(ax)
    assert np.isfinite(levels(ax)).all()
    with pytest.raises(DataError, match=r"no finite value between .*; choose other limits"):
        plot_contours(hole, ax=axes(), xlim=(-2, -1), ylim=(-1, 1))


def test_a_constant_is_drawn() -> None:
    flat = FunctionObjective(lambda theta: 0 * theta[0], lambda theta: 0 * theta, start=[0.0, 0.0])
    render(plot_contours(flat, ax=axes()))


def test_refining_is_exact_for_cubics() -> None:
    x = np.linspace(-1, 2, 9)[:, None]
    fine = np.linspace(-1, 2, 17)[:, None]
    np.testing.assert_allclose(refine(x**3 - x + 1), fine**3 - fine + 1, atol=1e-13)


def test_what_cannot_be_drawn_is_refused() -> None:
    model = Sequential(Dense(2, 1, rng=0), Sigmoid())
    with pytest.raises(ShapeError, match=r"2 parameters, but EmpiricalRisk.* has 3"):
        plot_contours(EmpiricalRisk(model, BCELoss(), [[0.0, 1.0]], [[1.0]]), ax=axes())
    wrong: Any = np.ones((2, 2))
    with pytest.raises(TypeError, match=r"^paths must be a dict of labels and paths, such as .* got array"):
        plot_contours(CubicValley(), wrong, axes())
    with pytest.raises(ShapeError, match=r"path 'a' must have shape \(n, 2\), got \(2, 3\)"):
        plot_contours(CubicValley(), {"a": np.ones((2, 3))}, axes())
    with pytest.raises(DataError, match=r"path 'a' holds 1 number that is NaN"):
        plot_contours(CubicValley(), {"a": [[0.0, 1.0], [np.nan, 1.0]]}, axes())
    without = descend(1e-4, steps=3)._replace(path=None)
    with pytest.raises(DataError, match=r"'a' has no path; pass callbacks=\[RecordPath\(\)\]"):
        plot_contours(CubicValley(), {"a": without}, axes())
    with pytest.raises(HyperparameterError, match=r"two finite numbers in ascending order, got \(1, -1\)"):
        plot_contours(CubicValley(), ax=axes(), xlim=(1, -1))


@pytest.mark.parametrize("limits", [(0, 1, 2), 3, "ab", (np.nan, 1), (0, np.inf), (1, 1), (-1e308, 1e308)])
def test_limits_are_two_finite_numbers(limits: Any) -> None:
    for name in ("xlim", "ylim"):
        with pytest.raises(HyperparameterError, match=f"{name} must be two finite numbers in ascending order, got"):
            plot_contours(Quadratic([[1.0, 0.0], [0.0, 5.0]]), **{name: limits})
    assert plt.get_fignums() == []


@pytest.mark.parametrize("scale", [1e300, 1e308])
def test_huge_values_and_points_can_be_drawn(scale: float) -> None:
    plane = FunctionObjective(lambda theta: float(scale * theta[0]), start=[0.5, 0.5])
    render(plot_contours(plane, {"far": [[0.0, 0.0], [scale, -scale]]}, axes()))
