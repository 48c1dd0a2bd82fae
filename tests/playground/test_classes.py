"""Networks for three to six classes: the program, the frames, and what is said of them."""

import contextlib
import io
from math import log
from typing import Any

import numpy as np
import pytest

from minidl import CrossEntropyLoss, Dense
from minidl.metrics import accuracy
from minidl.playground.code import network_code
from minidl.playground.networks import Network
from minidl.playground.settings import NETWORKS, MissingError, checked
from tests.playground.pictures import pictures

BLOBS: dict[str, Any] = {"data": "blobs", "classes": 3, "noise": 0.6}
KINDS = ["setosa", "versicolor", "virginica"]
TABLE = "\n".join(f"{i},{i * i % 7},{KINDS[i % 3]}" for i in range(30))
POINTS = [[0.1 * i, 0.5 - i % 4, i % 4] for i in range(16)]


def plane(network: Network, size: int) -> Any:
    columns, rows = np.meshgrid(*(np.linspace(*limits, size) for limits in network.limits))
    return np.column_stack([columns.ravel(), rows.ravel()])


def probabilities(network: Network, x: Any) -> Any:
    e = np.exp(network.model.predict(x))
    return e / e.sum(axis=1, keepdims=True)


def test_the_whole_program() -> None:
    settings = {**BLOBS, "hidden": [4], "data_seed": 3, "seed": 7, "test_share": 0.25}
    assert (
        network_code(checked(NETWORKS, settings)).text
        == """\
import numpy as np
from minidl import SGD, CrossEntropyLoss, Dense, Sequential, Tanh, Trainer, make_blobs
from minidl.metrics import accuracy
from minidl.splitting import hold_out

angles = 2 * np.pi * np.arange(3) / 3
centers = 1.5 * np.column_stack([np.cos(angles), np.sin(angles)])
x, y = make_blobs(200, centers=centers, cluster_std=0.6, rng=3)

model = Sequential(
    Dense(2, 4), Tanh(),
    Dense(4, 3),
    rng=7,
)
loss = CrossEntropyLoss()  # it takes the outputs before the softmax
optimizer = SGD(model.parameters(), lr=0.1)
trainer = Trainer(model, loss, optimizer)

history = trainer.fit(x, y, epochs=1000, batch_size=20, validation=0.25, training_loss=True, rng=7)

trained, held_out = hold_out(len(y), 0.25, classes=y)  # the split of fit
print("training loss:", history.epochs["training_loss"][-1])
print("held-out loss:", history.epochs["validation_loss"][-1])
print("training accuracy:", accuracy(model.predict(x[trained]), y[trained]))
print("held-out accuracy:", accuracy(model.predict(x[held_out]), y[held_out]))
"""
    )


@pytest.mark.parametrize(
    "settings",
    [BLOBS, {"data": "csv", "csv": TABLE}, {"data": "points", "points": POINTS}],
    ids=lambda settings: settings["data"],
)
@pytest.mark.parametrize("share", [0, 0.3])
def test_the_program_prints_the_numbers_of_the_last_frame(settings: dict[str, Any], share: float) -> None:
    network = Network({**settings, "test_share": share, "epochs": 5, "batch_size": 8})
    network.step(10**6)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(network.code.text, {})
    shown, frame = [float(line.partition(": ")[2]) for line in out.getvalue().splitlines()], network.frame()
    told = [frame[what][part] for what in ("loss", "accuracy") for part in ("train", "test")]
    assert shown == pytest.approx([number for number in told if number is not None], abs=1e-12)
    assert len(shown) == (4 if share else 2)


def test_blobs_are_on_a_circle() -> None:
    network = Network({**BLOBS, "classes": 5, "noise": 0.0})
    centers = np.array([network.x[network.y == label].mean(axis=0) for label in range(5)])
    assert np.linalg.norm(centers, axis=1) == pytest.approx(np.full(5, 1.5))
    sides = np.linalg.norm(centers - np.roll(centers, 1, axis=0), axis=1)
    assert sides == pytest.approx(np.full(5, 3 * np.sin(np.pi / 5)))


@pytest.mark.parametrize("loss", ["MSELoss", "BCELoss"])
def test_the_loss_of_two_classes_does_not_apply(loss: str) -> None:
    assert Network({**BLOBS, "loss": loss}).code == Network(BLOBS).code
    assert f"loss = {loss}()" in Network({**BLOBS, "classes": 2, "loss": loss}).code.text


def test_the_frame_shows_the_probability_of_each_class() -> None:
    network = Network({**BLOBS, "classes": 4, "hidden": [5]})
    network.step(30)
    frame = network.frame(whole=True)
    assert frame["classes"] == ["class 0", "class 1", "class 2", "class 3"]
    expected = probabilities(network, plane(network, frame["boundary"]["size"]))
    boundary, units = pictures(frame)
    assert np.abs(boundary.T - 65535 * expected).max() < 0.51
    output = frame["layers"][-1]
    assert (output["name"], len(output["bias"]), output["scales"]) == ("Dense(5, 4)", 4, [1.0] * 4)
    expected = probabilities(network, plane(network, 16))
    assert np.abs(units[-1].T / 255.0 - expected).max() < 0.01
    told = np.array(frame["data"]["train"])
    assert np.array_equal(told[:, 2], network.y[network.train])


def test_losses_and_accuracies_are_those_of_the_model() -> None:
    network = Network({**BLOBS, "noise": 1.0})
    network.step(20)
    frame = network.frame()
    for part, rows in (("train", network.train), ("test", network.test)):
        p = probabilities(network, network.x[rows])
        of_class = p[np.arange(len(rows)), network.y[rows]]
        assert frame["loss"][part] == pytest.approx(-np.log(of_class).mean(), abs=1e-12)
        assert frame["accuracy"][part] == accuracy(p, network.y[rows]) < 1.0


def test_each_class_is_held_out_in_proportion_and_as_by_the_fit() -> None:
    rows = [f"{i},{i * i % 11},{'a' if i % 10 else 'b'}" for i in range(40)]
    rows += [f"{i},{i % 5},c" for i in range(20)]
    network = Network({"data": "csv", "csv": "\n".join(rows), "test_share": 0.25, "epochs": 1})
    assert np.bincount(network.y[network.test]).tolist() == [9, 1, 5]
    network.step(10**6)
    expected = network.trainer.evaluate(network.x[network.test], network.y[network.test])["loss"]
    assert network.history.epochs["validation_loss"][-1] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    "sizes", [(2, 1), (3, 1, 1), (2, 1, 1, 1, 1, 1), (9, 8, 1), (2, 2, 2, 2), (30, 1, 1, 1), (4, 7, 5)]
)
@pytest.mark.parametrize("share", [0.3, 0.5, 0.8])
def test_a_batch_size_is_left_out_only_if_all_samples_are_one_batch(sizes: tuple[int, ...], share: float) -> None:
    labels = [label for label, size in enumerate(sizes) for _ in range(size)]
    table = "\n".join(f"{i},{-i},{label}" for i, label in enumerate(labels))
    for batch_size in range(1, len(labels) + 1):
        with contextlib.suppress(ValueError):  # nothing is left to hold out
            network = Network({"data": "csv", "csv": table, "test_share": share, "batch_size": batch_size})
            assert "batch_size=" in network.code.text or batch_size >= len(network.train)


def test_each_class_up_to_the_largest_needs_two_points() -> None:
    with pytest.raises(MissingError, match="got 2, 0 and 2"):
        Network({"data": "points", "points": [[0, 0, 0], [0, 1, 0], [1, 0, 2], [1, 1, 2]]})


def test_classes_of_a_table_keep_their_names() -> None:
    assert Network({"data": "csv", "csv": TABLE}).frame(whole=True)["classes"] == KINDS


def test_fates_are_told_of_several_classes_too() -> None:
    network = Network({**BLOBS, "samples": 210, "test_share": 0, "initializer": "zeros", "hidden": [4]})
    network.step(200)
    frame = network.frame()
    assert frame["loss"]["train"] == pytest.approx(log(3), abs=1e-3)
    assert "copies of each other" in frame["fate"]
    network = Network({**BLOBS, "activation": "ReLU", "hidden": [3]})
    dense = network.model[0]
    assert isinstance(dense, Dense)
    dense.bias.value = [-100.0] * 3
    assert "All 3 units of hidden layer 1 are dead" in network.frame()["fate"]
    assert isinstance(network.trainer.loss, CrossEntropyLoss)


def test_blobs_have_two_classes_unless_more_are_asked_for() -> None:
    text = network_code(checked(NETWORKS, {"data": "blobs"})).text
    assert "x, y = make_blobs(200, centers=[[-1, -1], [1, 1]], cluster_std=0.1, rng=0)\ny = y[:, None]\n" in text
    assert "BCEWithLogitsLoss" in text
