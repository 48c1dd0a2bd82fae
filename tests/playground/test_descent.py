"""Descents in turns, and the frames that show them."""

import contextlib
import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minidl import Beale, FunctionObjective, Momentum, minimize
from minidl.playground.descent import Descents
from minidl.playground.settings import DESCENT, RULE, Choice, SettingError

RULES = [{"name": "SGD", "lr": 1e-3}, {"name": "Momentum", "lr": 1e-3, "momentum": 0.5}]


def frames(descents: Descents, steps: int) -> list[dict[str, Any]]:
    found = [descents.frame(whole=True)]
    while not descents.finished:
        descents.step(steps)
        found.append(descents.frame())
    return found


def objectives() -> tuple[str, ...]:
    kind = DESCENT["objective"]
    assert isinstance(kind, Choice)
    return kind.values


drawn = st.fixed_dictionaries(
    {
        "objective": st.sampled_from(objectives()),
        "expression": st.sampled_from(["x**2 + abs(y)", "sin(x) * cos(y)", "exp(x) - y", "x * y"]),
        "starts": st.lists(st.tuples(st.integers(-3, 3), st.floats(-2, 2)).map(list), min_size=1, max_size=3),
        "optimizers": st.lists(
            st.fixed_dictionaries(
                {
                    "name": st.sampled_from(RULE["name"].describe()["values"]),
                    "lr": st.sampled_from([1e-4, 0.01, 1.0]),
                    "momentum": st.sampled_from([0.0, 0.9]),
                }
            ),
            min_size=1,
            max_size=3,
        ),
        "steps": st.integers(1, 150),
    }
)


@settings(max_examples=20, deadline=None)
@given(drawn, st.integers(1, 60))
def test_any_descents_end_as_their_code_says_at_home(settings: dict[str, Any], steps: int) -> None:
    descents = Descents(settings)
    frames(descents, steps)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(descents.code.text, {})
    told = [line[line.index("Descent(") :] for line in out.getvalue().splitlines()]
    assert told == [repr(path.descent) for path in descents.paths]


def test_the_frames_together_tell_the_whole_path() -> None:
    chosen = {"objective": "beale", "starts": [[1, 1], [-2, 1]], "optimizers": RULES, "steps": 50}
    descents = Descents(chosen)
    told = frames(descents, 7)
    starts = [(1.0, 1.0), (-2.0, 1.0)]
    for index, (momentum, start) in enumerate((m, s) for m in (0.0, 0.5) for s in starts):
        beale = Beale(*start)
        expected = minimize(beale, Momentum(beale.parameters(), 1e-3, momentum), steps=50)
        assert expected.path is not None
        paths = [frame["paths"][index] for frame in told]
        points = np.array([point for path in paths for point in path["points"]])
        assert points.shape == expected.path.shape
        assert np.abs(points - expected.path).max() < 1e-6
        assert paths[-1]["length"] == len(points)
        values = np.array([pair for path in paths for pair in path["values"]])
        assert values[:, 0].tolist() == list(range(51))
        assert np.allclose(values[:, 1], [*expected.loss, expected.value], rtol=1e-6)
        assert paths[-1]["f"] == expected.value
        assert paths[-1]["fate"] == expected.fate == "unfinished"
        assert paths[-1]["reason"] == expected.reason
    assert [(path["points"], path["values"]) for path in descents.frame()["paths"]] == [([], [])] * 4


def test_a_fate_is_told_when_it_is_known() -> None:
    paths = [frame["paths"][0] for frame in frames(Descents({"steps": 50}), 7)]
    assert paths[-1]["fate"] == "unfinished"
    assert [path["fate"] for path in paths[:-1]] == [None] * (len(paths) - 1)


def test_labels_name_the_optimizer_and_the_start_if_there_are_several() -> None:
    one, two = Descents({"optimizers": RULES}), Descents({"optimizers": RULES, "starts": [[1, 1], [0, 0.5]]})
    assert [path.label for path in one.paths] == ["SGD, lr 0.001", "Momentum 0.5, lr 0.001"]
    assert [path.label for path in two.paths][1:3] == [
        "SGD, lr 0.001 from (0, 0.5)",
        "Momentum 0.5, lr 0.001 from (1, 1)",
    ]


@pytest.mark.parametrize("twice", [{"starts": [[1, 1], [1, 1]]}, {"optimizers": RULES[:1] * 2}])
def test_the_same_path_may_be_asked_for_twice(twice: dict[str, Any]) -> None:
    descents = Descents(twice)
    descents.step(3)
    points = [path["points"] for path in descents.frame()["paths"]]
    assert points[1:] == points[:1]
    assert len(points) == 2


def test_paths_that_end_early_wait_for_the_others() -> None:
    fast = {"name": "SGD", "lr": 1e-2}
    descents = Descents({"starts": [[1, 1]], "optimizers": [fast, *RULES], "steps": 100})
    descents.step(40)
    lengths = [path["length"] for path in descents.frame()["paths"]]
    assert lengths[0] < 10
    assert lengths[1:] == [41, 41]
    assert descents.steps == 40


def test_a_turn_ends_soon_after_its_time() -> None:
    descents = Descents({"steps": 50_000})
    assert 0 < descents.step(10**6, seconds=0.0) <= 20


@pytest.mark.parametrize("name", objectives())
def test_the_grid_has_the_values_of_the_objective(name: str) -> None:
    descents = Descents({"objective": name, "starts": [[0.5, 0.5]]})
    grid = descents.frame(whole=True)["grid"]
    size = grid["size"]
    values = np.array(grid["values"]).reshape(size, size)
    objective = descents.paths[0].objective
    for row, column in ((0, 0), (0, size - 1), (size - 1, 0), (40, 17)):
        x, y = (np.linspace(low, high, size)[at] for (low, high), at in ((grid["x"], column), (grid["y"], row)))
        assert values[row, column] == pytest.approx(objective.value([x, y]), rel=1e-4)
    levels = grid["levels"]
    assert levels == sorted({*levels})
    assert values.min() < levels[1]  # the outermost are rounded
    assert levels[-2] < values.max()
    for x, y in grid["minima"]:
        assert objective.value([x, y]) < 1e-20


def test_the_view_holds_all_starts() -> None:
    grid = Descents({"starts": [[50, -3], [0, 1]]}).frame(whole=True)["grid"]
    assert grid["x"][0] < 0 < 50 < grid["x"][1]
    assert grid["y"][0] < -3 < 1 < grid["y"][1]


def test_a_descent_on_an_expression_uses_the_numerical_gradient() -> None:
    text = "sin(x) * exp(y / 2) + x**2 + y**2"
    descents = Descents({"objective": "expression", "expression": text, "steps": 300, "optimizers": [{"lr": 0.1}]})
    told = frames(descents, 50)[-1]["paths"][0]
    f = FunctionObjective(
        lambda x, y: np.sin(x) * np.exp(y / 2) + x**2 + y**2,
        lambda x, y: (np.cos(x) * np.exp(y / 2) + 2 * x, np.sin(x) * np.exp(y / 2) / 2 + 2 * y),
        start=[-1.0, 1.0],
    )
    expected = minimize(f, Momentum(f.parameters(), 0.1, 0.0), steps=300)
    assert told["fate"] == expected.fate == "stationary"
    assert told["f"] == pytest.approx(expected.value, abs=1e-9)


def test_a_run_that_blows_up_keeps_numbers_finite() -> None:
    descents = Descents({"starts": [[1, 1]], "optimizers": [{"name": "SGD", "lr": 100}]})
    told = frames(descents, 1)
    last = told[-1]["paths"][0]
    assert last["fate"] == "blew up"
    assert last["f"] is not None
    assert all(np.isfinite(point).all() for frame in told for point in frame["paths"][0]["points"])


def test_a_start_without_a_finite_value_is_named() -> None:
    with pytest.raises(SettingError, match=r"not finite at \(-1, 1\)") as caught:
        Descents({"objective": "expression", "expression": "log(x) + y"})
    assert caught.value.field == "starts"


def test_a_value_that_blows_up_is_told_with_the_one_after_the_last_step() -> None:
    preset = {"starts": [[1.0, 1.0]], "optimizers": [{"name": "SGD", "lr": 1e-2}], "steps": 100}
    descents = Descents(preset)
    descents.step(100)
    path = descents.frame()["paths"][0]
    assert path["reason"] == f"the value rose to 2.53e+11, and with one more step to {path['f']:.3g}"
    assert descents.paths[0].descent is not None
    assert f"{descents.paths[0].descent.loss[-1]:.3g}" == "2.53e+11"
