"""What an outside framework computes: the files in golden/, written by golden/make_golden.py with PyTorch."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import (
    SGD,
    Layer,
    Loss,
    Module,
    Optimizer,
    Quadratic,
    ReduceOnPlateau,
    Run,
    Sequential,
    Trainer,
    schedules,
)
from minidl.typing import Array
from tests.callbacks.recording import tell

FOLDER = Path(__file__).parent / "golden"
TOLERANCE = 1e-10
IN_BRANCHES = {"Add", "Branches", "Concatenate", "Embedding", "Multiply", "Parallel", "Siamese", "Tied"}
"""What `tests.test_golden_branches` compares."""

IN_RECURRENT = {"Bidirectional", "GRU", "LSTM", "RNN"}
"""What `tests.test_golden_recurrent` compares."""

OF_SEQUENCES = {"CrossAttention", "PositionEmbedding", "SelfAttention", "SinusoidalPositions", "TransformerBlock"}
"""What `tests.test_golden_attention` compares."""

OF_PREPROCESSING = {"MinMax", "OneHot", "Standardize"}
"""What `tests.test_golden_preprocessing` compares."""

ELSEWHERE = IN_BRANCHES | IN_RECURRENT | OF_SEQUENCES | OF_PREPROCESSING
WITHOUT_GOLDEN_VALUES = {"Sequential", "Reshape", "Lion", *ELSEWHERE}
"""What the script has no row for: Sequential is what networks.json is made of, Reshape takes its sizes one by one, and
PyTorch has no Lion."""


def read(kind: str) -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = json.loads((FOLDER / f"{kind}.json").read_text(encoding="utf-8"))
    return cases


def every(kind: str) -> pytest.MarkDecorator:
    """Run a test over all cases of a file."""
    return pytest.mark.parametrize("case", read(kind), ids=title)


def title(case: dict[str, Any]) -> str:
    if "name" not in case:
        return "-".join([*(layer["name"] for layer in case["layers"]), case["loss"]["name"]])
    settings = {**case["kwargs"], **case.get("clip", {}), **({"l1": case["l1"]} if case.get("l1") else {})}
    return "-".join([case["name"], *(f"{name}={value}" for name, value in settings.items())])


def build(spec: dict[str, Any], *arguments: Any) -> Any:
    inside = map(build, spec.get("layers", ()))
    return getattr(minidl, spec["name"])(*inside, *arguments, **spec["kwargs"])


def network(case: dict[str, Any]) -> Sequential:
    model = Sequential(*map(build, case["layers"]))
    set_parameters(model, case["parameters"])
    return model


def set_parameters(module: Module, values: dict[str, Any]) -> None:
    parameters = module.parameters()
    assert set(parameters.names) == set(values)
    for name, value in values.items():
        parameters[name].value = value


def agree(got: Array | float, expected: Any) -> None:
    np.testing.assert_allclose(got, expected, rtol=TOLERANCE, atol=1e-14)


def gradients_agree(module: Module, expected: dict[str, Any]) -> None:
    for name, parameter in module.named_parameters():
        agree(parameter.grad, expected[name])


@every("layers")
def test_layers(case: dict[str, Any]) -> None:
    layer = build(case)
    set_parameters(layer, case["parameters"])
    for expected in case["passes"]:
        layer.training = expected["training"]
        agree(layer.forward(np.array(expected["x"])), expected["y"])
        agree(layer.backward(np.array(expected["grad"])), expected["grad_x"])
        gradients_agree(layer, expected["gradients"])
        for name, buffer in expected["buffers"].items():
            agree(layer.state()[name], buffer)
    assert case["passes"]


@every("losses")
def test_losses(case: dict[str, Any]) -> None:
    loss = build(case)
    agree(loss.forward(np.array(case["prediction"]), np.array(case["target"])), case["value"])
    agree(loss.backward(), case["grad"])


@every("networks")
def test_networks(case: dict[str, Any]) -> None:
    model, loss = network(case), build(case["loss"])
    y = model.forward(np.array(case["x"]))
    agree(y, case["y"])
    agree(loss.forward(y, np.array(case["target"])), case["value"])
    agree(model.backward(loss.backward()), case["grad_x"])
    gradients_agree(model, case["gradients"])


@every("optimizers")
def test_ten_steps_of_optimizers(case: dict[str, Any]) -> None:
    model = network(case)
    optimizer = getattr(minidl, case["name"])(model.parameters(), **case["kwargs"])
    optimizer.clip(**case["clip"]).penalize(l1=case["l1"])
    trainer = Trainer(model, build(case["loss"]), optimizer)
    for expected in case["path"]:
        trainer.fit(case["x"], case["target"])
        for name, parameter in model.named_parameters():
            agree(parameter.value, expected[name])
    agree(np.array(trainer.history.loss), case["losses"])
    assert len(case["path"]) == 10


@every("schedules")
def test_schedules(case: dict[str, Any]) -> None:
    schedule = getattr(schedules, case["name"])(**case["kwargs"])
    agree(np.array([schedule(step) for step in range(len(case["factors"]))]), case["factors"])


@every("plateaus")
def test_rates_after_plateaus(case: dict[str, Any]) -> None:
    callback = ReduceOnPlateau("validation_loss", **case["kwargs"])
    bowl = Quadratic([[1.0]])
    run, rates = Run(bowl, SGD(bowl.parameters(), 1.0), [callback], range(1), lambda _: 0.0, measure=dict), []
    tell(callback, run, "on_fit_begin")
    for value in case["values"]:
        run.metrics["validation_loss"] = value
        tell(callback, run, "on_epoch_end")
        rates.append(run.optimizer.lr)
    agree(np.array(rates), case["rates"])
    assert len(set(rates)) > 2


@pytest.mark.parametrize(("kind", "base"), [("layers", Layer), ("losses", Loss), ("optimizers", Optimizer)])
def test_everything_public_has_a_row(kind: str, base: type) -> None:
    public = {name for name in minidl.__all__ if _is_made_from(getattr(minidl, name), base)}
    assert public - {case["name"] for case in read(kind)} <= WITHOUT_GOLDEN_VALUES


def _is_made_from(thing: object, base: type) -> bool:
    return isinstance(thing, type) and issubclass(thing, base) and thing is not base
