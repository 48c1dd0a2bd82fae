"""Commands in, frames out, and never an exception for a user's mistake."""

import json
import weakref
from time import sleep
from typing import Any

import pytest

from minidl.playground.curves import curves
from minidl.playground.networks import Network
from minidl.playground.presets import PRESETS
from minidl.playground.session import Session
from minidl.playground.settings import choices


def begun(kind: str = "networks", **settings: Any) -> Session:
    session = Session()
    assert session.handle({"do": kind, "settings": settings})["error"] is None
    return session


def test_the_catalog_has_presets_and_choices() -> None:
    frame = Session().handle({"do": "presets"})
    assert frame["kind"] == "presets"
    assert frame["presets"] == PRESETS
    assert frame["choices"] == choices()
    assert frame["curves"] == curves()
    for tab in (frame["choices"]["networks"], frame["choices"]["descent"]["optimizers"]["each"]):
        assert {number for numbers in frame["numbers"].values() for number in numbers} < set(tab)
    json.dumps(frame, allow_nan=False)


@pytest.mark.parametrize("kind", ["networks", "descent"])
def test_steps_go_on_where_the_last_ones_ended(kind: str) -> None:
    session = begun(kind)
    command = {"do": "step", "steps": 3, "budget_ms": 10_000}
    assert [session.handle(command)["step"] for _ in range(3)] == [3, 6, 9]
    assert session.handle({"do": "step"})["step"] == 10
    assert session.handle({"do": "step", "steps": 10**8, "budget_ms": 10**6})["finished"]
    whole = session.handle({"do": "reset"})
    assert (whole["step"], whole["finished"]) == (0, False)
    assert whole["code"]
    assert session.handle({"do": "step"})["step"] == 1


def test_an_epoch_is_trained_to_its_end() -> None:
    session = begun("networks", samples=100, batch_size=10)
    session.handle({"do": "step", "steps": 2})
    frame = session.handle({"do": "epoch"})
    assert (frame["step"], frame["epoch"]) == (7, 1)


@pytest.mark.parametrize("kind", ["networks", "descent"])
def test_a_turn_keeps_to_its_budget(kind: str) -> None:
    slow = {"steps": 50_000, "optimizers": [{"name": "SGD", "lr": 1e-6}]}
    session = begun(kind, **({"epochs": 100_000} if kind == "networks" else slow))
    frame = session.handle({"do": "step", "steps": 10**6, "budget_ms": 20})
    assert 0 < frame["step"] < 20_000
    assert not frame["finished"]


def test_the_time_of_a_frame_is_part_of_the_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def frame(_: Network) -> dict[str, Any]:
        sleep(0.03)
        return {}

    monkeypatch.setattr(Network, "step", lambda *arguments: asked.append(arguments[-1]))
    session = begun()
    monkeypatch.setattr(Network, "frame", frame)
    for budget in (60, 60, 20):
        session.handle({"do": "step", "budget_ms": budget})
    assert asked[0] == 0.06
    assert asked[1] <= 0.03
    assert asked[2] == 0.02 / 3


def test_networks_tell_how_fast_they_train() -> None:
    session = begun()
    assert session.handle({"do": "step", "steps": 200, "budget_ms": 1000})["steps_per_second"] > 100


@pytest.mark.parametrize(
    ("command", "field"),
    [
        ({}, "do"),
        ({"do": "dance"}, "do"),
        ({"do": ["step"]}, "do"),
        (None, "do"),
        ([], "do"),
        ({"do": "step"}, "do"),
        ({"do": "epoch"}, "do"),
        ({"do": "reset"}, "do"),
        ({"do": "networks", "settings": {"lr": "fast"}}, "lr"),
        ({"do": "networks", "settings": []}, "settings"),
        ({"do": "networks", "settings": {"data": "csv", "csv": "1,2"}}, "csv"),
        ({"do": "networks", "settings": {"data": "points"}}, "points"),
        ({"do": "networks", "settings": {"samples": 10, "test_share": 0.01}}, "test_share"),
        ({"do": "descent", "settings": {"starts": []}}, "starts"),
        ({"do": "descent", "settings": {"objective": "expression", "expression": "x +"}}, "expression"),
        ({"do": "descent", "settings": {"objective": "expression", "expression": "log(x)"}}, "starts"),
        ({"do": "descent", "settings": {"objective": "expression", "expression": "x + 1/0"}}, "expression"),
    ],
)
def test_a_mistake_is_an_error_in_the_frame_that_names_its_field(command: Any, field: str) -> None:
    error = Session().handle(command)["error"]
    assert error["field"] == field
    assert error["message"]


def test_wrong_numbers_of_steps_are_refused() -> None:
    session = begun()
    for name in ("steps", "budget_ms"):
        for value in (0, -1, "1", True, float("nan"), None):
            assert session.handle({"do": "step", name: value})["error"]["field"] == name
    assert isinstance(session.present, Network)
    assert session.present.run.step == 0
    assert session.handle({"do": "step", "steps": 0.5})["step"] == 1


def test_after_a_mistake_the_session_goes_on() -> None:
    session = begun()
    assert session.handle({"do": "networks", "settings": {"lr": -1}})["kind"] == "networks"
    assert session.handle({"do": "step"})["error"]["field"] == "do"
    assert session.handle({"do": "networks"})["error"] is None
    assert session.handle({"do": "step"})["step"] == 1


def test_a_turn_writes_one_marked_line(capsys: pytest.CaptureFixture[str]) -> None:
    session = Session()
    session.turn(json.dumps({"do": "networks", "settings": {"hidden": [2]}}))
    session.turn(json.dumps({"do": "run", "code": "print('hello')\nimport sys\nsys.stdout = None"}))
    session.turn("{")
    lines = capsys.readouterr().out.removesuffix("\n").split("\n")
    assert lines.pop(1) == "hello"
    assert {line[0] for line in lines} == {"\x1e"}
    frames = [json.loads(line[1:]) for line in lines]
    assert [frame["kind"] for frame in frames] == ["networks", "output", "error"]
    assert "cannot be read" in frames[2]["error"]["message"]


@pytest.mark.parametrize(
    "text",
    [
        "null",
        "[" * 200_000,
        '{"do": "networks", "settings": {"hidden": ' + "[" * 5000 + "]" * 5000 + "}}",
        '{"do": "networks", "settings": {"samples": ' + "9" * 5000 + "}}",
    ],
    ids=["null", "brackets", "nested", "long number"],
)
def test_whatever_a_turn_reads_it_writes_a_frame(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    session = Session()
    session.turn(text)
    assert json.loads(capsys.readouterr().out[1:])["error"]["message"]
    assert session.handle({"do": "networks"})["error"] is None


def test_numbers_that_are_not_finite_become_null(capsys: pytest.CaptureFixture[str]) -> None:
    session = begun("descent", starts=[[1.0, 1.0]], optimizers=[{"name": "SGD", "lr": 100.0}])
    for _ in range(10):
        session.turn('{"do": "step"}')
    assert "NaN" not in (out := capsys.readouterr().out)
    assert "Infinity" not in out


def test_a_program_does_not_disturb_the_picture() -> None:
    session = begun()
    session.handle({"do": "step", "steps": 5, "budget_ms": 1000})
    frame = session.handle({"do": "run", "code": "from minidl import *\nx = 1\nassert __name__ == '__main__'"})
    assert frame == {"kind": "output", "figures": [], "error": None}
    assert session.handle({"do": "step"})["step"] == 6


@pytest.mark.parametrize("kind", ["networks", "descent"])
def test_a_run_that_is_replaced_leaves_the_memory(kind: str) -> None:
    session = begun(kind)
    session.handle({"do": "step", "steps": 3})
    before = weakref.ref(session.present)
    for again in ({"do": "reset"}, {"do": "networks"}, {"do": "descent", "settings": {"steps": 0}}):
        session.handle(again)
        assert before() is None
