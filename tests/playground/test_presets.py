"""Each preset trains to its stated result, and the code beside it gives the same numbers at home."""

import contextlib
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import CubicValley, Dense, Descent, Himmelblau
from minidl.playground.descent import Descents
from minidl.playground.networks import Network
from minidl.playground.presets import PRESETS
from tests.playground.pictures import pictures

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
    shown = [frame[what][of] for what in ("loss", "accuracy") for of in ("train", "test")]
    names = [f"{of} {what}: " for what in ("loss", "accuracy") for of in ("training", "held-out")]
    assert [line.startswith(name) for line, name in zip(lines, names, strict=True)] == [True] * 4
    assert np.allclose([float(line.partition(": ")[2]) for line in lines], shown, rtol=0, atol=1e-12)


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


def changed(identity: str, **settings: Any) -> Network:
    """The network of a preset with some settings changed, trained to the end."""
    network = Network(next(preset["settings"] for preset in PRESETS if preset["id"] == identity) | settings)
    network.step(10**9)
    return network


def loss(identity: str, **settings: Any) -> float:
    """Its training loss."""
    return float(changed(identity, **settings).frame()["loss"]["train"])


def held_out(identity: str, **settings: Any) -> list[float]:
    """Its held-out loss after each epoch."""
    return changed(identity, **settings).history.epochs["validation_loss"]


def test_what_the_results_say_of_other_settings_is_true() -> None:
    assert round(loss("dead_relu", activation="LeakyReLU"), 2) == 0.03
    assert round(loss("vanishing", activation="Tanh"), 3) == 0.001
    assert round(loss("copies", initializer="he_normal"), 2) == 0.03
    assert round(loss("no_hidden", hidden=[4]), 3) == 0.005
    for units, solved in (2, [3]), (4, [0, 1, 3, 4, 5, 7]):
        assert [seed for seed in range(8) if loss("two_units", hidden=[units], seed=seed) < 0.1] == solved
    assert round(held_out("weight_decay", weight_decay=0.0, dropout=0.4)[-1], 1) == 2.1


def test_the_loss_jumps_at_a_rate_of_10_and_falls_smoothly_at_3_and_1() -> None:
    losses = {rate: np.array(changed("rate_too_large", lr=rate).history.loss) for rate in (10.0, 3.0, 1.0)}
    assert [round(float(found[-1]), digits) for found, digits in zip(losses.values(), (4, 3, 3), strict=True)] == [
        0.0014,
        0.002,
        0.007,
    ]
    assert round(float(losses[10.0].max()), 1) == 3.1
    assert (np.diff(losses[10.0])[8:] < 0).all()
    assert all((np.diff(losses[rate]) < 0).all() for rate in (3.0, 1.0))


def test_each_unit_of_xor_votes_where_the_result_says() -> None:
    first, last = (layer for layer in changed("xor").model if isinstance(layer, Dense))
    directions = np.sign(first.weight.value).T.tolist()
    assert directions == [[-1, -1], [1, 1], [1, 1], [-1, 1]]
    assert np.sign(last.weight.value).ravel().tolist() == [-1, -1, -1, 1]


@pytest.mark.parametrize(("units", "ends", "accuracy"), [(16, 0.011, 0.99), (8, 0.054, 0.97), (4, 0.36, 0.85)])
def test_units_that_spirals_need(units: int, ends: float, accuracy: float) -> None:
    frame = changed("spirals", hidden=[units, units]).frame()
    assert abs(frame["loss"]["train"] - ends) < 0.005
    assert abs(frame["accuracy"]["train"] - accuracy) < 0.01


def test_the_held_out_loss_of_overfitting_is_lowest_after_epoch_9() -> None:
    losses = held_out("overfitting")
    assert (int(np.argmin(losses)), round(min(losses), 2)) == (8, 0.49)
    assert losses[-1] > 3 * min(losses)


def winners(network: Network) -> Any:
    """The class that is predicted in each pixel of the boundary."""
    frame = network.frame()
    return np.argmax(pictures(frame)[0], axis=0).reshape(frame["boundary"]["size"], -1)


@pytest.mark.parametrize(("classes", "lines"), [(3, 3), (6, 9)])
def test_the_lines_between_classes_are_as_many_as_stated(classes: int, lines: int) -> None:
    won = winners(changed("three_classes", classes=classes))
    beside = [*zip(won[1:].flat, won[:-1].flat, strict=True), *zip(won[:, 1:].flat, won[:, :-1].flat, strict=True)]
    assert len({frozenset(pair) for pair in beside if pair[0] != pair[1]}) == lines


def test_the_lines_between_three_classes_meet_in_the_picture() -> None:
    network = changed("three_classes")
    dense = network.model[0]
    assert isinstance(dense, Dense)
    weight, bias = dense.weight.value, dense.bias.value
    # Two differences of scores are 0, so the third one is, too.
    place = np.linalg.solve((weight[:, 1:] - weight[:, :1]).T, bias[0] - bias[1:])
    assert np.allclose(np.ptp(network.model.predict(place[None])), 0.0, atol=1e-9)
    assert all(low < at < high for at, (low, high) in zip(place, network.limits, strict=True))


def descended(identity: str, rate: float, **settings: Any) -> Descent:
    """The descent of a preset at another rate."""
    preset = next(preset["settings"] for preset in DESCENTS if preset["id"] == identity)
    descents = Descents(preset | {"optimizers": [{"name": "SGD", "lr": rate}]} | settings)
    descents.step(10**9)
    found = descents.paths[0].descent
    assert found is not None
    return found


def test_what_the_results_say_of_other_rates_is_true() -> None:
    assert descended("two_cycle", 0.0025)[4:7:2] == ("stationary", 167)
    assert descended("blow_up", 0.005, steps=3000).fate == "cycle"
    rates = [0.004, *np.arange(0.0051, 0.01, 1e-4), *np.arange(0.01, 0.1, 1e-3), 0.1, 1.0]
    assert {descended("blow_up", rate).fate for rate in rates} == {"blew up"}
    assert [descended("ravine", rate).steps for rate in (0.0945, 0.0952)] == [249, 261]
    assert min(descended("ravine", rate).steps for rate in np.arange(0.09, 0.0999, 5e-4)) == 249


def test_where_the_valley_leaves_the_picture_and_the_saddle_is_flat() -> None:
    path = descended("valley", 1e-4).path
    assert path is not None
    outside = int(np.argmax(path[:, 0] > 3.0))
    assert outside == 2143
    assert np.allclose(path[outside], [3, 1.22], atol=0.01)
    saddle = CubicValley(0.0, 0.0)
    low, high = np.linalg.eigvalsh(saddle.hessian(descended("saddle", 1e-4).theta))
    assert (round(low, 5), high > 99) == (-0.00002, True)
    assert abs(np.linalg.eigvalsh(saddle.hessian(np.zeros(2)))[0]) < 1e-9


def test_the_saddles_of_himmelblau_are_on_the_borders_of_two_basins() -> None:
    for x, y in (0.087, 2.884), (3.385, 0.074), (-3.073, -0.081), (-0.128, -1.954):
        across = [[x + dx, y + dy] for dx, dy in ((0.2, 0), (-0.2, 0), (0, 0.2), (0, -0.2))]
        ends = {tuple(descended("himmelblau", 0.01, starts=[start]).theta.round()) for start in across}
        assert len(ends) == 2
    maximum = Himmelblau(-0.27, -0.92)
    assert (np.linalg.eigvalsh(maximum.hessian(np.array([-0.27, -0.92]))) < 0).all()


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
