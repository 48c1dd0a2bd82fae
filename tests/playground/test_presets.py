"""Each preset trains to its stated result, and the code beside it gives the same numbers at home."""

import contextlib
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl.playground.descent import Descents
from minidl.playground.networks import Network
from minidl.playground.presets import PRESETS

LEARN = Path(__file__).parent.parent.parent / "docs" / "learn"
NETWORKS = [preset for preset in PRESETS if preset["tab"] == "networks"]
DESCENTS = [preset for preset in PRESETS if preset["tab"] == "descent"]


def anchor(heading: str) -> str:
    """The anchor that Sphinx makes of a heading."""
    return re.sub(r"^[^a-z]+|-$", "", re.sub(r"[^a-z0-9]+", "-", heading.lower()))


def name(preset: dict[str, Any]) -> str:
    return str(preset["id"])


def at_home(code: str) -> tuple[dict[str, Any], list[str]]:
    """Run a program as a user would. Return its names and the lines that it prints."""
    space: dict[str, Any] = {"__name__": "__main__"}
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code, "<home>", "exec"), space)
    return space, out.getvalue().splitlines()


def trained(settings: dict[str, Any]) -> Network:
    network = Network(settings)
    while not network.run.ended:
        network.step(97)
        network.frame()  # what the page draws must not disturb the training
    return network


@pytest.mark.parametrize("preset", NETWORKS, ids=name)
def test_a_network_ends_as_stated_and_as_at_home(preset: dict[str, Any]) -> None:
    network = trained(preset["settings"])
    frame, expect = network.frame(), preset["expect"]
    for what, of in (("loss", "train"), ("loss", "test"), ("accuracy", "train")):
        low, high = expect.get(f"{of}_{what}", (0.0, np.inf))
        assert low <= frame[what][of] <= high, f"{what} {of}"
    assert frame["finished"]
    if "fate" in expect:
        assert (expect["fate"] or "") in (frame["fate"] or "")
        assert (expect["fate"] is None) == (frame["fate"] is None)
    space, lines = at_home(network.code.text)
    history = space["history"]
    assert len(history.loss) == frame["step"]
    assert np.allclose(network.history.loss, history.loss, rtol=0, atol=1e-12)
    for kind in ("training_loss", "validation_loss"):
        assert np.allclose(network.history.epochs[kind], history.epochs[kind], rtol=0, atol=1e-12)
    assert abs(float(lines[0].removeprefix("training loss: ")) - frame["loss"]["train"]) < 1e-12
    assert abs(float(lines[1].removeprefix("test loss: ")) - frame["loss"]["test"]) < 1e-12


@pytest.mark.parametrize("preset", DESCENTS, ids=name)
def test_descents_end_as_stated_and_as_at_home(preset: dict[str, Any]) -> None:
    descents = Descents(preset["settings"])
    while not descents.finished:
        descents.step(101)
        descents.frame()
    found = [path.descent for path in descents.paths]
    assert [descent.fate for descent in found if descent is not None] == preset["expect"]["fates"]
    starts = [tuple(start) for _ in descents.settings["optimizers"] for start in descents.settings["starts"]]
    _, lines = at_home(descents.code.text)
    assert [line.partition(": Descent(")[2] for line in lines] == [repr(descent)[8:] for descent in found]
    assert all(f"from {start}: " in line for start, line in zip(starts, lines, strict=True))


@pytest.mark.parametrize("preset", PRESETS, ids=name)
def test_a_preset_says_what_it_shows_and_where_that_is_explained(preset: dict[str, Any]) -> None:
    sentences = re.split(r"(?<=[.?!]) (?=[A-Z])", preset["text"])
    assert len(sentences) == 2
    assert "?" in preset["question"]
    texts = [*sentences, *re.split(r"(?<=[.?!:]) ", preset["question"] + " " + preset["result"]), preset["title"]]
    assert max(len(sentence.split()) for sentence in texts) <= 25
    page, _, heading = preset["learn"].partition("#")
    lines = (LEARN / f"{page}.md").read_text().splitlines()
    assert heading in {anchor(line) for line in lines if line.startswith("## ")}


def test_ids_are_unique_and_fit_in_an_address() -> None:
    ids = [preset["id"] for preset in PRESETS]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z_]+", each) for each in ids)


def loss(identity: str, **changed: Any) -> float:
    """The training loss at the end of a preset with some settings changed."""
    settings = next(preset["settings"] for preset in PRESETS if preset["id"] == identity)
    network = Network(settings | changed)
    network.step(10**9)
    return float(network.frame()["loss"]["train"])


def test_what_the_results_say_of_other_settings_is_true() -> None:
    assert round(loss("dead_relu", activation="LeakyReLU"), 2) == 0.03
    assert round(loss("rate_too_large", lr=3.0), 3) == 0.002
    assert round(loss("vanishing", activation="Tanh"), 3) == 0.001
    assert loss("copies", initializer="glorot_normal") < 0.3
    assert loss("no_hidden", hidden=[4]) < 0.02
    assert [seed for seed in range(8) if loss("two_units", seed=seed) < 0.1] == [3]
    assert sum(loss("xor", seed=seed) < 0.1 for seed in range(8)) >= 5


def steps_of(identity: str) -> list[int]:
    settings = next(preset["settings"] for preset in DESCENTS if preset["id"] == identity)
    descents = Descents(settings)
    descents.step(10**9)
    return [path.descent.steps for path in descents.paths if path.descent is not None]


STATED = {
    "saddle": [1902],
    "momentum": [8013, 70],
    "valley": [2944],
    "two_cycle": [1748],
    "ravine": [1566, 263],
    "rosenbrock": [3120, 4030],
}


@pytest.mark.parametrize("identity", STATED)
def test_the_numbers_of_steps_in_the_results_are_true(identity: str) -> None:
    result = next(preset["result"] for preset in DESCENTS if preset["id"] == identity)
    assert {*STATED[identity]} <= {*steps_of(identity)}
    assert all(f" {steps:,}" in result for steps in STATED[identity])
