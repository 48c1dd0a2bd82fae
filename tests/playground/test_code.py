"""The code that settings stand for is short, and reads as a person would write it."""

import ast
import contextlib
import io
import subprocess
import sys
from typing import Any

import pytest

from minidl.playground.code import descent_code, network_code
from minidl.playground.networks import Network
from minidl.playground.presets import PRESETS
from minidl.playground.settings import DESCENT, NETWORKS, NUMBERS_OF, OPTIMIZERS, RULE, checked


def code_of(preset: dict[str, Any]) -> str:
    if preset["tab"] == "networks":
        return network_code(checked(NETWORKS, preset["settings"])).text
    return descent_code(checked(DESCENT, preset["settings"])).text


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset["id"])
def test_what_is_imported_is_used_and_lines_are_short(preset: dict[str, Any]) -> None:
    code = code_of(preset)
    tree = ast.parse(code)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    imported = [
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    ]
    assert {*imported} <= used
    assert len({*imported}) == len(imported)
    assert max(map(len, code.splitlines())) <= 120
    assert len(code.splitlines()) <= 40
    assert code.endswith("\n")
    assert not code.endswith("\n\n")


def test_the_whole_program_of_a_network() -> None:
    settings = {
        "hidden": [4],
        "activation": "ReLU",
        "dropout": 0.1,
        "optimizer": "AdamW",
        "initializer": "orthogonal",
    } | {
        "seed": 7,
        "data_seed": 3,
    }
    assert (
        network_code(checked(NETWORKS, settings)).text
        == """\
from minidl import AdamW, BCEWithLogitsLoss, Dense, Dropout, ReLU, Sequential, Trainer, make_xor
from minidl.initializers import orthogonal
from minidl.metrics import binary_accuracy
from minidl.splitting import hold_out

x, y = make_xor(200, noise=0.1, rng=3)

model = Sequential(
    Dense(2, 4, initializer=orthogonal), ReLU(), Dropout(0.1, rng=7),
    Dense(4, 1, initializer=orthogonal),
    rng=7,
)
loss = BCEWithLogitsLoss()  # it takes the output before the sigmoid
optimizer = AdamW(model.parameters(), lr=0.1, weight_decay=0.0)
trainer = Trainer(model, loss, optimizer)

history = trainer.fit(x, y, epochs=1000, batch_size=20, validation=0.3, training_loss=True, rng=7)

trained, held_out = hold_out(len(y), 0.3, classes=y[:, 0])  # the split of fit
print("training loss:", history.epochs["training_loss"][-1])
print("held-out loss:", history.epochs["validation_loss"][-1])
print("training accuracy:", binary_accuracy(model.predict(x[trained]), y[trained], threshold=0))
print("held-out accuracy:", binary_accuracy(model.predict(x[held_out]), y[held_out], threshold=0))
"""
    )


@pytest.mark.parametrize(("batch_size", "share", "named"), [(139, 0.3, True), (140, 0.3, False), (140, 0, True)])
def test_a_batch_of_all_samples_is_not_named(batch_size: int, share: float, named: bool) -> None:
    settings = checked(NETWORKS, {"batch_size": batch_size, "test_share": share})
    assert ("batch_size" in network_code(settings).text) == named


@pytest.mark.parametrize("loss", ["BCEWithLogitsLoss", "MSELoss"])
@pytest.mark.parametrize("data", ["moons", "csv"])
def test_without_held_out_data_the_accuracy_is_that_of_all_samples(data: str, loss: str) -> None:
    rows = "\n".join(f"{i},{i % 3},{'ab'[i > 5]}" for i in range(11))
    network = Network({"data": data, "csv": rows, "loss": loss, "test_share": 0, "samples": 30, "epochs": 3})
    network.step(1000)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(network.code.text, {})
    shown, frame = out.getvalue().splitlines(), network.frame()
    assert [float(line.partition(": ")[2]) for line in shown] == pytest.approx(
        [frame["loss"]["train"], frame["accuracy"]["train"]]
    )


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_has_the_numbers_that_the_page_shows(name: str) -> None:
    for settings in ({}, dict.fromkeys(NUMBERS_OF.get(name, ()), 0.25)):
        rule = checked(RULE, {"name": name, **settings})
        space: dict[str, Any] = {}
        exec(descent_code(checked(DESCENT, {"optimizers": [rule]})).setup, space)
        (make,) = space["optimizers"].values()
        of_descent = make(space["CubicValley"]().parameters())
        settings = {number: value for number, value in rule.items() if number != "name"}
        of_network = Network({"optimizer": name, **settings}).trainer.optimizer
        for number in ("lr", *NUMBERS_OF.get(name, ())):
            assert getattr(of_descent, number) == getattr(of_network, number) == rule[number]


def test_the_whole_program_of_descents() -> None:
    settings = {"objective": "expression", "expression": "sin(x) + y**2", "optimizers": [{"name": "Nesterov"}]}
    assert (
        descent_code(checked(DESCENT, settings)).text
        == """\
from minidl import FunctionObjective, Momentum, minimize
from numpy import sin


def f(x, y):
    return sin(x) + y**2


starts = [(-1.0, 1.0)]
optimizers = {
    "Nesterov 0.9, lr 0.001": lambda parameters: Momentum(parameters, lr=0.001, momentum=0.9, nesterov=True),
}

for name, make in optimizers.items():
    for start in starts:
        objective = FunctionObjective(f, start=start)  # its gradient is found by finite differences
        descent = minimize(objective, make(objective.parameters()), steps=2000)
        print(f"{name} from {start}: {descent}")
"""
    )


@pytest.mark.parametrize("identity", ["xor", "saddle"])
def test_the_program_runs_alone(identity: str) -> None:
    code = code_of(next(preset for preset in PRESETS if preset["id"] == identity))
    ran = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.count("\n") == (4 if identity == "xor" else 1)
    assert ran.stderr == ""
