"""A network in turns, and the frames that show it."""

import contextlib
import io
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minidl import Dense
from minidl.layers.activations import sigmoid
from minidl.playground import turns
from minidl.playground.networks import Network
from minidl.playground.session import Session
from minidl.playground.settings import NETWORKS, Choice, SettingError
from tests.playground.pictures import pictures

POINTS = [[0.1 * i, (-1) ** i * 0.5, i % 2] for i in range(12)]


def chosen(name: str) -> tuple[str, ...]:
    kind = NETWORKS[name]
    assert isinstance(kind, Choice)
    return kind.values


drawn = st.fixed_dictionaries(
    {
        "data": st.sampled_from(chosen("data")),
        "classes": st.integers(2, 6),
        "samples": st.integers(10, 60),
        "noise": st.sampled_from([0.0, 0.1, 1.0]),
        "test_share": st.sampled_from([0.0, 0.3, 0.5]),
        "hidden": st.lists(st.integers(1, 5), max_size=3),
        "activation": st.sampled_from(chosen("activation")),
        "initializer": st.sampled_from(chosen("initializer")),
        "dropout": st.sampled_from([0.0, 0.4]),
        "loss": st.sampled_from(chosen("loss")),
        "optimizer": st.sampled_from(chosen("optimizer")),
        "lr": st.sampled_from([1e-3, 0.1, 10.0]),
        "momentum": st.sampled_from([0.0, 0.9]),
        "alpha": st.sampled_from([0.0, 0.99]),
        "beta1": st.sampled_from([0.0, 0.9]),
        "beta2": st.sampled_from([0.5, 0.999]),
        "weight_decay": st.sampled_from([0.0, 0.1]),
        "batch_size": st.sampled_from([1, 7, 1000]),
        "seed": st.integers(0, 99),
    }
)


@settings(max_examples=40, deadline=None)
@given(drawn)
def test_any_settings_train_as_their_code_does_at_home(settings: dict[str, Any]) -> None:
    classes = settings["classes"]
    points = [[0.1 * i, (-1) ** i * 0.5, i % classes] for i in range(24)]
    rows = "\n".join(f"{i};{i * i % 7};{'kind' if i % classes else 'dog'}{i % classes}" for i in range(30))
    network = Network(settings | {"epochs": 2, "csv": rows, "points": points})
    while not network.run.ended:
        network.step(5)
        json.dumps(network.frame())
    space: dict[str, Any] = {}
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(ArithmeticError):
        exec(network.code.text, space)
    assert space["trainer"].history.loss == network.history.loss
    assert np.array_equal(space["model"].parameters().value, network.model.parameters().value, equal_nan=True)


def test_the_frame_shows_what_the_model_computes() -> None:
    network = Network({"hidden": [3, 2], "data": "moons"})
    network.step(50)
    frame = network.frame(whole=True)
    size, (left, right), (low, high) = (frame["boundary"][name] for name in ("size", "x", "y"))
    columns, rows = np.meshgrid(np.linspace(left, right, size), np.linspace(low, high, size))
    grid = np.column_stack([columns.ravel(), rows.ravel()])
    chances = sigmoid(network.model.predict(grid))[:, 0]
    (boundary,), units = pictures(frame)
    assert np.abs(boundary - 65535 * chances).max() < 0.51
    assert [layer["name"] for layer in frame["layers"]] == ["Dense(2, 3)", "Dense(3, 2)", "Dense(2, 1)"]
    for index, layer in enumerate(frame["layers"]):
        dense = network.model[2 * index]
        assert isinstance(dense, Dense)
        assert np.abs(np.array(layer["weights"]) - dense.weight.value).max() < 1e-6
        assert np.abs(np.array(layer["grad"]) - dense.weight.grad).max() < 1e-6
        assert np.abs(np.array(layer["bias"]) - dense.bias.value).max() < 1e-6
        assert len(units[index]) == dense.outputs
    across, up = np.meshgrid(np.linspace(left, right, 16), np.linspace(low, high, 16))
    outputs = network.model[:2].predict(np.column_stack([across.ravel(), up.ravel()]))
    for unit, values, scale in zip(units[0], outputs.T, frame["layers"][0]["scales"], strict=True):
        assert np.abs((unit - 128.0) / 127.0 * np.abs(values).max() - values).max() < 0.01
        assert abs(scale - np.abs(values).max()) < 1e-5
    chance = sigmoid(network.model.predict(np.column_stack([across.ravel(), up.ravel()])))[:, 0]
    assert np.abs(units[-1][0] / 255.0 - chance).max() < 0.01


def test_losses_and_accuracies_are_those_of_evaluate() -> None:
    network = Network({"data": "circles", "loss": "MSELoss"})
    network.step(33)
    frame = network.frame()
    for name, rows in (("train", network.train), ("test", network.test)):
        expected = network.trainer.evaluate(network.x[rows], network.y[rows])["loss"]
        assert frame["loss"][name] == pytest.approx(expected, abs=1e-12)
        right = (network.model.predict(network.x[rows]) > 0.5) == (network.y[rows] > 0.5)
        assert frame["accuracy"][name] == right.mean()


def test_the_losses_of_all_frames_are_those_of_the_history() -> None:
    network = Network({"epochs": 5})
    told = []
    while not network.run.ended:
        network.step(3)
        told += network.frame()["losses"]
    epochs = network.history.epochs
    assert told == [
        [7 * (index + 1), train, test]
        for index, (train, test) in enumerate(zip(epochs["training_loss"], epochs["validation_loss"], strict=True))
    ]


def test_only_the_whole_frame_has_data_and_code() -> None:
    network = Network({"samples": 40, "test_share": 0.25})
    whole, later = network.frame(whole=True), network.frame()
    assert {*whole} - {*later} == {"data", "classes", "code"}
    assert len(whole["data"]["train"]) == 30
    assert len(whole["data"]["test"]) == 10
    assert whole["code"] == network.code.text
    told = np.array(whole["data"]["train"])
    assert np.abs(told[:, :2] - network.x[network.train]).max() < 1e-4
    assert np.array_equal(told[:, 2:], network.y[network.train])


def test_the_split_is_that_of_the_fit() -> None:
    network = Network({"samples": 50, "test_share": 0.3})
    network.epoch()
    expected = network.trainer.evaluate(network.x[network.test], network.y[network.test])["loss"]
    assert network.history.epochs["validation_loss"][-1] == pytest.approx(expected, abs=1e-12)


def test_without_test_data_there_are_no_test_losses() -> None:
    network = Network({"test_share": 0})
    network.epoch()
    frame = network.frame(whole=True)
    assert frame["data"]["test"] == []
    assert frame["loss"]["test"] is frame["accuracy"]["test"] is None
    assert np.isnan(frame["losses"][0][2])
    assert "validation" not in frame["code"]


def test_an_epoch_ends_where_epochs_end() -> None:
    network = Network({})
    network.step(3)
    assert network.epoch() == 4
    assert network.epoch() == 7
    assert network.run.epoch == 2


def test_points_stay_where_they_are_while_more_are_clicked() -> None:
    few, more = Network({"data": "points", "points": POINTS[:6]}), Network({"data": "points", "points": POINTS})
    assert few.limits == more.limits == ((-2.0, 2.0), (-2.0, 2.0))
    far = Network({"data": "points", "points": [*POINTS, [5, 0, 1]]})
    assert far.limits == ((-5.5, 5.5), (-5.5, 5.5))


def test_each_class_needs_two_points() -> None:
    with pytest.raises(SettingError, match="at least two points of each class are needed, got 1 and 2") as caught:
        Network({"data": "points", "points": [[0, 0, 0], [1, 1, 1], [2, 2, 1]]})
    assert caught.value.field == "points"


def test_dead_units_are_seen_behind_dropout() -> None:
    network = Network({"hidden": [3], "activation": "ReLU", "dropout": 0.3})
    dense = network.model[0]
    assert isinstance(dense, Dense)
    dense.bias.value = [-100.0, 0.0, 0.0]
    assert network.frame()["layers"][0]["dead"] == [True, False, False]


def test_a_run_that_diverges_says_where() -> None:
    session = Session()
    session.handle({"do": "networks", "settings": {"activation": "Identity", "hidden": [16] * 4, "lr": 100.0}})
    frame = session.handle({"do": "step", "steps": 10_000, "budget_ms": 60_000})
    assert frame["finished"]
    assert frame["fate"].startswith("Stopped: loss or gradient stopped being finite at step")
    assert "try a smaller learning rate" in frame["fate"]
    json.dumps(frame, allow_nan=False)
    assert frame["step"] < 10_000


def test_a_long_run_keeps_the_first_and_the_recent_losses(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"samples": 40, "batch_size": 7, "lr": 1.0, "epochs": 250}
    whole, network, told = Network(settings), Network(settings), []
    whole.step(10**6)
    monkeypatch.setattr(turns, "MOST", 60)
    while not network.run.ended:
        network.step(11)
        told += network.frame()["losses"]
    frame, expected = network.frame(), whole.frame()
    assert frame | {"steps_per_second": 0} == expected | {"losses": [], "steps_per_second": 0}
    assert told == expected["losses"]
    assert len(told) == 250
    kept, recorded = (run.history.epochs | {"step": run.history.loss} for run in (network, whole))
    for name, values in kept.items():
        assert 31 <= len(values) <= 60
        assert values == [recorded[name][0], *recorded[name][1 - len(values) :]]
